/*
 * Overwrite the own return address, and return.
 *
 * exit: SIGSEGV
 * report: unhandled exception 0xc0000005 EXCEPTION_ACCESS_VIOLATION
 * report: what is told for an address that no page can have
 * report: rsp
 */
#include <windows.h>

#include "misuse.h"

static __attribute__((noinline)) void smash(size_t length)
{
    char small[16];
    volatile char *p = small;

    while (length--)
        *p++ = 0x41;
}

int main(void)
{
    smash(256);
    return still_running();
}
