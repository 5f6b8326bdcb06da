/*
 * Execute what is no instruction.
 *
 * exit: SIGILL
 * report: unhandled exception 0xc000001d EXCEPTION_ILLEGAL_INSTRUCTION
 */
#include <windows.h>

#include "misuse.h"

int main(void)
{
    __builtin_trap();
    return still_running();
}
