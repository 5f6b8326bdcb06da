/*
 * Read past the committed part of a reservation.
 *
 * exit: SIGSEGV
 * report: unhandled exception 0xc0000005 EXCEPTION_ACCESS_VIOLATION
 * report: : reads 0x
 * report: is reserved, not committed: 4104 bytes into the allocation at 0x
 * report: 8 bytes past the end of committed memory of the allocation at 0x
 */
#include <windows.h>

#include "misuse.h"

int main(void)
{
    volatile char *p = VirtualAlloc(NULL, 65536, MEM_RESERVE, PAGE_READWRITE);

    VirtualAlloc((void *)p, 4096, MEM_COMMIT, PAGE_READWRITE);
    (void)p[4096 + 8];
    return still_running();
}
