/*
 * global.c - GlobalAlloc and its kin.  What they share with LocalAlloc's is src/global/.
 *
 * A handle is looked up without starting the library: before it runs there is none.
 */
#include <winbase.h>
#include <winerror.h>

#include "api/api_internal.h"
#include "global/global.h"

_Static_assert((int)GMEM_MOVEABLE == MOVEABLE && (int)GMEM_ZEROINIT == MOVEABLE_ZEROED, "GMEM_*");
_Static_assert((int)GMEM_DISCARDABLE == MOVEABLE_DISCARDABLE, "GMEM_*");
_Static_assert((int)GMEM_DDESHARE == MOVEABLE_SHARED, "GMEM_*");
_Static_assert((int)GMEM_DISCARDED == MOVEABLE_DISCARDED, "GMEM_*");

/* Any of LMEM_DISCARDABLE's four bits will do, as they do in LocalAlloc.  Others are ignored. */
static ULONG attributes_of(UINT flags)
{
    ULONG attributes = flags & (GMEM_MOVEABLE | GMEM_ZEROINIT | GMEM_DDESHARE);
    return attributes | (flags & LMEM_DISCARDABLE ? MOVEABLE_DISCARDABLE : 0);
}

HGLOBAL WINAPI GlobalAlloc(UINT flags, SIZE_T size)
{
    void *handle = NULL;

    api_enter();
    return mm_api_result(mm_global_allocate(attributes_of(flags), size, &handle)) ? handle : NULL;
}

HGLOBAL WINAPI GlobalReAlloc(HGLOBAL handle, SIZE_T size, UINT flags)
{
    void *result = NULL;
    NTSTATUS status;

    api_enter();
    if (flags & GMEM_MODIFY)
        status = mm_global_modify(handle, attributes_of(flags), &result);
    else
        status = mm_global_resize(handle, size, attributes_of(flags), &result);
    return mm_api_result(status) ? result : NULL;
}

HGLOBAL WINAPI GlobalFree(HGLOBAL handle)
{
    return mm_api_result(mm_global_free(handle)) ? NULL : handle;
}

LPVOID WINAPI GlobalLock(HGLOBAL handle)
{
    void *block;
    NTSTATUS status = mm_global_lock(handle, &block);

    if (!status)
        return block;
    (void)mm_api_result(status);
    return NULL;
}

/* A handle that was freed is unlocked with TRUE and an error: S326. */
BOOL WINAPI GlobalUnlock(HGLOBAL handle)
{
    unsigned left;

    NTSTATUS status = mm_global_unlock(handle, &left);
    if (status) {
        (void)mm_api_result(status);
        return status == STATUS_INVALID_HANDLE && mm_global_was_handle(handle);
    }
    if (!left)
        SetLastError(NO_ERROR);
    return left != 0;
}

SIZE_T WINAPI GlobalSize(HGLOBAL handle)
{
    size_t size = 0;
    return mm_api_result(mm_global_size(handle, &size)) ? size : 0;
}

UINT WINAPI GlobalFlags(HGLOBAL handle)
{
    ULONG flags = 0;
    return mm_api_result(mm_global_flags(handle, &flags)) ? flags : GMEM_INVALID_HANDLE;
}

HGLOBAL WINAPI GlobalHandle(LPCVOID block)
{
    void *handle = NULL;
    return mm_api_result(mm_global_handle(block, &handle)) ? handle : NULL;
}

/* ---- of 16-bit Windows --------------------------------------------------------------------------- */

SIZE_T WINAPI GlobalCompact(DWORD wanted)
{
    (void)wanted; /* memory for it can be had without discarding: the heap grows */
    api_enter();
    return mm_global_compact();
}

VOID WINAPI GlobalFix(HGLOBAL handle)
{
    (void)GlobalLock(handle); /* the last error tells a failure */
}

VOID WINAPI GlobalUnfix(HGLOBAL handle)
{
    (void)GlobalUnlock(handle); /* as above */
}

LPVOID WINAPI GlobalWire(HGLOBAL handle)
{
    return GlobalLock(handle);
}

BOOL WINAPI GlobalUnWire(HGLOBAL handle)
{
    return GlobalUnlock(handle);
}
