/*
 * main.c - one test of malloc, by name, under whatever allocator is preloaded.
 *
 * usage: heap TEST [WORD...]
 *
 * Prints where malloc came from first, so that a preload that failed is seen, then the figures.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests.h"

static const struct test {
    const char *name;
    int words;
    const char *what;
    void (*run)(char **words);
} tests[] = {
    {"pair", 1, "SIZE: malloc and free", test_pair},
    {"pair-steps", 3, "SIZE FEW MORE: pairs between signals, for heap-steps", test_pair_steps},
    {"calloc-pair", 1, "SIZE: calloc and free", test_calloc_pair},
    {"batch", 1, "fifo|lifo|random: 1000 blocks of 16 to 512 bytes at a time", test_batch},
    {"mix", 0, "100,000 live blocks, replaced at random", test_mix},
    {"handover", 0, "one thread allocates, another frees", test_handover},
    {"two-threads", 1, "pair|batch: blocks of their own, against one thread", test_two_threads},
    {"grow", 0, "realloc from 16 bytes to 1 MiB by 1.5", test_grow},
    {"append", 1, "SIZE: realloc to it by 64 bytes", test_append},
    {"calloc-fresh", 0, "4000 blocks of 4 KiB, then freed", test_calloc_fresh},
    {"give-back", 0, "1 GiB in blocks of 1 KiB, freed: what stays resident", test_give_back},
    {"fragments", 0, "500,000 small blocks, 90 % freed, others allocated", test_fragments},
    {"slack", 0, "usable against requested sizes", test_slack},
    {"paged-out", 1, "free|keep: 1 GiB in blocks of 1 KiB, under a budget", test_paged_out},
    {"nothing", 0, "one malloc", test_nothing},
};

static _Noreturn void tell_usage(void)
{
    fprintf(stderr, "usage: heap TEST [WORD...]\n");
    for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++)
        fprintf(stderr, "  %s %s\n", tests[i].name, tests[i].what);
    exit(2);
}

static void tell_allocator(void)
{
    Dl_info info;
    if (dladdr(dlsym(RTLD_DEFAULT, "malloc"), &info))
        printf("malloc %s\n", info.dli_fname);
}

int main(int argc, char **argv)
{
    static char buffer[4096]; /* stdio's own would lie on the heap */
    setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
    if (argc < 2)
        tell_usage();
    for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++) {
        if (strcmp(argv[1], tests[i].name) != 0 || argc - 2 != tests[i].words)
            continue;
        tell_allocator();
        tests[i].run(argv + 2);
        return fflush(stdout) != 0;
    }
    tell_usage();
}
