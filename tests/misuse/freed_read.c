/*
 * Read memory that VirtualFree has released.
 *
 * exit: SIGSEGV
 * report: unhandled exception 0xc0000005 EXCEPTION_ACCESS_VIOLATION
 * report: : reads 0x
 * report: is free: most likely memory that was released
 */
#include <windows.h>

#include "misuse.h"

int main(void)
{
    volatile char *p = VirtualAlloc(NULL, 65536, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);

    p[100] = 1;
    VirtualFree((void *)p, 0, MEM_RELEASE);
    (void)p[100];
    return still_running();
}
