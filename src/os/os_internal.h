/*
 * os_internal.h - system calls as such: no errno, no libc, no cancellation point.
 */
#ifndef NTMM_OS_INTERNAL_H
#define NTMM_OS_INTERNAL_H

#include <sys/syscall.h>

#include "os/os.h"

/* What getdents64 writes; libc has it under other names. */
struct linux_dirent64 {
    uint64_t d_ino;
    int64_t d_off;
    unsigned short d_reclen;
    unsigned char d_type;
    char d_name[];
};

/* Make a system call: its result, or a negative errno.  os_x86_64.c or os_aarch64.c. */
long mm_os_call(long number, long a, long b, long c, long d, long e, long f);

/* Start a thread on `stack` with `block` as its thread block: its id or a negative errno. */
long mm_os_spawn(unsigned long flags, void *stack, void *block, void (*run)(void *),
                 void *argument);

/* Fill in what compiled code expects to find in a thread block. */
void mm_os_thread_block(char *block);

#define MOST_THREADS 16 /* of our own, at a time */

/* What a thread of our own is to do; `slot` is its place among ours. */
struct thread_start {
    void (*run)(void *);
    void *argument;
    const char *name;
    int slot;
};

/*
 * Make a thread that calls `run` with a copy of *start (os_clone.c, os_tsan.c).
 *
 * => every signal is blocked; 0 or -errno
 */
int mm_os_thread_make(void (*run)(void *), const struct thread_start *start);

/* What a signal handler returns to. */
void mm_os_signal_return(void);

/* What the kernel wants of a handler: libc's wrapper cannot be used, preload/ stands before it. */
struct kernel_action {
    uintptr_t handler;
    unsigned long flags;
    void (*restorer)(void);
    uint64_t mask;
};

#define SA_RESTORER_BIT 0x04000000ul

/* Whether the code of a context has just made a system call that ended with EINTR. */
bool mm_os_is_behind_eintr(const void *context);

#define call0(n) mm_os_call(n, 0, 0, 0, 0, 0, 0)
#define call1(n, a) mm_os_call(n, (long)(a), 0, 0, 0, 0, 0)
#define call2(n, a, b) mm_os_call(n, (long)(a), (long)(b), 0, 0, 0, 0)
#define call3(n, a, b, c) mm_os_call(n, (long)(a), (long)(b), (long)(c), 0, 0, 0)
#define call4(n, a, b, c, d) mm_os_call(n, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)
#define call5(n, a, b, c, d, e) \
    mm_os_call(n, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), 0)
#define call6(n, a, b, c, d, e, f) \
    mm_os_call(n, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

#endif
