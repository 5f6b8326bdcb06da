/*
 * growth.c - whether paging costs more as memory grows: touch one GiB after the other for the first
 * time and print what each cost.
 *
 *   growth [GIB]                                                                              (32)
 *
 * For `ntmm run --ram 1G`: from the second GiB on each page touched is a fault, and sends another
 * page on its way out.  `fault` is CPU of the touching thread a page, `trim` that of all other
 * threads, the pager's.  All of the address space is reserved first; each GiB is committed when its
 * turn comes.
 */
#define _GNU_SOURCE
#include <windows.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#define PAGE 4096
#define GIB ((size_t)1 << 30)
#define MOST_GIB 1024

static double cpu_of(int who)
{
    struct rusage u;
    getrusage(who, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

/* Not zeros: a page of zeros is what a lost one reads as. */
static void touch(char *at)
{
    for (size_t i = 0; i < GIB; i += PAGE)
        *(size_t *)(at + i) = (size_t)(at + i);
}

static void look(char *at)
{
    if (*(size_t *)at == (size_t)at)
        return;
    printf("lost what was at %p\n", (void *)at);
    exit(1);
}

int main(int argc, char **argv)
{
    size_t count = argc > 1 ? strtoull(argv[1], NULL, 10) : 32;
    if (count < 2 || count > MOST_GIB) {
        fprintf(stderr, "usage: growth [GIB]     2 to %d\n", MOST_GIB);
        return 2;
    }
    char *memory = VirtualAlloc(NULL, count * GIB, MEM_RESERVE, PAGE_READWRITE);
    double first_fault = 0, first_trim = 0, fault = 0, trim = 0;

    for (size_t i = 0; memory && i < count; i++) {
        double own = cpu_of(RUSAGE_THREAD), all = cpu_of(RUSAGE_SELF);
        if (!VirtualAlloc(memory + i * GIB, GIB, MEM_COMMIT, PAGE_READWRITE)) {
            fprintf(stderr, "growth: commit of GiB %zu: error %u\n", i + 1, GetLastError());
            return 1;
        }
        touch(memory + i * GIB);
        fault = (cpu_of(RUSAGE_THREAD) - own) * 1e9 * PAGE / (double)GIB;
        trim = (cpu_of(RUSAGE_SELF) - all) * 1e9 * PAGE / (double)GIB - fault;
        printf("GiB %4zu  fault %6.0f ns  trim %6.0f ns\n", i + 1, fault, trim);
        fflush(stdout);
        if (i == 1) {
            first_fault = fault;
            first_trim = trim;
        }
    }
    for (size_t i = 0; memory && i < count; i++)
        look(memory + i * GIB);
    printf("GiB %zu to GiB 2: fault %.2f, trim %.2f\n", count, fault / first_fault,
           trim / first_trim);
    return 0;
}
