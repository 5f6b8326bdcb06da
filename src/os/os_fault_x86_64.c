/*
 * os_fault_x86_64.c - the registers of a stopped thread, and of a running one, on x86-64.
 *
 * The kernel's frame holds the integer registers, the page-fault error code, and a pointer to what
 * fxsave stored; wider vector registers lie beyond and go back untouched.  Its SSE state is always
 * marked as in use, so that changed XMM registers are taken.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <ucontext.h>

#include "os/os_fault_internal.h"
#include "os/os_internal.h"
#include "os/os_try.h"

#define TRAP_DEBUG 1
#define TRAP_BREAK 3
#define TRAP_PAGE_FAULT 14
#define ERROR_WRITE 0x02
#define ERROR_FETCH 0x10
#define FLAGS_THAT_CHANGE 0x240dd5ull /* ID AC OF DF TF SF ZF AF PF CF: no privileged ones */
#define MXCSR_AT 24
#define MXCSR_MASK_AT 28
#define MXCSR_DEFAULT_MASK 0xffbfu

/* ucontext's numbers in the order of the registers' own. */
static const unsigned char order[16] = {
    REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
    REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15,
};

void mm_os_fault_complete(struct os_fault *f)
{
    const greg_t *g = ((ucontext_t *)f->context)->uc_mcontext.gregs;
    greg_t error = g[REG_TRAPNO] == TRAP_PAGE_FAULT ? g[REG_ERR] : 0;

    f->ip = (uintptr_t)g[REG_RIP];
    f->sp = (uintptr_t)g[REG_RSP];
    if (error & ERROR_FETCH)
        f->access = OS_EXEC;
    else if (error & ERROR_WRITE)
        f->access = OS_WRITE;
    if (f->cause == OS_FAULT_BREAKPOINT && g[REG_TRAPNO] == TRAP_DEBUG)
        f->cause = OS_FAULT_STEP;
    if (f->cause == OS_FAULT_BREAKPOINT)
        f->ip--; /* the processor has gone past it */
}

void mm_os_fault_registers(const struct os_fault *f, struct os_registers *r)
{
    const mcontext_t *m = &((ucontext_t *)f->context)->uc_mcontext;
    uint64_t segments = (uint64_t)m->gregs[REG_CSGSFS];

    memset(r, 0, sizeof *r);
    for (int i = 0; i < 16; i++)
        r->integer[i] = (uint64_t)m->gregs[order[i]];
    r->ip = f->ip;
    r->flags = (uint64_t)m->gregs[REG_EFL];
    r->segments[0] = (uint16_t)segments;
    r->segments[5] = (uint16_t)(segments >> 48);
    __asm__("mov %%ds, %0" : "=r"(r->segments[1]));
    __asm__("mov %%es, %0" : "=r"(r->segments[2]));
    __asm__("mov %%fs, %0" : "=r"(r->segments[3]));
    __asm__("mov %%gs, %0" : "=r"(r->segments[4]));
    if (m->fpregs) {
        memcpy(r->vectors, m->fpregs, sizeof r->vectors);
        memcpy(&r->float_control, r->vectors + MXCSR_AT, sizeof r->float_control);
    }
}

/* Bits that this processor does not know would kill the process on the way back. */
static uint32_t safe_mxcsr(const unsigned char *vectors, uint32_t wanted)
{
    uint32_t mask;
    memcpy(&mask, vectors + MXCSR_MASK_AT, sizeof mask);
    return wanted & (mask ? mask : MXCSR_DEFAULT_MASK);
}

static void write_vectors(void *to, const struct os_registers *r)
{
    unsigned char *frame = to;
    uint32_t mxcsr = safe_mxcsr(frame, r->float_control);

    /* x87 state, MXCSR, x87 and XMM registers; the mask and what lies above are the kernel's. */
    memcpy(frame, r->vectors, MXCSR_AT);
    memcpy(frame + MXCSR_AT, &mxcsr, sizeof mxcsr);
    memcpy(frame + 32, r->vectors + 32, 416 - 32);
}

void mm_os_fault_resume(struct os_fault *f, const struct os_registers *r)
{
    mcontext_t *m = &((ucontext_t *)f->context)->uc_mcontext;

    for (int i = 0; i < 16; i++)
        m->gregs[order[i]] = (greg_t)r->integer[i];
    m->gregs[REG_RIP] = (greg_t)r->ip;
    m->gregs[REG_EFL] = (greg_t)(((uint64_t)m->gregs[REG_EFL] & ~FLAGS_THAT_CHANGE) |
                                 (r->flags & FLAGS_THAT_CHANGE));
    if (m->fpregs)
        write_vectors(m->fpregs, r);
}

/* libc's and our own are the same two instructions. */
bool mm_os_signal_frame(uintptr_t ip, uintptr_t sp, struct os_registers *r)
{
    static const unsigned char signal_return[9] = {0x48, 0xc7, 0xc0, 15, 0, 0, 0, 0x0f, 0x05};
    unsigned char code[sizeof signal_return];
    gregset_t g;

    if (!mm_os_peek(code, (void *)ip, sizeof code) || memcmp(code, signal_return, sizeof code))
        return false;
    if (!mm_os_peek(g, (void *)(sp + offsetof(ucontext_t, uc_mcontext.gregs)), sizeof g))
        return false;
    memset(r, 0, sizeof *r);
    for (int i = 0; i < 16; i++)
        r->integer[i] = (uint64_t)g[order[i]];
    r->ip = (uint64_t)g[REG_RIP];
    return true;
}

/* ---- copying what may not be there ------------------------------------------------------------ */

extern const char mm_os_copy_at[];
extern const char mm_os_copy_failed[];

__asm__(".text\n"
        ".globl mm_os_copy_or_fault, mm_os_copy_at, mm_os_copy_failed\n"
        ".hidden mm_os_copy_or_fault, mm_os_copy_at, mm_os_copy_failed\n"
        ".type mm_os_copy_or_fault, @function\n"
        "mm_os_copy_or_fault:\n"
        "    .cfi_startproc\n"
        "    mov %rdx, %rcx\n"
        "mm_os_copy_at:\n"
        "    rep movsb\n"
        "    xor %eax, %eax\n"
        "    ret\n"
        "mm_os_copy_failed:\n"
        "    mov $-14, %eax\n"
        "    ret\n"
        "    .cfi_endproc\n"
        ".size mm_os_copy_or_fault, . - mm_os_copy_or_fault\n");

bool mm_os_fault_in_copy(void *context)
{
    greg_t *g = ((ucontext_t *)context)->uc_mcontext.gregs;

    uintptr_t after = mm_os_after_try((uintptr_t)g[REG_RIP]);

    if (after)
        g[REG_RAX] = (greg_t)OS_UNREADABLE;
    else if (g[REG_RIP] == (greg_t)(uintptr_t)mm_os_copy_at)
        after = (uintptr_t)mm_os_copy_failed;
    else
        return false;
    g[REG_RIP] = (greg_t)after;
    return true;
}

/* ---- capturing and going on -------------------------------------------------------------------- */

_Static_assert(offsetof(struct os_registers, integer) == 512, "assembly below");
_Static_assert(offsetof(struct os_registers, ip) == 768, "assembly below");
_Static_assert(offsetof(struct os_registers, flags) == 776, "assembly below");
_Static_assert(offsetof(struct os_registers, float_control) == 784, "assembly below");
_Static_assert(offsetof(struct os_registers, segments) == 792, "assembly below");
_Static_assert(sizeof(struct os_registers) <= 832, "assembly below");

/*
 * rdi: what to run, rsi: its argument.  The registers lie at rsp.  To go on, ip, cs, flags, rsp and
 * ss are put right behind the sixteen registers, so that popping those leaves rsp at what iretq
 * takes: everything changes in the end by one instruction, and a signal on the way finds all that
 * is still needed above rsp.
 */
__asm__(".text\n"
        ".globl mm_os_with_registers\n"
        ".hidden mm_os_with_registers\n"
        ".type mm_os_with_registers, @function\n"
        "mm_os_with_registers:\n"
        "    .cfi_startproc\n"
        "    pushfq\n"
        "    .cfi_adjust_cfa_offset 8\n"
        "    push %rbp\n"
        "    .cfi_adjust_cfa_offset 8\n"
        "    .cfi_offset %rbp, -24\n"
        "    mov %rsp, %rbp\n"
        "    .cfi_def_cfa_register %rbp\n"
        "    sub $832, %rsp\n"
        "    and $-16, %rsp\n"
        "    mov %rax, 512(%rsp)\n"
        "    mov %rcx, 520(%rsp)\n"
        "    mov %rdx, 528(%rsp)\n"
        "    mov %rbx, 536(%rsp)\n"
        "    lea 24(%rbp), %rax\n"
        "    mov %rax, 544(%rsp)\n"
        "    mov (%rbp), %rax\n"
        "    mov %rax, 552(%rsp)\n"
        "    mov %rsi, 560(%rsp)\n"
        "    mov %rdi, 568(%rsp)\n"
        "    mov %r8, 576(%rsp)\n"
        "    mov %r9, 584(%rsp)\n"
        "    mov %r10, 592(%rsp)\n"
        "    mov %r11, 600(%rsp)\n"
        "    mov %r12, 608(%rsp)\n"
        "    mov %r13, 616(%rsp)\n"
        "    mov %r14, 624(%rsp)\n"
        "    mov %r15, 632(%rsp)\n"
        "    mov 16(%rbp), %rax\n"
        "    mov %rax, 768(%rsp)\n"
        "    mov 8(%rbp), %rax\n"
        "    mov %rax, 776(%rsp)\n"
        "    fxsave64 (%rsp)\n"
        "    mov 24(%rsp), %eax\n"
        "    mov %eax, 784(%rsp)\n"
        "    movl $0, 788(%rsp)\n"
        "    mov %cs, 792(%rsp)\n"
        "    mov %ds, 794(%rsp)\n"
        "    mov %es, 796(%rsp)\n"
        "    mov %fs, 798(%rsp)\n"
        "    mov %gs, 800(%rsp)\n"
        "    mov %ss, 802(%rsp)\n"
        "    cld\n"
        "    mov %rdi, %rax\n"
        "    mov %rsp, %rdi\n"
        "    call *%rax\n"
        "    mov 784(%rsp), %eax\n" /* mxcsr, without bits this processor does not know */
        "    mov 28(%rsp), %ecx\n"
        "    and $0xffff, %eax\n"
        "    and %ecx, %eax\n"
        "    mov %eax, 24(%rsp)\n"
        "    fxrstor64 (%rsp)\n"
        "    mov 768(%rsp), %rax\n"
        "    mov %rax, 640(%rsp)\n"
        "    xor %eax, %eax\n"
        "    mov %cs, %eax\n"
        "    mov %rax, 648(%rsp)\n"
        "    mov 776(%rsp), %rax\n"
        "    and $0x240dd5, %rax\n"
        "    or $0x202, %rax\n"
        "    mov %rax, 656(%rsp)\n"
        "    mov 544(%rsp), %rax\n"
        "    mov %rax, 664(%rsp)\n"
        "    xor %eax, %eax\n"
        "    mov %ss, %eax\n"
        "    mov %rax, 672(%rsp)\n"
        "    lea 512(%rsp), %rsp\n"
        "    pop %rax\n"
        "    pop %rcx\n"
        "    pop %rdx\n"
        "    pop %rbx\n"
        "    lea 8(%rsp), %rsp\n"
        "    pop %rbp\n"
        "    pop %rsi\n"
        "    pop %rdi\n"
        "    pop %r8\n"
        "    pop %r9\n"
        "    pop %r10\n"
        "    pop %r11\n"
        "    pop %r12\n"
        "    pop %r13\n"
        "    pop %r14\n"
        "    pop %r15\n"
        "    iretq\n"
        "    .cfi_endproc\n"
        ".size mm_os_with_registers, . - mm_os_with_registers\n");
