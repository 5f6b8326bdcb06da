/*
 * os_thread.c - threads of our own, and time.
 *
 * Our threads run on stacks of our own memory with every signal blocked: a program's handlers must
 * never run on them.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "base/page.h"
#include "os/os_internal.h"

#define STACK_BYTES (256 * KIB)

uint64_t mm_os_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now); /* the vdso's: no system call */
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t mm_os_thread_cpu(void)
{
    struct timespec used;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return (uint64_t)used.tv_sec * 1000000000u + (uint64_t)used.tv_nsec;
}

void mm_os_sleep(uint64_t nanoseconds)
{
    struct timespec wish = {(time_t)(nanoseconds / 1000000000u),
                            (long)(nanoseconds % 1000000000u)};
    (void)call2(SYS_nanosleep, &wish, NULL); /* early by a signal is fine: callers look again */
}

struct start {
    void (*run)(void *);
    void *argument;
    const char *name;
};

static void *thread_main(void *argument)
{
    struct start start = *(struct start *)argument;

    (void)pthread_setname_np(pthread_self(), start.name); /* for ps and gdb only */
    start.run(start.argument);
    return NULL;
}

/* pthread_create under a full signal mask, which the new thread inherits. */
static int create_masked(pthread_attr_t *attributes, struct start *start)
{
    uint64_t all = ~0ull;
    uint64_t before;
    pthread_t thread;

    (void)call4(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, sizeof all);
    int error = pthread_create(&thread, attributes, thread_main, start);
    (void)call4(SYS_rt_sigprocmask, SIG_SETMASK, &before, NULL, sizeof before);
    return -error;
}

int mm_os_thread_start(void (*run)(void *), void *argument, const char *name)
{
    pthread_attr_t attributes;
    char *memory = mm_os_own_memory(STACK_BYTES + PAGE_BYTES);
    if (!memory)
        return -ENOMEM;

    struct start *start = (struct start *)memory; /* the first page; the stack lies above */
    *start = (struct start){run, argument, name};
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstack(&attributes, memory + PAGE_BYTES, STACK_BYTES);
    int error = create_masked(&attributes, start);
    pthread_attr_destroy(&attributes);
    if (error)
        (void)mm_os_unmap(memory, STACK_BYTES + PAGE_BYTES); /* just mapped: cannot fail */
    return error;
}
