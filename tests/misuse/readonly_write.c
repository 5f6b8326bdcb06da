/*
 * Write to a page that may only be read.
 *
 * exit: SIGSEGV
 * report: unhandled exception 0xc0000005 EXCEPTION_ACCESS_VIOLATION
 * report: : writes 0x
 * report: is committed, PAGE_READONLY: 4 bytes into the allocation at 0x
 */
#include <windows.h>

#include "misuse.h"

int main(void)
{
    volatile char *p = VirtualAlloc(NULL, 4096, MEM_RESERVE | MEM_COMMIT, PAGE_READONLY);

    p[4] = 1;
    return still_running();
}
