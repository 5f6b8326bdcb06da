/*
 * os_thread.c - threads of our own: which there are, and how they begin and end.
 *
 * Such a thread has every signal blocked; it may call this layer and pure code, nothing of libc that
 * keeps state.  os_clone.c makes it, or os_tsan.c where ThreadSanitizer watches.
 */
#include <errno.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/prctl.h>

#include "base/page.h"
#include "os/os_internal.h"

#define STACK_BYTES (128 * KIB)
#define SHORTEST_SLICE 100000 /* ns */

static atomic_int our_threads[MOST_THREADS];

/* What linux/sched/types.h calls struct sched_attr, as far as it is used. */
struct schedule {
    uint32_t size;
    uint32_t policy; /* 0: the ordinary one */
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t slice; /* ns; from Linux 6.12 on */
    uint64_t deadline;
    uint64_t period;
};

void mm_os_take_short_turns(void)
{
    struct schedule s = {
        .size = sizeof s,
        .nice = 20 - (int)call2(SYS_getpriority, 0, 0), /* the call tells 20 - nice */
        .slice = SHORTEST_SLICE,
    };
    (void)call3(SYS_sched_setattr, 0, &s, 0); /* as it was, then */
}

static void thread_main(void *argument)
{
    struct thread_start *start = argument;

    (void)call2(SYS_prctl, PR_SET_NAME, start->name); /* for ps and gdb only */
    atomic_store(&our_threads[start->slot], mm_os_tid());
    start->run(start->argument);
    atomic_store(&our_threads[start->slot], 0);
}

static int free_slot(void)
{
    for (int i = 0; i < MOST_THREADS; i++) {
        int empty = 0;
        if (atomic_compare_exchange_strong(&our_threads[i], &empty, -1))
            return i;
    }
    return -EAGAIN;
}

bool mm_os_thread_is_ours(pid_t tid)
{
    for (int i = 0; i < MOST_THREADS; i++) {
        if (atomic_load(&our_threads[i]) == tid)
            return true;
    }
    return false;
}

void mm_os_threads_gone(void)
{
    for (int i = 0; i < MOST_THREADS; i++)
        atomic_store(&our_threads[i], 0);
}

int mm_os_thread_start(void (*run)(void *), void *argument, const char *name)
{
    uint64_t all = ~0ull;
    uint64_t before;
    int slot = free_slot();
    if (slot < 0)
        return slot;

    (void)call4(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, sizeof all); /* inherited */
    int error = mm_os_thread_make(thread_main, &(struct thread_start){run, argument, name, slot});
    (void)call4(SYS_rt_sigprocmask, SIG_SETMASK, &before, NULL, sizeof before);
    if (error)
        atomic_store(&our_threads[slot], 0);
    return error;
}

/* As with vfork, but the rest is shared too.  The thread block stays the sleeping caller's. */
#define APART_FLAGS \
    (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_VFORK)

int mm_os_run_apart(void (*run)(void *), void *argument)
{
    static MM_APART char stack[STACK_BYTES] __attribute__((aligned(64)));
    uint64_t all = ~0ull;
    uint64_t before;

    (void)call4(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, sizeof all);
    long tid = mm_os_spawn(APART_FLAGS, stack + sizeof stack, NULL, run, argument);
    (void)call4(SYS_rt_sigprocmask, SIG_SETMASK, &before, NULL, sizeof before);
    return tid < 0 ? (int)tid : 0;
}
