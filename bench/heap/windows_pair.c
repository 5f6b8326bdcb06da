/*
 * windows_pair.c - HeapAlloc and HeapFree of a block at once, as pairs.c does it with malloc.
 *
 * The same program runs on ntmm and, built with mingw, under Wine.  It prints the nanoseconds of a
 * pair, the best of several slices: Windows has no clock of CPU time that is fine enough.
 */
#include <stdio.h>
#include <stdlib.h>

#include <windows.h>

#define SIZE 64 /* bytes */
#define PAIRS 200000
#define SLICES 24

static double now(void)
{
    LARGE_INTEGER count;
    LARGE_INTEGER frequency;
    QueryPerformanceCounter(&count);
    QueryPerformanceFrequency(&frequency);
    return (double)count.QuadPart * 1e9 / (double)frequency.QuadPart;
}

static double slice(HANDLE heap)
{
    double start = now();
    for (int i = 0; i < PAIRS; i++) {
        char *block = HeapAlloc(heap, 0, SIZE);
        if (!block)
            exit(1);
        *(volatile char *)block = 1;
        HeapFree(heap, 0, block);
    }
    return (now() - start) / PAIRS;
}

static double best(HANDLE heap)
{
    double found = slice(heap);
    for (int i = 0; i < SLICES; i++) {
        double time = slice(heap);
        found = time < found ? time : found;
    }
    return found;
}

int main(void)
{
    HANDLE own = HeapCreate(0, 0, 0);
    if (!own)
        return 1;
    printf("ns %.6g\n", best(GetProcessHeap()));
    printf("own %.6g\n", best(own));
    return 0;
}
