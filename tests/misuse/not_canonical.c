/*
 * Use an address that no page can have.
 *
 * exit: SIGSEGV
 * report: unhandled exception 0xc0000005 EXCEPTION_ACCESS_VIOLATION
 * report: : reads 0xffffffffffffffff
 * report: not canonical
 */
#include <windows.h>

#include "misuse.h"

int main(void)
{
    volatile char *volatile p = (char *)0x8000000000000000ull;

    (void)*p;
    return still_running();
}
