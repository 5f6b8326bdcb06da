/*
 * Free an address where nothing is.
 *
 * exit: SIGABRT
 * once: unhandled exception
 * report: unhandled exception 0xc0000374 STATUS_HEAP_CORRUPTION
 * report: HeapFree: this address is not a block in use
 * report:  is free
 * report: heap_free_unmapped+0x
 * report: next  look at who freed
 * report: line  addr2line -Cfipe
 * report: heap_free_unmapped 0x
 */
#include <windows.h>

#include "misuse.h"

int main(void)
{
    char *memory = VirtualAlloc(NULL, 65536, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);

    VirtualFree(memory, 0, MEM_RELEASE);
    HeapFree(GetProcessHeap(), 0, memory);
    return still_running();
}
