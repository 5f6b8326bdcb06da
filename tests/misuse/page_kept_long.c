/*
 * Write to a block that was freed thousands of blocks ago.
 *
 * heap: page
 * exit: SIGSEGV
 * report: : writes 0x
 * report: is 0 bytes inside a block of 32 bytes at 0x
 * report:  that was freed (page heap)
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
    volatile char *p = make_block(32);

    drop_block((char *)p);
    for (int i = 0; i < 3000; i++)
        free(make_block(32));
    p[0] = 1;
    puts("still running after the misuse");
    return 0;
}
