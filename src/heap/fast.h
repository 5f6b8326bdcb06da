/*
 * fast.h - the way of a small block: taken from and given to the thread's own span.
 *
 * Inline, so that malloc and HeapAlloc are one call deep.  No lock and no atomic operation but plain
 * loads and stores of atomics: a thread alone works on its cache and on the spans it owns, and says
 * with the mark `busy` that it does.  Who must have a whole heap to himself closes its caches and
 * waits for the marks (cache.c).  Everything that does not go well here is left to the slow calls.
 *
 * H1 and the other invariants: README.md.
 */
#ifndef NTMM_HEAP_FAST_H
#define NTMM_HEAP_FAST_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ntdef.h>

#include "base/page.h"

/* Branches that decide between the fast path and everything else. */
#define likely(condition) __builtin_expect(!!(condition), 1)
#define unlikely(condition) __builtin_expect(!!(condition), 0)

/* Of the fast path: also where a compiler that sees all of the library finds it used too often. */
#define MM_INLINE inline __attribute__((always_inline))

#define SMALL_MAX (32 * KIB) /* larger blocks are allocations of their own */
#define CLASS_COUNT 64       /* see size_class.c; a word has a bit for each */

struct heap;

/*
 * The side value of a block: everything there is to know of it, and all of it out of its reach.
 *
 *   0                 never handed out
 *   1 .. SIDE_LIVE    in use; one more than the bytes by which it is smaller than its class
 *   SIDE_HELD         freed, and in the quarantine of a hardened heap
 *   SIDE_FREE  + n    free, written to once; n: the next free block, or LINK_END
 *   SIDE_FRESH + n    free, and its memory reads as zero
 */
#define LINK_BITS 13
#define LINK_END ((1u << LINK_BITS) - 1)
#define SIDE_LIVE (SMALL_MAX + 1)
#define SIDE_HELD 0x9000u
#define SIDE_FREE 0xA000u
#define SIDE_FRESH 0xC000u

enum span_state {
    SPAN_CURRENT,   /* its owner takes blocks from it */
    SPAN_FULL,      /* too little of it is free: on no list */
    SPAN_PARTIAL,   /* on its owner's list, to be used again */
    SPAN_GOING,     /* empty, nobody's, and about to be taken apart by who made it so */
    SPAN_ABANDONED, /* its thread has ended; on the heap's list, to be adopted */
    SPAN_FORGOTTEN, /* the same, and too little of it is free: on no list */
};

#define LOW_NEVER UINT32_MAX

/*
 * 64 KiB, or four times that, of blocks of one size in one heap.  The record lies in memory of our
 * own, never in the span: freeing a block that was paged out reads nothing back, and no overflow
 * reaches it.  Records are used again, for spans of the same class, and never unmapped.
 *
 * A line of the processor's cache for what threads that free here read, one for what the owner
 * writes, one for what the others write.
 *
 * (c) constant while the span is in the table  (o) the owner, marked; (a) atomic  (h) the heap's lock
 */
struct span {
    uintptr_t start;                    /* (c) */
    _Atomic(struct heap_cache *) owner; /* (a) set by the owner or under the heap's lock */
    uint32_t size;                      /* (c) bytes of a block */
    uint32_t magic;                     /* (c) offset / 16 * magic >> 31 == offset / size */
    uint16_t blocks;                    /* (c) */
    uint8_t class;                      /* (c) */
    bool fresh;                         /* (c) what was never carved reads as zero */
    struct heap *heap;                  /* (c) */
    struct span *heap_next;             /* (h) all spans of the heap */
    struct span *heap_prev;

    uintptr_t head_block __attribute__((aligned(64))); /* (o) address of block `head`, if any */
    uint32_t head;                                     /* (o) first free block, or LINK_END */
    uint32_t used;     /* (o) blocks in use or freed by other threads */
    uint32_t low;      /* (o) at this value of `used` there is something to do */
    uint16_t carved;   /* (o) blocks ever handed out or free: the first ones */
    uint8_t state;     /* (o) enum span_state */
    struct span *next; /* (o) partial or abandoned list; unused */
    struct span *prev; /* (o) */

    atomic_uint remote __attribute__((aligned(64))); /* (a) freed by others: count << 16 | first */
    atomic_bool mailed;                              /* (a) stands in a mailbox */
    atomic_bool in_hand;    /* (a) SPAN_CURRENT, told to others: its owner sees to it */
    struct span *mail_next; /* its owner of the moment: who set `mailed` */

    _Atomic uint16_t side[] __attribute__((aligned(64))); /* (o) blocks + 1 values; the last is 0 */
};

#define REMOTE_EMPTY LINK_END

#define KEPT_OWN 4   /* large blocks that a thread keeps for its next calls, */
#define KEPT_MOST 16 /* and a heap for all */

/* Freed large blocks, oldest first (kept.c). */
struct large;
struct kept_list {
    unsigned count;
    size_t bytes; /* committed */
    struct large *blocks[KEPT_MOST];
};

#define QUARANTINE 64 /* blocks that a thread's frees in a hardened heap wait for */

/* A thread's part of a heap.  Used again, never unmapped. */
struct heap_cache {
    atomic_uint busy;            /* (a) its thread is inside */
    atomic_uint closed;          /* (a) how many want it to stay out */
    uintptr_t range_start;       /* (c) of mm_heap_range, here to save a load */
    size_t range_size;           /* (c) */
    atomic_uintptr_t *table;     /* (c) */
    _Atomic(struct heap *) heap; /* (a) changed under the heap's lock; NULL: unused */
    atomic_uintptr_t
        handle; /* (a) of the heap; 0: none, or a fixed heap, whose calls are all slow */
    atomic_uintptr_t thread; /* (a) changed under the heap's lock: whose it is */
    unsigned base;           /* (c) of `closed`: 1 in a hardened heap, whose calls are all slow */
    uint64_t random;         /* (o) */
    uint64_t used_before;    /* (o) a bit a class: it had a span */
    struct heap_cache *next; /* (h) the heap's caches; unused caches */
    _Atomic(struct span *) mail __attribute__((aligned(64))); /* (a) spans that others freed into */
    atomic_uint waiting; /* (a) spans that looked empty but for others' frees since it collected */
    struct span *current[CLASS_COUNT] __attribute__((aligned(64))); /* (o) never NULL */
    struct span *partial[CLASS_COUNT];                              /* (o) */
    void *quarantine[QUARANTINE]; /* (o) a ring of freed blocks, of a hardened heap */
    unsigned quarantine_next;     /* (o) the oldest */
    struct kept_list kept;        /* (o) */
};

/* Of the process heap; before the thread's first call mm_heap_none, which has nothing and is closed. */
extern __thread struct heap_cache *mm_heap_mine __attribute__((tls_model("initial-exec")));
extern struct heap_cache mm_heap_none;

/* The thread's caches of other heaps, by handle; what is found here is looked at before it is used. */
#define HEAP_SLOTS 8
extern __thread struct heap_cache *mm_heap_slots[HEAP_SLOTS]
    __attribute__((tls_model("initial-exec")));

/* The calling thread, for as long as it lives: an address in its own memory. */
static inline uintptr_t heap_self(void)
{
    return (uintptr_t)&mm_heap_mine;
}

static inline struct heap_cache **heap_slot_of(uintptr_t handle)
{
    return &mm_heap_slots[(handle >> UNIT_SHIFT) % HEAP_SLOTS];
}

/* The thread's cache of the heap with a handle, any value; mm_heap_none where the slow calls know. */
static inline struct heap_cache *heap_cache_of(const void *handle)
{
    uintptr_t value = (uintptr_t)handle;
    struct heap_cache *c = mm_heap_mine;

    if (likely(atomic_load_explicit(&c->handle, memory_order_relaxed) == value))
        return c;
    c = value ? *heap_slot_of(value) : NULL;
    if (likely(c != NULL) &&
        likely(atomic_load_explicit(&c->handle, memory_order_relaxed) == value) &&
        likely(atomic_load_explicit(&c->thread, memory_order_relaxed) == heap_self()))
        return c;
    return &mm_heap_none;
}

/*
 * The range of address space that all spans come from, and its table: a word for each 64 KiB unit.
 * 0: never used; odd: one more than the address of the span that holds it; else see range.c.
 */
struct heap_range {
    uintptr_t start;         /* (c) 0 until started */
    size_t size;             /* (c) */
    atomic_uintptr_t *table; /* (c) the table; its words: atomic */
};
extern struct heap_range mm_heap_range;

/* (size + 15) / 16 -> class */
extern const uint8_t mm_heap_class_of[SMALL_MAX / 16 + 1];

/* The span an address lies in; NULL: none. */
static inline struct span *heap_span_of(const void *address)
{
    uintptr_t offset = (uintptr_t)address - mm_heap_range.start;
    if (unlikely(offset >= mm_heap_range.size))
        return NULL;
    uintptr_t word =
        atomic_load_explicit(&mm_heap_range.table[offset >> UNIT_SHIFT], memory_order_acquire);
    return likely(word & 1) ? (struct span *)(word - 1) : NULL;
}

/* The number of a block in its span; `blocks` or a wrong one where the address is not its start. */
static MM_INLINE bool heap_index_of(const struct span *s, const void *block, unsigned *ret_index)
{
    uintptr_t offset = (uintptr_t)block - s->start;
    *ret_index = (unsigned)((offset >> 4) * s->magic >> 31);
    return likely(*ret_index * (uintptr_t)s->size == offset);
}

static inline uint16_t heap_side(const struct span *s, unsigned index)
{
    return atomic_load_explicit(&s->side[index], memory_order_relaxed);
}

static inline void heap_set_side(struct span *s, unsigned index, unsigned value)
{
    atomic_store_explicit(&s->side[index], (uint16_t)value, memory_order_relaxed);
}

static inline bool heap_side_is_live(uint16_t side)
{
    return (uint16_t)(side - 1) < SIDE_LIVE;
}

/*
 * Make a block the first free one.  Its address stands beside its number, so that a block that is
 * taken again at once need not wait for a division and a multiplication.
 */
static inline void heap_set_head(struct span *s, unsigned index)
{
    s->head = index;
    s->head_block = s->start + index * (uintptr_t)s->size;
}

/*
 * Begin and end of what only one thread may do at a time with a cache.
 *
 * => no lock is taken and nothing is waited for in between (H2)
 * => false: the cache is closed; leave at once
 */
static MM_INLINE bool heap_enter(struct heap_cache *c)
{
    atomic_store_explicit(&c->busy, 1, memory_order_relaxed);
    atomic_signal_fence(memory_order_seq_cst); /* the other half: mm_os_barrier_everywhere */
    return likely(!atomic_load_explicit(&c->closed, memory_order_acquire));
}

static MM_INLINE void heap_leave(struct heap_cache *c)
{
    atomic_store_explicit(&c->busy, 0, memory_order_release);
}

/*
 * free and realloc of the process heap, where the fast path gave up.  They end the process at a
 * mistake, naming the call.
 */
void mm_heap_free_slowly(void *block);
void mm_heap_mistake(const char *call, const void *block) __attribute__((noreturn));
NTSTATUS mm_heap_resize_for(const char *call, struct heap *h, ULONG flags, void *block, size_t size,
                            void **ret_block);

/* Give a block back into another thread's span, after heap_give gave up; false: the slow call knows. */
bool mm_heap_give_elsewhere(struct heap_cache *c, void *block);

/* `used` has come to `low`: settle the span's new place, then leave the cache. */
void mm_heap_settle(struct heap_cache *c, struct span *s);

/* Take the first free block of a span; NULL: it has none.  Inside the owner's cache. */
static MM_INLINE void *heap_pop(struct span *s, size_t size, bool *ret_fresh)
{
    unsigned index = s->head;
    if (unlikely(index == LINK_END))
        return NULL;

    uint16_t side = heap_side(s, index);
    void *block = (void *)s->head_block;
    heap_set_head(s, side & LINK_END);
    heap_set_side(s, index, s->size - (unsigned)size + 1);
    s->used++;
    if (ret_fresh)
        *ret_fresh = side >= SIDE_FRESH;
    return block;
}

/* Make a block the first free one; => whether there is something to settle. */
static MM_INLINE bool heap_push(struct span *s, unsigned index, void *block)
{
    heap_set_side(s, index, SIDE_FREE | s->head);
    s->head = index;
    s->head_block = (uintptr_t)block;
    return unlikely(--s->used == s->low);
}

/*
 * A block of `size` bytes, of a class that holds it, from the current span.
 *
 * => *ret_fresh: its memory reads as zero
 * => NULL: the slow call (mm_heap_allocate_slowly) has to see to it
 */
static MM_INLINE void *heap_take(struct heap_cache *c, unsigned class, size_t size, bool *ret_fresh)
{
    void *block = NULL;

    if (heap_enter(c))
        block = heap_pop(c->current[class], size, ret_fresh);
    heap_leave(c);
    return block;
}

/* Give a block back; false: it is not one of this thread's, or a mistake: the slow call knows. */
static MM_INLINE bool heap_give(struct heap_cache *c, void *block)
{
    uintptr_t offset = (uintptr_t)block - c->range_start;
    unsigned index;

    if (unlikely(offset >= c->range_size))
        return false;
    uintptr_t word = atomic_load_explicit(&c->table[offset >> UNIT_SHIFT], memory_order_acquire);
    struct span *s = (struct span *)(word - 1);
    if (unlikely(!(word & 1)) ||
        unlikely(atomic_load_explicit(&s->owner, memory_order_relaxed) != c) ||
        !heap_index_of(s, block, &index))
        return false;
    if (unlikely(!heap_enter(c)) || unlikely(!heap_side_is_live(heap_side(s, index)))) {
        heap_leave(c);
        return false;
    }
    if (heap_push(s, index, block)) {
        mm_heap_settle(c, s);
        return true;
    }
    heap_leave(c);
    return true;
}

/* A small block in use, whoever owns its span; NULL: the slow call knows. */
static inline struct span *heap_live_in(const struct heap_cache *c, const void *block,
                                        unsigned *ret_index)
{
    uintptr_t offset = (uintptr_t)block - c->range_start;

    if (unlikely(offset >= c->range_size))
        return NULL;
    uintptr_t word = atomic_load_explicit(&c->table[offset >> UNIT_SHIFT], memory_order_acquire);
    struct span *s = (struct span *)(word - 1);
    if (unlikely(!(word & 1)) || !heap_index_of(s, block, ret_index))
        return NULL;
    return likely(heap_side_is_live(heap_side(s, *ret_index))) ? s : NULL;
}

/* Note a new size of a block in use that may be so large in its place; false: the slow call knows. */
static inline bool heap_note_size(struct heap_cache *c, struct span *s, unsigned index, size_t size)
{
    bool open = heap_enter(c) && s->heap == atomic_load_explicit(&c->heap, memory_order_relaxed);
    if (likely(open))
        heap_set_side(s, index, s->size - (unsigned)size + 1);
    heap_leave(c);
    return open;
}

/* Resize where the block stays: at least half of its place is used.  false: the slow call knows. */
static inline bool heap_resize_inside(struct heap_cache *c, void *block, size_t size)
{
    unsigned index;
    struct span *s = heap_live_in(c, block, &index);
    return s && size <= s->size && size >= s->size / 2 && heap_note_size(c, s, index, size);
}

/* Let a small block have all of its place; 0: the slow call knows. */
static inline size_t heap_use_whole(struct heap_cache *c, void *block)
{
    unsigned index;
    struct span *s = heap_live_in(c, block, &index);
    if (!s || (heap_side(s, index) != 1 && !heap_note_size(c, s, index, s->size)))
        return 0;
    return s->size;
}

#endif
