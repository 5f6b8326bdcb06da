/*
 * fork.c - the heap around fork.
 *
 * The child has one thread, and a lock that another thread held would stay held in it for ever.  So
 * the forking thread takes every lock of ours first, top to bottom (heap, address space, pager),
 * and parent and child let go of them bottom to top.  libc runs prepare handlers in the reverse
 * order of registration and the others in order: ours are registered at the first allocation,
 * before anyone else's, so the program's own handlers may allocate.
 *
 * vfork, posix_spawn and clone(CLONE_VM) share the memory and need none of this.  A clone() without
 * CLONE_VM made by hand runs no handlers: its child must not use the parent's memory (README.md).
 */
#include "preload.h"

#include <dlfcn.h>
#include <pthread.h>
#include <unistd.h>

#include "global/global.h"
#include "heap/heap.h"
#include "pager/pager.h"
#include "stats/counters.h"
#include "vm/vm.h"

static void before(void)
{
    mm_heap_before_fork();
    mm_vm_lock_for_fork();
    mm_pager_before_fork();
}

static void after_in_parent(void)
{
    mm_pager_after_fork_in_parent();
    mm_vm_unlock_after_fork();
    mm_heap_after_fork_in_parent();
}

static void after_in_child(void)
{
    mm_counters_after_fork();
    mm_pager_after_fork_in_child();
    mm_vm_unlock_after_fork();
    mm_heap_after_fork_in_child();
    mm_global_after_fork_in_child();
}

void mm_preload_watch_forks(void)
{
    if (pthread_atfork(before, after_in_parent, after_in_child) != 0)
        mm_preload_stop("start", "no memory for the fork handlers", NULL);
}

/* libc's fork without the handlers: ours must run all the same. */
MM_EXPORT pid_t _Fork(void)
{
    pid_t (*next)(void) = (pid_t(*)(void))dlsym(RTLD_NEXT, "_Fork");
    if (!next)
        mm_preload_stop("_Fork", "libc has none", NULL);

    bool ready = mm_preload_ready();
    if (ready)
        before();
    pid_t child = next();
    if (ready && child == 0)
        after_in_child();
    else if (ready)
        after_in_parent();
    return child;
}
