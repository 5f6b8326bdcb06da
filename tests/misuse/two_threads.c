/*
 * Two threads crash at the same time: one report.
 *
 * exit: SIGSEGV
 * once: unhandled exception
 * report: unhandled exception 0xc0000005 EXCEPTION_ACCESS_VIOLATION
 * report: two_threads+0x
 * report: line  addr2line -Cfipe
 */
#include <windows.h>

#include <pthread.h>

#include "misuse.h"

static pthread_barrier_t together;

static void *crash(void *argument)
{
    volatile int *volatile nothing = NULL;

    pthread_barrier_wait(&together);
    *nothing = 1;
    return argument;
}

int main(void)
{
    pthread_t threads[4];

    pthread_barrier_init(&together, NULL, 4);
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, crash, NULL);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    return still_running();
}
