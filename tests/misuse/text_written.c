/*
 * Write into the program's own code.
 *
 * exit: SIGSEGV
 * report: unhandled exception 0xc0000005 EXCEPTION_ACCESS_VIOLATION
 * report: : writes 0x
 * report: text_written+0x
 */
#include <windows.h>

#include "misuse.h"

int main(void)
{
    volatile char *p = (volatile char *)(ULONG_PTR)main;

    p[0] = 1;
    return still_running();
}
