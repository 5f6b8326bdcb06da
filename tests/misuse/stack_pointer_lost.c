/*
 * Lose the stack pointer, then fault.
 *
 * exit: SIGSEGV
 * report: unhandled exception 0xc0000005 EXCEPTION_ACCESS_VIOLATION
 * report: stack_pointer_lost+0x
 * report: the stack pointer leads to no caller
 */
#include <windows.h>

#include "misuse.h"

int main(void)
{
    __asm__ volatile("mov $0x1230, %rsp\n\t"
                     "mov $0x1230, %rbp\n\t"
                     "push %rax");
    return still_running();
}
