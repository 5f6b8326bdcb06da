/*
 * winternl.h - the native calls, which answer with an NTSTATUS instead of a last error.
 */
#ifndef _WINTERNL_
#define _WINTERNL_

#include <windef.h>
#include <winbase.h>

#ifdef __cplusplus
extern "C" {
#endif

#define NtCurrentProcess() ((HANDLE)(LONG_PTR)-1)
#define ZwCurrentProcess() NtCurrentProcess()

typedef struct _IO_STATUS_BLOCK {
    union {
        NTSTATUS Status;
        PVOID Pointer;
    };
    ULONG_PTR Information;
} IO_STATUS_BLOCK, *PIO_STATUS_BLOCK;

typedef enum _MEMORY_INFORMATION_CLASS {
    MemoryBasicInformation,
    MemoryWorkingSetInformation,
    MemoryMappedFilenameInformation,
    MemoryRegionInformation,
    MemoryWorkingSetExInformation,
    MemorySharedCommitInformation,
    MemoryImageInformation
} MEMORY_INFORMATION_CLASS;

/*
 * VirtualAllocEx.
 *
 * process    NtCurrentProcess()
 * base       *base is where, or NULL for anywhere; gets the base of the rounded range
 * zero_bits  0, or how the address is limited: up to 31, the number of high bits of the low 32 that
 *            must be zero; above, a mask that the address must fit in
 * size       *size is bytes; gets the bytes of the rounded range
 * type, protect  as for VirtualAlloc
 *
 * Returns STATUS_SUCCESS, or one of these with *base and *size as they were:
 *   STATUS_INVALID_HANDLE              `process` is not a process
 *   STATUS_ACCESS_VIOLATION            `base` or `size` cannot be read and written
 *   STATUS_INVALID_PARAMETER_2, _3, _4, _5  address, zero_bits, size, type
 *   STATUS_INVALID_PAGE_PROTECTION     protect
 *   STATUS_CONFLICTING_ADDRESSES       in use; not reserved; more than one reservation
 *   STATUS_COMMITMENT_LIMIT            the commit limit would be passed
 *   STATUS_NO_MEMORY                   no free addresses of that size; the kernel refused
 *   STATUS_PRIVILEGE_NOT_HELD          MEM_LARGE_PAGES
 *   STATUS_NOT_SUPPORTED               zero_bits without an address; types not there yet
 *   STATUS_DEVICE_BUSY                 MEM_RESET_UNDO: contents that were reset are gone
 */
NTSYSAPI NTSTATUS NTAPI NtAllocateVirtualMemory(HANDLE process, PVOID *base, ULONG_PTR zero_bits,
                                                PSIZE_T size, ULONG type, ULONG protect);

/*
 * VirtualFreeEx.
 *
 * base, size  in: as for VirtualFree, *size 0 for all; out: the rounded range
 * type        MEM_DECOMMIT or MEM_RELEASE
 *
 * Returns STATUS_SUCCESS, or:
 *   STATUS_INVALID_HANDLE, STATUS_ACCESS_VIOLATION  as NtAllocateVirtualMemory
 *   STATUS_INVALID_PARAMETER_2, _3, _4  address, size, type
 *   STATUS_MEMORY_NOT_ALLOCATED        nothing is allocated there
 *   STATUS_FREE_VM_NOT_AT_BASE         *size 0 and not at the base
 *   STATUS_UNABLE_TO_FREE_VM           the range is longer than its allocation
 *   STATUS_UNABLE_TO_DELETE_SECTION    memory that is not of NtAllocateVirtualMemory
 */
NTSYSAPI NTSTATUS NTAPI NtFreeVirtualMemory(HANDLE process, PVOID *base, PSIZE_T size, ULONG type);

/*
 * VirtualProtectEx.
 *
 * base, size  in: the range; out: the rounded range
 * protect     the new protection
 * old         gets the protection of the first page
 *
 * Returns STATUS_SUCCESS, or:
 *   STATUS_INVALID_HANDLE, STATUS_ACCESS_VIOLATION  as NtAllocateVirtualMemory
 *   STATUS_INVALID_PARAMETER_2, _3     address, size
 *   STATUS_INVALID_PAGE_PROTECTION     protect
 *   STATUS_NO_MEMORY                   the kernel has no mapping left to tell the pages apart
 *   STATUS_NOT_SUPPORTED               PAGE_GUARD on memory that is not of NtAllocateVirtualMemory
 *   STATUS_NOT_COMMITTED               a page is not committed
 *   STATUS_CONFLICTING_ADDRESSES       the range is not within one allocation
 */
NTSYSAPI NTSTATUS NTAPI NtProtectVirtualMemory(HANDLE process, PVOID *base, PSIZE_T size,
                                               ULONG protect, PULONG old);

/*
 * VirtualQueryEx.
 *
 * information_class  MemoryBasicInformation
 * buffer, size       where the answer goes, and its bytes
 * returned           may be NULL; gets the bytes of the answer
 *
 * Returns STATUS_SUCCESS, or:
 *   STATUS_INVALID_HANDLE        `process` is not a process
 *   STATUS_INVALID_INFO_CLASS    another class
 *   STATUS_INFO_LENGTH_MISMATCH  `size` is too small
 *   STATUS_ACCESS_VIOLATION      `buffer` or `returned` cannot be written
 *   STATUS_INVALID_PARAMETER     `address` is above the highest user address
 */
NTSYSAPI NTSTATUS NTAPI NtQueryVirtualMemory(HANDLE process, PVOID address,
                                             MEMORY_INFORMATION_CLASS information_class,
                                             PVOID buffer, SIZE_T size, PSIZE_T returned);

/* ---- heaps: what heapapi.h calls, under the names of the native library ------------------------ */

typedef NTSTATUS(NTAPI *PRTL_HEAP_COMMIT_ROUTINE)(PVOID base, PVOID *commit_address,
                                                  PSIZE_T commit_size);

typedef struct _RTL_HEAP_PARAMETERS {
    ULONG Length; /* bytes of this structure */
    SIZE_T SegmentReserve;
    SIZE_T SegmentCommit;
    SIZE_T DeCommitFreeBlockThreshold;
    SIZE_T DeCommitTotalFreeThreshold;
    SIZE_T MaximumAllocationSize;
    SIZE_T VirtualMemoryThreshold;
    SIZE_T InitialCommit;
    SIZE_T InitialReserve;
    PRTL_HEAP_COMMIT_ROUTINE CommitRoutine; /* NULL */
    SIZE_T Reserved[2];                     /* 0 */
} RTL_HEAP_PARAMETERS, *PRTL_HEAP_PARAMETERS;

/*
 * HeapCreate.
 *
 * flags       as for HeapCreate, and HEAP_GROWABLE; without it the heap never passes `reserve`
 * base, lock  NULL: a heap in memory of the caller's cannot be made
 * reserve     bytes; 0: `commit` rounded up to 64 KiB, or 256 KiB
 * commit      bytes to commit at once; more than `reserve` counts as `reserve`
 * parameters  NULL, or hints, which are not taken; CommitRoutine must be NULL
 *
 * Returns the heap, or NULL.
 */
NTSYSAPI PVOID NTAPI RtlCreateHeap(ULONG flags, PVOID base, SIZE_T reserve, SIZE_T commit,
                                   PVOID lock, PRTL_HEAP_PARAMETERS parameters);

/* HeapDestroy: NULL, or `heap` where it is no heap or the process heap. */
NTSYSAPI PVOID NTAPI RtlDestroyHeap(PVOID heap);

/*
 * HeapAlloc, HeapReAlloc, HeapFree, HeapSize, HeapValidate, HeapCompact, HeapLock, HeapUnlock and
 * GetProcessHeaps, with their results, last errors and exceptions.
 */
NTSYSAPI PVOID NTAPI RtlAllocateHeap(PVOID heap, ULONG flags, SIZE_T size);
NTSYSAPI PVOID NTAPI RtlReAllocateHeap(PVOID heap, ULONG flags, PVOID block, SIZE_T size);
NTSYSAPI BOOLEAN NTAPI RtlFreeHeap(PVOID heap, ULONG flags, PVOID block);
NTSYSAPI SIZE_T NTAPI RtlSizeHeap(PVOID heap, ULONG flags, PVOID block);
NTSYSAPI BOOLEAN NTAPI RtlValidateHeap(PVOID heap, ULONG flags, PVOID block);
NTSYSAPI SIZE_T NTAPI RtlCompactHeap(PVOID heap, ULONG flags);
NTSYSAPI BOOLEAN NTAPI RtlLockHeap(PVOID heap);
NTSYSAPI BOOLEAN NTAPI RtlUnlockHeap(PVOID heap);
NTSYSAPI ULONG NTAPI RtlGetProcessHeaps(ULONG count, PVOID *heaps);

/* The ERROR_* that a native status means; ERROR_MR_MID_NOT_FOUND where there is none. */
NTSYSAPI ULONG NTAPI RtlNtStatusToDosError(NTSTATUS status);

#ifdef __cplusplus
}
#endif

#endif
