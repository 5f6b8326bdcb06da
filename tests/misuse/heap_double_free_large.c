/*
 * Free a block of 5 MiB twice.
 *
 * exit: SIGABRT
 * once: unhandled exception
 * report: unhandled exception 0xc0000374 STATUS_HEAP_CORRUPTION
 * report: HeapFree: this address is not a block in use (freed twice?)
 * report: heap_double_free_large+0x
 * report: next  look at who freed
 * report: line  addr2line -Cfipe
 * report: heap_double_free_large 0x
 */
#include <windows.h>

#include "misuse.h"

int main(void)
{
    HANDLE heap = HeapCreate(0, 0, 0);
    char *block = HeapAlloc(heap, 0, 5 << 20);

    block[0] = 'x';
    HeapFree(heap, 0, block);
    HeapFree(heap, 0, block);
    return still_running();
}
