/*
 * Write before the start of a block that ends at its guard page: found when it is freed.
 *
 * heap: page
 * exit: SIGABRT
 * report: ntmm: free: bytes before the start of this block were written to: 
 * report: a block of 100 bytes at 0x
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
    volatile char *p = make_block(100);

    p[-1] = 1;
    free((void *)p);
    puts("still running after the misuse");
    return 0;
}
