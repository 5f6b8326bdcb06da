/*
 * signals.c - the program's signal handlers beside ours.
 *
 * The library has SIGSEGV, SIGBUS, SIGFPE, SIGILL and SIGTRAP for exceptions; a program's action for
 * them is kept by except/ and called when the library does not want the signal.  The real-time
 * signal that the pager pauses threads with can be neither taken nor blocked by the program.
 */
#include "preload.h"

#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "except/except.h"
#include "pager/pager.h"

/* libc's own, under a name that we do not define. */
int __sigaction(int signal, const struct sigaction *action, struct sigaction *old);

#define KERNEL_SET 8 /* bytes of a signal set, for the kernel */

/* The pager's signal, or 0 while there is no pager. */
static int pager_signal(void)
{
    return mm_preload_ready() && mm_pager_is_on() ? mm_pager_signal() : 0;
}

static int refuse(void)
{
    errno = EINVAL;
    return -1;
}

MM_EXPORT int sigaction(int signal, const struct sigaction *action, struct sigaction *old)
{
    int reserved = pager_signal();
    struct sigaction ours;

    if (signal <= 0 || (reserved && signal == reserved))
        return refuse();
    if (action && reserved) {
        ours = *action;
        (void)sigdelset(&ours.sa_mask, reserved); /* a valid signal: cannot fail */
        action = &ours;
    }
    if (mm_preload_ready() && mm_except_program_action(signal, action, old))
        return 0;
    return __sigaction(signal, action, old);
}

static sighandler_t set_handler(int signal, sighandler_t handler, int flags)
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
    struct sigaction old;

    (void)sigemptyset(&action.sa_mask);
    if (!(flags & SA_NODEFER) && sigaddset(&action.sa_mask, signal) != 0)
        return SIG_ERR;
    if (handler == SIG_ERR) {
        errno = EINVAL;
        return SIG_ERR;
    }
    return sigaction(signal, &action, &old) == 0 ? old.sa_handler : SIG_ERR;
}

MM_EXPORT sighandler_t signal(int signal, sighandler_t handler)
{
    return set_handler(signal, handler, SA_RESTART);
}

/* What signal() is for programs that ask for X/Open or System V. */
MM_EXPORT sighandler_t __sysv_signal(int signal, sighandler_t handler)
{
    return set_handler(signal, handler, SA_RESETHAND | SA_NODEFER);
}

/* libc's two signals (thread cancellation, setuid) and the pager's stay out of any mask. */
static int set_mask(int how, const sigset_t *set, sigset_t *old)
{
    sigset_t allowed;
    int reserved = pager_signal();

    if (set && how != SIG_UNBLOCK) {
        allowed = *set;
        allowed.__val[0] &= ~(1ul << (32 - 1) | 1ul << (33 - 1));
        if (reserved)
            allowed.__val[0] &= ~(1ul << (reserved - 1));
        set = &allowed;
    }
    return syscall(SYS_rt_sigprocmask, how, set, old, KERNEL_SET) == 0 ? 0 : errno;
}

MM_EXPORT int sigprocmask(int how, const sigset_t *set, sigset_t *old)
{
    int error = set_mask(how, set, old);
    if (error)
        errno = error;
    return error ? -1 : 0;
}

MM_EXPORT int pthread_sigmask(int how, const sigset_t *set, sigset_t *old)
{
    int before = errno;
    int error = set_mask(how, set, old);
    errno = before;
    return error;
}
