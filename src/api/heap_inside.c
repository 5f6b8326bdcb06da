/*
 * heap_inside.c - what a heap holds: HeapWalk, HeapValidate, HeapCompact, HeapSummary.
 */
#include <heapapi.h>
#include <winerror.h>

#include "api/api_internal.h"
#include "base/page.h"
#include "global/global.h"
#include "heap/heap.h"

/* Windows' fields are narrower than what they may have to hold. */
static DWORD narrow(size_t bytes)
{
    return (DWORD)min_size(bytes, MAXULONG);
}

/* ---- HeapWalk ------------------------------------------------------------------------------------ */

static NTSTATUS kind_of(WORD flags, enum heap_entry_kind *ret_kind)
{
    switch (flags & ~(PROCESS_HEAP_ENTRY_MOVEABLE | PROCESS_HEAP_ENTRY_DDESHARE)) {
    case 0: *ret_kind = HEAP_ENTRY_FREE; break;
    case PROCESS_HEAP_ENTRY_BUSY: *ret_kind = HEAP_ENTRY_BUSY; break;
    case PROCESS_HEAP_REGION: *ret_kind = HEAP_ENTRY_REGION; break;
    case PROCESS_HEAP_UNCOMMITTED_RANGE: *ret_kind = HEAP_ENTRY_UNCOMMITTED; break;
    default: return STATUS_INVALID_PARAMETER;
    }
    return STATUS_SUCCESS;
}

/* Where a caller stands in a walk. */
static NTSTATUS take(const PROCESS_HEAP_ENTRY *entry, struct heap_entry *ret_entry)
{
    *ret_entry = (struct heap_entry){
        .data = entry->lpData,
        .size = entry->cbData,
        .spare = entry->cbOverhead,
        .region = entry->iRegionIndex,
    };
    return entry->lpData ? kind_of(entry->wFlags, &ret_entry->kind) : STATUS_SUCCESS;
}

static void tell(const struct heap_entry *e, PROCESS_HEAP_ENTRY *ret_entry)
{
    static const WORD flags[] = {
        [HEAP_ENTRY_REGION] = PROCESS_HEAP_REGION,
        [HEAP_ENTRY_BUSY] = PROCESS_HEAP_ENTRY_BUSY,
        [HEAP_ENTRY_FREE] = 0,
        [HEAP_ENTRY_UNCOMMITTED] = PROCESS_HEAP_UNCOMMITTED_RANGE,
    };

    *ret_entry = (PROCESS_HEAP_ENTRY){
        .lpData = e->data,
        .cbData = narrow(e->size),
        .cbOverhead = (BYTE)min_size(e->spare, MAXUCHAR),
        .iRegionIndex = e->region,
        .wFlags = flags[e->kind],
    };
    if (e->kind != HEAP_ENTRY_REGION)
        return;
    ret_entry->Region.dwCommittedSize = narrow(e->committed);
    ret_entry->Region.dwUnCommittedSize = narrow(e->uncommitted);
    ret_entry->Region.lpFirstBlock = e->first;
    ret_entry->Region.lpLastBlock = e->last;
}

/* A block that GlobalAlloc or LocalAlloc can move is told with its handle. */
static void tell_moveable(PROCESS_HEAP_ENTRY *entry)
{
    void *handle = NULL;

    if (entry->wFlags == PROCESS_HEAP_ENTRY_BUSY)
        handle = mm_global_handle_of_block(entry->lpData);
    if (!handle)
        return;
    entry->wFlags |= PROCESS_HEAP_ENTRY_MOVEABLE;
    entry->Block.hMem = handle;
}

BOOL WINAPI HeapWalk(HANDLE handle, LPPROCESS_HEAP_ENTRY entry)
{
    struct heap_entry e;
    struct heap *heap = NULL;
    NTSTATUS status = mm_api_heap(handle, &heap);

    if (NT_SUCCESS(status))
        status = mm_api_writable(entry, sizeof *entry);
    if (NT_SUCCESS(status))
        status = take(entry, &e);
    if (NT_SUCCESS(status))
        status = mm_heap_walk(heap, &e);
    if (status != STATUS_SUCCESS)
        return mm_api_result(status);
    tell(&e, entry);
    if (heap == mm_heap_process())
        tell_moveable(entry);
    return TRUE;
}

/* ---- the others ---------------------------------------------------------------------------------- */

BOOL WINAPI HeapValidate(HANDLE handle, DWORD flags, LPCVOID block)
{
    struct heap *heap = NULL;
    return NT_SUCCESS(mm_api_heap(handle, &heap)) && mm_heap_validate(heap, block);
}

SIZE_T WINAPI HeapCompact(HANDLE handle, DWORD flags)
{
    struct heap *heap = NULL;

    if (!mm_api_result(mm_api_heap(handle, &heap)))
        return 0;
    size_t largest = mm_heap_compact(heap);
    if (largest == 0)
        mm_api_no_error();
    return largest;
}

BOOL WINAPI HeapSummary(HANDLE handle, DWORD flags, LPHEAP_SUMMARY summary)
{
    struct heap_summary s;
    struct heap *heap = NULL;

    if (!mm_api_result(mm_api_heap(handle, &heap)))
        return FALSE;
    if (!mm_api_result(mm_api_writable(summary, sizeof *summary)))
        return FALSE;
    if (summary->cb != sizeof *summary || flags)
        return mm_api_result(STATUS_INVALID_PARAMETER);
    mm_heap_summarize(heap, &s);
    *summary = (HEAP_SUMMARY){sizeof *summary, s.allocated, s.committed, s.reserved, s.max_reserve};
    return TRUE;
}
