/*
 * Free a block twice.
 *
 * exit: SIGABRT
 * once: unhandled exception
 * report: unhandled exception 0xc0000374 STATUS_HEAP_CORRUPTION
 * report: HeapFree: this block is not in use (freed twice?)
 * report: heap_double_free+0x
 * report: next  look at who freed
 * report: line  addr2line -Cfipe
 * report: heap_double_free 0x
 */
#include <windows.h>

#include "misuse.h"

int main(void)
{
    HANDLE heap = HeapCreate(0, 0, 0);
    char *block = HeapAlloc(heap, 0, 100);

    HeapFree(heap, 0, block);
    HeapFree(heap, 0, block);
    return still_running();
}
