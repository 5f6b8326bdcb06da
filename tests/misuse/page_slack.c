/*
 * Write into the bytes between the end of a block and its guard page: found when it is freed.
 *
 * heap: page
 * exit: SIGABRT
 * report: ntmm: free: bytes behind the end of this block were written to: 
 * report: a block of 100 bytes at 0x
 * report: allocated by
 * report: make_block
 * absent: still running
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
    volatile char *p = make_block(100);

    p[100] = 1;
    free((void *)p);
    puts("still running after the misuse");
    return 0;
}
