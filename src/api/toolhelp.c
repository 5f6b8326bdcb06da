/*
 * toolhelp.c - snapshots of this process's heaps.
 *
 * A snapshot holds the list of heaps; their blocks are told as they are when they are asked for.
 */
#include <handleapi.h>
#include <tlhelp32.h>

#include "api/api_internal.h"
#include "heap/heap.h"
#include "os/os.h"
#include "process/snapshot.h"

#define OTHER_LISTS \
    (TH32CS_SNAPPROCESS | TH32CS_SNAPTHREAD | TH32CS_SNAPMODULE | TH32CS_SNAPMODULE32)
#define ALL_FLAGS (TH32CS_SNAPHEAPLIST | OTHER_LISTS | TH32CS_INHERIT)

/* The one status that means ERROR_INVALID_DATA and nothing else. */
#define STATUS_OF_INVALID_DATA ((NTSTATUS)0xC007000D)

static NTSTATUS check_process(DWORD process)
{
    if (process == 0 || process == (DWORD)mm_os_pid())
        return STATUS_SUCCESS;
    return mm_os_process_exists(process) ? STATUS_ACCESS_DENIED : STATUS_INVALID_PARAMETER;
}

/* A structure that begins with its own size. */
static NTSTATUS check_structure(const void *structure, SIZE_T size)
{
    if (!mm_api_can_write(structure, size))
        return STATUS_ACCESS_VIOLATION;
    return *(const SIZE_T *)structure < size ? STATUS_INFO_LENGTH_MISMATCH : STATUS_SUCCESS;
}

/* ---- snapshots ----------------------------------------------------------------------------------- */

static NTSTATUS check_flags(DWORD flags)
{
    if (flags & ~ALL_FLAGS || !(flags & ~TH32CS_INHERIT))
        return STATUS_INVALID_PARAMETER;
    return flags & TH32CS_SNAPHEAPLIST ? STATUS_SUCCESS : STATUS_NOT_SUPPORTED;
}

HANDLE WINAPI CreateToolhelp32Snapshot(DWORD flags, DWORD process)
{
    HANDLE snapshot = INVALID_HANDLE_VALUE;
    NTSTATUS status = check_flags(flags);

    api_enter();
    if (NT_SUCCESS(status))
        status = check_process(process);
    if (NT_SUCCESS(status))
        status = mm_snapshot_take(&snapshot);
    (void)mm_api_result(status);
    return snapshot;
}

static BOOL tell_heap(HANDLE snapshot, bool first, LPHEAPLIST32 list)
{
    void *heap = NULL;
    NTSTATUS status = check_structure(list, sizeof *list);

    if (NT_SUCCESS(status))
        status = mm_snapshot_heap(snapshot, first, &heap);
    if (status != STATUS_SUCCESS)
        return mm_api_result(status);
    *list = (HEAPLIST32){
        .dwSize = sizeof *list,
        .th32ProcessID = (DWORD)mm_os_pid(),
        .th32HeapID = (ULONG_PTR)heap,
        .dwFlags = heap == mm_heap_handle(mm_heap_process()) ? HF32_DEFAULT : 0,
    };
    return TRUE;
}

BOOL WINAPI Heap32ListFirst(HANDLE snapshot, LPHEAPLIST32 list)
{
    api_enter();
    return tell_heap(snapshot, true, list);
}

BOOL WINAPI Heap32ListNext(HANDLE snapshot, LPHEAPLIST32 list)
{
    api_enter();
    return tell_heap(snapshot, false, list);
}

/* ---- blocks -------------------------------------------------------------------------------------- */

/* The next entry that is a block. */
static NTSTATUS next_block(struct heap *heap, struct heap_entry *e)
{
    NTSTATUS status = mm_heap_walk(heap, e);

    while (status == STATUS_SUCCESS && e->kind != HEAP_ENTRY_BUSY && e->kind != HEAP_ENTRY_FREE)
        status = mm_heap_walk(heap, e);
    if (status == STATUS_NO_MORE_ENTRIES)
        return STATUS_NO_MORE_FILES;
    return status == STATUS_SUCCESS ? status : STATUS_OF_INVALID_DATA;
}

static NTSTATUS tell_block(struct heap *heap, struct heap_entry *e, LPHEAPENTRY32 ret_entry)
{
    NTSTATUS status = next_block(heap, e);

    if (status != STATUS_SUCCESS)
        return status;
    *ret_entry = (HEAPENTRY32){
        .dwSize = sizeof *ret_entry,
        .hHandle = e->data,
        .dwAddress = (ULONG_PTR)e->data,
        .dwBlockSize = e->size,
        .dwFlags = e->kind == HEAP_ENTRY_FREE ? LF32_FREE : LF32_FIXED,
        .dwResvd = e->region,
        .th32ProcessID = (DWORD)mm_os_pid(),
        .th32HeapID = (ULONG_PTR)mm_heap_handle(heap),
    };
    return STATUS_SUCCESS;
}

static NTSTATUS find_heap(DWORD process, ULONG_PTR id, struct heap **ret_heap)
{
    NTSTATUS status = check_process(process);

    if (!NT_SUCCESS(status))
        return status;
    status = mm_api_heap((HANDLE)id, ret_heap);
    return NT_SUCCESS(status) ? status : STATUS_NO_MORE_FILES;
}

BOOL WINAPI Heap32First(LPHEAPENTRY32 entry, DWORD process, ULONG_PTR id)
{
    struct heap_entry start = {.data = NULL};
    struct heap *heap = NULL;
    NTSTATUS status = check_structure(entry, sizeof *entry);

    api_enter();
    if (NT_SUCCESS(status))
        status = find_heap(process, id, &heap);
    if (status == STATUS_SUCCESS)
        status = tell_block(heap, &start, entry);
    return status == STATUS_SUCCESS || mm_api_result(status);
}

BOOL WINAPI Heap32Next(LPHEAPENTRY32 entry)
{
    struct heap_entry here;
    struct heap *heap = NULL;
    NTSTATUS status = check_structure(entry, sizeof *entry);

    api_enter();
    if (NT_SUCCESS(status))
        status = find_heap(entry->th32ProcessID, entry->th32HeapID, &heap);
    if (status != STATUS_SUCCESS)
        return mm_api_result(status);
    if (entry->dwAddress == 0)
        return mm_api_result(STATUS_OF_INVALID_DATA);
    here = (struct heap_entry){
        .data = (void *)entry->dwAddress,
        .size = entry->dwBlockSize,
        .region = (unsigned char)entry->dwResvd,
        .kind = entry->dwFlags & LF32_FREE ? HEAP_ENTRY_FREE : HEAP_ENTRY_BUSY,
    };
    status = tell_block(heap, &here, entry);
    return status == STATUS_SUCCESS || mm_api_result(status);
}

/* ---- memory -------------------------------------------------------------------------------------- */

/* Nothing is copied where not all can be. */
static NTSTATUS copy(LPCVOID address, LPVOID buffer, SIZE_T size)
{
    if (!mm_os_can_read(address, size))
        return STATUS_PARTIAL_COPY;
    if (!mm_api_can_write(buffer, size))
        return STATUS_ACCESS_VIOLATION;
    return mm_os_peek(buffer, address, size) ? STATUS_SUCCESS : STATUS_PARTIAL_COPY;
}

BOOL WINAPI Toolhelp32ReadProcessMemory(DWORD process, LPCVOID address, LPVOID buffer, SIZE_T size,
                                        SIZE_T *read)
{
    NTSTATUS status = check_process(process);

    api_enter();
    if (NT_SUCCESS(status) && read)
        status = mm_api_writable(read, sizeof *read);
    if (NT_SUCCESS(status))
        status = copy(address, buffer, size);
    if (status != STATUS_SUCCESS)
        return mm_api_result(status);
    if (read)
        *read = size;
    return TRUE;
}
