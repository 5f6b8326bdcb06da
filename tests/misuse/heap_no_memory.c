/*
 * An allocation that raises finds no memory, and nobody handles it.
 *
 * exit: SIGABRT
 * report: unhandled exception 0xc0000017 STATUS_NO_MEMORY
 * report: heap_no_memory+0x
 * report: next  an allocation that raises exceptions found no memory
 */
#include <windows.h>

#include "misuse.h"

int main(void)
{
    HANDLE heap = HeapCreate(HEAP_GENERATE_EXCEPTIONS, 0, 0);

    HeapAlloc(heap, 0, (SIZE_T)1 << 62);
    return still_running();
}
