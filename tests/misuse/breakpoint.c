/*
 * Meet a breakpoint without a debugger.
 *
 * exit: SIGTRAP
 * report: unhandled exception 0x80000003 EXCEPTION_BREAKPOINT
 */
#include <windows.h>

#include "misuse.h"

int main(void)
{
    __asm__ volatile("int3");
    return still_running();
}
