/*
 * idle.c - what the pager does while nothing happens: CPU of all other threads while this one sleeps.
 *
 *   idle [MIB [SECONDS]]                                                                  (512, 20)
 *
 * For `ntmm run --ram 128M`: memory is touched until much of it is paged out, then nothing is.
 */
#define _GNU_SOURCE
#include <windows.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static double cpu_of(int who)
{
    struct rusage u;
    getrusage(who, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

int main(int argc, char **argv)
{
    size_t size = (argc > 1 ? strtoull(argv[1], NULL, 10) : 512) << 20;
    unsigned seconds = argc > 2 ? (unsigned)atoi(argv[2]) : 20;
    char *memory = VirtualAlloc(NULL, size, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);

    if (!memory) {
        fprintf(stderr, "idle: VirtualAlloc of %zu bytes: error %u\n", size, GetLastError());
        return 1;
    }
    memset(memory, 1, size);
    sleep(3); /* what is left to be written is written */
    double before = cpu_of(RUSAGE_SELF) - cpu_of(RUSAGE_THREAD);
    sleep(seconds);
    double spent = cpu_of(RUSAGE_SELF) - cpu_of(RUSAGE_THREAD) - before;
    printf("idle for %u s: %.3f %% of a core\n", seconds, spent / seconds * 100);
    return 0;
}
