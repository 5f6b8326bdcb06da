/*
 * Execute an instruction of the kernel's.
 *
 * exit: SIGSEGV
 * report: unhandled exception 0xc0000096 EXCEPTION_PRIV_INSTRUCTION
 */
#include <windows.h>

#include "misuse.h"

int main(void)
{
    __asm__ volatile("hlt");
    return still_running();
}
