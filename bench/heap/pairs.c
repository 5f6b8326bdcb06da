/*
 * pairs.c - a block allocated and freed at once: what an allocator's shortest way costs.
 */
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests.h"

#define SLICE 5e6 /* ns */
#define WARM 2000 /* pairs */

void pairs(const void *what, size_t count)
{
    size_t size = *(const size_t *)what;
    for (size_t i = 0; i < count; i++)
        free(touched(malloc(size)));
}

static void calloc_pairs(const void *what, size_t count)
{
    size_t size = *(const size_t *)what;
    for (size_t i = 0; i < count; i++)
        free(touched(calloc(1, size)));
}

void test_pair(char **words)
{
    size_t size = size_word(words[0]);
    struct time t = time_of_deeds(pairs, &size, SLICE);
    tell("ns", t.middle);
    tell("best", t.best);
}

void test_calloc_pair(char **words)
{
    size_t size = size_word(words[0]);
    tell("ns", time_of_deeds(calloc_pairs, &size, SLICE).middle);
}

/* Two intervals between three signals; heap-steps takes the signals and counts. */
void test_pair_steps(char **words)
{
    size_t size = size_word(words[0]);
    size_t few = size_word(words[1]);
    size_t more = size_word(words[2]);
    pairs(&size, WARM);
    kill(getpid(), SIGUSR2);
    pairs(&size, few);
    kill(getpid(), SIGUSR2);
    pairs(&size, few + more);
    kill(getpid(), SIGUSR2);
}

void test_nothing(char **words)
{
    (void)words;
    free(touched(malloc(64)));
}
