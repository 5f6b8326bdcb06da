/*
 * os_x86_64.c - how x86-64 makes a system call.
 */
#include <cpuid.h>
#include <errno.h>
#include <string.h>
#include <ucontext.h>

#include "base/page.h"
#include "os/os_internal.h"

long mm_os_call(long number, long a, long b, long c, long d, long e, long f)
{
    long result;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;

    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}

/* libc reads the word at 0 (itself) and the canary at 0x28 through fs. */
void mm_os_thread_block(char *block)
{
    uintptr_t canary;

    __asm__("mov %%fs:0x28, %0" : "=r"(canary));
    *(void **)block = block;
    *(void **)(block + 0x10) = block;
    *(uintptr_t *)(block + 0x28) = canary;
}

long mm_os_spawn(unsigned long flags, void *stack, void *block, void (*run)(void *), void *argument)
{
    long result;
    void **top = stack;
    register void *r8 __asm__("r8") = block;
    register long r10 __asm__("r10") = 0;

    *--top = argument;
    *--top = (void *)run;
    __asm__ volatile("syscall\n\t"
                     "test %%rax, %%rax\n\t"
                     "jnz 1f\n\t"
                     "xor %%ebp, %%ebp\n\t"
                     "pop %%rax\n\t"
                     "pop %%rdi\n\t"
                     "call *%%rax\n\t"
                     "xor %%edi, %%edi\n\t"
                     "mov %[exit], %%eax\n\t"
                     "syscall\n\t"
                     "hlt\n"
                     "1:"
                     : "=a"(result)
                     : "a"((long)SYS_clone), "D"(flags), "S"(top), "d"(0l), "r"(r10),
                       "r"(r8), [exit] "i"(SYS_exit)
                     : "rcx", "r11", "memory");
    return result;
}

/*
 * Debuggers and unwinders know a signal frame by this name or by these very bytes, and by the
 * absence of unwind tables; a byte before it, since they look there.
 */
__asm__(".text\n"
        ".balign 16\n"
        "    nop\n"
        ".type __restore_rt, @function\n"
        ".globl mm_os_signal_return\n"
        ".hidden mm_os_signal_return\n"
        "__restore_rt:\n"
        "mm_os_signal_return:\n"
        "    mov $15, %rax\n" /* rt_sigreturn */
        "    syscall\n"
        ".size __restore_rt, . - __restore_rt\n");

/* Leaf 1 packs them: stepping 4 bits, model 4, family 4, then further bits of model and family. */
void mm_os_processor(uint16_t *ret_family, uint16_t *ret_revision)
{
    unsigned a = 0;
    unsigned b, c, d;

    (void)__get_cpuid(1, &a, &b, &c, &d); /* every x86-64 has leaf 1 */
    unsigned family = a >> 8 & 15;
    unsigned model = a >> 4 & 15;
    if (family == 6 || family == 15)
        model |= a >> 12 & 0xf0;
    if (family == 15)
        family += a >> 20 & 255;
    *ret_family = (uint16_t)family;
    *ret_revision = (uint16_t)(model << 8 | (a & 15));
}

bool mm_os_is_behind_eintr(const void *context)
{
    const greg_t *g = ((const ucontext_t *)context)->uc_mcontext.gregs;

    uintptr_t at = (uintptr_t)g[REG_RIP];

    return g[REG_RAX] == -EINTR && at % PAGE_BYTES >= 2 && /* before a page may be nothing */
           memcmp((const char *)at - 2, "\x0f\x05", 2) == 0;
}
