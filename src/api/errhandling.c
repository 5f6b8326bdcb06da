/*
 * errhandling.c - the facade of exceptions.
 */
#include <errhandlingapi.h>

#include "api/api_internal.h"
#include "except/except.h"
#include "os/os.h"

static PVOID add(ULONG first, PVECTORED_EXCEPTION_HANDLER handler, bool continues)
{
    if (!handler)
        return (void)mm_api_result(STATUS_INVALID_PARAMETER), NULL;
    api_enter();
    PVOID handle = mm_except_add_handler(first != 0, handler, continues);
    if (!handle)
        (void)mm_api_result(STATUS_NO_MEMORY);
    return handle;
}

static ULONG take_off(PVOID handle, bool continues)
{
    api_enter();
    if (handle && mm_except_remove_handler(handle, continues))
        return 1;
    return (ULONG)mm_api_result(STATUS_INVALID_PARAMETER);
}

PVOID WINAPI AddVectoredExceptionHandler(ULONG first, PVECTORED_EXCEPTION_HANDLER handler)
{
    return add(first, handler, false);
}

ULONG WINAPI RemoveVectoredExceptionHandler(PVOID handle)
{
    return take_off(handle, false);
}

PVOID WINAPI AddVectoredContinueHandler(ULONG first, PVECTORED_EXCEPTION_HANDLER handler)
{
    return add(first, handler, true);
}

ULONG WINAPI RemoveVectoredContinueHandler(PVOID handle)
{
    return take_off(handle, true);
}

LPTOP_LEVEL_EXCEPTION_FILTER WINAPI SetUnhandledExceptionFilter(LPTOP_LEVEL_EXCEPTION_FILTER filter)
{
    api_enter();
    return mm_except_set_filter(filter);
}

LONG WINAPI UnhandledExceptionFilter(struct _EXCEPTION_POINTERS *pointers)
{
    api_enter();
    if (!mm_os_can_read(pointers, sizeof *pointers) || mm_os_is_traced())
        return EXCEPTION_CONTINUE_SEARCH;
    return mm_except_ask_filter(pointers);
}

VOID WINAPI RaiseException(DWORD code, DWORD flags, DWORD count, const ULONG_PTR *arguments)
{
    api_enter();
    mm_except_raise(code, flags, count, arguments);
}
