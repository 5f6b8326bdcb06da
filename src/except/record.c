/*
 * record.c - from what stopped a thread to an EXCEPTION_RECORD.
 */
#include <errno.h>
#include <string.h>

#include <ntstatus.h>

#include "base/page.h"
#include "except/except_internal.h"

#define BELOW_SP 256       /* a push, a call or the red zone */
#define ABOVE_SP (1 * MIB) /* the frame that sp was moved down for */

static const NTSTATUS codes[] = {
    [OS_FAULT_ACCESS] = STATUS_ACCESS_VIOLATION,
    [OS_FAULT_GENERAL] = STATUS_ACCESS_VIOLATION,
    [OS_FAULT_PAGE_IO] = STATUS_IN_PAGE_ERROR,
    [OS_FAULT_PAGE_BROKEN] = STATUS_IN_PAGE_ERROR,
    [OS_FAULT_MISALIGNED] = STATUS_DATATYPE_MISALIGNMENT,
    [OS_FAULT_DIVIDE] = STATUS_INTEGER_DIVIDE_BY_ZERO,
    [OS_FAULT_OVERFLOW] = STATUS_INTEGER_OVERFLOW,
    [OS_FAULT_BOUNDS] = STATUS_ARRAY_BOUNDS_EXCEEDED,
    [OS_FAULT_FLOAT_DIVIDE] = STATUS_FLOAT_DIVIDE_BY_ZERO,
    [OS_FAULT_FLOAT_OVERFLOW] = STATUS_FLOAT_OVERFLOW,
    [OS_FAULT_FLOAT_UNDERFLOW] = STATUS_FLOAT_UNDERFLOW,
    [OS_FAULT_FLOAT_INEXACT] = STATUS_FLOAT_INEXACT_RESULT,
    [OS_FAULT_FLOAT_INVALID] = STATUS_FLOAT_INVALID_OPERATION,
    [OS_FAULT_INSTRUCTION] = STATUS_ILLEGAL_INSTRUCTION,
    [OS_FAULT_PRIVILEGED] = STATUS_PRIVILEGED_INSTRUCTION,
    [OS_FAULT_BREAKPOINT] = STATUS_BREAKPOINT,
    [OS_FAULT_STEP] = STATUS_SINGLE_STEP,
};

/* The signals' numbers are the same on all machines that Linux calls 64-bit. */
enum { ILL = 4, TRAP = 5, ABRT = 6, BUS = 7, FPE = 8, SEGV = 11 };

int mm_except_signal(DWORD code)
{
    switch ((NTSTATUS)code) {
    case STATUS_ACCESS_VIOLATION:
    case STATUS_GUARD_PAGE_VIOLATION:
    case STATUS_STACK_OVERFLOW:
    case STATUS_PRIVILEGED_INSTRUCTION: return SEGV;
    case STATUS_IN_PAGE_ERROR:
    case STATUS_DATATYPE_MISALIGNMENT: return BUS;
    case STATUS_ILLEGAL_INSTRUCTION: return ILL;
    case STATUS_BREAKPOINT:
    case STATUS_SINGLE_STEP: return TRAP;
    case STATUS_INTEGER_DIVIDE_BY_ZERO:
    case STATUS_INTEGER_OVERFLOW:
    case STATUS_FLOAT_DIVIDE_BY_ZERO:
    case STATUS_FLOAT_OVERFLOW:
    case STATUS_FLOAT_UNDERFLOW:
    case STATUS_FLOAT_INEXACT_RESULT:
    case STATUS_FLOAT_INVALID_OPERATION: return FPE;
    default: return ABRT;
    }
}

/* Whether nothing can be written at `sp`: it has left the stack. */
static bool is_outside(uintptr_t sp)
{
    struct os_mapping m;
    return mm_os_mapping_at(sp, &m) || m.start > sp || m.access == OS_NONE;
}

/*
 * The first thread's stack has a gap below it, other threads' an inaccessible page.  The stack
 * pointer must have run out of the stack too: an access below a healthy one is a wild pointer.
 */
static __attribute__((noinline)) bool is_just_below_a_stack(const struct os_fault *f)
{
    struct os_mapping m;

    if (mm_os_mapping_at(f->address, &m))
        return false;
    if (m.start <= f->address) {
        if (m.access != OS_NONE || mm_os_mapping_at(m.end, &m) || m.file || m.access < OS_WRITE)
            return false;
    } else if (strcmp(m.name, "[stack]") != 0) {
        return false;
    }
    if (m.start - f->address > ABOVE_SP)
        return false;
    return f->sp < m.start ? is_outside(f->sp) : f->sp < m.start + PAGE_BYTES;
}

static bool is_stack_overflow(const struct os_fault *f)
{
    return f->cause == OS_FAULT_ACCESS && f->access != OS_EXEC && f->address + BELOW_SP >= f->sp &&
           f->address < f->sp + ABOVE_SP && is_just_below_a_stack(f);
}

static NTSTATUS page_error(const struct os_fault *f)
{
    bool write = f->access == OS_WRITE;
    NTSTATUS status = STATUS_SUCCESS;

    if (f->cause == OS_FAULT_PAGE_BROKEN)
        return STATUS_DEVICE_DATA_ERROR;
    if (mm_except_is_ours(f->address) && mm_except_memory->page_error)
        status = mm_except_memory->page_error((void *)f->address, write);
    if (status)
        return status;
    switch (mm_os_page_error(f->address, write)) {
    case -ENODATA: return STATUS_END_OF_FILE;
    case -ENOSPC: return STATUS_DISK_FULL;
    default: return STATUS_IO_DEVICE_ERROR;
    }
}

static NTSTATUS code_of(const struct os_fault *f, bool guard)
{
    if (guard)
        return STATUS_GUARD_PAGE_VIOLATION;
    if (f->cause == OS_FAULT_GENERAL && mm_except_is_privileged(f->ip))
        return STATUS_PRIVILEGED_INSTRUCTION;
    if (f->cause == OS_FAULT_DIVIDE && !mm_except_divides_by_zero(f))
        return STATUS_INTEGER_OVERFLOW;
    if (is_stack_overflow(f))
        return STATUS_STACK_OVERFLOW;
    return codes[f->cause];
}

static ULONG_PTR access_kind(int access)
{
    return access == OS_EXEC    ? EXCEPTION_EXECUTE_FAULT
           : access == OS_WRITE ? EXCEPTION_WRITE_FAULT
                                : EXCEPTION_READ_FAULT;
}

void mm_except_record(const struct os_fault *f, bool guard, EXCEPTION_RECORD *r)
{
    memset(r, 0, sizeof *r);
    r->ExceptionCode = (DWORD)code_of(f, guard);
    r->ExceptionAddress = (void *)f->ip;
    switch ((NTSTATUS)r->ExceptionCode) {
    case STATUS_IN_PAGE_ERROR:
        r->NumberParameters = 3;
        r->ExceptionInformation[0] = access_kind(f->access);
        r->ExceptionInformation[1] = f->address;
        r->ExceptionInformation[2] = (ULONG_PTR)(ULONG)page_error(f);
        break;
    case STATUS_ACCESS_VIOLATION:
    case STATUS_GUARD_PAGE_VIOLATION:
    case STATUS_STACK_OVERFLOW:
        r->NumberParameters = 2;
        r->ExceptionInformation[0] = access_kind(f->access);
        r->ExceptionInformation[1] = f->cause == OS_FAULT_GENERAL ? ~(ULONG_PTR)0 : f->address;
        break;
    case STATUS_BREAKPOINT:
        r->NumberParameters = 1; /* 0: a breakpoint, and no service of a debugger */
        break;
    default: break;
    }
}
