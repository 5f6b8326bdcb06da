/*
 * A torn heap stops the process at once: no handler of the program's is asked, not even for SIGABRT.
 *
 * exit: SIGABRT
 * once: unhandled exception
 * report: unhandled exception 0xc0000374 STATUS_HEAP_CORRUPTION
 * absent: asked
 */
#include <windows.h>

#include <signal.h>
#include <unistd.h>

#include "misuse.h"

static void tell(void)
{
    (void)!write(2, "asked\n", 6);
}

static LONG NTAPI handler(EXCEPTION_POINTERS *pointers)
{
    (void)pointers;
    tell();
    return EXCEPTION_CONTINUE_EXECUTION;
}

static void on_signal(int number)
{
    (void)number;
    tell();
    _exit(0);
}

int main(void)
{
    char *block = HeapAlloc(GetProcessHeap(), 0, 100);

    AddVectoredExceptionHandler(1, handler);
    SetUnhandledExceptionFilter(handler);
    signal(SIGABRT, on_signal);
    HeapFree(GetProcessHeap(), 0, block);
    HeapFree(GetProcessHeap(), 0, block);
    return still_running();
}
