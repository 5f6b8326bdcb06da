/*
 * Resize a block that was freed.
 *
 * heap: page
 * exit: SIGABRT
 * report: ntmm: realloc: this block is not in use (freed twice?)
 * report: a block of 100 bytes at 0x
 * report: allocated by
 * report: freed by
 */
#include <stdio.h>
#include <stdlib.h>

static void *volatile kept;

int main(void)
{
    void *p = malloc(100);

    kept = p;
    free(kept);
    kept = realloc(kept, 200);
    puts("still running after the misuse");
    return 0;
}
