/*
 * crt.h - what Windows' C run-time knows of memory beyond malloc: exact sizes, aligned blocks.
 *
 * The run-time's heap is the process heap.  But malloc itself is the program's: libc's where nothing
 * stands before it, ours under preload/ (and then its blocks are the process heap's).  A block that
 * is not ours is the program's, and is asked of, resized and freed by the program's own functions.
 *
 * Any thread.  Results are NTSTATUS, or NULL where there is no memory; api/ sets errno.
 */
#ifndef NTMM_CRT_CRT_H
#define NTMM_CRT_CRT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ntdef.h>

/* ---- blocks of malloc's (program.c) ----------------------------------------------------------- */

/*
 * _msize: bytes asked for where the block is ours, bytes that can be used where it is libc's.
 *
 * => STATUS_INVALID_PARAMETER: no block of ours, and nothing that could be one of libc's
 */
NTSTATUS mm_crt_size(void *block, size_t *ret_size);

/* _expand: make the size of a block `size`, and do not move it.  STATUS_NO_MEMORY: it has no room. */
NTSTATUS mm_crt_expand(void *block, size_t size);

/* _recalloc of `size` > 0 bytes; NULL as block is fine.  NULL: no memory, and nothing changed. */
void *mm_crt_resize_zeroed(void *block, size_t size);

/* free. */
void mm_crt_free(void *block);

/* ---- aligned blocks (aligned.c) ------------------------------------------------------------------ */

/* (block + offset) is a multiple of `alignment`, a power of two. */
struct crt_alignment {
    size_t alignment;
    size_t offset; /* 0, or less than the size */
};

bool mm_crt_alignment_is_valid(const struct crt_alignment *a, size_t size);

void *mm_crt_aligned_allocate(const struct crt_alignment *a, size_t size, bool zero);

/*
 * Make the size of an aligned block `size` > 0; it may move.  zero: what is new reads as zero.
 *
 * => NULL: no memory; nothing changed.  Does not return from what is no aligned block
 */
void *mm_crt_aligned_resize(void *block, const struct crt_alignment *a, size_t size, bool zero);

/* STATUS_INVALID_PARAMETER: no aligned block. */
NTSTATUS mm_crt_aligned_size(const void *block, size_t *ret_size);

/* NULL is fine.  Ends the process at what is no aligned block. */
void mm_crt_aligned_free(void *block);

/*
 * A block that lies within another has a note before it.  Whether the outer block is one is for who
 * reads a note to prove; the read never faults.
 */
struct crt_note {
    void *outer;
    size_t size;    /* bytes of the inner block, as asked for */
    uintptr_t seal; /* of both and the address */
};
bool mm_crt_note_read(const void *block, struct crt_note *ret_note);

/* The size that the outer block must have; false: there is no such size.  Then put the inner one in. */
bool mm_crt_note_room(const struct crt_alignment *a, size_t size, size_t *ret_size);
void *mm_crt_note_place(void *outer, const struct crt_alignment *a, size_t size);

/*
 * The next block of the process heap after *entry, used or free.
 *
 * => STATUS_NO_MORE_ENTRIES, STATUS_INVALID_PARAMETER as mm_heap_walk
 */
struct heap_entry;
NTSTATUS mm_crt_next_block(struct heap_entry *entry);

#endif
