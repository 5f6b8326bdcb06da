/*
 * Read before the start of a block whose guard page lies there.
 *
 * heap: page,backwards
 * exit: SIGSEGV
 * report: : reads 0x
 * report: is 1 bytes before the start of a block of 4000 bytes at 0x
 * report:  (page heap)
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
    volatile char *p = make_block(4000);

    (void)p[-1];
    puts("still running after the misuse");
    return 0;
}
