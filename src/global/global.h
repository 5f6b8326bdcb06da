/*
 * global.h - Windows' Global and Local memory: fixed and moveable blocks of the process heap.
 *
 * See README.md beside this file for the theory and the invariants.  A *handle* is what the API
 * calls HGLOBAL and HLOCAL: the address of a fixed block, or the handle of a moveable one (bit 3 is
 * set, which no block's address has).  Handles are looked up, never trusted: any value may come in.
 *
 * All functions may be called from any thread.  None holds a lock while it calls the heap, save
 * compaction and the moving of large blocks, which hold the heap's own.
 */
#ifndef NTMM_GLOBAL_GLOBAL_H
#define NTMM_GLOBAL_GLOBAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ntdef.h>
#include <winnt.h>

/* Attributes, with the values of GMEM_* where Windows has them. */
enum {
    MOVEABLE = 0x2,
    MOVEABLE_ZEROED = 0x40,
    MOVEABLE_DISCARDABLE = 0x100,
    MOVEABLE_SHARED = 0x2000,    /* GMEM_DDESHARE: remembered, and means nothing */
    MOVEABLE_DISCARDED = 0x4000, /* told by mm_global_flags alone */
    MOVEABLE_LOCAL = 0x40000000, /* the caller is of the Local family; see README.md */
};

/* ERROR_DISCARDED, for which there is no status of its own. */
#define STATUS_DISCARDED ((NTSTATUS)0xC007009D)

/* What mm_global_unlock says of a fixed block. */
#define NEVER_LOCKED 0x100u

/*
 * GlobalAlloc, LocalAlloc.
 *
 * attributes  MOVEABLE, _ZEROED, _DISCARDABLE, _SHARED, _LOCAL
 *
 * => STATUS_NO_MEMORY: no memory, or 65536 moveable objects already
 * => MOVEABLE and size 0: a discarded object
 */
NTSTATUS mm_global_allocate(ULONG attributes, size_t size, void **ret_handle);

/*
 * GlobalReAlloc, LocalReAlloc without MODIFY.  *ret_handle may differ for a fixed block, and for a
 * moveable one that was named by its address.
 *
 * attributes  MOVEABLE: a locked or fixed block may move too.  _ZEROED: what is new reads as zero.
 *             _LOCAL
 *
 * => STATUS_NO_MEMORY: no memory, or it may not move and does not fit in place
 * => STATUS_INVALID_PARAMETER: size 0 of a moveable object, and it is locked or MOVEABLE is missing;
 *    _DISCARDABLE, which goes with MODIFY
 * => STATUS_INVALID_HANDLE; after any failure the object is as it was
 */
NTSTATUS mm_global_resize(void *handle, size_t size, ULONG attributes, void **ret_handle);

/*
 * The same with MODIFY: a moveable object becomes discardable; a fixed block becomes moveable where
 * MOVEABLE is given and _LOCAL is not, and *ret_handle is then another.
 *
 * => STATUS_INVALID_HANDLE, STATUS_NO_MEMORY
 */
NTSTATUS mm_global_modify(void *handle, ULONG attributes, void **ret_handle);

/*
 * Free an object, locked or not.  NULL is fine.
 *
 * => STATUS_INVALID_HANDLE: not the handle of an object; STATUS_ACCESS_VIOLATION: not the address of
 *    a block.  Nothing was freed then
 */
NTSTATUS mm_global_free(void *handle);

/*
 * Count one lock and tell the address; a fixed block is not counted.
 *
 * => STATUS_INVALID_HANDLE, STATUS_DISCARDED
 * => the block stays where it is until as many unlocks, save that the count ends at 255
 */
NTSTATUS mm_global_lock(void *handle, void **ret_block);

/*
 * Count one unlock; *ret_left is the number of locks left, or NEVER_LOCKED.
 *
 * => STATUS_INVALID_HANDLE, STATUS_NOT_LOCKED
 */
NTSTATUS mm_global_unlock(void *handle, unsigned *ret_left);

/* Bytes asked for; 0 of a discarded object.  => STATUS_INVALID_HANDLE */
NTSTATUS mm_global_size(const void *handle, size_t *ret_size);

/* Lock count, _DISCARDABLE, _SHARED, _DISCARDED.  => STATUS_INVALID_HANDLE */
NTSTATUS mm_global_flags(const void *handle, ULONG *ret_flags);

/*
 * The handle of the object whose block starts at an address; the address itself of a fixed block.
 *
 * => STATUS_INVALID_PARAMETER: NULL; STATUS_INVALID_HANDLE: no block starts there
 */
NTSTATUS mm_global_handle(const void *block, void **ret_handle);

/* Whether the value is a handle that has been given out before, if not now. */
bool mm_global_was_handle(const void *handle);

/*
 * The handle of the moveable object that owns a block of the process heap; NULL: it is a plain one.
 *
 * => a locked heap is fine, and nothing waits for it; for HeapWalk
 */
void *mm_global_handle_of_block(const void *block);

/*
 * Move unlocked moveable blocks together and give back what that leaves empty.
 *
 * => bytes of the largest free block that is committed
 * => takes the heap's lock for some blocks at a time
 */
size_t mm_global_compact(void);

/* Give back what blocks need not move for; => bytes that the process heap still has committed. */
size_t mm_global_shrink(void);

/*
 * Free memory before an allocation of the process fails: compact, then discard unlocked discardable
 * objects, the least recently used first, until `wanted` bytes are discarded.
 *
 * => whether anything was given back; for mm_heap_on_shortage
 */
bool mm_global_reclaim(size_t wanted);

/* In a forked child, before any other call: undo what threads that are not here had begun. */
void mm_global_after_fork_in_child(void);

/* Whether everything is as README.md says; only while no other thread is at work.  For tests. */
bool mm_global_is_valid(void);

#endif
