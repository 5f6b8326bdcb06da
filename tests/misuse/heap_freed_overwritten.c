/*
 * Free a block, write all over it, free it again.
 *
 * exit: SIGABRT
 * once: unhandled exception
 * report: unhandled exception 0xc0000374 STATUS_HEAP_CORRUPTION
 * report: HeapFree: this block is not in use (freed twice?)
 * report: heap_freed_overwritten+0x
 * report: next  look at who freed
 * report: line  addr2line -Cfipe
 * report: heap_freed_overwritten 0x
 */
#include <windows.h>

#include "misuse.h"

/* Freed memory may be gone, and then there is nothing to write to. */
static int mapped(const void *block)
{
    MEMORY_BASIC_INFORMATION info;
    return VirtualQuery(block, &info, sizeof(info)) && info.Protect == PAGE_READWRITE;
}

int main(void)
{
    HANDLE heap = HeapCreate(0, 0, 0);
    char *kept = HeapAlloc(heap, 0, 100);
    char *block = HeapAlloc(heap, 0, 100);

    HeapFree(heap, 0, block);
    if (mapped(block))
        memset(block, 0x41, 100);
    HeapFree(heap, 0, block);
    HeapFree(heap, 0, kept);
    return still_running();
}
