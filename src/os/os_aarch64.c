/*
 * os_aarch64.c - how aarch64 makes a system call.
 */
#include <errno.h>
#include <ucontext.h>

#include "base/page.h"
#include "os/os_internal.h"

long mm_os_call(long number, long a, long b, long c, long d, long e, long f)
{
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = f;

    __asm__ volatile("svc 0"
                     : "+r"(x0)
                     : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                     : "memory");
    return x0;
}

/* libc keeps its two words at the thread pointer and its variables above; all zero will do. */
void mm_os_thread_block(char *block)
{
    (void)block;
}

long mm_os_spawn(unsigned long flags, void *stack, void *block, void (*run)(void *), void *argument)
{
    void **top = stack;
    *--top = argument;
    *--top = (void *)run;

    register long x8 __asm__("x8") = SYS_clone;
    register long x0 __asm__("x0") = (long)flags;
    register void *x1 __asm__("x1") = top;
    register long x2 __asm__("x2") = 0;
    register void *x3 __asm__("x3") = block;
    register long x4 __asm__("x4") = 0;

    __asm__ volatile("svc 0\n\t"
                     "cbnz x0, 1f\n\t"
                     "mov x29, xzr\n\t"
                     "ldp x1, x0, [sp], #16\n\t"
                     "blr x1\n\t"
                     "mov x0, xzr\n\t"
                     "mov x8, %[exit]\n\t"
                     "svc 0\n\t"
                     "brk #0\n"
                     "1:"
                     : "+r"(x0)
                     : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), [exit] "i"(SYS_exit)
                     : "memory", "x30");
    return x0;
}

/* The frame lies at sp: nothing may be pushed before the call. */
__asm__(".text\n"
        ".balign 16\n"
        "    nop\n"
        ".globl mm_os_signal_return\n"
        ".hidden mm_os_signal_return\n"
        ".type mm_os_signal_return, @function\n"
        "mm_os_signal_return:\n"
        "    mov x8, #139\n" /* rt_sigreturn */
        "    svc 0\n"
        ".size mm_os_signal_return, . - mm_os_signal_return\n");

/* The kernel keeps the identification register from user mode on some machines: only the level. */
void mm_os_processor(uint16_t *ret_family, uint16_t *ret_revision)
{
    *ret_family = 8;
    *ret_revision = 0;
}

#define SVC_0 0xd4000001u

bool mm_os_is_behind_eintr(const void *context)
{
    const mcontext_t *m = &((const ucontext_t *)context)->uc_mcontext;

    return (long long)m->regs[0] == -EINTR && m->pc % PAGE_BYTES >= 4 && /* as on x86-64 */
           *(const uint32_t *)(m->pc - 4) == SVC_0;
}
