/*
 * working_set_size.c - GetProcessWorkingSetSize, SetProcessWorkingSetSize and their Ex forms.
 */
#include <memoryapi.h>

#include "api/api_internal.h"
#include "process/working_set.h"

/* All three: two sizes, and flags where they are wanted. */
static NTSTATUS check_pointers(HANDLE process, PSIZE_T minimum, PSIZE_T maximum)
{
    NTSTATUS status = mm_api_this_process(process);

    if (NT_SUCCESS(status))
        status = mm_api_writable(minimum, sizeof *minimum);
    if (NT_SUCCESS(status))
        status = mm_api_writable(maximum, sizeof *maximum);
    return status;
}

BOOL WINAPI GetProcessWorkingSetSize(HANDLE process, PSIZE_T minimum, PSIZE_T maximum)
{
    struct working_set_limits limits;

    if (!mm_api_result(check_pointers(process, minimum, maximum)))
        return FALSE;
    api_enter();
    mm_working_set_limits(&limits);
    *minimum = limits.minimum;
    *maximum = limits.maximum;
    return TRUE;
}

BOOL WINAPI GetProcessWorkingSetSizeEx(HANDLE process, PSIZE_T minimum, PSIZE_T maximum,
                                       PDWORD flags)
{
    struct working_set_limits limits;

    if (!mm_api_result(mm_api_this_process(process)) ||
        !mm_api_result(mm_api_writable(flags, sizeof *flags)))
        return FALSE;
    if (!GetProcessWorkingSetSize(process, minimum, maximum))
        return FALSE;
    mm_working_set_limits(&limits);
    *flags = limits.flags;
    return TRUE;
}

BOOL WINAPI SetProcessWorkingSetSizeEx(HANDLE process, SIZE_T minimum, SIZE_T maximum, DWORD flags)
{
    struct working_set_limits limits = {minimum, maximum, flags};

    if (!mm_api_result(mm_api_this_process(process)))
        return FALSE;
    api_enter();
    if (minimum == MAXSIZE_T && maximum == MAXSIZE_T) {
        mm_working_set_empty();
        return TRUE;
    }
    return mm_api_result(mm_working_set_limit(&limits));
}

BOOL WINAPI SetProcessWorkingSetSize(HANDLE process, SIZE_T minimum, SIZE_T maximum)
{
    return SetProcessWorkingSetSizeEx(process, minimum, maximum, 0);
}
