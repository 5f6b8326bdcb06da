/*
 * paging.c - 1 GiB of VirtualAlloc'ed memory walked, written, sorted or jumped about in.
 *
 *   paging read|write|sort|random [MIB]
 *
 * The same program is run with all the RAM it wants, in a quarter of it under kernel swap, and in
 * a quarter of it under `ntmm run`; scripts/bench compares the times.  What it prints depends on
 * every word of the memory, so that a byte lost shows.
 */
#include <windows.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PASSES 6
#define JUMPS 400000

static unsigned long long state = 88172645463325252ull;

static unsigned long long next_random(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static void fill(long long *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        words[i] = (long long)next_random();
}

static unsigned long long sum(const long long *words, size_t count)
{
    unsigned long long total = 0;
    for (size_t i = 0; i < count; i++)
        total = total * 31 + (unsigned long long)words[i];
    return total;
}

static unsigned long long read_in_passes(long long *words, size_t count)
{
    unsigned long long total = 0;
    for (int pass = 0; pass < PASSES; pass++)
        total += sum(words, count);
    return total;
}

static unsigned long long write_in_passes(long long *words, size_t count)
{
    for (int pass = 0; pass < PASSES; pass++) {
        for (size_t i = 0; i < count; i++)
            words[i] = words[i] * 3 + pass;
    }
    return sum(words, count);
}

static void swap(long long *a, long long *b)
{
    long long kept = *a;
    *a = *b;
    *b = kept;
}

static void sort(long long *words, size_t count)
{
    while (count > 1) {
        long long middle = words[count / 2];
        size_t low = 0;
        size_t high = count - 1;
        for (;;) {
            while (words[low] < middle)
                low++;
            while (words[high] > middle)
                high--;
            if (low >= high)
                break;
            swap(&words[low++], &words[high--]);
        }
        size_t left = low < count && words[low] < middle ? low + 1 : low;
        sort(words, left);
        words += left;
        count -= left;
    }
}

static unsigned long long quicksort(long long *words, size_t count)
{
    sort(words, count);
    for (size_t i = 1; i < count; i++) {
        if (words[i - 1] > words[i]) {
            printf("not sorted at %zu\n", i);
            exit(1);
        }
    }
    return sum(words, count);
}

static unsigned long long jump_about(long long *words, size_t count)
{
    unsigned long long total = 0;
    for (int i = 0; i < JUMPS; i++)
        total += (unsigned long long)words[next_random() % count];
    return total;
}

static const struct {
    const char *name;
    unsigned long long (*work)(long long *words, size_t count);
} works[] = {
    {"read", read_in_passes},
    {"write", write_in_passes},
    {"sort", quicksort},
    {"random", jump_about},
};

int main(int argc, char **argv)
{
    size_t size = (argc > 2 ? strtoull(argv[2], NULL, 10) : 1024) << 20;
    long long *words = VirtualAlloc(NULL, size, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);

    if (!words) {
        fprintf(stderr, "paging: VirtualAlloc of %zu bytes: error %u\n", size, GetLastError());
        return 1;
    }
    for (size_t i = 0; argc > 1 && i < sizeof works / sizeof works[0]; i++) {
        if (strcmp(argv[1], works[i].name))
            continue;
        fill(words, size / sizeof *words);
        printf("%llx\n", works[i].work(words, size / sizeof *words));
        return 0;
    }
    fprintf(stderr, "usage: paging read|write|sort|random [MIB]\n");
    return 2;
}
