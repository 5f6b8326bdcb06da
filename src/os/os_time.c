/*
 * os_time.c - clocks and sleeping.
 */
#include <time.h>

#include "os/os_internal.h"

static uint64_t nanoseconds_of(const struct timespec *t)
{
    return (uint64_t)t->tv_sec * 1000000000u + (uint64_t)t->tv_nsec;
}

uint64_t mm_os_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now); /* the vdso's: no system call, no errno */
    return nanoseconds_of(&now);
}

uint64_t mm_os_thread_cpu(void)
{
    struct timespec used = {0, 0};
    (void)call2(SYS_clock_gettime, CLOCK_THREAD_CPUTIME_ID, &used); /* cannot fail */
    return nanoseconds_of(&used);
}

void mm_os_sleep(uint64_t nanoseconds)
{
    struct timespec wish = {(time_t)(nanoseconds / 1000000000u), (long)(nanoseconds % 1000000000u)};
    (void)call2(SYS_nanosleep, &wish, NULL); /* early by a signal is fine: callers look again */
}
