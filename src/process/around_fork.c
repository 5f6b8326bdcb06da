/*
 * around_fork.c - every module around fork, top to bottom.
 *
 * The child has one thread, and a lock that another thread held would stay held in it for ever.  So the
 * forking thread takes every lock of ours first, in the order of their ranks, and parent and child let
 * go of them bottom to top.
 *
 * vfork, posix_spawn and clone(CLONE_VM) share the memory and need none of this.
 */
#include "process/process.h"

#include <stdatomic.h>

#include "debugheap/debugheap.h"
#include "global/global.h"
#include "heap/heap.h"
#include "lookaside/lookaside.h"
#include "os/os.h"
#include "pager/pager.h"
#include "stats/counters.h"
#include "vm/vm.h"

void mm_process_before_fork(void)
{
    mm_lookaside_before_fork();
    mm_debug_before_fork();
    mm_heap_before_fork();
    mm_vm_lock_for_fork();
    mm_pager_before_fork();
}

void mm_process_after_fork_in_parent(void)
{
    mm_pager_after_fork_in_parent();
    mm_vm_unlock_after_fork();
    mm_heap_after_fork_in_parent();
    mm_debug_after_fork();
    mm_lookaside_after_fork_in_parent();
}

void mm_process_after_fork_in_child(void)
{
    mm_counters_after_fork();
    mm_pager_after_fork_in_child();
    mm_vm_unlock_after_fork();
    mm_heap_after_fork_in_child();
    mm_global_after_fork_in_child();
    mm_debug_after_fork();
    mm_lookaside_after_fork_in_child();
}

bool mm_process_watch_forks(void)
{
    static atomic_bool watched;

    if (atomic_exchange(&watched, true))
        return true;
    return !mm_os_at_fork(mm_process_before_fork, mm_process_after_fork_in_parent,
                          mm_process_after_fork_in_child);
}
