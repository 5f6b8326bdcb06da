/*
 * A filter that ends the process: quietly.
 *
 * exit: SIGSEGV
 * output: filter
 * absent: ntmm
 */
#include <windows.h>

#include "misuse.h"

static LONG NTAPI filter(EXCEPTION_POINTERS *pointers)
{
    (void)pointers;
    puts("filter");
    fflush(stdout);
    return EXCEPTION_EXECUTE_HANDLER;
}

int main(void)
{
    volatile int *volatile nothing = NULL;

    SetUnhandledExceptionFilter(filter);
    *nothing = 1;
    return still_running();
}
