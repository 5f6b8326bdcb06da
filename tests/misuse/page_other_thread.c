/*
 * Use a block that another thread has freed.
 *
 * heap: page
 * exit: SIGSEGV
 * report: : reads 0x
 * report: is 7 bytes inside a block of 40 bytes at 0x
 * report:  that was freed (page heap)
 * report: allocated by
 * report: make_block
 * report: freed by
 * report: free_it
 */
#include <stdio.h>
#include <stdlib.h>
#include <pthread.h>

void *free_it(void *p);
char *make_block(size_t size);

__attribute__((noinline)) char *make_block(size_t size)
{
    char *volatile p = malloc(size);
    return p;
}

__attribute__((noinline)) void *free_it(void *p)
{
    free(p);
    fflush(NULL);
    return NULL;
}

int main(void)
{
    volatile char *p = make_block(40);
    pthread_t thread;

    if (pthread_create(&thread, NULL, free_it, (void *)p) != 0)
        return 2;
    pthread_join(thread, NULL);
    (void)p[7];
    puts("still running after the misuse");
    return 0;
}
