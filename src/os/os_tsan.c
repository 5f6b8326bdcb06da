/*
 * os_tsan.c - what differs in a build that ThreadSanitizer watches; os_clone.c is the usual one.
 *
 * It sees the accesses and atomics of threads that it saw begin, so ours are made by pthread_create
 * here.  That calls malloc, so such a library cannot stand in for malloc.
 */
#include <pthread.h>

#include "os/os_internal.h"

static struct {
    void (*run)(void *);
    struct thread_start start;
} threads[MOST_THREADS]; /* by slot: who holds the slot is alone with its entry */

static void *begin(void *argument)
{
    size_t slot = (size_t)argument;

    threads[slot].run(&threads[slot].start);
    return NULL;
}

int mm_os_thread_make(void (*run)(void *), const struct thread_start *start)
{
    pthread_attr_t detached;
    pthread_t thread;

    threads[start->slot].run = run;
    threads[start->slot].start = *start;
    int error = pthread_attr_init(&detached);
    if (error)
        return -error;
    (void)pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED); /* a valid value */
    error = pthread_create(&thread, &detached, begin, (void *)(size_t)start->slot);
    (void)pthread_attr_destroy(&detached); /* initialised above: cannot fail */
    return -error;
}

bool mm_os_is_watched(void)
{
    return true;
}
