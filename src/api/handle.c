/*
 * handle.c - CloseHandle.
 */
#include <handleapi.h>

#include "api/api_internal.h"
#include "process/snapshot.h"

/* This process and this thread, as GetCurrentProcess and GetCurrentThread name them. */
static bool is_pseudo(HANDLE object)
{
    return object == (HANDLE)(LONG_PTR)-1 || object == (HANDLE)(LONG_PTR)-2;
}

BOOL WINAPI CloseHandle(HANDLE object)
{
    api_enter();
    return is_pseudo(object) || mm_api_result(mm_snapshot_close(object));
}
