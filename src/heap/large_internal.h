/*
 * large_internal.h - what large.c and kept.c share: the record of a large block.
 */
#ifndef NTMM_HEAP_LARGE_INTERNAL_H
#define NTMM_HEAP_LARGE_INTERNAL_H

#include "heap/heap_internal.h"

enum large_state { LARGE_UNUSED, LARGE_LIVE, LARGE_KEPT };

/*
 * Anybody may look at a record that may be another block's by now, so what such looks read is atomic.
 *
 * (a) atomic; (h) the lock of its heap; (b) who has the block: its user, or whoever keeps it
 */
struct large {
    atomic_uintptr_t start;  /* (a) what the program has */
    uintptr_t reserved;      /* (b) where the allocation begins; at or below start */
    uintptr_t end;           /* (h) where the reservation ends */
    atomic_size_t committed; /* (a) bytes from start */
    atomic_size_t size;      /* (a) as asked for */
    atomic_uint state;       /* (a) changed by compare-exchange where two may want it */
    bool stretched;          /* (b) it got far more memory than it asked for, and is counted */
    _Atomic(struct heap *) heap;
    struct large *next; /* (h) the heap's; unused records */
    struct large *prev;
};

/* Take a block off its heap's list; its lock is held. */
void mm_heap_large_unlink(struct heap *h, struct large *l, enum large_state state);

/* Give back the memory and the records of blocks that are on no list, linked by `next`. */
void mm_heap_large_release_all(struct large *l);

/*
 * A kept block for `size` bytes, now in use, of that size; NULL: none fits.
 *
 * growing: it will be resized, and may have more memory than such a block should
 */
struct large *mm_heap_kept_take(struct heap *h, size_t size, size_t alignment, bool growing);

/* Keep a block in use that is freed.  => false: it was freed already, by another thread */
bool mm_heap_kept_put(struct heap *h, struct large *l, const void *block);

/* The block has, or is, no longer more than it should. */
void mm_heap_large_end_stretch(struct heap *h, struct large *l);

/* Claim a block in use: of two frees that race one is seen.  Marked, or the heap's lock is held. */
bool mm_heap_large_claim(struct heap *h, struct large *l, const void *block,
                         enum large_state state);

#endif
