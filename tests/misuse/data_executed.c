/*
 * Jump into memory without execute access.
 *
 * exit: SIGSEGV
 * report: unhandled exception 0xc0000005 EXCEPTION_ACCESS_VIOLATION
 * report: : executes 0x
 * report: is committed, PAGE_READWRITE: 0 bytes into the allocation at 0x
 * report: stack
 * report: data_executed+0x
 * report: line  addr2line -Cfipe
 */
#include <windows.h>

#include "misuse.h"

int main(void)
{
    unsigned char *p = VirtualAlloc(NULL, 4096, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
    void (*run)(void);

    p[0] = 0xc3; /* ret */
    run = (void (*)(void))(ULONG_PTR)p;
    run();
    return still_running();
}
