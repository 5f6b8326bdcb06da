/*
 * Free a variable.
 *
 * exit: SIGABRT
 * once: unhandled exception
 * report: unhandled exception 0xc0000374 STATUS_HEAP_CORRUPTION
 * report: HeapFree: this address is not a block in use
 * report: is committed, PAGE_READWRITE: the first thread's stack
 * report: heap_free_stack+0x
 * report: next  look at who freed
 * report: line  addr2line -Cfipe
 * report: heap_free_stack 0x
 */
#include <windows.h>

#include "misuse.h"

int main(void)
{
    char memory[256];

    HeapFree(GetProcessHeap(), 0, memory);
    return still_running();
}
