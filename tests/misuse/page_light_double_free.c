/*
 * Free a block twice that has patterns only.
 *
 * heap: page,random=0
 * exit: SIGABRT
 * report: ntmm: free: this block is not in use (freed twice?): 
 * report: a block of 64 bytes at 0x
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
    char *p = make_block(64);

    drop_block(p);
    free(p);
    puts("still running after the misuse");
    return 0;
}
