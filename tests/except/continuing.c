/*
 * continuing.c - handlers that change the CONTEXT and go on, and what happens around them.
 *
 * The rows of the semantics table are proved in tests/api; this file is about registers, which are
 * those of x86-64, and about handlers at their limits.
 */
#include <windows.h>

#include <pthread.h>
#include <setjmp.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "test.h"

static struct {
    int count;
    EXCEPTION_RECORD record;
    CONTEXT context;
} seen;

static void note(const EXCEPTION_POINTERS *pointers)
{
    seen.count++;
    seen.record = *pointers->ExceptionRecord;
    seen.context = *pointers->ContextRecord;
}

/* Run `body` with `handler` first in the list. */
static void with(PVECTORED_EXCEPTION_HANDLER handler, void (*body)(void))
{
    void *handle = AddVectoredExceptionHandler(1, handler);

    memset(&seen, 0, sizeof seen);
    body();
    RemoveVectoredExceptionHandler(handle);
}

/* ---- memory made accessible --------------------------------------------------------------------- */

static LONG CALLBACK commit_page(EXCEPTION_POINTERS *pointers)
{
    note(pointers);
    if (pointers->ExceptionRecord->ExceptionCode != EXCEPTION_ACCESS_VIOLATION)
        return EXCEPTION_CONTINUE_SEARCH;
    void *page = (void *)(pointers->ExceptionRecord->ExceptionInformation[1] & ~4095ull);
    return VirtualAlloc(page, 4096, MEM_COMMIT, PAGE_READWRITE) ? EXCEPTION_CONTINUE_EXECUTION
                                                                : EXCEPTION_CONTINUE_SEARCH;
}

static void fill_reservation(void)
{
    volatile char *p = VirtualAlloc(NULL, 16 * 4096, MEM_RESERVE, PAGE_READWRITE);

    for (int i = 0; i < 16 * 4096; i++)
        p[i] = (char)i;
    for (int i = 0; i < 16 * 4096; i++)
        check(p[i] == (char)i, "at %d", i);
    check(seen.count == 16, "%d exceptions", seen.count);
    VirtualFree((void *)p, 0, MEM_RELEASE);
}

static void a_handler_that_commits_the_page_lets_the_program_go_on(void)
{
    with(commit_page, fill_reservation);
}

/* ---- registers ---------------------------------------------------------------------------------- */

#if defined(__x86_64__)

static LONG CALLBACK change_registers(EXCEPTION_POINTERS *pointers)
{
    CONTEXT *c = pointers->ContextRecord;

    note(pointers);
    c->Rip += 2; /* mov (%rax), %ecx */
    c->Rax = 0x1111;
    c->Rcx = 0x2222222233333333;
    c->R12 = 0x4444;
    c->R15 = 0x5555;
    c->EFlags |= 0x001; /* carry */
    c->Xmm3.Low = 0x0123456789abcdef;
    c->Xmm3.High = 0x7edcba9876543210;
    c->Xmm15.Low = 77;
    c->MxCsr = 0x1fa0;
    return EXCEPTION_CONTINUE_EXECUTION;
}

struct after {
    ULONG64 rax, rcx, r12, r15;
    unsigned char carry;
    unsigned mxcsr;
    ULONG64 xmm3[2], xmm15[2], xmm4[2];
};

static void fault_and_look(void)
{
    struct after a;
    ULONG64 four[2] = {4, 44};
    unsigned mxcsr = 0x1f80;

    memset(&a, 0, sizeof a);
    __asm__ volatile("movdqu %[four], %%xmm4\n\t"
                     "mov $0x77, %%r12\n\t"
                     "mov $0x88, %%r15\n\t"
                     "mov $8, %%eax\n\t"
                     "clc\n\t"
                     "mov (%%rax), %%ecx\n\t"
                     "setc %[carry]\n\t"
                     "stmxcsr %[mxcsr]\n\t"
                     "ldmxcsr %[usual]\n\t"
                     "mov %%rax, %[rax]\n\t"
                     "mov %%rcx, %[rcx]\n\t"
                     "mov %%r12, %[r12]\n\t"
                     "mov %%r15, %[r15]\n\t"
                     "movdqu %%xmm3, %[xmm3]\n\t"
                     "movdqu %%xmm4, %[xmm4]\n\t"
                     "movdqu %%xmm15, %[xmm15]\n\t"
                     : [carry] "=m"(a.carry), [mxcsr] "=m"(a.mxcsr), [rax] "=m"(a.rax),
                       [rcx] "=m"(a.rcx), [r12] "=m"(a.r12), [r15] "=m"(a.r15), [xmm3] "=m"(a.xmm3),
                       [xmm4] "=m"(a.xmm4), [xmm15] "=m"(a.xmm15)
                     : [four] "m"(four), [usual] "m"(mxcsr)
                     : "rax", "rcx", "r12", "r15", "xmm3", "xmm4", "xmm15", "cc", "memory");
    check(seen.count == 1, "%d exceptions", seen.count);
    check(seen.context.R12 == 0x77 && seen.context.R15 == 0x88 && seen.context.Rax == 8,
          "seen r12 %llx r15 %llx rax %llx", seen.context.R12, seen.context.R15, seen.context.Rax);
    check(seen.context.Xmm4.Low == 4 && seen.context.Xmm4.High == 44, "xmm4 seen wrong");
    check(seen.context.FltSave.MxCsr == 0x1f80 && seen.context.MxCsr == 0x1f80, "mxcsr seen wrong");
    check((void *)seen.context.Rip == seen.record.ExceptionAddress, "rip is not the address");
    check(seen.record.ExceptionInformation[0] == 0 && seen.record.ExceptionInformation[1] == 8,
          "parameters wrong");
    check(a.rax == 0x1111 && a.rcx == 0x2222222233333333, "rax %llx rcx %llx", a.rax, a.rcx);
    check(a.r12 == 0x4444 && a.r15 == 0x5555, "r12 %llx r15 %llx", a.r12, a.r15);
    check(a.carry == 1, "carry not set");
    check(a.xmm3[0] == 0x0123456789abcdef && a.xmm3[1] == 0x7edcba9876543210, "xmm3 not set");
    check(a.xmm15[0] == 77, "xmm15 is %llu", a.xmm15[0]);
    check(a.xmm4[0] == 4 && a.xmm4[1] == 44, "xmm4 was lost");
    check(a.mxcsr == 0x1fa0, "mxcsr %x", a.mxcsr);
}

static void changed_registers_flags_and_vectors_are_taken_back(void)
{
    with(change_registers, fault_and_look);
}

static LONG CALLBACK change_nothing_named(EXCEPTION_POINTERS *pointers)
{
    CONTEXT *c = pointers->ContextRecord;

    note(pointers);
    c->Rip += 2;
    c->Rcx = 99;
    c->Xmm3.Low = 99;
    c->ContextFlags = CONTEXT_CONTROL;
    return EXCEPTION_CONTINUE_EXECUTION;
}

static void fault_with_known_registers(void)
{
    ULONG64 rcx;
    ULONG64 xmm3;

    __asm__ volatile("mov $5, %%ecx\n\t"
                     "movq %%rcx, %%xmm3\n\t"
                     "xor %%eax, %%eax\n\t"
                     "mov (%%rax), %%ecx\n\t"
                     "mov %%rcx, %[rcx]\n\t"
                     "movq %%xmm3, %[xmm3]\n\t"
                     : [rcx] "=m"(rcx), [xmm3] "=m"(xmm3)
                     :
                     : "rax", "rcx", "xmm3", "cc", "memory");
    check(rcx == 5 && xmm3 == 5, "rcx %llu xmm3 %llu", rcx, xmm3);
}

static void only_what_the_context_flags_name_is_taken_back(void)
{
    with(change_nothing_named, fault_with_known_registers);
}

static LONG CALLBACK set_wild_mxcsr(EXCEPTION_POINTERS *pointers)
{
    note(pointers);
    pointers->ContextRecord->Rip += 2;
    pointers->ContextRecord->MxCsr = 0xffffffff;
    return EXCEPTION_CONTINUE_EXECUTION;
}

static void reserved_bits_of_mxcsr_do_no_harm(void)
{
    with(set_wild_mxcsr, fault_with_known_registers);
    unsigned usual = 0x1f80;
    __asm__ volatile("ldmxcsr %0" : : "m"(usual));
}

static LONG CALLBACK skip_breakpoint(EXCEPTION_POINTERS *pointers)
{
    note(pointers);
    pointers->ContextRecord->Rip += 1;
    return EXCEPTION_CONTINUE_EXECUTION;
}

static void hit_breakpoint(void)
{
    void *where;

    __asm__ volatile("lea 1f(%%rip), %0\n1:\tint3" : "=r"(where) : : "memory");
    check(seen.record.ExceptionCode == EXCEPTION_BREAKPOINT, "%lx",
          (long)seen.record.ExceptionCode);
    check(seen.record.ExceptionAddress == where, "at %p, not %p", seen.record.ExceptionAddress,
          where);
    check((void *)seen.context.Rip == where, "rip behind the breakpoint");
    check(seen.record.NumberParameters == 1, "%u parameters",
          (unsigned)seen.record.NumberParameters);
}

static void a_breakpoint_is_seen_at_its_own_address(void)
{
    with(skip_breakpoint, hit_breakpoint);
}

static LONG CALLBACK count_steps(EXCEPTION_POINTERS *pointers)
{
    note(pointers);
    if (pointers->ExceptionRecord->ExceptionCode == EXCEPTION_SINGLE_STEP && seen.count < 3)
        pointers->ContextRecord->EFlags |= 0x100;
    return EXCEPTION_CONTINUE_EXECUTION;
}

static void step(void)
{
    __asm__ volatile("pushfq\n\t"
                     "orq $0x100, (%%rsp)\n\t"
                     "popfq\n\t"
                     "nop\n\tnop\n\tnop\n\tnop\n\tnop\n\tnop"
                     :
                     :
                     : "memory", "cc");
    check(seen.count == 3, "%d steps", seen.count);
    check(!(seen.context.EFlags & 0x100), "the trace flag is still set");
    check(seen.record.NumberParameters == 0, "parameters");
}

static void single_steps_go_on_while_the_handler_sets_the_trace_flag(void)
{
    with(count_steps, step);
}

static LONG CALLBACK skip_division(EXCEPTION_POINTERS *pointers)
{
    note(pointers);
    pointers->ContextRecord->Rip = pointers->ContextRecord->R11;
    return EXCEPTION_CONTINUE_EXECUTION;
}

#define DIVIDE(instruction, a, d, c)                                                \
    do {                                                                            \
        memset(&seen, 0, sizeof seen);                                              \
        __asm__ volatile("lea 1f(%%rip), %%r11\n\t" instruction "\n1:"              \
                         :                                                          \
                         : "a"((ULONG64)(a)), "d"((ULONG64)(d)), "c"((ULONG64)(c)), \
                           "S"(&divisors), [m] "m"(divisors)                        \
                         : "r8", "r11", "cc", "memory");                            \
    } while (0)

static struct {
    ULONG64 zero;
    ULONG64 minus_one;
    unsigned char bytes[8];
} divisors = {0, ~0ull, {0, 0xff, 0, 0xff}};

static void divide_in_many_ways(void)
{
    const DWORD zero = EXCEPTION_INT_DIVIDE_BY_ZERO;
    const DWORD overflow = EXCEPTION_INT_OVERFLOW;

    DIVIDE("idivl %%ecx", 1, 0, 0);
    check(seen.record.ExceptionCode == zero, "register, 0");
    DIVIDE("idivl %%ecx", 0x80000000, 0xffffffff, -1);
    check(seen.record.ExceptionCode == overflow, "register, -1");
    DIVIDE("divq %%rcx", 1, 5, 1);
    check(seen.record.ExceptionCode == overflow, "64 bits, quotient too large");
    DIVIDE("divq 0(%%rsi)", 1, 0, 1);
    check(seen.record.ExceptionCode == zero, "memory, 0");
    DIVIDE("idivl 8(%%rsi)", 0x80000000, 0xffffffff, 1);
    check(seen.record.ExceptionCode == overflow, "memory, -1");
    DIVIDE("mov %%rcx, %%r8\n\tidivl (%%rsi,%%r8,8)", 0x80000000, 0xffffffff, 1);
    check(seen.record.ExceptionCode == overflow, "scaled index, -1");
    DIVIDE("divb 16(%%rsi)", 1, 0, 1);
    check(seen.record.ExceptionCode == zero, "a byte of memory, 0");
    DIVIDE("divb 17(%%rsi)", 0xffff, 0, 1);
    check(seen.record.ExceptionCode == overflow, "a byte of memory, 255");
    DIVIDE("divb %%ch", 0xffff, 0, 0x00ff);
    check(seen.record.ExceptionCode == zero, "ch, 0");
    DIVIDE("divb %%ch", 0xffff, 0, 0x0100);
    check(seen.record.ExceptionCode == overflow, "ch, 1");
    DIVIDE("divw %%cx", 1, 5, 0x30001);
    check(seen.record.ExceptionCode == overflow, "16 bits");
    DIVIDE("mov %%rcx, %%r8\n\tdivq %%r8", 1, 5, 0);
    check(seen.record.ExceptionCode == zero, "r8, 0");
    DIVIDE("divl %[m]", 1, 0, 1);
    check(seen.record.ExceptionCode == zero, "compiler's address, 0");
}

static void a_division_by_zero_and_a_quotient_too_large_are_two_exceptions(void)
{
    with(skip_division, divide_in_many_ways);
}

#define ONE(instruction)                                               \
    do {                                                               \
        memset(&seen, 0, sizeof seen);                                 \
        __asm__ volatile("lea 1f(%%rip), %%r11\n\t" instruction "\n1:" \
                         :                                             \
                         : "a"(0), "d"(0), "c"(0x8000000000000000ull)  \
                         : "r11", "cc", "memory");                     \
    } while (0)

static void meet_general_faults(void)
{
    const DWORD privileged = EXCEPTION_PRIV_INSTRUCTION;
    const DWORD violation = EXCEPTION_ACCESS_VIOLATION;

    ONE("hlt");
    check(seen.record.ExceptionCode == privileged, "hlt");
    ONE("cli");
    check(seen.record.ExceptionCode == privileged, "cli");
    ONE("inb %%dx, %%al");
    check(seen.record.ExceptionCode == privileged, "in");
    ONE("rdmsr");
    check(seen.record.ExceptionCode == privileged, "rdmsr");
    ONE("mov %%cr0, %%rax");
    check(seen.record.ExceptionCode == privileged, "mov from cr0");
    ONE("mov (%%rcx), %%al");
    check(seen.record.ExceptionCode == violation, "not canonical");
    check(seen.record.ExceptionInformation[1] == ~0ull, "address %llx",
          (unsigned long long)seen.record.ExceptionInformation[1]);
    ONE("movaps 1(%%rsp), %%xmm0");
    check(seen.record.ExceptionCode == violation, "misaligned vector");
    ONE("ud2");
    check(seen.record.ExceptionCode == EXCEPTION_ILLEGAL_INSTRUCTION, "ud2");
}

static void privileged_instructions_and_impossible_addresses_are_told_apart(void)
{
    with(skip_division, meet_general_faults);
}

static void divide_floating(void)
{
    unsigned unmasked = 0x1f80 & ~0x0200u; /* division by zero */
    unsigned usual = 0x1f80;

    memset(&seen, 0, sizeof seen);
    __asm__ volatile("lea 1f(%%rip), %%r11\n\t"
                     "ldmxcsr %0\n\t"
                     "mov $1, %%eax\n\t"
                     "cvtsi2sd %%eax, %%xmm0\n\t"
                     "pxor %%xmm1, %%xmm1\n\t"
                     "divsd %%xmm1, %%xmm0\n"
                     "1:\tldmxcsr %1"
                     :
                     : "m"(unmasked), "m"(usual)
                     : "rax", "r11", "xmm0", "xmm1", "memory");
    check(seen.record.ExceptionCode == EXCEPTION_FLT_DIVIDE_BY_ZERO, "code %x",
          (unsigned)seen.record.ExceptionCode);
}

static void a_floating_division_by_zero_has_its_code_when_unmasked(void)
{
    with(skip_division, divide_floating);
}

/* ---- RaiseException ----------------------------------------------------------------------------- */

static LONG CALLBACK keep_all_registers(EXCEPTION_POINTERS *pointers)
{
    note(pointers);
    return EXCEPTION_CONTINUE_EXECUTION;
}

/*
 * raise_keeping: raise with known values in the registers that a call keeps, and say what they are
 * afterwards.  raise_away: raise with the address of a label, rsp and rbp as arguments, and say
 * what rax and xmm1 are at the label.
 */
__asm__(".text\n"
        "raise_keeping:\n"
        "    push %rbx\n"
        "    push %r12\n"
        "    push %r15\n"
        "    push %rdi\n"
        "    mov $11, %ebx\n"
        "    mov $12, %r12d\n"
        "    mov $15, %r15d\n"
        "    mov $0xe0000001, %edi\n"
        "    xor %esi, %esi\n"
        "    xor %edx, %edx\n"
        "    xor %ecx, %ecx\n"
        "    sub $8, %rsp\n"
        "    call RaiseException@PLT\n"
        "    add $8, %rsp\n"
        "    pop %rdi\n"
        "    mov %rbx, (%rdi)\n"
        "    mov %r12, 8(%rdi)\n"
        "    mov %r15, 16(%rdi)\n"
        "    pop %r15\n"
        "    pop %r12\n"
        "    pop %rbx\n"
        "    ret\n"
        "raise_away:\n"
        "    push %rbx\n" /* RaiseException has its own values in these by then */
        "    push %r12\n"
        "    push %r13\n"
        "    push %r14\n"
        "    push %r15\n"
        "    push %rdi\n"
        "    sub $24, %rsp\n"
        "    lea 1f(%rip), %rax\n"
        "    mov %rax, (%rsp)\n"
        "    mov %rsp, 8(%rsp)\n"
        "    mov %rbp, 16(%rsp)\n"
        "    mov $0xe0000002, %edi\n"
        "    xor %esi, %esi\n"
        "    mov $3, %edx\n"
        "    mov %rsp, %rcx\n"
        "    xor %eax, %eax\n"
        "    call RaiseException@PLT\n"
        "    ud2\n"
        "1:  add $24, %rsp\n"
        "    pop %rdi\n"
        "    mov %rax, (%rdi)\n"
        "    movq %xmm1, 8(%rdi)\n"
        "    pop %r15\n"
        "    pop %r14\n"
        "    pop %r13\n"
        "    pop %r12\n"
        "    pop %rbx\n"
        "    ret\n");
void raise_keeping(ULONG64 kept[3]);
void raise_away(ULONG64 found[2]);

static void raise_with_live_registers(void)
{
    ULONG64 kept[3];

    raise_keeping(kept);
    check(kept[0] == 11 && kept[1] == 12 && kept[2] == 15, "%llu %llu %llu", kept[0], kept[1],
          kept[2]);
}

static void a_raised_exception_that_is_continued_returns_with_all_registers(void)
{
    with(keep_all_registers, raise_with_live_registers);
    check(seen.count == 1 && seen.record.ExceptionCode == 0xe0000001, "not raised");
    check((void *)seen.context.Rip == seen.record.ExceptionAddress, "rip is not the address");
}

static LONG CALLBACK go_elsewhere(EXCEPTION_POINTERS *pointers)
{
    CONTEXT *c = pointers->ContextRecord;

    note(pointers);
    c->Rip = (ULONG_PTR)pointers->ExceptionRecord->ExceptionInformation[0];
    c->Rsp = (ULONG_PTR)pointers->ExceptionRecord->ExceptionInformation[1];
    c->Rbp = (ULONG_PTR)pointers->ExceptionRecord->ExceptionInformation[2];
    c->Rax = 42;
    c->Xmm1.Low = 43;
    return EXCEPTION_CONTINUE_EXECUTION;
}

static void raise_and_land_elsewhere(void)
{
    ULONG64 found[2];

    raise_away(found);
    check(found[0] == 42 && found[1] == 43, "rax %llu xmm1 %llu", found[0], found[1]);
}

static void a_raised_exception_can_go_on_anywhere_with_any_registers(void)
{
#if defined(__SANITIZE_ADDRESS__)
    skip("the sanitizer would take the frames that are left for live ones");
#endif
    with(go_elsewhere, raise_and_land_elsewhere);
}

#endif /* __x86_64__ */

/* ---- handlers and lists ------------------------------------------------------------------------- */

static char order[16];
static void *added;

static void mark(char c)
{
    size_t n = strlen(order);
    if (n + 1 < sizeof order)
        order[n] = c;
}

static LONG CALLBACK handler_b(EXCEPTION_POINTERS *pointers)
{
    (void)pointers;
    mark('b');
    return EXCEPTION_CONTINUE_SEARCH;
}

static LONG CALLBACK handler_end(EXCEPTION_POINTERS *pointers)
{
    (void)pointers;
    mark('e');
    return EXCEPTION_CONTINUE_EXECUTION;
}

static LONG CALLBACK handler_adds(EXCEPTION_POINTERS *pointers)
{
    (void)pointers;
    mark('a');
    if (!added)
        added = AddVectoredExceptionHandler(0, handler_end);
    return EXCEPTION_CONTINUE_SEARCH;
}

static void a_handler_may_add_another_which_is_asked_at_once(void)
{
    void *a = AddVectoredExceptionHandler(1, handler_adds);

    memset(order, 0, sizeof order);
    added = NULL;
    RaiseException(0xe0000003, 0, 0, NULL);
    check(strcmp(order, "ae") == 0, "order %s", order);
    RemoveVectoredExceptionHandler(a);
    check(RemoveVectoredExceptionHandler(added), "not on the list");
}

static void *self;

static LONG CALLBACK handler_removes_itself(EXCEPTION_POINTERS *pointers)
{
    (void)pointers;
    mark('r');
    RemoveVectoredExceptionHandler(self);
    return EXCEPTION_CONTINUE_SEARCH;
}

static void a_handler_may_remove_itself_and_the_walk_goes_on(void)
{
    void *end = AddVectoredExceptionHandler(0, handler_end);
    void *b = AddVectoredExceptionHandler(1, handler_b);
    self = AddVectoredExceptionHandler(1, handler_removes_itself);

    memset(order, 0, sizeof order);
    RaiseException(0xe0000003, 0, 0, NULL);
    RaiseException(0xe0000003, 0, 0, NULL);
    check(strcmp(order, "rbebe") == 0, "order %s", order);
    check(!RemoveVectoredExceptionHandler(self), "removed twice");
    RemoveVectoredExceptionHandler(b);
    RemoveVectoredExceptionHandler(end);
}

static LONG CALLBACK continue_handler(EXCEPTION_POINTERS *pointers)
{
    (void)pointers;
    mark('c');
    return EXCEPTION_CONTINUE_SEARCH;
}

static void continue_handlers_are_asked_after_one_that_continues(void)
{
    void *end = AddVectoredExceptionHandler(0, handler_end);
    void *c = AddVectoredContinueHandler(1, continue_handler);

    memset(order, 0, sizeof order);
    RaiseException(0xe0000003, 0, 0, NULL);
    check(strcmp(order, "ec") == 0, "order %s", order);
    check(!RemoveVectoredExceptionHandler(c), "it is on the other list");
    check(RemoveVectoredContinueHandler(c), "not on the list");
    RemoveVectoredExceptionHandler(end);
}

static void a_thousand_handlers_are_added_asked_and_removed(void)
{
    static void *handles[1000];
    void *end = AddVectoredExceptionHandler(0, handler_end);

    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 1000; i++)
            check((handles[i] = AddVectoredExceptionHandler(1, handler_b)) != NULL, "no memory");
        memset(order, 0, sizeof order);
        RaiseException(0xe0000003, 0, 0, NULL);
        check(strlen(order) == sizeof order - 1, "asked %zu", strlen(order));
        for (int i = 0; i < 1000; i++)
            check(RemoveVectoredExceptionHandler(handles[i]), "handler %d is gone", i);
    }
    memset(order, 0, sizeof order);
    RaiseException(0xe0000003, 0, 0, NULL);
    check(strcmp(order, "e") == 0, "order %s", order);
    RemoveVectoredExceptionHandler(end);
}

static LONG CALLBACK raises_inside(EXCEPTION_POINTERS *pointers)
{
    if (pointers->ExceptionRecord->ExceptionCode != 0xe0000010)
        return EXCEPTION_CONTINUE_SEARCH;
    mark('(');
    RaiseException(0xe0000011, 0, 0, NULL);
    mark(')');
    return EXCEPTION_CONTINUE_EXECUTION;
}

static void an_exception_inside_a_handler_is_handled_like_any_other(void)
{
    void *end = AddVectoredExceptionHandler(0, handler_end);
    void *a = AddVectoredExceptionHandler(1, raises_inside);

    memset(order, 0, sizeof order);
    RaiseException(0xe0000010, 0, 0, NULL);
    check(strcmp(order, "(e)") == 0, "order %s", order);
    RemoveVectoredExceptionHandler(a);
    RemoveVectoredExceptionHandler(end);
}

static jmp_buf out;
static char *volatile nowhere = (char *)8;

static LONG CALLBACK leave(EXCEPTION_POINTERS *pointers)
{
    (void)pointers;
    longjmp(out, 1);
}

static __attribute__((noinline)) int fault_at_depth(int depth)
{
    volatile char frame[256];

    frame[0] = 1;
    if (depth)
        return fault_at_depth(depth - 1) + frame[0];
    *(volatile int *)nowhere = 1;
    return 0;
}

static void a_handler_may_leave_by_longjmp_any_number_of_times(void)
{
    void *handle = AddVectoredExceptionHandler(1, leave);

    for (volatile int i = 0; i < 1000; i++) {
        if (setjmp(out) == 0)
            fault_at_depth(i % 50);
    }
    RemoveVectoredExceptionHandler(handle);
    with(commit_page, fill_reservation);
}

static __attribute__((noinline)) int overflow(volatile char *above)
{
    volatile char frame[1024];

    frame[0] = above[0];
    return overflow(frame) + frame[0];
}

static LONG CALLBACK leave_overflow(EXCEPTION_POINTERS *pointers)
{
    note(pointers);
    longjmp(out, 1);
}

static void an_overflown_stack_can_be_left_and_overflow_again(void)
{
    void *handle = AddVectoredExceptionHandler(1, leave_overflow);
    volatile char first = 0;

    memset(&seen, 0, sizeof seen);
    for (volatile int i = 0; i < 3; i++) {
        if (setjmp(out) == 0)
            overflow(&first);
        check(seen.record.ExceptionCode == EXCEPTION_STACK_OVERFLOW, "code %x",
              (unsigned)seen.record.ExceptionCode);
    }
    check(seen.count == 3, "%d exceptions", seen.count);
    RemoveVectoredExceptionHandler(handle);
}

static void *overflow_in_thread(void *argument)
{
    void *volatile handle = AddVectoredExceptionHandler(1, leave_overflow);
    volatile char first = 0;

    if (setjmp(out) == 0)
        overflow(&first);
    return RemoveVectoredExceptionHandler(handle) ? argument : NULL;
}

static void the_stack_of_another_thread_can_overflow_and_be_left_too(void)
{
    for (int i = 0; i < 100; i++) {
        pthread_t thread;
        void *result = NULL;

        memset(&seen, 0, sizeof seen);
        check(pthread_create(&thread, NULL, overflow_in_thread, (void *)order) == 0, "no thread");
        pthread_join(thread, &result);
        check(result != NULL, "no handler");
        check(seen.record.ExceptionCode == EXCEPTION_STACK_OVERFLOW, "code %x",
              (unsigned)seen.record.ExceptionCode);
    }
}

/* ---- the filter --------------------------------------------------------------------------------- */

static LONG CALLBACK filter_commits(EXCEPTION_POINTERS *pointers)
{
    return commit_page(pointers);
}

static void the_filter_is_asked_last_and_may_continue(void)
{
    LPTOP_LEVEL_EXCEPTION_FILTER before = SetUnhandledExceptionFilter(filter_commits);
    void *b = AddVectoredExceptionHandler(1, handler_b);
    volatile char *p = VirtualAlloc(NULL, 4096, MEM_RESERVE, PAGE_READWRITE);

    memset(order, 0, sizeof order);
    memset(&seen, 0, sizeof seen);
    p[0] = 1;
    check(strcmp(order, "b") == 0 && seen.count == 1, "order %s", order);
    check(SetUnhandledExceptionFilter(before) == filter_commits, "another filter");
    RemoveVectoredExceptionHandler(b);
    VirtualFree((void *)p, 0, MEM_RELEASE);
}

static LONG CALLBACK filter_insists(EXCEPTION_POINTERS *pointers)
{
    note(pointers);
    if (pointers->ExceptionRecord->ExceptionCode == (DWORD)STATUS_NONCONTINUABLE_EXCEPTION)
        longjmp(out, 1);
    return EXCEPTION_CONTINUE_EXECUTION;
}

static void a_filter_cannot_continue_what_is_noncontinuable(void)
{
    LPTOP_LEVEL_EXCEPTION_FILTER before = SetUnhandledExceptionFilter(filter_insists);

    memset(&seen, 0, sizeof seen);
    if (setjmp(out) == 0)
        RaiseException(0xe0000020, EXCEPTION_NONCONTINUABLE, 0, NULL);
    check(seen.count == 2, "%d exceptions", seen.count);
    check(seen.record.ExceptionCode == (DWORD)STATUS_NONCONTINUABLE_EXCEPTION, "code %x",
          (unsigned)seen.record.ExceptionCode);
    SetUnhandledExceptionFilter(before);
}

/* ---- in-page errors ----------------------------------------------------------------------------- */

static LONG CALLBACK map_zeros(EXCEPTION_POINTERS *pointers)
{
    note(pointers);
    void *page = (void *)(pointers->ExceptionRecord->ExceptionInformation[1] & ~4095ull);
    if (pointers->ExceptionRecord->ExceptionCode != EXCEPTION_IN_PAGE_ERROR)
        return EXCEPTION_CONTINUE_SEARCH;
    return mmap(page, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
                0) == page
               ? EXCEPTION_CONTINUE_EXECUTION
               : EXCEPTION_CONTINUE_SEARCH;
}

static void touch_behind_the_end(void)
{
    char path[] = "/tmp/ntmm-test-XXXXXX";
    int fd = mkstemp(path);

    check(fd >= 0 && ftruncate(fd, 8192) == 0, "no file");
    volatile char *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    check(ftruncate(fd, 4096) == 0, "cannot truncate");
    p[4096 + 77] = 1;
    unlink(path);
    close(fd);
    check(seen.count == 1 && seen.record.NumberParameters == 3, "%d exceptions", seen.count);
    check(seen.record.ExceptionInformation[0] == 1, "not a write");
    check(seen.record.ExceptionInformation[1] == (ULONG_PTR)p + 4096 + 77, "another address");
    check((DWORD)seen.record.ExceptionInformation[2] == 0xc0000011, "status %x",
          (unsigned)seen.record.ExceptionInformation[2]);
    munmap((void *)p, 8192);
}

static void a_page_behind_the_end_of_its_file_is_an_in_page_error_that_can_be_mended(void)
{
    with(map_zeros, touch_behind_the_end);
}

/* ---- many threads ------------------------------------------------------------------------------- */

#define THREADS 4
#define ROUNDS 2000

static LONG CALLBACK commit_quietly(EXCEPTION_POINTERS *pointers)
{
    if (pointers->ExceptionRecord->ExceptionCode != EXCEPTION_ACCESS_VIOLATION)
        return EXCEPTION_CONTINUE_SEARCH;
    void *page = (void *)(pointers->ExceptionRecord->ExceptionInformation[1] & ~4095ull);
    return VirtualAlloc(page, 4096, MEM_COMMIT, PAGE_READWRITE) ? EXCEPTION_CONTINUE_EXECUTION
                                                                : EXCEPTION_CONTINUE_SEARCH;
}

static LONG CALLBACK looks_on(EXCEPTION_POINTERS *pointers)
{
    (void)pointers;
    return EXCEPTION_CONTINUE_SEARCH;
}

static void *fault_and_change_the_list(void *argument)
{
    volatile char *shared = argument;

    for (int i = 0; i < ROUNDS; i++) {
        void *handle = AddVectoredExceptionHandler(i % 2 == 0, looks_on);
        shared[(i % 64) * 4096] = 1; /* four threads meet at the same page */
        if (!handle || !RemoveVectoredExceptionHandler(handle))
            return NULL;
        if (i % 64 == 63)
            VirtualFree((void *)shared, 64 * 4096, MEM_DECOMMIT);
    }
    return argument;
}

static void threads_fault_at_the_same_pages_while_the_list_changes(void)
{
    void *handle = AddVectoredExceptionHandler(0, commit_quietly);
    char *shared = VirtualAlloc(NULL, 64 * 4096, MEM_RESERVE, PAGE_READWRITE);
    pthread_t threads[THREADS];

    for (int i = 0; i < THREADS; i++)
        check(!pthread_create(&threads[i], NULL, fault_and_change_the_list, shared), "no thread");
    for (int i = 0; i < THREADS; i++) {
        void *result = NULL;
        pthread_join(threads[i], &result);
        check(result == shared, "a handler was lost in thread %d", i);
    }
    RemoveVectoredExceptionHandler(handle);
    VirtualFree(shared, 0, MEM_RELEASE);
}

static atomic_int guards_met;

static LONG CALLBACK count_guards(EXCEPTION_POINTERS *pointers)
{
    if (pointers->ExceptionRecord->ExceptionCode != EXCEPTION_GUARD_PAGE)
        return EXCEPTION_CONTINUE_SEARCH;
    atomic_fetch_add(&guards_met, 1);
    return EXCEPTION_CONTINUE_EXECUTION;
}

static void *touch_guards(void *argument)
{
    volatile char *pages = argument;

    for (int i = 0; i < 256; i++)
        pages[i * 4096]++;
    return NULL;
}

static void each_guard_page_is_met_once_by_whichever_thread_comes_first(void)
{
    void *handle = AddVectoredExceptionHandler(1, count_guards);
    char *pages =
        VirtualAlloc(NULL, 256 * 4096, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE | PAGE_GUARD);
    pthread_t threads[THREADS];

    atomic_store(&guards_met, 0);
    for (int i = 0; i < THREADS; i++)
        check(!pthread_create(&threads[i], NULL, touch_guards, pages), "no thread");
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    check(atomic_load(&guards_met) == 256, "%d exceptions", atomic_load(&guards_met));
    RemoveVectoredExceptionHandler(handle);
    VirtualFree(pages, 0, MEM_RELEASE);
}

static const struct test tests[] = {
    TEST(a_handler_that_commits_the_page_lets_the_program_go_on, ""),
#if defined(__x86_64__)
    TEST(changed_registers_flags_and_vectors_are_taken_back, ""),
    TEST(only_what_the_context_flags_name_is_taken_back, ""),
    TEST(reserved_bits_of_mxcsr_do_no_harm, ""),
    TEST(a_breakpoint_is_seen_at_its_own_address, ""),
    TEST(single_steps_go_on_while_the_handler_sets_the_trace_flag, ""),
    TEST(a_division_by_zero_and_a_quotient_too_large_are_two_exceptions, ""),
    TEST(privileged_instructions_and_impossible_addresses_are_told_apart, ""),
    TEST(a_floating_division_by_zero_has_its_code_when_unmasked, ""),
    TEST(a_raised_exception_that_is_continued_returns_with_all_registers, ""),
    TEST(a_raised_exception_can_go_on_anywhere_with_any_registers, ""),
#endif
    TEST(a_handler_may_add_another_which_is_asked_at_once, ""),
    TEST(a_handler_may_remove_itself_and_the_walk_goes_on, ""),
    TEST(continue_handlers_are_asked_after_one_that_continues, ""),
    TEST(a_thousand_handlers_are_added_asked_and_removed, ""),
    TEST(an_exception_inside_a_handler_is_handled_like_any_other, ""),
    TEST(a_handler_may_leave_by_longjmp_any_number_of_times, ""),
    TEST(an_overflown_stack_can_be_left_and_overflow_again, ""),
    TEST(the_stack_of_another_thread_can_overflow_and_be_left_too, ""),
    TEST(the_filter_is_asked_last_and_may_continue, ""),
    TEST(a_filter_cannot_continue_what_is_noncontinuable, ""),
    TEST(a_page_behind_the_end_of_its_file_is_an_in_page_error_that_can_be_mended, ""),
    TEST(threads_fault_at_the_same_pages_while_the_list_changes, ""),
    TEST(each_guard_page_is_met_once_by_whichever_thread_comes_first, ""),
};

int main(int argc, char **argv)
{
    return test_main(tests, TEST_COUNT(tests), argc, argv);
}
