/*
 * Recurse without end on another thread's stack.
 *
 * exit: SIGSEGV
 * report: unhandled exception 0xc00000fd EXCEPTION_STACK_OVERFLOW
 * report: which is just below this thread's stack
 * report: stack
 * report: stack_overflow_thread+0x
 * report: next  look for recursion without end
 */
#include <windows.h>

#include <pthread.h>

#include "misuse.h"

static int deeper(volatile char *above)
{
    volatile char frame[512];

    frame[0] = above[0];
    return deeper(frame) + frame[0];
}

static void *run(void *argument)
{
    volatile char first = 1;

    VirtualAlloc(NULL, 4096, MEM_RESERVE, PAGE_READWRITE); /* the thread's first call of ours */
    deeper(&first);
    return argument;
}

int main(void)
{
    pthread_t thread;

    pthread_create(&thread, NULL, run, NULL);
    pthread_join(thread, NULL);
    return still_running();
}
