/*
 * Recurse without end on the first thread's stack.
 *
 * exit: SIGSEGV
 * report: unhandled exception 0xc00000fd EXCEPTION_STACK_OVERFLOW
 * report: which is just below this thread's stack
 * report: stack
 * report: stack_overflow+0x
 * report: the same 6
 * report: more times
 * report: next  look for recursion without end
 */
#include <windows.h>

#include "misuse.h"

static int deeper(volatile char *above)
{
    volatile char frame[512];

    frame[0] = above[0];
    return deeper(frame) + frame[0];
}

int main(void)
{
    volatile char first = 1;

    deeper(&first);
    return still_running();
}
