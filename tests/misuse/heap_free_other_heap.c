/*
 * Free a block of another heap.
 *
 * exit: SIGABRT
 * once: unhandled exception
 * report: unhandled exception 0xc0000374 STATUS_HEAP_CORRUPTION
 * report: HeapFree: this block belongs to another heap
 * report: heap_free_other_heap+0x
 * report: next  look at who freed
 * report: line  addr2line -Cfipe
 * report: heap_free_other_heap 0x
 */
#include <windows.h>

#include "misuse.h"

int main(void)
{
    HANDLE heap = HeapCreate(0, 0, 0);
    char *block = HeapAlloc(GetProcessHeap(), 0, 100);

    HeapFree(heap, 0, block);
    return still_running();
}
