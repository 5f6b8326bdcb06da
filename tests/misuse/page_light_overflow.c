/*
 * Write behind the end of a block that has patterns only.
 *
 * heap: page,light
 * exit: SIGABRT
 * report: ntmm: free: bytes behind the end of this block were written to: 
 * report: a block of 64 bytes at 0x
 * report: allocated by
 * report: make_block
 */
#include <stdio.h>
#include <stdlib.h>

char *make_block(size_t size);

__attribute__((noinline)) char *make_block(size_t size)
{
    char *volatile p = malloc(size);
    return p;
}

int main(void)
{
    volatile char *p = make_block(64);

    p[64] = 1;
    free((void *)p);
    puts("still running after the misuse");
    return 0;
}
