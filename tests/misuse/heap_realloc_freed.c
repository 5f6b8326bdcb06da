/*
 * Resize a block that was freed.
 *
 * exit: SIGABRT
 * once: unhandled exception
 * report: unhandled exception 0xc0000374 STATUS_HEAP_CORRUPTION
 * report: HeapReAlloc: this block is not in use (freed twice?)
 * report: heap_realloc_freed+0x
 * report: next  look at who freed
 * report: line  addr2line -Cfipe
 * report: heap_realloc_freed 0x
 */
#include <windows.h>

#include "misuse.h"

int main(void)
{
    HANDLE heap = HeapCreate(0, 0, 0);
    char *block = HeapAlloc(heap, 0, 100);

    HeapFree(heap, 0, block);
    block = HeapReAlloc(heap, 0, block, 200);
    return still_running();
}
