/*
 * local.c - LocalAlloc and its kin.  Where they differ from GlobalAlloc's stands in
 * src/global/README.md.
 */
#include <winbase.h>
#include <winerror.h>

#include "api/api_internal.h"
#include "global/global.h"

_Static_assert((int)LMEM_MOVEABLE == MOVEABLE && (int)LMEM_ZEROINIT == MOVEABLE_ZEROED, "LMEM_*");
_Static_assert((int)LMEM_DISCARDED == MOVEABLE_DISCARDED, "LMEM_*");

/* LMEM_DISCARDABLE is four bits where GMEM_DISCARDABLE is one; any of them will do. */
static ULONG attributes_of(UINT flags)
{
    ULONG attributes = flags & (LMEM_MOVEABLE | LMEM_ZEROINIT);
    return attributes | (flags & LMEM_DISCARDABLE ? MOVEABLE_DISCARDABLE : 0) | MOVEABLE_LOCAL;
}

HLOCAL WINAPI LocalAlloc(UINT flags, SIZE_T size)
{
    void *handle = NULL;

    api_enter();
    return mm_api_result(mm_global_allocate(attributes_of(flags), size, &handle)) ? handle : NULL;
}

HLOCAL WINAPI LocalReAlloc(HLOCAL handle, SIZE_T size, UINT flags)
{
    void *result = NULL;
    NTSTATUS status;

    api_enter();
    if (flags & LMEM_MODIFY)
        status = mm_global_modify(handle, attributes_of(flags), &result);
    else
        status = mm_global_resize(handle, size, attributes_of(flags), &result);
    return mm_api_result(status) ? result : NULL;
}

HLOCAL WINAPI LocalFree(HLOCAL handle)
{
    return mm_api_result(mm_global_free(handle)) ? NULL : handle;
}

LPVOID WINAPI LocalLock(HLOCAL handle)
{
    void *block = NULL;
    return mm_api_result(mm_global_lock(handle, &block)) ? block : NULL;
}

BOOL WINAPI LocalUnlock(HLOCAL handle)
{
    unsigned left;

    NTSTATUS status = mm_global_unlock(handle, &left);
    if (!status && left == NEVER_LOCKED)
        status = STATUS_NOT_LOCKED;
    if (!mm_api_result(status))
        return FALSE;
    if (!left)
        SetLastError(NO_ERROR);
    return left != 0;
}

SIZE_T WINAPI LocalSize(HLOCAL handle)
{
    size_t size = 0;
    return mm_api_result(mm_global_size(handle, &size)) ? size : 0;
}

UINT WINAPI LocalFlags(HLOCAL handle)
{
    ULONG flags = 0;

    if (!mm_api_result(mm_global_flags(handle, &flags)))
        return LMEM_INVALID_HANDLE;
    UINT discardable = flags & MOVEABLE_DISCARDABLE ? LMEM_DISCARDABLE : 0;
    return (flags & (LMEM_DISCARDED | LMEM_LOCKCOUNT)) | discardable;
}

HLOCAL WINAPI LocalHandle(LPCVOID block)
{
    void *handle = NULL;
    return mm_api_result(mm_global_handle(block, &handle)) ? handle : NULL;
}

/* ---- of 16-bit Windows --------------------------------------------------------------------------- */

SIZE_T WINAPI LocalCompact(UINT wanted)
{
    return GlobalCompact(wanted);
}

SIZE_T WINAPI LocalShrink(HLOCAL handle, UINT size)
{
    (void)handle; /* there is one heap, and it keeps no more than it needs */
    (void)size;
    api_enter();
    return mm_global_shrink();
}
