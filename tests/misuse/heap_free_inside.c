/*
 * Free the inside of a block.
 *
 * exit: SIGABRT
 * once: unhandled exception
 * report: unhandled exception 0xc0000374 STATUS_HEAP_CORRUPTION
 * report: HeapFree: this address is inside a block, not its start
 * report: heap_free_inside+0x
 * report: next  look at who freed
 * report: line  addr2line -Cfipe
 * report: heap_free_inside 0x
 */
#include <windows.h>

#include "misuse.h"

int main(void)
{
    HANDLE heap = HeapCreate(0, 0, 0);
    char *block = HeapAlloc(heap, 0, 100);

    HeapFree(heap, 0, block + 32);
    return still_running();
}
