/*
 * os_fault_aarch64.c - the registers of a stopped thread, and of a running one, on aarch64.
 *
 * The kernel's frame holds x0-x30, sp, pc and pstate, and behind them records with a magic number
 * each: vector registers, and the exception syndrome that tells reads from writes.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <ucontext.h>

#include "os/os_fault_internal.h"
#include "os/os_internal.h"
#include "os/os_try.h"

#define VECTORS_MAGIC 0x46508001u
#define SYNDROME_MAGIC 0x45535201u
#define CLASS_OF(syndrome) ((syndrome) >> 26 & 0x3f)
#define CLASS_FETCH 0x20
#define CLASS_DATA 0x24
#define SYNDROME_WRITE 0x40
#define SYNDROME_CACHE_CALL 0x100

struct record {
    uint32_t magic;
    uint32_t size;
};

struct vectors {
    struct record head;
    uint32_t status;
    uint32_t control;
    unsigned char registers[512];
};

struct syndrome {
    struct record head;
    uint64_t value;
};

static void *find_record(void *context, uint32_t magic)
{
    mcontext_t *m = &((ucontext_t *)context)->uc_mcontext;
    char *at = (char *)m->__reserved;
    char *end = at + sizeof m->__reserved;

    while (at + sizeof(struct record) <= end) {
        struct record *r = (struct record *)at;
        if (r->magic == magic)
            return r;
        if (!r->magic || !r->size)
            break;
        at += r->size;
    }
    return NULL;
}

void mm_os_fault_complete(struct os_fault *f)
{
    const mcontext_t *m = &((ucontext_t *)f->context)->uc_mcontext;
    const struct syndrome *s = find_record(f->context, SYNDROME_MAGIC);

    f->ip = (uintptr_t)m->pc;
    f->sp = (uintptr_t)m->sp;
    if (!s)
        return;
    if ((CLASS_OF(s->value) & ~1u) == CLASS_FETCH)
        f->access = OS_EXEC;
    else if ((CLASS_OF(s->value) & ~1u) == CLASS_DATA && s->value & SYNDROME_WRITE &&
             !(s->value & SYNDROME_CACHE_CALL))
        f->access = OS_WRITE;
}

void mm_os_fault_registers(const struct os_fault *f, struct os_registers *r)
{
    const mcontext_t *m = &((ucontext_t *)f->context)->uc_mcontext;
    const struct vectors *v = find_record(f->context, VECTORS_MAGIC);

    memset(r, 0, sizeof *r);
    for (int i = 0; i < 31; i++)
        r->integer[i] = m->regs[i];
    r->integer[31] = m->sp;
    r->ip = m->pc;
    r->flags = m->pstate;
    if (v) {
        memcpy(r->vectors, v->registers, sizeof r->vectors);
        r->float_control = v->control;
        r->float_status = v->status;
    }
}

void mm_os_fault_resume(struct os_fault *f, const struct os_registers *r)
{
    mcontext_t *m = &((ucontext_t *)f->context)->uc_mcontext;
    struct vectors *v = find_record(f->context, VECTORS_MAGIC);

    for (int i = 0; i < 31; i++)
        m->regs[i] = r->integer[i];
    m->sp = r->integer[31];
    m->pc = r->ip;
    m->pstate = (m->pstate & ~0xf0000000ull) | (r->flags & 0xf0000000ull); /* N Z C V */
    if (v) {
        memcpy(v->registers, r->vectors, sizeof r->vectors);
        v->control = r->float_control;
        v->status = r->float_status;
    }
}

/* The kernel's and our own are the same two instructions; siginfo lies before the context. */
bool mm_os_signal_frame(uintptr_t ip, uintptr_t sp, struct os_registers *r)
{
    static const uint32_t signal_return[2] = {0xd2801168, 0xd4000001};
    uint32_t code[2];
    uint64_t g[33]; /* x0-x30, sp, pc */
    uintptr_t at = sp + sizeof(siginfo_t) + offsetof(ucontext_t, uc_mcontext.regs);

    if (!mm_os_peek(code, (void *)ip, sizeof code) || memcmp(code, signal_return, sizeof code))
        return false;
    if (!mm_os_peek(g, (void *)at, sizeof g))
        return false;
    memset(r, 0, sizeof *r);
    memcpy(r->integer, g, 32 * sizeof *g);
    r->ip = g[32];
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
        "    cbz x2, 2f\n"
        "mm_os_copy_at:\n"
        "    ldrb w3, [x1], #1\n"
        "    strb w3, [x0], #1\n"
        "    subs x2, x2, #1\n"
        "    b.ne mm_os_copy_at\n"
        "2:  mov w0, #0\n"
        "    ret\n"
        "mm_os_copy_failed:\n"
        "    mov w0, #-14\n"
        "    ret\n"
        "    .cfi_endproc\n"
        ".size mm_os_copy_or_fault, . - mm_os_copy_or_fault\n");

bool mm_os_fault_in_copy(void *context)
{
    mcontext_t *m = &((ucontext_t *)context)->uc_mcontext;

    uintptr_t after = mm_os_after_try(m->pc);

    if (after)
        m->regs[9] = OS_UNREADABLE;
    else if (m->pc == (uintptr_t)mm_os_copy_at)
        after = (uintptr_t)mm_os_copy_failed;
    else
        return false;
    m->pc = after;
    return true;
}

/* ---- capturing and going on -------------------------------------------------------------------- */

_Static_assert(offsetof(struct os_registers, integer) == 512, "assembly below");
_Static_assert(offsetof(struct os_registers, ip) == 768, "assembly below");
_Static_assert(offsetof(struct os_registers, float_control) == 784, "assembly below");
_Static_assert(sizeof(struct os_registers) <= 832, "assembly below");

/*
 * x0: what to run, x1: its argument.  x17, a register that any call may lose, carries the place to
 * go on at; x16 the registers.
 */
__asm__(".text\n"
        ".globl mm_os_with_registers\n"
        ".hidden mm_os_with_registers\n"
        ".type mm_os_with_registers, @function\n"
        "mm_os_with_registers:\n"
        "    .cfi_startproc\n"
        "    stp x29, x30, [sp, #-16]!\n"
        "    .cfi_def_cfa_offset 16\n"
        "    .cfi_offset x29, -16\n"
        "    .cfi_offset x30, -8\n"
        "    mov x29, sp\n"
        "    .cfi_def_cfa_register x29\n"
        "    sub sp, sp, #832\n"
        "    add x16, sp, #512\n"
        "    stp x0, x1, [x16]\n"
        "    stp x2, x3, [x16, #16]\n"
        "    stp x4, x5, [x16, #32]\n"
        "    stp x6, x7, [x16, #48]\n"
        "    stp x8, x9, [x16, #64]\n"
        "    stp x10, x11, [x16, #80]\n"
        "    stp x12, x13, [x16, #96]\n"
        "    stp x14, x15, [x16, #112]\n"
        "    stp x16, x17, [x16, #128]\n"
        "    stp x18, x19, [x16, #144]\n"
        "    stp x20, x21, [x16, #160]\n"
        "    stp x22, x23, [x16, #176]\n"
        "    stp x24, x25, [x16, #192]\n"
        "    stp x26, x27, [x16, #208]\n"
        "    ldr x9, [x29]\n"
        "    stp x28, x9, [x16, #224]\n"
        "    add x9, x29, #16\n"
        "    stp x30, x9, [x16, #240]\n"
        "    mrs x9, nzcv\n"
        "    stp x30, x9, [x16, #256]\n"
        "    mrs x9, fpcr\n"
        "    mrs x10, fpsr\n"
        "    add x11, x16, #272\n"
        "    stp w9, w10, [x11]\n"
        "    mov x9, sp\n"
        "    stp q0, q1, [x9]\n"
        "    stp q2, q3, [x9, #32]\n"
        "    stp q4, q5, [x9, #64]\n"
        "    stp q6, q7, [x9, #96]\n"
        "    stp q8, q9, [x9, #128]\n"
        "    stp q10, q11, [x9, #160]\n"
        "    stp q12, q13, [x9, #192]\n"
        "    stp q14, q15, [x9, #224]\n"
        "    stp q16, q17, [x9, #256]\n"
        "    stp q18, q19, [x9, #288]\n"
        "    stp q20, q21, [x9, #320]\n"
        "    stp q22, q23, [x9, #352]\n"
        "    stp q24, q25, [x9, #384]\n"
        "    stp q26, q27, [x9, #416]\n"
        "    stp q28, q29, [x9, #448]\n"
        "    stp q30, q31, [x9, #480]\n"
        "    mov x9, x0\n"
        "    mov x0, sp\n"
        "    blr x9\n"
        "    mov x9, sp\n"
        "    ldp q0, q1, [x9]\n"
        "    ldp q2, q3, [x9, #32]\n"
        "    ldp q4, q5, [x9, #64]\n"
        "    ldp q6, q7, [x9, #96]\n"
        "    ldp q8, q9, [x9, #128]\n"
        "    ldp q10, q11, [x9, #160]\n"
        "    ldp q12, q13, [x9, #192]\n"
        "    ldp q14, q15, [x9, #224]\n"
        "    ldp q16, q17, [x9, #256]\n"
        "    ldp q18, q19, [x9, #288]\n"
        "    ldp q20, q21, [x9, #320]\n"
        "    ldp q22, q23, [x9, #352]\n"
        "    ldp q24, q25, [x9, #384]\n"
        "    ldp q26, q27, [x9, #416]\n"
        "    ldp q28, q29, [x9, #448]\n"
        "    ldp q30, q31, [x9, #480]\n"
        "    add x16, sp, #512\n"
        "    add x11, x16, #272\n"
        "    ldp w9, w10, [x11]\n"
        "    msr fpcr, x9\n"
        "    msr fpsr, x10\n"
        "    ldp x17, x9, [x16, #256]\n"
        "    msr nzcv, x9\n"
        "    ldp x2, x3, [x16, #16]\n"
        "    ldp x4, x5, [x16, #32]\n"
        "    ldp x6, x7, [x16, #48]\n"
        "    ldp x8, x9, [x16, #64]\n"
        "    ldp x10, x11, [x16, #80]\n"
        "    ldp x12, x13, [x16, #96]\n"
        "    ldp x14, x15, [x16, #112]\n"
        "    ldp x18, x19, [x16, #144]\n"
        "    ldp x20, x21, [x16, #160]\n"
        "    ldp x22, x23, [x16, #176]\n"
        "    ldp x24, x25, [x16, #192]\n"
        "    ldp x26, x27, [x16, #208]\n"
        "    ldp x28, x29, [x16, #224]\n"
        "    ldr x30, [x16, #240]\n"
        "    ldp x0, x1, [x16]\n"
        "    ldr x16, [x16, #248]\n"
        "    mov sp, x16\n"
        "    br x17\n"
        "    .cfi_endproc\n"
        ".size mm_os_with_registers, . - mm_os_with_registers\n");
