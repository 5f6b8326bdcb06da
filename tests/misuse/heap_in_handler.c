/*
 * A handler of one exception frees a block twice: the report tells of both.
 *
 * exit: SIGABRT
 * once: unhandled exception
 * report: unhandled exception 0xc0000374 STATUS_HEAP_CORRUPTION
 * report: while a handler was at work on another exception, 1 deep
 * report: HeapFree: this block is not in use (freed twice?)
 */
#include <windows.h>

#include "misuse.h"

static LONG NTAPI handler(EXCEPTION_POINTERS *pointers)
{
    char *block = HeapAlloc(GetProcessHeap(), 0, 100);

    (void)pointers;
    HeapFree(GetProcessHeap(), 0, block);
    HeapFree(GetProcessHeap(), 0, block);
    return EXCEPTION_CONTINUE_EXECUTION;
}

int main(void)
{
    AddVectoredExceptionHandler(1, handler);
    RaiseException(0xe0000001, 0, 0, NULL);
    return still_running();
}
