/*
 * last_error.c - the last error, one for each thread.
 */
#include <errhandlingapi.h>
#include <winerror.h>

#include "api/api_internal.h"

static _Thread_local DWORD last_error;

DWORD WINAPI GetLastError(VOID)
{
    return last_error;
}

VOID WINAPI SetLastError(DWORD error)
{
    last_error = error;
}

void mm_api_no_error(void)
{
    last_error = NO_ERROR;
}

BOOL mm_api_result(NTSTATUS status)
{
    if (NT_SUCCESS(status))
        return TRUE;
    last_error = mm_api_error_of(status);
    return FALSE;
}
