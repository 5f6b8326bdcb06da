/*
 * Write one byte behind the end of a block on the page heap.
 *
 * heap: page
 * exit: SIGSEGV
 * report: unhandled exception 0xc0000005 EXCEPTION_ACCESS_VIOLATION
 * report: : writes 0x
 * report: is 0 bytes behind the end of a block of 64 bytes at 0x
 * report:  (page heap)
 * report: allocated by
 * report:    0  0x
 * report: make_block
 * report: main
 * absent: freed by
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
    volatile char *p = make_block(64);

    p[63] = 1;
    p[64] = 1;
    puts("still running after the misuse");
    return 0;
}
