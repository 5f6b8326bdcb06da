/*
 * os_action.c - the program's own signal actions, kept while ours stand in the kernel's table.
 *
 * A table of five, one a signal, is what the program believes the kernel holds.  Writers take a
 * lock with signals blocked; readers are signal handlers and take none: they read a version before
 * and after, and read again when a writer was at work.
 *
 * I1  version is odd exactly while its entry is being written
 * I2  a reader that gives up after many tries (a forked child whose parent was writing) takes the
 *     entry as it is: each word of it is whole
 */
#include <errno.h>
#include <sched.h>
#include <string.h>

#include "os/os_fault_internal.h"
#include "os/os_internal.h"

#define OURS (SA_SIGINFO | SA_ONSTACK | SA_NODEFER | SA_RESTORER_BIT)
#define READ_TRIES 1000

struct program_action {
    atomic_uint version;
    atomic_uintptr_t handler;
    atomic_ulong flags;
    _Atomic uint64_t mask;
};

static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP};
#define SIGNALS (sizeof signals / sizeof *signals)

static struct program_action program[SIGNALS];
static struct os_signal_lock lock;
static void (*entry)(int, siginfo_t *, void *); /* set once, at the start */

/* ---- a lock that handlers may take ----------------------------------------------------------- */

uint64_t mm_os_signal_lock(struct os_signal_lock *l)
{
    uint64_t all = ~0ull;
    uint64_t before = 0;
    int me = mm_os_pid();
    int seen = 0;

    (void)call4(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, sizeof all);
    while (!atomic_compare_exchange_weak(&l->owner, &seen, me)) {
        if (seen == me) { /* a thread of this process; any other owner stayed behind at a fork */
            (void)call0(SYS_sched_yield);
            seen = 0;
        }
    }
    return before;
}

void mm_os_signal_unlock(struct os_signal_lock *l, uint64_t before)
{
    atomic_store(&l->owner, 0);
    (void)call4(SYS_rt_sigprocmask, SIG_SETMASK, &before, NULL, sizeof before);
}

/* ---- the table ------------------------------------------------------------------------------- */

static struct program_action *slot_of(int signal)
{
    for (size_t i = 0; i < SIGNALS; i++) {
        if (signals[i] == signal)
            return &program[i];
    }
    return NULL;
}

static struct kernel_action read_action(struct program_action *p)
{
    struct kernel_action a = {0};

    for (int tries = 0; tries < READ_TRIES; tries++) {
        unsigned version = atomic_load(&p->version);
        a.handler = atomic_load(&p->handler);
        a.flags = atomic_load(&p->flags);
        a.mask = atomic_load(&p->mask);
        if (!(version & 1) && version == atomic_load(&p->version))
            break;
    }
    return a;
}

static void write_action(struct program_action *p, const struct kernel_action *a)
{
    unsigned version = atomic_load(&p->version) | 1;

    atomic_store(&p->version, version);
    atomic_store(&p->handler, a->handler);
    atomic_store(&p->flags, a->flags);
    atomic_store(&p->mask, a->mask);
    atomic_store(&p->version, version + 1);
}

/* Whether a system call goes on after the signal is the program's wish, not ours. */
static int install(int signal, unsigned long restart, struct kernel_action *ret_before)
{
    struct kernel_action ours = {
        .handler = (uintptr_t)entry,
        .flags = OURS | restart,
        .restorer = mm_os_signal_return,
    };
    return (int)call4(SYS_rt_sigaction, signal, &ours, ret_before, sizeof ours.mask);
}

int mm_os_actions_take(void (*handler)(int, siginfo_t *, void *))
{
    entry = handler;
    for (size_t i = 0; i < SIGNALS; i++) {
        struct kernel_action before = {0};
        int error = install(signals[i], SA_RESTART, &before);
        if (error)
            return error;
        write_action(&program[i], &before);
    }
    return 0;
}

/* ---- the program's side ---------------------------------------------------------------------- */

static struct kernel_action to_kernel(const struct sigaction *action)
{
    struct kernel_action a = {
        .handler = (uintptr_t)action->sa_handler,
        .flags = (unsigned long)(unsigned)action->sa_flags & ~SA_RESTORER_BIT,
    };
    memcpy(&a.mask, &action->sa_mask, sizeof a.mask);
    return a;
}

static void from_kernel(const struct kernel_action *a, struct sigaction *ret_action)
{
    memset(ret_action, 0, sizeof *ret_action);
    ret_action->sa_handler = (void (*)(int))a->handler;
    ret_action->sa_flags = (int)(a->flags & ~SA_RESTORER_BIT);
    memcpy(&ret_action->sa_mask, &a->mask, sizeof a->mask);
}

int mm_os_program_action(int signal, const struct sigaction *action, struct sigaction *old)
{
    struct program_action *p = slot_of(signal);
    if (!p || !entry)
        return -EINVAL;

    struct kernel_action new = {0};
    if (action)
        new = to_kernel(action); /* before the lock: the pointer is the program's */
    uint64_t blocked = mm_os_signal_lock(&lock);
    struct kernel_action before = read_action(p);
    int error = 0;
    if (action) {
        write_action(p, &new);
        error = install(signal, new.flags &SA_RESTART, NULL);
    }
    mm_os_signal_unlock(&lock, blocked);
    if (old)
        from_kernel(&before, old);
    return error;
}

static void forget(struct program_action *p, struct kernel_action a)
{
    uint64_t blocked = mm_os_signal_lock(&lock);
    a.handler = (uintptr_t)SIG_DFL;
    write_action(p, &a);
    mm_os_signal_unlock(&lock, blocked);
}

/*
 * The mask goes back to what it was when our own handler returns to the kernel, which holds the
 * one before in its frame.
 */
bool mm_os_fault_pass_on(struct os_fault *fault)
{
    struct program_action *p = slot_of(fault->signal);
    struct kernel_action a = read_action(p);

    if (a.handler == (uintptr_t)SIG_IGN)
        return fault->cause ==
               OS_FAULT_SENT; /* the kernel, too, ends a program that ignores faults */
    if (a.handler == (uintptr_t)SIG_DFL)
        return false;
    if (a.flags & SA_RESETHAND)
        forget(p, a);
    if (!(a.flags & SA_NODEFER))
        a.mask |= 1ull << (fault->signal - 1);
    if (a.mask)
        (void)call4(SYS_rt_sigprocmask, SIG_BLOCK, &a.mask, NULL, sizeof a.mask);

    /* The kernel, too, gives all three whether SA_SIGINFO is set or not. */
    ((void (*)(int, siginfo_t *, void *))a.handler)(fault->signal, fault->info, fault->context);
    return true;
}
