/*
 * crt_memory.c - the C run-time's memory: sizes, zeroed arrays, aligned blocks, the heap as a whole.
 *
 * These report through errno.
 */
#include <errno.h>
#include <malloc.h>
#include <new.h>

#include "api/api_internal.h"
#include "crt/crt.h"
#include "heap/heap.h"

static _Atomic(_PNH) new_handler;
static _Atomic int new_mode;

/* ---- when there is no memory ---------------------------------------------------------------------- */

_PNH __cdecl _set_new_handler(_PNH handler)
{
    return __atomic_exchange_n((_PNH *)&new_handler, handler, __ATOMIC_SEQ_CST);
}

_PNH __cdecl _query_new_handler(void)
{
    return new_handler;
}

int __cdecl _set_new_mode(int mode)
{
    if (mode == 0 || mode == 1)
        return __atomic_exchange_n((int *)&new_mode, mode, __ATOMIC_SEQ_CST);
    errno = EINVAL;
    return -1;
}

int __cdecl _query_new_mode(void)
{
    return new_mode;
}

int __cdecl _callnewh(size_t size)
{
    _PNH handler = new_handler;
    return handler && handler(size) != 0;
}

/* Whether to try again after an allocation that failed. */
static bool again(size_t size)
{
    if (new_mode && _callnewh(size))
        return true;
    errno = ENOMEM;
    return false;
}

static void *invalid(void)
{
    errno = EINVAL;
    return NULL;
}

/* ---- blocks of malloc's ----------------------------------------------------------------------------- */

size_t __cdecl _msize(void *block)
{
    size_t size;

    api_enter();
    if (block && !mm_crt_size(block, &size))
        return size;
    errno = EINVAL;
    return (size_t)-1;
}

void *__cdecl _expand(void *block, size_t size)
{
    api_enter();
    NTSTATUS status = block ? mm_crt_expand(block, size) : STATUS_INVALID_PARAMETER;
    if (!status)
        return block;
    errno = status == STATUS_INVALID_PARAMETER ? EINVAL : ENOMEM;
    return NULL;
}

void *__cdecl _recalloc(void *block, size_t count, size_t size)
{
    size_t bytes;
    void *fresh;

    api_enter();
    if (__builtin_mul_overflow(count, size, &bytes) || bytes > PTRDIFF_MAX) {
        errno = ENOMEM;
        return NULL;
    }
    if (bytes == 0 && block) {
        mm_crt_free(block);
        return NULL;
    }
    do
        fresh = mm_crt_resize_zeroed(block, bytes);
    while (!fresh && again(bytes));
    return fresh;
}

/* ---- aligned blocks ------------------------------------------------------------------------------------ */

static void *allocate_aligned(size_t size, struct crt_alignment a, bool zero)
{
    void *block;

    if (!mm_crt_alignment_is_valid(&a, size))
        return invalid();
    do
        block = mm_crt_aligned_allocate(&a, size, zero);
    while (!block && again(size));
    return block;
}

static void *resize_aligned(void *block, size_t size, struct crt_alignment a, bool zero)
{
    void *fresh;

    api_enter();
    if (!block)
        return allocate_aligned(size, a, zero);
    if (size == 0) {
        mm_crt_aligned_free(block);
        return NULL;
    }
    if (!mm_crt_alignment_is_valid(&a, size))
        return invalid();
    do
        fresh = mm_crt_aligned_resize(block, &a, size, zero);
    while (!fresh && again(size));
    return fresh;
}

void *__cdecl _aligned_malloc(size_t size, size_t alignment)
{
    return _aligned_offset_malloc(size, alignment, 0);
}

void *__cdecl _aligned_offset_malloc(size_t size, size_t alignment, size_t offset)
{
    api_enter();
    return allocate_aligned(size, (struct crt_alignment){alignment, offset}, false);
}

void *__cdecl _aligned_realloc(void *block, size_t size, size_t alignment)
{
    return _aligned_offset_realloc(block, size, alignment, 0);
}

void *__cdecl _aligned_offset_realloc(void *block, size_t size, size_t alignment, size_t offset)
{
    return resize_aligned(block, size, (struct crt_alignment){alignment, offset}, false);
}

void *__cdecl _aligned_recalloc(void *block, size_t count, size_t size, size_t alignment)
{
    return _aligned_offset_recalloc(block, count, size, alignment, 0);
}

void *__cdecl _aligned_offset_recalloc(void *block, size_t count, size_t size, size_t alignment,
                                       size_t offset)
{
    size_t bytes;

    if (__builtin_mul_overflow(count, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    return resize_aligned(block, bytes, (struct crt_alignment){alignment, offset}, true);
}

size_t __cdecl _aligned_msize(void *block, size_t alignment, size_t offset)
{
    size_t size;

    api_enter();
    if (block && !mm_crt_aligned_size(block, &size))
        return size;
    errno = EINVAL;
    return (size_t)-1;
}

void __cdecl _aligned_free(void *block)
{
    api_enter();
    mm_crt_aligned_free(block);
}

/* ---- the heap as a whole --------------------------------------------------------------------------------- */

int __cdecl _heapchk(void)
{
    api_enter();
    return mm_heap_validate(mm_heap_process(), NULL) ? _HEAPOK : _HEAPBADNODE;
}

int __cdecl _heapwalk(_HEAPINFO *info)
{
    struct heap_entry entry = {0};

    api_enter();
    if (!info || !mm_api_can_write(info, sizeof *info)) {
        errno = EINVAL;
        return _HEAPBADPTR;
    }
    entry.data = info->_pentry;
    entry.size = info->_size;
    entry.kind = info->_useflag == _USEDENTRY ? HEAP_ENTRY_BUSY : HEAP_ENTRY_FREE;
    NTSTATUS status = mm_crt_next_block(&entry);
    if (status)
        return status == STATUS_NO_MORE_ENTRIES ? _HEAPEND : _HEAPBADPTR;
    *info = (_HEAPINFO){entry.data, entry.size,
                        entry.kind == HEAP_ENTRY_BUSY ? _USEDENTRY : _FREEENTRY};
    return _HEAPOK;
}

int __cdecl _heapmin(void)
{
    api_enter();
    (void)mm_heap_compact(mm_heap_process()); /* how much can be had now is not asked */
    return 0;
}

intptr_t __cdecl _get_heap_handle(void)
{
    api_enter();
    return (intptr_t)mm_heap_handle(mm_heap_process());
}
