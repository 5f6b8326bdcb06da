/*
 * global.c - what moveable memory costs, and what compaction gives back.
 *
 * A pair of GlobalLock and GlobalUnlock in nanoseconds, the median of rounds; then many moveable
 * blocks of mixed sizes, nine of ten freed at random: resident memory before and after GlobalCompact.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <windows.h>

#define ROUNDS 1001 /* short ones: most run without being interrupted */
#define PAIRS 1000
#define PAIR_GOAL 15.0 /* ns */

#define BLOCKS 60000
#define LARGEST 4096
#define LEFT_GOAL 1.5 /* times the bytes in use */

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void need(int condition, const char *what)
{
    if (condition)
        return;
    printf("%s failed: error %u\n", what, (unsigned)GetLastError());
    exit(1);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Resident pages of this process, in KiB. */
static long resident(void)
{
    long all = 0;
    long in_ram = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    need(f && fscanf(f, "%ld %ld", &all, &in_ram) == 2, "reading statm");
    fclose(f);
    return in_ram * 4;
}

/* ---- locking --------------------------------------------------------------------------------------- */

static double time_of_pairs(HGLOBAL handle)
{
    double start = now();
    for (int i = 0; i < PAIRS; i++) {
        GlobalLock(handle);
        GlobalUnlock(handle);
    }
    return (now() - start) / PAIRS;
}

static int measure_pairs(const char *what, UINT flags)
{
    double times[ROUNDS];
    HGLOBAL handle = GlobalAlloc(GMEM_MOVEABLE | flags, 100);
    need(handle != NULL, "GlobalAlloc");
    for (int round = 0; round < ROUNDS; round++)
        times[round] = time_of_pairs(handle);
    need(!GlobalFree(handle), "GlobalFree");
    qsort(times, ROUNDS, sizeof *times, compare);
    int met = times[ROUNDS / 2] <= PAIR_GOAL;
    printf("%-48s %8.1f ns (at most %.0f)%s\n", what, times[ROUNDS / 2], PAIR_GOAL,
           met ? "" : "  MISSED");
    return !met;
}

/* ---- compaction -------------------------------------------------------------------------------------- */

static HGLOBAL blocks[BLOCKS];

static size_t fill_blocks(void)
{
    size_t bytes = 0;
    for (int i = 0; i < BLOCKS; i++) {
        size_t size = 16 + (size_t)rand() % (LARGEST - 15);
        blocks[i] = GlobalAlloc(GMEM_MOVEABLE, size);
        void *p = GlobalLock(blocks[i]);
        need(p != NULL, "GlobalLock");
        memset(p, i, size);
        GlobalUnlock(blocks[i]);
        bytes += size;
    }
    return bytes;
}

static size_t free_nine_of_ten(void)
{
    size_t freed = 0;
    for (int i = 0; i < BLOCKS; i++) {
        if (rand() % 10 == 0)
            continue;
        freed += GlobalSize(blocks[i]);
        need(!GlobalFree(blocks[i]), "GlobalFree");
        blocks[i] = NULL;
    }
    return freed;
}

static void check_contents(void)
{
    for (int i = 0; i < BLOCKS; i++) {
        size_t size = blocks[i] ? GlobalSize(blocks[i]) : 0;
        char *p = blocks[i] ? GlobalLock(blocks[i]) : NULL;
        for (size_t at = 0; at < size; at++)
            need(p[at] == (char)i, "comparing contents");
    }
}

static int measure_compaction(void)
{
    srand(1);
    memset(blocks, 1, sizeof blocks);
    long base = resident();
    size_t bytes = fill_blocks();
    long full = resident() - base;
    bytes -= free_nine_of_ten();
    long thinned = resident() - base;
    double start = now();
    GlobalCompact(0);
    double ms = (now() - start) / 1e6;
    long compact = resident() - base;
    check_contents();
    double share = (double)compact * 1024 / (double)bytes;
    printf("%d moveable blocks: %ld KiB resident\n", BLOCKS, full);
    printf("  nine of ten freed: %ld KiB; %zu KiB are in use\n", thinned, bytes >> 10);
    printf("%-48s %8ld KiB, %.2f x what is in use (at most %.2f)%s\n", "  after GlobalCompact",
           compact, share, LEFT_GOAL, share <= LEFT_GOAL ? "" : "  MISSED");
    printf("  it took %.1f ms\n", ms);
    return share > LEFT_GOAL;
}

int main(void)
{
    int missed = measure_pairs("GlobalLock and GlobalUnlock", 0);
    missed += measure_pairs("the same of a discardable object", GMEM_DISCARDABLE);
    missed += measure_compaction();
    printf("%d goals missed\n", missed);
    return missed != 0;
}
