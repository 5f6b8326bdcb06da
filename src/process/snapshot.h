/*
 * snapshot.h - lists of heaps taken at one moment, and the handles that programs hold them by.
 */
#ifndef NTMM_PROCESS_SNAPSHOT_H
#define NTMM_PROCESS_SNAPSHOT_H

#include <stdbool.h>

#include <ntdef.h>

/*
 * Take a snapshot of the heaps that there are.
 *
 * => any thread; the handle is a multiple of 4 below 2^30, never 0, and is not used again soon
 * => STATUS_NO_MEMORY; STATUS_INSUFFICIENT_RESOURCES: 1024 are open
 */
NTSTATUS mm_snapshot_take(HANDLE *ret_snapshot);

/*
 * The handle of the first heap of a snapshot, or of the one after that which was told last.
 *
 * => STATUS_INVALID_HANDLE: no open snapshot; STATUS_NO_MORE_FILES: all were told
 */
NTSTATUS mm_snapshot_heap(HANDLE snapshot, bool first, void **ret_heap);

/*
 * Close it.
 *
 * => STATUS_INVALID_HANDLE: no open snapshot
 */
NTSTATUS mm_snapshot_close(HANDLE snapshot);

#endif
