/*
 * os_fork.c - who has something to do around fork.
 */
#include <errno.h>
#include <pthread.h>

#include "os/os_internal.h"

int mm_os_at_fork(void (*before)(void), void (*in_parent)(void), void (*in_child)(void))
{
    return -pthread_atfork(before, in_parent, in_child);
}
