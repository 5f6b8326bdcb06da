/*
 * Read a block that was freed.
 *
 * heap: page
 * exit: SIGSEGV
 * report: : reads 0x
 * report: is 5 bytes inside a block of 100 bytes at 0x
 * report:  that was freed (page heap)
 * report: allocated by
 * report: make_block
 * report: freed by
 * report: drop_block
 */
#include <stdio.h>
#include <stdlib.h>

char *make_block(size_t size);
void drop_block(char *p);

__attribute__((noinline)) char *make_block(size_t size)
{
    char *volatile p = malloc(size);
    return p;
}

__attribute__((noinline)) void drop_block(char *p)
{
    free(p);
    fflush(NULL); /* no tail call: this function stays in the stack */
}

int main(void)
{
    volatile char *p = make_block(100);

    drop_block((char *)p);
    (void)p[5];
    puts("still running after the misuse");
    return 0;
}
