/*
 * Touch a guard page that nobody waits for.
 *
 * exit: SIGSEGV
 * report: unhandled exception 0x80000001 EXCEPTION_GUARD_PAGE
 * report: : writes 0x
 * report: next  a page with PAGE_GUARD was touched
 */
#include <windows.h>

#include "misuse.h"

int main(void)
{
    volatile char *p =
        VirtualAlloc(NULL, 4096, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE | PAGE_GUARD);

    p[0] = 1;
    return still_running();
}
