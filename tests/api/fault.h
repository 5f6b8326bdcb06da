/*
 * fault.h - touch memory and see whether it faults.
 *
 * Each touch is a known instruction with the address to go on at in a register; a vectored handler
 * notes the exception and continues there, through the CONTEXT.  So nothing unwinds, and the same
 * source runs on Windows.
 */
#ifndef NTMM_TESTS_API_FAULT_H
#define NTMM_TESTS_API_FAULT_H

#include <windows.h>

#include <stdbool.h>
#include <string.h>

static struct {
    volatile bool expecting; /* a touch is under way in the testing thread */
    volatile int count;      /* exceptions it raised */
    EXCEPTION_RECORD record; /* the last */
    void *handler;
} fault;

static LONG CALLBACK note_fault(EXCEPTION_POINTERS *pointers)
{
    if (!fault.expecting)
        return EXCEPTION_CONTINUE_SEARCH;
    fault.expecting = false;
    fault.count++;
    fault.record = *pointers->ExceptionRecord;
#if defined(__x86_64__)
    pointers->ContextRecord->Rip = pointers->ContextRecord->Rcx;
#else
    pointers->ContextRecord->Pc = pointers->ContextRecord->X[15];
#endif
    return EXCEPTION_CONTINUE_EXECUTION;
}

static void expect_fault(void)
{
    if (!fault.handler)
        fault.handler = AddVectoredExceptionHandler(1, note_fault);
    memset(&fault.record, 0, sizeof(fault.record));
    fault.count = 0;
    fault.expecting = true;
}

/* Read one byte: whether that went without an exception. */
__attribute__((unused, noinline)) static bool can_read(const volatile void *p)
{
    expect_fault();
#if defined(__x86_64__)
    __asm__ volatile("lea 1f(%%rip), %%rcx\n\tmovb (%0), %%al\n1:"
                     :
                     : "r"(p)
                     : "rax", "rcx", "memory");
#else
    __asm__ volatile("adr x15, 1f\n\tldrb w14, [%0]\n1:" : : "r"(p) : "x14", "x15", "memory");
#endif
    fault.expecting = false;
    return fault.count == 0;
}

/* Write one byte: whether that went without an exception. */
__attribute__((unused, noinline)) static bool can_write(volatile void *p, int value)
{
    expect_fault();
#if defined(__x86_64__)
    __asm__ volatile("lea 1f(%%rip), %%rcx\n\tmovb %b1, (%0)\n1:"
                     :
                     : "r"(p), "d"(value)
                     : "rcx", "memory");
#else
    __asm__ volatile("adr x15, 1f\n\tstrb %w1, [%0]\n1:" : : "r"(p), "r"(value) : "x15", "memory");
#endif
    fault.expecting = false;
    return fault.count == 0;
}

/* Write eight bytes at once. */
__attribute__((unused, noinline)) static bool can_write_eight(volatile void *p, ULONG64 value)
{
    expect_fault();
#if defined(__x86_64__)
    __asm__ volatile("lea 1f(%%rip), %%rcx\n\tmovq %1, (%0)\n1:"
                     :
                     : "r"(p), "d"(value)
                     : "rcx", "memory");
#else
    __asm__ volatile("adr x15, 1f\n\tstr %1, [%0]\n1:" : : "r"(p), "r"(value) : "x15", "memory");
#endif
    fault.expecting = false;
    return fault.count == 0;
}

/* The code of a function that does nothing. */
#if defined(__x86_64__)
static const unsigned char do_nothing[] = {0xc3};
#else
static const unsigned char do_nothing[] = {0xc0, 0x03, 0x5f, 0xd6};
#endif

/* Call the code at p, which is do_nothing or cannot be executed. */
__attribute__((unused, noinline)) static bool can_call(const void *p)
{
    expect_fault();
#if defined(__x86_64__)
    __asm__ volatile("lea 1f(%%rip), %%rcx\n\t"
                     "mov %%rsp, %%rdx\n\t"
                     "sub $256, %%rsp\n\t"
                     "call *%0\n"
                     "1:\tmov %%rdx, %%rsp"
                     :
                     : "r"(p)
                     : "rcx", "rdx", "memory");
#else
    __asm__ volatile("adr x15, 1f\n\tblr %0\n1:" : : "r"(p) : "x15", "x30", "memory");
#endif
    fault.expecting = false;
    return fault.count == 0;
}

#endif
