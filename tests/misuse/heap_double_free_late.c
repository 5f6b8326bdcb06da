/*
 * Free a block twice, with a thousand other frees in between.
 *
 * exit: SIGABRT
 * once: unhandled exception
 * report: unhandled exception 0xc0000374 STATUS_HEAP_CORRUPTION
 * report: HeapFree: this 
 * report: heap_double_free_late+0x
 * report: next  look at who freed
 * report: line  addr2line -Cfipe
 * report: heap_double_free_late 0x
 */
#include <windows.h>

#include "misuse.h"

int main(void)
{
    HANDLE heap = HeapCreate(0, 0, 0);
    char *blocks[1000];
    char *block = HeapAlloc(heap, 0, 100);

    for (int i = 0; i < 1000; i++)
        blocks[i] = HeapAlloc(heap, 0, 100);
    HeapFree(heap, 0, block);
    for (int i = 0; i < 1000; i++)
        HeapFree(heap, 0, blocks[i]);
    HeapFree(heap, 0, block);
    return still_running();
}
