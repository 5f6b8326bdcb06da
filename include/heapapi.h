/*
 * heapapi.h - heaps: any number of them, blocks of any size.
 *
 * A block is aligned at 16 bytes and has the size that was asked for, to the byte; 0 is a size like
 * any other.  A heap handle is an address, a multiple of 64 KiB.
 *
 * All calls may be made from any thread.  A call that fails changes nothing, and sets the last
 * error that is listed with it; a call that succeeds leaves the last error alone.
 *
 * A heap that is none (NULL, junk, destroyed) is told by every call with ERROR_INVALID_HANDLE.
 * Freeing or resizing a block that is none (freed already, the inside of a block, of another heap,
 * of nobody) ends the process with STATUS_HEAP_CORRUPTION and a report, as 64-bit Windows does.
 *
 * With HEAP_GENERATE_EXCEPTIONS, given to HeapCreate or to the call, HeapAlloc and HeapReAlloc do
 * not return NULL but raise STATUS_NO_MEMORY, or STATUS_ACCESS_VIOLATION where a parameter is wrong;
 * both noncontinuable, without parameters.  Where a handler goes on all the same, they return NULL.
 */
#ifndef _HEAPAPI_H_
#define _HEAPAPI_H_

#include <minwindef.h>
#include <minwinbase.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct _HEAP_SUMMARY {
    DWORD cb;            /* bytes of this structure; set by the caller */
    SIZE_T cbAllocated;  /* bytes in blocks */
    SIZE_T cbCommitted;  /* bytes */
    SIZE_T cbReserved;   /* bytes, committed ones included */
    SIZE_T cbMaxReserve; /* bytes that the heap may come to reserve */
} HEAP_SUMMARY, *PHEAP_SUMMARY, *LPHEAP_SUMMARY;

/*
 * Make a heap.
 *
 * options  HEAP_GENERATE_EXCEPTIONS for all calls on this heap; HEAP_CREATE_ENABLE_EXECUTE: blocks
 *          can hold code; HEAP_NO_SERIALIZE: only one thread at a time calls it (it may still be
 *          several).  Other bits are ignored
 * initial  bytes that must be there to be committed; more than `maximum` counts as `maximum`
 * maximum  bytes that the heap never passes, its own records included; then no block is larger than
 *          a little below 1 MiB.  0: the heap grows
 *
 * Returns its handle, or NULL:
 *   ERROR_NOT_ENOUGH_MEMORY  no addresses, or no memory
 *   ERROR_COMMITMENT_LIMIT   the commit limit would be passed
 */
WINBASEAPI HANDLE WINAPI HeapCreate(DWORD options, SIZE_T initial, SIZE_T maximum);

/*
 * Free a heap and all of its blocks.  No other call on it may be under way.
 *
 * Returns TRUE, or FALSE:
 *   ERROR_INVALID_HANDLE  no heap, or the process heap
 */
WINBASEAPI BOOL WINAPI HeapDestroy(HANDLE heap);

/*
 * Allocate a block.
 *
 * flags  HEAP_ZERO_MEMORY, HEAP_GENERATE_EXCEPTIONS, HEAP_NO_SERIALIZE.  Other bits are ignored
 * bytes  its size
 *
 * Returns the block, or NULL:
 *   ERROR_NOT_ENOUGH_MEMORY  no memory, or larger than a heap with a maximum allows
 *   ERROR_INVALID_HANDLE     no heap
 */
WINBASEAPI DECLSPEC_ALLOCATOR LPVOID WINAPI HeapAlloc(HANDLE heap, DWORD flags, SIZE_T bytes);

/*
 * Resize a block, moving it if it must be.
 *
 * flags  as for HeapAlloc; HEAP_ZERO_MEMORY: what is new reads as zero;
 *        HEAP_REALLOC_IN_PLACE_ONLY: it is not moved
 * block  of this heap
 * bytes  its new size
 *
 * Returns the block, or NULL with the old one as it was:
 *   ERROR_NOT_ENOUGH_MEMORY  no memory, or no room where it is and it may not be moved
 *   ERROR_INVALID_PARAMETER  `block` is NULL
 *   ERROR_INVALID_HANDLE     no heap
 */
WINBASEAPI DECLSPEC_ALLOCATOR LPVOID WINAPI HeapReAlloc(HANDLE heap, DWORD flags, LPVOID block,
                                                        SIZE_T bytes);

/*
 * Free a block.
 *
 * flags  HEAP_NO_SERIALIZE; all bits are ignored
 * block  of this heap, or NULL, which is freed by doing nothing
 *
 * Returns TRUE, or FALSE:
 *   ERROR_INVALID_HANDLE  no heap
 */
WINBASEAPI BOOL WINAPI HeapFree(HANDLE heap, DWORD flags, LPVOID block);

/*
 * Tell the size of a block, as it was asked for.
 *
 * Returns bytes, or (SIZE_T)-1: no heap, or not a block in use of this heap, NULL included.  The
 * last error stays as it is.
 */
WINBASEAPI SIZE_T WINAPI HeapSize(HANDLE heap, DWORD flags, LPCVOID block);

/*
 * Look whether a block, or with NULL a whole heap, is as it should be.
 *
 * Returns TRUE; FALSE: no heap, not a block in use of this heap, or something is wrong in it.  The
 * last error stays as it is.
 */
WINBASEAPI BOOL WINAPI HeapValidate(HANDLE heap, DWORD flags, LPCVOID block);

/*
 * Give memory back that holds no blocks.
 *
 * Returns the size of the largest free block that is committed, in bytes, or 0:
 *   NO_ERROR              there is none
 *   ERROR_INVALID_HANDLE  no heap
 */
WINBASEAPI SIZE_T WINAPI HeapCompact(HANDLE heap, DWORD flags);

/*
 * Keep other threads from allocating, freeing and resizing in a heap, until HeapUnlock was called as
 * often.  Also works on a heap with HEAP_NO_SERIALIZE.
 *
 * Returns TRUE, or FALSE:
 *   ERROR_INVALID_HANDLE  no heap
 */
WINBASEAPI BOOL WINAPI HeapLock(HANDLE heap);

/*
 * Undo one HeapLock of this thread.
 *
 * Returns TRUE, or FALSE:
 *   ERROR_NOT_LOCKED      this thread has not locked it
 *   ERROR_INVALID_HANDLE  no heap
 */
WINBASEAPI BOOL WINAPI HeapUnlock(HANDLE heap);

/*
 * Go through a heap: regions in address order, each followed by its blocks, in use and free, and its
 * uncommitted range.  Exact while the heap is locked or nobody else uses it.
 *
 * entry  lpData NULL: gets the first entry; else an entry of the call before: gets the next
 *
 * Returns TRUE, or FALSE:
 *   ERROR_NO_MORE_ITEMS      that was the last
 *   ERROR_INVALID_PARAMETER  *entry is no entry of this heap, or is none any more
 *   ERROR_NOACCESS           `entry` cannot be written
 *   ERROR_INVALID_HANDLE     no heap
 */
WINBASEAPI BOOL WINAPI HeapWalk(HANDLE heap, LPPROCESS_HEAP_ENTRY entry);

/* The heap that every process has; it cannot be destroyed. */
WINBASEAPI HANDLE WINAPI GetProcessHeap(VOID);

/*
 * List the heaps of this process, the process heap first.
 *
 * count  handles that fit in `heaps`
 * heaps  gets as many as fit; may be NULL with 0
 *
 * Returns how many heaps there are, or 0:
 *   ERROR_NOACCESS  `heaps` cannot be written
 */
WINBASEAPI DWORD WINAPI GetProcessHeaps(DWORD count, PHANDLE heaps);

/*
 * Ask about a heap.
 *
 * information_class    HeapCompatibilityInformation: a ULONG, 2 for a heap that keeps blocks of a
 *                      size together (the low-fragmentation heap), 0 for one that was made with
 *                      HEAP_NO_SERIALIZE or a maximum
 * information, length  where the answer goes, and its bytes
 * returned             may be NULL; gets the bytes of the answer, also when `length` is too small
 *
 * Returns TRUE, or FALSE:
 *   ERROR_INSUFFICIENT_BUFFER  `length` is too small
 *   ERROR_INVALID_PARAMETER    another class
 *   ERROR_NOACCESS             `information` or `returned` cannot be written
 *   ERROR_INVALID_HANDLE       no heap
 */
WINBASEAPI BOOL WINAPI HeapQueryInformation(HANDLE heap, HEAP_INFORMATION_CLASS information_class,
                                            PVOID information, SIZE_T length, PSIZE_T returned);

/*
 * Set a feature of a heap.
 *
 * heap                 NULL: of all heaps, for all classes but the first
 * information_class    HeapCompatibilityInformation: a ULONG, what HeapQueryInformation tells; it
 *                      cannot be changed, only confirmed.
 *                      HeapEnableTerminationOnCorruption: NULL and 0; it always is enabled.
 *                      HeapOptimizeResources: HEAP_OPTIMIZE_RESOURCES_INFORMATION; gives memory back
 *                      that holds no blocks
 * information, length  see there
 *
 * Returns TRUE, or FALSE:
 *   ERROR_GEN_FAILURE          the heap cannot have this, or cannot lose it
 *   ERROR_INSUFFICIENT_BUFFER  `length` is too small
 *   ERROR_INVALID_PARAMETER    another class; contents that the class forbids
 *   ERROR_NOACCESS             `information` cannot be read
 *   ERROR_INVALID_HANDLE       no heap
 */
WINBASEAPI BOOL WINAPI HeapSetInformation(HANDLE heap, HEAP_INFORMATION_CLASS information_class,
                                          PVOID information, SIZE_T length);

/*
 * Tell how much a heap holds.
 *
 * flags    0
 * summary  cb set to the bytes of the structure; gets the rest
 *
 * Returns TRUE, or FALSE:
 *   ERROR_INVALID_PARAMETER  another cb; flags that are not 0
 *   ERROR_NOACCESS           `summary` cannot be written
 *   ERROR_INVALID_HANDLE     no heap
 */
WINBASEAPI BOOL WINAPI HeapSummary(HANDLE heap, DWORD flags, LPHEAP_SUMMARY summary);

#ifdef __cplusplus
}
#endif

#endif
