/*
 * waits.c - waits of the program beside the pauses of the pager.
 *
 * The pager's signal interrupts a thread, to pause it or to stop it for another's fork.  Most system
 * calls are restarted after it; those below are restarted after no handler, and end with EINTR.  A
 * program that has no handler of its own does not expect that, so they go on here, for the time
 * that is left.  mm_pager_cut_short() tells that the pager's signal alone was the cause: where the
 * program's own handler ran, the wait ends as ever.
 *
 * A set of signals to wait for, or to block meanwhile, must not hold the pager's either: a thread
 * that blocks it could not be stopped, and one that waits for all signals would be told of it.
 */
#include "preload.h"

#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/msg.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "pager/pager.h"

#define MILLISECOND 1000000 /* ns */
#define SECOND 1000000000

/* libc's function of this name as `libc_name`, looked up at its first use. */
#define LIBC(name)                       \
    static _Atomic(void *) name##_found; \
    __typeof__(&name) libc_##name = (__typeof__(&name))find(#name, &name##_found)

/* Of libc, declared where calls are checked (_FORTIFY_SOURCE). */
int __poll_chk(struct pollfd *fds, nfds_t count, int timeout, size_t size);
int __ppoll_chk(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
                const sigset_t *mask, size_t size);

static void *find(const char *name, _Atomic(void *) *found)
{
    void *function = atomic_load_explicit(found, memory_order_relaxed);

    if (!function) {
        function = dlsym(RTLD_NEXT, name);
        if (!function)
            mm_preload_stop(name, "libc has none", NULL);
        atomic_store_explicit(found, function, memory_order_relaxed);
    }
    return function;
}

static bool is_paged(void)
{
    return mm_preload_ready() && mm_pager_is_on();
}

/* ---- a wait ------------------------------------------------------------------------------------- */

struct wait {
    int64_t until;   /* ns of the monotonic clock, where there is an end */
    unsigned pauses; /* that had cut calls of this thread short before it */
};

static int64_t now(void)
{
    struct timespec t = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &t); /* it is always there */
    return (int64_t)t.tv_sec * SECOND + t.tv_nsec;
}

/* Of `timeout` ns; negative: without an end. */
static struct wait begin(int64_t timeout)
{
    struct wait w = {0, 0};

    if (!is_paged())
        return w; /* nothing will cut it short */
    w.pauses = mm_pager_cut_short();
    if (timeout > 0)
        w.until = timeout < INT64_MAX / 2 ? now() + timeout : INT64_MAX;
    return w;
}

static int64_t nanoseconds_of(const struct timespec *t)
{
    if (!t || t->tv_sec > INT64_MAX / 4 / SECOND)
        return -1;
    return (int64_t)t->tv_sec * SECOND + t->tv_nsec;
}

/* Whether the call that just failed with `error` is to be made again. */
static bool goes_on(struct wait *w, int error)
{
    if (error != EINTR || !is_paged())
        return false;
    unsigned pauses = mm_pager_cut_short();
    bool cut = pauses != w->pauses;
    w->pauses = pauses;
    return cut;
}

static int64_t left(const struct wait *w)
{
    int64_t time = w->until - now();
    return time > 0 ? time : 0;
}

/* What is left of a timeout in ms, which may have no end. */
static int milliseconds_left(const struct wait *w, int timeout)
{
    return timeout < 0 ? timeout : (int)((left(w) + MILLISECOND - 1) / MILLISECOND);
}

/* Likewise of a timespec; NULL: no end.  Written to *ret_time. */
static const struct timespec *time_left(const struct wait *w, const struct timespec *timeout,
                                        struct timespec *ret_time)
{
    if (!timeout)
        return NULL;
    int64_t time = left(w);
    *ret_time = (struct timespec){time / SECOND, time % SECOND};
    return ret_time;
}

/* The set without the pager's signal. */
static const sigset_t *allowed(const sigset_t *set, sigset_t *ret_set)
{
    if (!set || !is_paged())
        return set;
    *ret_set = *set;
    (void)sigdelset(ret_set, mm_pager_signal()); /* a valid signal: cannot fail */
    return ret_set;
}

/* ---- descriptors -------------------------------------------------------------------------------- */

MM_EXPORT int poll(struct pollfd *fds, nfds_t count, int timeout)
{
    LIBC(poll);
    struct wait w = begin((int64_t)timeout * MILLISECOND);
    int result = libc_poll(fds, count, timeout);

    while (result < 0 && goes_on(&w, errno))
        result = libc_poll(fds, count, milliseconds_left(&w, timeout));
    return result;
}

MM_EXPORT int __poll_chk(struct pollfd *fds, nfds_t count, int timeout, size_t size)
{
    LIBC(__poll_chk);
    if (size / sizeof *fds < count)
        return libc___poll_chk(fds, count, timeout, size); /* does not return */
    return poll(fds, count, timeout);
}

MM_EXPORT int ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
                    const sigset_t *mask)
{
    LIBC(ppoll);
    struct wait w = begin(nanoseconds_of(timeout));
    struct timespec time;
    sigset_t set;

    mask = allowed(mask, &set);
    int result = libc_ppoll(fds, count, timeout, mask);
    while (result < 0 && goes_on(&w, errno))
        result = libc_ppoll(fds, count, time_left(&w, timeout, &time), mask);
    return result;
}

MM_EXPORT int __ppoll_chk(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
                          const sigset_t *mask, size_t size)
{
    LIBC(__ppoll_chk);
    if (size / sizeof *fds < count)
        return libc___ppoll_chk(fds, count, timeout, mask, size); /* does not return */
    return ppoll(fds, count, timeout, mask);
}

/* libc leaves in *timeout what is left, and the sets as they were. */
MM_EXPORT int select(int count, fd_set *in, fd_set *out, fd_set *odd, struct timeval *timeout)
{
    LIBC(select);
    struct wait w = begin(-1);
    int result = libc_select(count, in, out, odd, timeout);

    while (result < 0 && goes_on(&w, errno))
        result = libc_select(count, in, out, odd, timeout);
    return result;
}

MM_EXPORT int pselect(int count, fd_set *in, fd_set *out, fd_set *odd,
                      const struct timespec *timeout, const sigset_t *mask)
{
    LIBC(pselect);
    struct wait w = begin(nanoseconds_of(timeout));
    struct timespec time;
    sigset_t set;

    mask = allowed(mask, &set);
    int result = libc_pselect(count, in, out, odd, timeout, mask);
    while (result < 0 && goes_on(&w, errno))
        result = libc_pselect(count, in, out, odd, time_left(&w, timeout, &time), mask);
    return result;
}

MM_EXPORT int epoll_pwait(int fd, struct epoll_event *events, int most, int timeout,
                          const sigset_t *mask)
{
    LIBC(epoll_pwait);
    struct wait w = begin((int64_t)timeout * MILLISECOND);
    sigset_t set;

    mask = allowed(mask, &set);
    int result = libc_epoll_pwait(fd, events, most, timeout, mask);
    while (result < 0 && goes_on(&w, errno))
        result = libc_epoll_pwait(fd, events, most, milliseconds_left(&w, timeout), mask);
    return result;
}

MM_EXPORT int epoll_wait(int fd, struct epoll_event *events, int most, int timeout)
{
    return epoll_pwait(fd, events, most, timeout, NULL);
}

MM_EXPORT int epoll_pwait2(int fd, struct epoll_event *events, int most,
                           const struct timespec *timeout, const sigset_t *mask)
{
    LIBC(epoll_pwait2);
    struct wait w = begin(nanoseconds_of(timeout));
    struct timespec time;
    sigset_t set;

    mask = allowed(mask, &set);
    int result = libc_epoll_pwait2(fd, events, most, timeout, mask);
    while (result < 0 && goes_on(&w, errno))
        result = libc_epoll_pwait2(fd, events, most, time_left(&w, timeout, &time), mask);
    return result;
}

/* ---- sleep -------------------------------------------------------------------------------------- */

MM_EXPORT int clock_nanosleep(clockid_t clock, int flags, const struct timespec *request,
                              struct timespec *rest)
{
    LIBC(clock_nanosleep);
    struct wait w = begin(-1);
    struct timespec time; /* left, where the request is a length of time */
    int error = libc_clock_nanosleep(clock, flags, request, &time);

    while (goes_on(&w, error))
        error = libc_clock_nanosleep(clock, flags, flags & TIMER_ABSTIME ? request : &time, &time);
    if (error == EINTR && rest && !(flags & TIMER_ABSTIME))
        *rest = time;
    return error;
}

MM_EXPORT int nanosleep(const struct timespec *request, struct timespec *rest)
{
    int error = clock_nanosleep(CLOCK_REALTIME, 0, request, rest);
    if (error)
        errno = error;
    return error ? -1 : 0;
}

MM_EXPORT int usleep(useconds_t time)
{
    struct timespec request = {time / 1000000, (long)(time % 1000000) * 1000};
    return nanosleep(&request, NULL);
}

MM_EXPORT unsigned sleep(unsigned seconds)
{
    struct timespec rest = {seconds, 0};
    return nanosleep(&rest, &rest) ? (unsigned)rest.tv_sec : 0;
}

/* ---- signals ------------------------------------------------------------------------------------ */

MM_EXPORT int pause(void)
{
    LIBC(pause);
    struct wait w = begin(-1);
    int result = libc_pause();

    while (goes_on(&w, errno))
        result = libc_pause();
    return result;
}

MM_EXPORT int sigsuspend(const sigset_t *mask)
{
    LIBC(sigsuspend);
    struct wait w = begin(-1);
    sigset_t set;

    mask = allowed(mask, &set);
    int result = libc_sigsuspend(mask);
    while (goes_on(&w, errno))
        result = libc_sigsuspend(mask);
    return result;
}

MM_EXPORT int sigtimedwait(const sigset_t *wanted, siginfo_t *info, const struct timespec *timeout)
{
    LIBC(sigtimedwait);
    struct wait w = begin(nanoseconds_of(timeout));
    struct timespec time;
    sigset_t set;

    wanted = allowed(wanted, &set);
    int result = libc_sigtimedwait(wanted, info, timeout);
    while (result < 0 && goes_on(&w, errno))
        result = libc_sigtimedwait(wanted, info, time_left(&w, timeout, &time));
    return result;
}

MM_EXPORT int sigwaitinfo(const sigset_t *wanted, siginfo_t *info)
{
    return sigtimedwait(wanted, info, NULL);
}

/* libc makes it again by itself after EINTR. */
MM_EXPORT int sigwait(const sigset_t *wanted, int *ret_signal)
{
    LIBC(sigwait);
    sigset_t set;
    return libc_sigwait(allowed(wanted, &set), ret_signal);
}

MM_EXPORT int signalfd(int fd, const sigset_t *wanted, int flags)
{
    LIBC(signalfd);
    sigset_t set;
    return libc_signalfd(fd, allowed(wanted, &set), flags);
}

/* ---- semaphores and messages -------------------------------------------------------------------- */

MM_EXPORT int sem_timedwait(sem_t *semaphore, const struct timespec *until)
{
    LIBC(sem_timedwait);
    struct wait w = begin(-1);
    int result = libc_sem_timedwait(semaphore, until);

    while (result < 0 && goes_on(&w, errno))
        result = libc_sem_timedwait(semaphore, until);
    return result;
}

MM_EXPORT int sem_clockwait(sem_t *semaphore, clockid_t clock, const struct timespec *until)
{
    LIBC(sem_clockwait);
    struct wait w = begin(-1);
    int result = libc_sem_clockwait(semaphore, clock, until);

    while (result < 0 && goes_on(&w, errno))
        result = libc_sem_clockwait(semaphore, clock, until);
    return result;
}

MM_EXPORT int semtimedop(int id, struct sembuf *operations, size_t count,
                         const struct timespec *timeout)
{
    LIBC(semtimedop);
    struct wait w = begin(nanoseconds_of(timeout));
    struct timespec time;
    int result = libc_semtimedop(id, operations, count, timeout);

    while (result < 0 && goes_on(&w, errno))
        result = libc_semtimedop(id, operations, count, time_left(&w, timeout, &time));
    return result;
}

MM_EXPORT int semop(int id, struct sembuf *operations, size_t count)
{
    return semtimedop(id, operations, count, NULL);
}

MM_EXPORT ssize_t msgrcv(int id, void *message, size_t size, long type, int flags)
{
    LIBC(msgrcv);
    struct wait w = begin(-1);
    ssize_t result = libc_msgrcv(id, message, size, type, flags);

    while (result < 0 && goes_on(&w, errno))
        result = libc_msgrcv(id, message, size, type, flags);
    return result;
}

MM_EXPORT int msgsnd(int id, const void *message, size_t size, int flags)
{
    LIBC(msgsnd);
    struct wait w = begin(-1);
    int result = libc_msgsnd(id, message, size, flags);

    while (result < 0 && goes_on(&w, errno))
        result = libc_msgsnd(id, message, size, flags);
    return result;
}
