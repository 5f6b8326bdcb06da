/*
 * Free the inside of a block.
 *
 * heap: page
 * exit: SIGABRT
 * report: ntmm: free: this address is inside a block, not its start: 
 * report: a block of 100 bytes at 0x
 * report: allocated by
 * report: make_block
 * absent: freed by
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
    char *p = make_block(100);

    free(p + 16);
    puts("still running after the misuse");
    return 0;
}
