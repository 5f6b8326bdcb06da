/*
 * A handler for exceptions that causes the next one, and so on.
 *
 * exit: SIGSEGV
 * report: unhandled exception 0xc0000005 EXCEPTION_ACCESS_VIOLATION
 * report: while a handler was at work on another exception, 8 deep
 * report: handler_faults+0x
 */
#include <windows.h>

#include "misuse.h"

static volatile int *volatile nothing;

static LONG NTAPI handler(EXCEPTION_POINTERS *pointers)
{
    (void)pointers;
    *nothing = 2;
    return EXCEPTION_CONTINUE_EXECUTION;
}

int main(void)
{
    AddVectoredExceptionHandler(1, handler);
    *nothing = 1;
    return still_running();
}
