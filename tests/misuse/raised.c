/*
 * Raise an exception that nobody handles.
 *
 * exit: SIGABRT
 * report: unhandled exception 0xe0000001 (a code of the program's own)
 * report: parameters 0x0000000000000007, 0x0000000000000008
 * report: raised+0x
 * report: line  addr2line -Cfipe
 * report: raised 0x
 */
#include <windows.h>

#include "misuse.h"

int main(void)
{
    ULONG_PTR arguments[] = {7, 8};

    RaiseException(0xe0000001, EXCEPTION_NONCONTINUABLE, 2, arguments);
    return still_running();
}
