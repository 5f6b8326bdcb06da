/*
 * heap.h - heaps: any number, exact sizes, every ordered mistake seen.
 *
 * See README.md beside this file for the theory and the invariants.  Flags are Windows' (winnt.h:
 * HEAP_ZERO_MEMORY ...); results are NTSTATUS, or NULL where there is no memory.
 *
 * All functions may be called from any thread.  None raises an exception: HEAP_GENERATE_EXCEPTIONS
 * is the business of api/.  None touches the contents of a block but for zeroing and copying.
 *
 * A block that is no block in use of the heap (freed already, the inside of a block, of another
 * heap, of nobody) ends the process in mm_heap_free and mm_heap_resize, with what
 * mm_heap_on_mistake was told; the calls that only ask (size, validate, walk) say so instead.
 */
#ifndef NTMM_HEAP_HEAP_H
#define NTMM_HEAP_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ntdef.h>
#include <winnt.h>

struct heap;

/* ---- heaps ----------------------------------------------------------------------------------- */

/*
 * Start: reserve the range of small blocks and make the process heap.  hardened: it and all others
 * are, as if made with HEAP_CREATE_HARDENED.
 *
 * => once, after mm_vm_init, single-threaded; false: no address space
 */
bool mm_heap_start(bool hardened);

/*
 * HeapCreate.  flags: HEAP_NO_SERIALIZE, HEAP_GENERATE_EXCEPTIONS, HEAP_CREATE_ENABLE_EXECUTE,
 * HEAP_CREATE_HARDENED; others are ignored.  maximum 0: the heap grows.
 *
 * => STATUS_NO_MEMORY, STATUS_COMMITMENT_LIMIT
 */
NTSTATUS mm_heap_create(ULONG flags, size_t initial, size_t maximum, struct heap **ret_heap);

/*
 * HeapDestroy, from any thread; blocks in use go with it.
 *
 * => STATUS_INVALID_HANDLE: the process heap
 * => no other thread may be inside a call on this heap that began before, as on Windows
 */
NTSTATUS mm_heap_destroy(struct heap *heap);

/* The heap a handle means; NULL: it means none.  Takes any value, touches nothing of it. */
struct heap *mm_heap_of_handle(const void *handle);
void *mm_heap_handle(const struct heap *heap); /* a multiple of 64 KiB */
ULONG mm_heap_flags(const struct heap *heap);  /* as given to mm_heap_create */
bool mm_heap_is_fixed(const struct heap *heap);

/* GetProcessHeap. */
struct heap *mm_heap_process(void);

/* GetProcessHeaps: store up to `room` handles, the process heap first; => how many heaps there are */
size_t mm_heap_list(void **ret_handles, size_t room);

/* ---- blocks ---------------------------------------------------------------------------------- */

/*
 * HeapAlloc: 16-byte aligned, size 0 is a block of its own.  flags: HEAP_ZERO_MEMORY; others ignored.
 *
 * => NULL: no memory, or larger than a fixed heap allows
 */
void *mm_heap_allocate(struct heap *heap, ULONG flags, size_t size);

/* The same at a power of two, 16 or more. */
void *mm_heap_allocate_aligned(struct heap *heap, ULONG flags, size_t alignment, size_t size);

/* HeapFree of a block of this heap; NULL is fine.  Does not return from a mistake. */
void mm_heap_free(struct heap *heap, void *block);

/*
 * HeapReAlloc.  flags: HEAP_ZERO_MEMORY (what is new reads as zero), HEAP_REALLOC_IN_PLACE_ONLY.
 * Does not return from a mistake.
 *
 * => STATUS_NO_MEMORY; the block is as it was then
 */
NTSTATUS mm_heap_resize(struct heap *heap, ULONG flags, void *block, size_t size, void **ret_block);

/*
 * HeapSize: the size asked for, to the byte.
 *
 * => STATUS_INVALID_PARAMETER: not a block in use of this heap; never faults
 */
NTSTATUS mm_heap_size(struct heap *heap, const void *block, size_t *ret_size);

/* What the block can hold without moving: its size or more.  Same errors. */
NTSTATUS mm_heap_capacity(struct heap *heap, const void *block, size_t *ret_capacity);

/* The heap that a block in use belongs to; NULL: `block` is none.  Never faults. */
struct heap *mm_heap_of_block(const void *block);

/*
 * Move a block to where its neighbours are denser, so that the memory it leaves can be given back;
 * contents and size stay.  For moveable memory (global/), whose owner knows every pointer to it.
 *
 * => the new address; NULL: it stays where it is
 */
void *mm_heap_repack(struct heap *heap, void *block);

/* ---- the whole heap ---------------------------------------------------------------------------- */

/*
 * HeapLock: no other thread allocates, frees or resizes in this heap until mm_heap_unlock, as often.
 * The owner goes on.
 *
 * => mm_heap_unlock: STATUS_NOT_LOCKED by a thread that does not hold it
 */
NTSTATUS mm_heap_lock(struct heap *heap);
NTSTATUS mm_heap_unlock(struct heap *heap);

/* HeapValidate of a block, or of everything with NULL.  Never faults, never ends the process. */
bool mm_heap_validate(struct heap *heap, const void *block);

/* HeapCompact: give back what can be; => bytes of the largest free block that is committed */
size_t mm_heap_compact(struct heap *heap);

/* The same for every heap but those that another thread has locked at this moment. */
void mm_heap_compact_all(void);

/* HeapSummary. */
struct heap_summary {
    size_t allocated;       /* bytes in blocks, as asked for */
    size_t blocks;          /* blocks in use */
    size_t committed;       /* bytes */
    size_t reserved;        /* bytes, committed ones included */
    size_t max_reserve;     /* bytes: the maximum of a fixed heap, else what could be reserved */
    size_t large_blocks;    /* of the blocks in use, those that are allocations of their own */
    size_t large_committed; /* and their bytes */
};
void mm_heap_summarize(struct heap *heap, struct heap_summary *ret_summary);

/*
 * HeapWalk: regions in address order, each followed by its blocks (in use and free) in address
 * order and by its uncommitted range.  Every block in use once, with the size asked for.
 */
enum heap_entry_kind {
    HEAP_ENTRY_REGION,
    HEAP_ENTRY_BUSY,
    HEAP_ENTRY_FREE,
    HEAP_ENTRY_UNCOMMITTED,
};
struct heap_entry {
    void *data;           /* NULL before the first call */
    size_t size;          /* bytes: of the block as asked for; of the region; of the range */
    size_t spare;         /* a block in use: what it could hold beyond its size */
    unsigned char region; /* number of the region, modulo 256 */
    enum heap_entry_kind kind;
    size_t committed;   /* a region: bytes */
    size_t uncommitted; /* a region: bytes */
    void *first;        /* a region: its first block's place */
    void *last;         /* a region: the end of its blocks */
};

/*
 * The entry after *entry, which was returned before, or whose data is NULL.
 *
 * => STATUS_NO_MORE_ENTRIES at the end; STATUS_INVALID_PARAMETER: there never was such an entry
 * => exact while the heap is locked or nobody else uses it; in between, no crash
 */
NTSTATUS mm_heap_walk(struct heap *heap, struct heap_entry *entry);

/* ---- wiring ------------------------------------------------------------------------------------ */

struct heap_mistake {
    const char *call;    /* "HeapFree", "free" ... */
    const char *what;    /* "this block is not in use (freed twice?)" ... */
    const void *address; /* what the call was given */
};

/* Who ends the process at a mistake; it must not return.  NULL: abort with one line. */
void mm_heap_on_mistake(void (*stop)(const struct heap_mistake *mistake));

/* Who may free memory before an allocation fails: => whether it freed any.  No heap lock is held. */
void mm_heap_on_shortage(bool (*reclaim)(size_t wanted));

/* Around fork: no thread is inside a heap meanwhile.  The child keeps the forking thread alone. */
void mm_heap_before_fork(void);
void mm_heap_after_fork_in_parent(void);
void mm_heap_after_fork_in_child(void);

#endif
