/*
 * Write through a null pointer.
 *
 * exit: SIGSEGV
 * report: unhandled exception 0xc0000005 EXCEPTION_ACCESS_VIOLATION
 * report: null_write), thread
 * report: : writes 0x0000000000000010
 * report: null_write+0x
 * report: is in the first 64 KiB, where nothing ever lies: a null pointer
 * report: rax
 * report: rip
 * report: stack
 * report: null_write+0x
 * report: next  look at the pointer
 * report: line  addr2line -Cfipe
 */
#include <windows.h>

#include "misuse.h"

struct thing {
    char before[16];
    int value;
};

int main(void)
{
    volatile struct thing *volatile nothing = NULL;

    nothing->value = 1;
    return still_running();
}
