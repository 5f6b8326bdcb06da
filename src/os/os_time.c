/*
 * os_time.c - clocks, sleeping, and an alarm of the CPU that the process uses.
 */
#include <signal.h>
#include <string.h>
#include <time.h>

#include "os/os_internal.h"

static uint64_t nanoseconds_of(const struct timespec *t)
{
    return (uint64_t)t->tv_sec * 1000000000u + (uint64_t)t->tv_nsec;
}

static struct timespec timespec_of(uint64_t nanoseconds)
{
    return (struct timespec){(time_t)(nanoseconds / 1000000000u),
                             (long)(nanoseconds % 1000000000u)};
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
    struct timespec wish = timespec_of(nanoseconds);
    (void)call2(SYS_nanosleep, &wish, NULL); /* early by a signal is fine: callers look again */
}

int mm_os_alarm_make(int signal)
{
    struct sigevent about;
    int timer = -1;

    memset(&about, 0, sizeof about);
    about.sigev_notify = SIGEV_THREAD_ID;
    about.sigev_signo = signal;
    about._sigev_un._tid = mm_os_tid();
    long error = call3(SYS_timer_create, CLOCK_PROCESS_CPUTIME_ID, &about, &timer);
    return error ? (int)error : timer;
}

bool mm_os_alarm_sleep(int alarm, int signal, uint64_t cpu, uint64_t longest)
{
    struct itimerspec when = {{0, 0}, timespec_of(cpu)};
    struct itimerspec never = {{0, 0}, {0, 0}};
    struct timespec no_time = {0, 0};
    struct timespec limit = timespec_of(longest);
    uint64_t set = 1ull << (signal - 1);

    (void)call4(SYS_timer_settime, alarm, 0, &when, NULL); /* made by us: cannot fail */
    long got = call4(SYS_rt_sigtimedwait, &set, NULL, &limit, sizeof set);
    (void)call4(SYS_timer_settime, alarm, 0, &never, NULL);
    if (got != signal) /* it may have gone off between the two */
        (void)call4(SYS_rt_sigtimedwait, &set, NULL, &no_time, sizeof set);
    return got == signal;
}
