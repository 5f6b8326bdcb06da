/*
 * Free memory of the program itself.
 *
 * exit: SIGABRT
 * once: unhandled exception
 * report: unhandled exception 0xc0000374 STATUS_HEAP_CORRUPTION
 * report: HeapFree: this address is not a block in use
 * report: : heap_free_static+0x
 * report: heap_free_static+0x
 * report: next  look at who freed
 * report: line  addr2line -Cfipe
 * report: heap_free_static 0x
 */
#include <windows.h>

#include "misuse.h"

static char memory[256];

int main(void)
{
    HeapFree(GetProcessHeap(), 0, memory);
    return still_running();
}
