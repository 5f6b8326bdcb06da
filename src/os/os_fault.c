/*
 * os_fault.c - signals that mean a fault: what stopped a thread, and how it goes on.
 *
 * One function stands in the kernel's table for SIGSEGV, SIGBUS, SIGFPE, SIGILL and SIGTRAP.  It
 * says in neutral words what happened and hands it up.  It runs with no signal blocked
 * (SA_NODEFER, empty mask), so that a fault inside a handler is a fault like any other and a
 * handler may leave by longjmp; on the alternate stack where the thread has one, so that an
 * overflown or lost stack pointer can be told.
 *
 * Everything here runs in signal handlers: no lock, no allocation, little stack (a program's own
 * alternate stack may be 8 KiB, and the kernel's frame takes up to half of it).
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <ucontext.h>

#include "base/page.h"
#include "os/os_fault_internal.h"
#include "os/os_internal.h"
#include "os/os_try.h"

static void (*handle)(struct os_fault *fault);

/* ---- what happened --------------------------------------------------------------------------- */

static enum os_fault_cause cause_of_arithmetic(int code)
{
    static const enum os_fault_cause causes[] = {
        [FPE_INTDIV] = OS_FAULT_DIVIDE,          [FPE_INTOVF] = OS_FAULT_OVERFLOW,
        [FPE_FLTDIV] = OS_FAULT_FLOAT_DIVIDE,    [FPE_FLTOVF] = OS_FAULT_FLOAT_OVERFLOW,
        [FPE_FLTUND] = OS_FAULT_FLOAT_UNDERFLOW, [FPE_FLTRES] = OS_FAULT_FLOAT_INEXACT,
        [FPE_FLTINV] = OS_FAULT_FLOAT_INVALID,   [FPE_FLTSUB] = OS_FAULT_BOUNDS,
    };
    return code >= FPE_INTDIV && code <= FPE_FLTSUB ? causes[code] : OS_FAULT_FLOAT_INVALID;
}

static enum os_fault_cause cause_of_bus(int code)
{
    switch (code) {
    case BUS_ADRALN: return OS_FAULT_MISALIGNED;
    case BUS_MCEERR_AR: return OS_FAULT_PAGE_BROKEN;
    case BUS_MCEERR_AO: return OS_FAULT_OTHER; /* found by chance, touched by nobody */
    case SI_KERNEL:
        return OS_FAULT_GENERAL; /* an address no page can have, through the stack pointer */
    default: return OS_FAULT_PAGE_IO;
    }
}

static enum os_fault_cause cause_of_trap(int code)
{
    switch (code) {
    case SI_KERNEL:
    case TRAP_BRKPT: return OS_FAULT_BREAKPOINT;
    case TRAP_TRACE:
    case TRAP_HWBKPT: return OS_FAULT_STEP;
    default: return OS_FAULT_OTHER;
    }
}

static enum os_fault_cause cause_of(int signal, int code)
{
    if (code <= 0)
        return OS_FAULT_SENT;
    switch (signal) {
    case SIGSEGV: return code == SI_KERNEL ? OS_FAULT_GENERAL : OS_FAULT_ACCESS;
    case SIGBUS: return cause_of_bus(code);
    case SIGFPE: return cause_of_arithmetic(code);
    case SIGILL:
        return code == ILL_PRVOPC || code == ILL_PRVREG ? OS_FAULT_PRIVILEGED
                                                        : OS_FAULT_INSTRUCTION;
    default: return cause_of_trap(code);
    }
}

/* The loads of os_try_word, wherever they were compiled; none: no such section, and both NULL. */
extern const struct os_try __start_mm_os_tries[] __attribute__((weak, visibility("hidden")));
extern const struct os_try __stop_mm_os_tries[] __attribute__((weak, visibility("hidden")));

uintptr_t mm_os_after_try(uintptr_t ip)
{
    for (const struct os_try *t = __start_mm_os_tries; t < __stop_mm_os_tries; t++)
        if ((uintptr_t)&t->load + (uintptr_t)(intptr_t)t->load == ip)
            return (uintptr_t)&t->after + (uintptr_t)(intptr_t)t->after;
    return 0;
}

static void on_signal(int signal, siginfo_t *info, void *context)
{
    bool is_access = (signal == SIGSEGV || signal == SIGBUS) && info->si_code > 0;
    if (is_access && mm_os_fault_in_copy(context))
        return;

    int before = errno; /* the interrupted code may be about to read it */
    struct os_fault fault = {
        .signal = signal,
        .cause = cause_of(signal, info->si_code),
        .address = (uintptr_t)info->si_addr,
        .access = OS_READ,
        .info = info,
        .context = context,
    };
    mm_os_fault_complete(&fault);
    handle(&fault);
    errno = before;
}

int mm_os_fault_catch(void (*handler)(struct os_fault *fault))
{
    handle = handler;
    return mm_os_actions_take(on_signal);
}

/* ---- what is to happen ----------------------------------------------------------------------- */

/*
 * The signal is sent again, blocked until the handler returns, so that a core file shows the
 * place of the fault and not this code.
 */
void mm_os_fault_default(struct os_fault *fault)
{
    uint64_t bit = 1ull << (fault->signal - 1);
    struct kernel_action action = {.handler = (uintptr_t)SIG_DFL};

    (void)call4(SYS_rt_sigprocmask, SIG_BLOCK, &bit, NULL, sizeof bit);
    (void)call4(SYS_rt_sigaction, fault->signal, &action, NULL, sizeof action.mask);
    long error = call4(SYS_rt_tgsigqueueinfo, mm_os_pid(), mm_os_tid(), fault->signal, fault->info);
    if (error) /* only the first thread may send what looks like the kernel's */
        error = mm_os_task_signal(mm_os_tid(), fault->signal);
    if (error)
        mm_os_exit(128 + fault->signal);
}

void mm_os_die(int signal)
{
    uint64_t bit = 1ull << (signal - 1);
    struct kernel_action action = {.handler = (uintptr_t)SIG_DFL};

    (void)call4(SYS_rt_sigaction, signal, &action, NULL, sizeof action.mask);
    (void)mm_os_task_signal(mm_os_tid(), signal); /* if not, there is the exit below */
    (void)call4(SYS_rt_sigprocmask, SIG_UNBLOCK, &bit, NULL, sizeof bit);
    mm_os_exit(128 + signal);
}

void mm_os_abort(void)
{
    mm_os_die(SIGABRT);
}

int mm_os_alternate_stack(void *base, size_t size)
{
    stack_t mine = {.ss_sp = base, .ss_size = size};
    stack_t theirs;

    int error = (int)call2(SYS_sigaltstack, &mine, &theirs);
    if (error || theirs.ss_flags & SS_DISABLE)
        return error;
    (void)call2(SYS_sigaltstack, &theirs, NULL); /* it was in force a moment ago: cannot fail */
    return -EEXIST;
}

/* ---- looking at memory that may not be there ------------------------------------------------- */

bool mm_os_peek(void *to, const void *from, size_t size)
{
    struct iovec ours = {to, size};
    struct iovec theirs = {(void *)(uintptr_t)from, size};

    long got = call6(SYS_process_vm_readv, mm_os_pid(), &ours, 1, &theirs, 1, 0);
    if (got == -ENOSYS || got == -EPERM) /* a filter or an old kernel: let it fault */
        return mm_os_copy_or_fault(to, from, size) == 0;
    return got == (long)size;
}

bool mm_os_peek_fast(void *to, const void *from, size_t size)
{
    return mm_os_copy_or_fault(to, from, size) == 0;
}

/* The size of the file that a mapping shows, if its name still leads to it. */
static int look_at_file(const struct os_mapping *m, struct stat *ret_stat, bool *ret_full)
{
    struct statfs fs;
    int fd = mm_os_open(m->name, O_RDONLY | O_PATH | O_CLOEXEC, 0);
    if (fd < 0)
        return fd;

    int error = (int)call2(SYS_fstat, fd, ret_stat);
    if (!error)
        error = (int)call2(SYS_fstatfs, fd, &fs);
    (void)mm_os_close(fd); /* a path only: nothing to lose */
    if (error)
        return error;
    *ret_full = fs.f_blocks && !fs.f_bavail;
    return ret_stat->st_ino == m->inode ? 0 : -ENOENT;
}

int mm_os_page_error(uintptr_t address, bool write)
{
    struct os_mapping m;
    struct stat s;
    bool full;

    int error = mm_os_mapping_at(address, &m);
    if (error || m.start > address || !m.file)
        return -ENOENT;
    if (look_at_file(&m, &s, &full))
        return -EIO;
    if (m.offset + (align_down(address, PAGE_BYTES) - m.start) >= (uint64_t)s.st_size)
        return -ENODATA;
    return write && full ? -ENOSPC : -EIO;
}

bool mm_os_writable_soon(int fd, unsigned milliseconds)
{
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    struct timespec limit = {milliseconds / 1000, milliseconds % 1000 * 1000000l};

    return call5(SYS_ppoll, &p, 1, &limit, NULL, 0) == 1 && p.revents & POLLOUT;
}
