/*
 * pageheap.c - what a block costs on the page heap, beside the kernel's own share of it.
 *
 *   ntmm run -q --page-heap[=WORDS] -- pageheap [PAIRS]
 *
 * A pair is malloc(64), a write, and free.  The kernel's share: pages made accessible, written to and
 * mapped over, as a full block needs it.  In microseconds of CPU and of time.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#define BYTES 64
#define PAGE 4096
#define STRIDE (2 * PAGE)

static double clock_of(clockid_t which)
{
    struct timespec t;
    clock_gettime(which, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void pairs(long count)
{
    for (long i = 0; i < count; i++) {
        volatile char *p = malloc(BYTES);
        if (!p)
            exit(1);
        p[0] = 1;
        free((void *)p);
    }
}

static void bare(long count)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    size_t size = (size_t)count * STRIDE;
    char *start = mmap(NULL, size, PROT_NONE, flags, -1, 0);

    if (start == MAP_FAILED)
        exit(1);
    for (char *p = start; p < start + size; p += STRIDE) {
        if (mprotect(p, PAGE, PROT_READ | PROT_WRITE) != 0)
            exit(1);
        *(volatile char *)p = 1;
        if (mmap(p, PAGE, PROT_NONE, flags | MAP_FIXED, -1, 0) == MAP_FAILED)
            exit(1);
    }
    munmap(start, size);
}

static void measure(const char *what, void (*run)(long count), long count)
{
    double cpu = clock_of(CLOCK_PROCESS_CPUTIME_ID);
    double time = clock_of(CLOCK_MONOTONIC);

    run(count);
    printf("%-28s %8.2f us CPU %8.2f us\n", what,
           (clock_of(CLOCK_PROCESS_CPUTIME_ID) - cpu) / (double)count,
           (clock_of(CLOCK_MONOTONIC) - time) / (double)count);
}

int main(int argc, char **argv)
{
    long count = argc > 1 ? atol(argv[1]) : 20000;

    if (count < 1)
        return 2;
    pairs(count / 10 + 1);
    measure("malloc(64), write, free", pairs, count);
    measure("the kernel's calls alone", bare, count);
    return 0;
}
