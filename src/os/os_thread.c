/*
 * os_thread.c - threads of our own, which libc knows nothing of.
 *
 * They are made by clone(2) directly.  pthread_create would call malloc, which this library may be,
 * and would make libc take a program of one thread for a program of many.  Such a thread has a
 * stack and a thread block of its own memory and every signal blocked; it may call this layer and
 * pure code, nothing of libc that keeps state.
 */
#include <errno.h>
#include <linux/sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>

#include "base/page.h"
#include "os/os_internal.h"

#define STACK_BYTES (256 * KIB)
#define BLOCK_BYTES (16 * KIB)
#define THREAD_FLAGS                                                                    \
    (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | \
     CLONE_SETTLS)

#define MOST_THREADS 16

static atomic_int our_threads[MOST_THREADS];

struct start {
    void (*run)(void *);
    void *argument;
    const char *name;
    int slot;
};

static void thread_main(void *argument)
{
    struct start *start = argument;

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

static long spawn(char *memory, size_t size)
{
    uint64_t all = ~0ull;
    uint64_t before;
    char *block = memory + STACK_BYTES + BLOCK_BYTES / 2; /* variables lie below, the rest above */

    mm_os_thread_block(block);
    (void)call4(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, sizeof all);
    long tid = mm_os_spawn(THREAD_FLAGS, memory + STACK_BYTES, block, thread_main, memory);
    (void)call4(SYS_rt_sigprocmask, SIG_SETMASK, &before, NULL, sizeof before);
    if (tid < 0)
        (void)mm_os_unmap(memory, size); /* just mapped: cannot fail */
    return tid;
}

int mm_os_thread_start(void (*run)(void *), void *argument, const char *name)
{
    size_t size = STACK_BYTES + BLOCK_BYTES;
    int slot = free_slot();
    if (slot < 0)
        return slot;

    char *memory = mm_os_own_memory(size);
    if (!memory) {
        atomic_store(&our_threads[slot], 0);
        return -ENOMEM;
    }
    *(struct start *)memory = (struct start){run, argument, name, slot}; /* the stack's far end */
    long tid = spawn(memory, size);
    if (tid < 0)
        atomic_store(&our_threads[slot], 0);
    return tid < 0 ? (int)tid : 0;
}

/* As with vfork, but the rest is shared too.  The thread block stays the sleeping caller's. */
#define APART_FLAGS \
    (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_VFORK)

int mm_os_run_apart(void (*run)(void *), void *argument)
{
    static char stack[STACK_BYTES / 2] __attribute__((aligned(64)));
    uint64_t all = ~0ull;
    uint64_t before;

    (void)call4(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, sizeof all);
    long tid = mm_os_spawn(APART_FLAGS, stack + sizeof stack, NULL, run, argument);
    (void)call4(SYS_rt_sigprocmask, SIG_SETMASK, &before, NULL, sizeof before);
    return tid < 0 ? (int)tid : 0;
}
