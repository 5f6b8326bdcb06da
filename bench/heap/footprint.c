/*
 * footprint.c - memory rather than time: what is given back, what is lost between blocks, what is
 * read from a page file only to be freed.
 *
 * Tables of pointers are static: they are neither on the heap that is measured nor paged.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests.h"

#define MANY (GIB / KIB) /* blocks of 1 KiB */
#define SMALL 500000     /* blocks */

static void *blocks[MANY];
static size_t sizes[SMALL];

static void fill(void)
{
    for (size_t i = 0; i < MANY; i++)
        blocks[i] = touched(malloc(KIB));
}

static void free_all(void)
{
    for (size_t i = 0; i < MANY; i++)
        free(blocks[i]);
}

/* ---- given back ---------------------------------------------------------------------------------- */

static double percent_left(size_t before, size_t peak)
{
    size_t now = resident();
    return now > before ? 100.0 * (double)(now - before) / (double)(peak - before) : 0;
}

void test_give_back(char **words)
{
    (void)words;
    memset(blocks, 1, sizeof blocks);
    size_t before = resident();
    double start = cpu_now();
    fill();
    double filled = cpu_now();
    size_t peak = resident();
    double freeing = cpu_now();
    free_all();
    double freed = cpu_now();
    tell("fill", (filled - start) / MANY);
    tell("ns", (freed - freeing) / MANY);
    tell("left0", percent_left(before, peak));
    sleep(1);
    tell("left1", percent_left(before, peak));
}

/* ---- lost between blocks --------------------------------------------------------------------------- */

/* Small blocks, then larger ones in the holes of nine tenths of them, half the bytes as before. */
void test_fragments(char **words)
{
    uint64_t state = 13;
    size_t live = 0;
    (void)words;
    memset(blocks, 1, sizeof blocks);
    memset(sizes, 1, sizeof sizes);
    size_t before = resident();
    for (size_t i = 0; i < SMALL; i++) {
        sizes[i] = 16 + chance(&state) % 241;
        blocks[i] = touched(malloc(sizes[i]));
        live += sizes[i];
    }
    size_t half = live / 2;
    tell("full", (double)(resident() - before) / (double)live);
    for (size_t i = 0; i < SMALL; i++) {
        if (chance(&state) % 10 == 0)
            continue;
        free(blocks[i]);
        live -= sizes[i];
    }
    tell("holes", (double)(resident() - before) / (double)live);
    while (live < half) {
        size_t size = 257 + chance(&state) % 768;
        touched(malloc(size));
        live += size;
    }
    tell("end", (double)(resident() - before) / (double)live);
}

void test_slack(char **words)
{
    double shares = 0;
    size_t most = 4096;
    size_t usable = 0;
    (void)words;
    for (size_t size = 1; size <= most; size++) {
        void *block = touched(malloc(size));
        usable += malloc_usable_size(block);
        shares += (double)malloc_usable_size(block) / (double)size;
        free(block);
    }
    tell("mean", shares / (double)most);
    tell("sum", (double)usable / ((double)most * ((double)most + 1) / 2));
}

/* ---- paged out -------------------------------------------------------------------------------------- */

static long hard_faults(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_majflt;
}

/* For a process that has less RAM than this, and a page file.  `keep` is what the other is compared with. */
void test_paged_out(char **words)
{
    memset(blocks, 1, sizeof blocks);
    fill();
    long before = hard_faults();
    double start = cpu_now();
    if (strcmp(words[0], "free") == 0)
        free_all();
    tell("ns", (cpu_now() - start) / MANY);
    tell("faults", (double)(hard_faults() - before));
}
