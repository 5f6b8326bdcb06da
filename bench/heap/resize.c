/*
 * resize.c - realloc in large and small steps, calloc of memory that was never used.
 */
#include <stdlib.h>

#include "tests.h"

#define SLICE 10e6 /* ns */
#define STEP ((size_t)64)
#define FRESH_SIZE (4 * KIB)
#define FRESH 4000 /* blocks */

static void growths(const void *what, size_t count)
{
    (void)what;
    for (size_t i = 0; i < count; i++) {
        char *p = touched(malloc(16));
        for (size_t size = 24; size <= MIB; size += size / 2)
            p = touched(realloc(p, size));
        free(p);
    }
}

void test_grow(char **words)
{
    (void)words;
    tell("us", time_of_deeds(growths, NULL, SLICE).middle / 1000);
}

/* Every step writes the first byte of what it appended. */
static void appendings(const void *what, size_t count)
{
    size_t most = *(const size_t *)what;
    for (size_t i = 0; i < count; i++) {
        char *p = touched(malloc(STEP));
        for (size_t size = 2 * STEP; size <= most; size += STEP) {
            p = touched(realloc(p, size));
            touched(p + size - STEP);
        }
        free(p);
    }
}

void test_append(char **words)
{
    size_t most = size_word(words[0]);
    tell("ns", time_of_deeds(appendings, &most, SLICE).middle / (double)(most / STEP));
}

static void fresh_blocks(const void *what, size_t count)
{
    void **blocks = (void **)what;
    for (size_t n = 0; n < count; n++) {
        for (size_t i = 0; i < FRESH; i++)
            blocks[i] = touched(calloc(1, FRESH_SIZE));
        for (size_t i = 0; i < FRESH; i++)
            free(blocks[i]);
    }
}

void test_calloc_fresh(char **words)
{
    static void *blocks[FRESH];
    (void)words;
    tell("ns", time_of_deeds(fresh_blocks, blocks, SLICE).middle / FRESH);
}
