/*
 * plain_hog.c - the hog without ntmm: malloc and touch, 32 MiB at a time, until it is killed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEP ((size_t)32 << 20)

int main(int argc, char **argv)
{
    size_t most = argc > 1 ? strtoull(argv[1], NULL, 10) << 20 : (size_t)1 << 30;
    for (size_t total = STEP; total <= most; total += STEP) {
        char *block = malloc(STEP);
        if (!block) {
            puts("  malloc: NULL");
            return 0;
        }
        memset(block, 0xa5, STEP);
        printf("  malloc'd and touched %4zu MiB\n", total >> 20);
        fflush(stdout);
    }
    return 0;
}
