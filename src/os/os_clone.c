/*
 * os_clone.c - a thread that libc knows nothing of.
 *
 * It is made by clone(2) directly.  pthread_create would call malloc, which this library may be, and
 * would make libc take a program of one thread for a program of many.  Its stack and its thread
 * block are memory of our own.
 */
#include <errno.h>
#include <linux/sched.h>
#include <sched.h>

#include "base/page.h"
#include "os/os_internal.h"

#define STACK_BYTES (256 * KIB)
#define BLOCK_BYTES (16 * KIB)
#define THREAD_FLAGS                                                                    \
    (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | \
     CLONE_SETTLS)

int mm_os_thread_make(void (*run)(void *), const struct thread_start *start)
{
    size_t size = STACK_BYTES + BLOCK_BYTES;
    char *memory = mm_os_own_memory(size);
    if (!memory)
        return -ENOMEM;

    char *block = memory + STACK_BYTES + BLOCK_BYTES / 2; /* variables lie below, the rest above */
    *(struct thread_start *)memory = *start;              /* the stack's far end */
    mm_os_thread_block(block);
    long tid = mm_os_spawn(THREAD_FLAGS, memory + STACK_BYTES, block, run, memory);
    if (tid < 0)
        (void)mm_os_unmap(memory, size); /* just mapped: cannot fail */
    return tid < 0 ? (int)tid : 0;
}

bool mm_os_is_watched(void)
{
    return false;
}
