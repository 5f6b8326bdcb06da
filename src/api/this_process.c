/*
 * this_process.c - who we are, and leaving.
 */
#include <stdlib.h>

#include <debugapi.h>
#include <processthreadsapi.h>

#include "api/api_internal.h"
#include "os/os.h"

HANDLE WINAPI GetCurrentProcess(VOID)
{
    return (HANDLE)(LONG_PTR)-1;
}

DWORD WINAPI GetCurrentProcessId(VOID)
{
    return (DWORD)mm_os_pid();
}

DWORD WINAPI GetCurrentThreadId(VOID)
{
    return (DWORD)mm_os_tid();
}

/* Linux keeps 8 bits; a failure must not become 0 by losing the others. */
VOID WINAPI ExitProcess(UINT code)
{
    exit(code != 0 && (code & 0xff) == 0 ? 255 : (int)(code & 0xff));
}

BOOL WINAPI IsDebuggerPresent(VOID)
{
    return mm_os_is_traced();
}
