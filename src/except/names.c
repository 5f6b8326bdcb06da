/*
 * names.c - what an exception is called, and what to do about it.
 */
#include <ntstatus.h>

#include "except/names.h"

static const struct exception_name names[] = {
    {STATUS_ACCESS_VIOLATION, "EXCEPTION_ACCESS_VIOLATION",
     "look at the pointer that the instruction used: it leads to memory that does not allow this"},
    {STATUS_GUARD_PAGE_VIOLATION, "EXCEPTION_GUARD_PAGE",
     "a page with PAGE_GUARD was touched and nobody waited for it: AddVectoredExceptionHandler"},
    {STATUS_IN_PAGE_ERROR, "EXCEPTION_IN_PAGE_ERROR",
     "the file or page file behind this page failed: look at its disk, its space and its length"},
    {STATUS_STACK_OVERFLOW, "EXCEPTION_STACK_OVERFLOW",
     "look for recursion without end in the stack above; ulimit -s sets the first thread's size"},
    {STATUS_INTEGER_DIVIDE_BY_ZERO, "EXCEPTION_INT_DIVIDE_BY_ZERO", "the divisor was 0"},
    {STATUS_INTEGER_OVERFLOW, "EXCEPTION_INT_OVERFLOW",
     "the quotient does not fit its register (the smallest integer divided by -1)"},
    {STATUS_ILLEGAL_INSTRUCTION, "EXCEPTION_ILLEGAL_INSTRUCTION",
     "this processor does not know the instruction: a trap of the compiler's, or a wild jump"},
    {STATUS_PRIVILEGED_INSTRUCTION, "EXCEPTION_PRIV_INSTRUCTION",
     "only the kernel may execute this instruction: most likely a wild jump"},
    {STATUS_BREAKPOINT, "EXCEPTION_BREAKPOINT",
     "a breakpoint without a debugger: run it under gdb"},
    {STATUS_SINGLE_STEP, "EXCEPTION_SINGLE_STEP", "the trace flag was set without a debugger"},
    {STATUS_DATATYPE_MISALIGNMENT, "EXCEPTION_DATATYPE_MISALIGNMENT",
     "the address is not a multiple of the size that the instruction needs"},
    {STATUS_ARRAY_BOUNDS_EXCEEDED, "EXCEPTION_ARRAY_BOUNDS_EXCEEDED", NULL},
    {STATUS_FLOAT_DENORMAL_OPERAND, "EXCEPTION_FLT_DENORMAL_OPERAND", NULL},
    {STATUS_FLOAT_DIVIDE_BY_ZERO, "EXCEPTION_FLT_DIVIDE_BY_ZERO", NULL},
    {STATUS_FLOAT_INEXACT_RESULT, "EXCEPTION_FLT_INEXACT_RESULT", NULL},
    {STATUS_FLOAT_INVALID_OPERATION, "EXCEPTION_FLT_INVALID_OPERATION", NULL},
    {STATUS_FLOAT_OVERFLOW, "EXCEPTION_FLT_OVERFLOW", NULL},
    {STATUS_FLOAT_STACK_CHECK, "EXCEPTION_FLT_STACK_CHECK", NULL},
    {STATUS_FLOAT_UNDERFLOW, "EXCEPTION_FLT_UNDERFLOW", NULL},
    {STATUS_NONCONTINUABLE_EXCEPTION, "EXCEPTION_NONCONTINUABLE_EXCEPTION",
     "a filter wanted to go on after an exception that cannot be continued"},
    {STATUS_HEAP_CORRUPTION, "STATUS_HEAP_CORRUPTION",
     "look at who freed, resized or overran this block before: the stack shows who found out"},
    {STATUS_NO_MEMORY, "STATUS_NO_MEMORY", "an allocation that raises exceptions found no memory"},
};

static const struct exception_name page_errors[] = {
    {STATUS_END_OF_FILE, "STATUS_END_OF_FILE: the file ends before this page", NULL},
    {STATUS_DISK_FULL, "STATUS_DISK_FULL: no space for this page", NULL},
    {STATUS_IO_DEVICE_ERROR, "STATUS_IO_DEVICE_ERROR: the device failed to read it", NULL},
    {STATUS_DEVICE_DATA_ERROR, "STATUS_DEVICE_DATA_ERROR: the RAM under it is broken", NULL},
};

static const struct exception_name *find(const struct exception_name *table, size_t count,
                                         DWORD code)
{
    for (size_t i = 0; i < count; i++) {
        if (table[i].code == (NTSTATUS)code)
            return &table[i];
    }
    return NULL;
}

const struct exception_name *mm_except_name(DWORD code)
{
    return find(names, sizeof names / sizeof *names, code);
}

const char *mm_except_page_error_name(DWORD status)
{
    const struct exception_name *n =
        find(page_errors, sizeof page_errors / sizeof *page_errors, status);
    return n ? n->name : NULL;
}
