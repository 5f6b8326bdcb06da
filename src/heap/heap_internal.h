/*
 * heap_internal.h - what the files of this folder share.  See README.md.
 *
 * Locks, in the order in which they are taken: the list of heaps; a heap; the units.  vm and the
 * pager are called with none of them but a heap's.
 */
#ifndef NTMM_HEAP_HEAP_INTERNAL_H
#define NTMM_HEAP_HEAP_INTERNAL_H

#include <string.h>

#include <ntstatus.h>

#include "base/check.h"
#include "heap/fast.h"
#include "heap/heap.h"
#include "os/os.h"

/* ---- size classes (size_class.c) ------------------------------------------------------------- */

struct size_class {
    uint32_t size;   /* bytes of a block */
    uint32_t magic;  /* see struct span */
    uint16_t blocks; /* blocks in a span */
    uint16_t units;  /* 64 KiB units in a span: 1 or 4 */
};
extern const struct size_class mm_heap_classes[CLASS_COUNT];

static inline unsigned class_of(size_t size)
{
    return mm_heap_class_of[(size + 15) >> 4];
}

/* ---- a heap ------------------------------------------------------------------------------------ */

#define VIRTUAL_THRESHOLD (508 * KIB) /* from here on HeapFree gives back at once, as on Windows */
#define FIXED_BLOCK_MOST (MIB - 4 * KIB) /* the largest block of a fixed heap; larger: no memory */
#define BLOCK_OVERHEAD 16                /* what a block of a fixed heap counts beyond its size */

#define GONE 8

struct gone {
    size_t bytes;
    uint64_t when; /* by mm_os_now */
};

/* (c) constant while the heap lives  (h) its lock  (a) atomic  (l) the list of heaps */
struct heap {
    uintptr_t handle; /* (c) address of a unit of the range, reserved */
    ULONG flags;      /* (c) as given to mm_heap_create */
    ULONG protect;    /* (c) PAGE_READWRITE or PAGE_EXECUTE_READWRITE */
    size_t maximum;   /* (c) bytes of a fixed heap; 0: it grows */
    bool hard;        /* (c) hardened: harden.c */

    struct os_lock lock;
    atomic_uintptr_t lock_owner;         /* (a) the thread that holds it; 0: none */
    unsigned depth;                      /* (h) how often its owner took it */
    unsigned locked;                     /* (h) mm_heap_lock, not yet unlocked */
    struct heap_cache *caches;           /* (h) */
    atomic_uint cache_count;             /* (a) changed under the lock */
    struct span *spans;                  /* (h) all of the heap, in no order */
    struct span *abandoned[CLASS_COUNT]; /* (h) those of ended threads that can be used */
    struct large *large;                 /* (h) its large blocks, in use and kept */
    size_t large_committed;              /* (h) bytes of them */
    struct kept_list kept;               /* (h) those that no thread keeps for itself */
    atomic_uint stretched;               /* (a) see kept.c, also for what follows */
    atomic_size_t regret;   /* (a) changed under the lock: bytes kept beyond the usual */
    struct gone gone[GONE]; /* (h) freed large blocks that were not kept, the last ones */
    unsigned gone_next;     /* (h) */
    unsigned idle;          /* (h) blocks gone since one was wanted again */
    size_t committed;       /* (h) bytes of its spans */
    atomic_size_t charged;  /* (a) of a fixed heap: bytes against the maximum */
    uint64_t serial;        /* (l) later heaps have higher ones */
    uint32_t page_blocks;   /* its blocks of the page heap: the page lock */
    struct heap *next;      /* (l) heaps in the order of their making; unused */
};

extern struct heap mm_heap_default;       /* the process heap */
extern struct heap_cache mm_heap_nobody;  /* the owner of abandoned spans */
extern const struct span mm_heap_no_span; /* a current span without blocks */

/* The heap's lock, as often as its owner likes. */
void mm_heap_gate_lock(struct heap *h);
void mm_heap_gate_unlock(struct heap *h);

/* Call `visit` for every heap, in the order of their making. */
void mm_heap_each(void (*visit)(struct heap *h));

/* Give up the calling thread's cache of the heap, if it has one. */
void mm_heap_leave_thread(struct heap *h);

/* Ask whoever frees memory for others; => whether there is more now.  No lock is held. */
bool mm_heap_reclaim(size_t wanted);

/* End the process with whatever mm_heap_on_mistake was told. */
void mm_heap_tell_mistake(const struct heap_mistake *mistake) __attribute__((noreturn));

/* The process ends: `block`, given to `call`, is no block in use of the heap.  Says why. */
void mm_heap_stop(const struct heap *h, const char *call, const void *block)
    __attribute__((noreturn));

/* ---- units of the range (range.c) -------------------------------------------------------------- */

#define NO_UNIT UINT32_MAX
#define NO_CLASS CLASS_COUNT /* for a unit that is no span's */

bool mm_heap_range_init(void);

static inline void *unit_address(uint32_t unit)
{
    return (void *)(mm_heap_range.start + ((uintptr_t)unit << UNIT_SHIFT));
}

static inline uint32_t unit_of(uintptr_t address)
{
    return (uint32_t)((address - mm_heap_range.start) >> UNIT_SHIFT);
}

/* Units ever used: the walks end there. */
uint32_t mm_heap_units_used(void);

/*
 * Units for a span of `class`, committed and ours alone.  Those of a hardened heap are always fresh,
 * and where they are new one of every so many is left out, to guard what follows it.
 *
 * => *ret_fresh: their memory reads as zero;  NO_UNIT: no address space, or the commit limit
 */
uint32_t mm_heap_units_new(const struct heap *h, unsigned class, bool touched_soon,
                           bool *ret_fresh);

/* Give units back; `keep`: they may be kept committed for the next span. */
void mm_heap_units_free(uint32_t unit, uint32_t count, bool keep);

/* One unit without memory, for a heap's handle; NO_UNIT: none left. */
uint32_t mm_heap_unit_reserve(struct heap *h);
void mm_heap_unit_release(uint32_t unit);

/* Put a span into the table, or take it out again. */
void mm_heap_units_enter(struct span *s);
void mm_heap_units_leave(struct span *s);

/* Give back the units that are kept committed; => whether there were any. */
bool mm_heap_units_trim(void);

/* The heap whose handle the unit is; NULL: none. */
struct heap *mm_heap_of_unit(uint32_t unit);

/* Own memory for records, never given back; NULL: the machine has none. */
void *mm_heap_record_new(size_t size);

void mm_heap_units_lock(void);
void mm_heap_units_unlock(void);

/* ---- spans (span.c) ------------------------------------------------------------------------------ */

/*
 * A span for `owner`, in the table and on the heap's list.
 *
 * => no lock is held but perhaps the heap's; NULL: no memory
 */
struct span *mm_heap_span_new(struct heap *h, struct heap_cache *owner, unsigned class,
                              bool touched_soon);

/* Give back spans without blocks in use, linked by `next`, which are on no list of an owner. */
void mm_heap_spans_free(struct span *first);

/* Cut the next few blocks; false: the span is cut to its end.  Its free list is empty.  Marked. */
bool mm_heap_span_carve(struct span *s, uint64_t *random);

/* Blocks at which a full span is worth being used again. */
uint32_t mm_heap_span_low(const struct span *s);

void mm_heap_span_push(struct span **list, struct span *s);
void mm_heap_span_remove(struct span **list, struct span *s);

/* Whether the record is what README.md says; O(blocks); the heap is locked. */
bool mm_heap_span_is_valid(const struct span *s);

/* ---- caches of threads (cache.c) ------------------------------------------------------------------ */

/* The calling thread's cache of a heap; made if need be.  NULL: no memory for it. */
struct heap_cache *mm_heap_cache_of(struct heap *h);

/* Its cache if it has one. */
struct heap_cache *mm_heap_cache_find(struct heap *h);

/* Small blocks, when the fast path gave up: refills, grows, waits for an open heap. */
void *mm_heap_take_slowly(struct heap *h, unsigned class, size_t size, bool *ret_fresh);

/* Take in what other threads freed; marked, or closed by the caller.  => spans left empty */
struct span *mm_heap_cache_collect(struct heap_cache *c);

/* The same, and take its current spans away where they are empty. */
struct span *mm_heap_cache_release(struct heap_cache *c);

/* Put two chains of spans, linked by `next`, together. */
struct span *mm_heap_chain(struct span *a, struct span *b);

/* Close all caches of the heap but the caller's own, and open them; the heap's lock is held. */
void mm_heap_caches_close(struct heap *h);
void mm_heap_caches_open(struct heap *h);

/* Let one cache of another thread rest while its spans are collected; no lock is held. */
void mm_heap_cache_tidy(struct heap_cache *c);

/* Give up a cache: its spans wait for another thread to adopt them.  The heap's lock is held. */
void mm_heap_cache_abandon(struct heap_cache *c);

/* Forget a cache whose spans are gone. */
void mm_heap_cache_discard(struct heap_cache *c);

/* What ends with a thread: its caches, in all heaps. */
void mm_heap_thread_ends(void);

/* In use, or in quarantine: somebody may give it back. */
static inline bool heap_side_is_held(uint16_t side)
{
    return heap_side_is_live(side) || side == SIDE_HELD;
}

/* heap_enter for slow calls, which may enter the caches of hardened heaps as well. */
static inline bool heap_enter_slowly(struct heap_cache *c)
{
    return heap_enter(c) || atomic_load_explicit(&c->closed, memory_order_acquire) <= c->base;
}

/* The same, waiting while the heap is closed. */
void mm_heap_cache_enter(struct heap *h, struct heap_cache *c);

/* Give a block of one of the thread's own spans back.  => false: it is not in use */
bool mm_heap_give_own(struct heap *h, struct heap_cache *c, struct span *s, void *block);

/* ---- frees from elsewhere (remote.c) ----------------------------------------------------------------- */

/* The block is another thread's, or nobody's.  => false: it is no block in use */
bool mm_heap_give_remote(struct span *s, unsigned index);

/* Move what others freed to the span's own list; by its owner, or who stands for it. */
void mm_heap_span_drain(struct span *s);

/* Note in its owner's mailbox that others freed into the span. */
void mm_heap_mail(struct span *s);

/* ---- larger blocks (large.c, kept.c) ----------------------------------------------------------------- */

/* What a large block is for. */
enum large_use {
    LARGE_PLAIN,
    LARGE_ZERO,    /* its memory must read as zero */
    LARGE_GROWING, /* it will be resized again, to more */
};

void *mm_heap_large_allocate(struct heap *h, size_t size, size_t alignment, enum large_use use);

/* => false: no large block of the heap in use; `keep`: it may be kept for the next call */
bool mm_heap_large_free(struct heap *h, void *block, bool keep);
bool mm_heap_large_size(const void *block, struct heap **ret_heap, size_t *ret_size,
                        size_t *ret_capacity);

/*
 * In place, or (unless HEAP_REALLOC_IN_PLACE_ONLY) moved.  With HEAP_ZERO_MEMORY what is committed
 * or moved to reads as zero beyond what the block had.  STATUS_INVALID_PARAMETER: no block in use.
 */
NTSTATUS mm_heap_large_resize(struct heap *h, void *block, size_t size, ULONG flags,
                              void **ret_block);

/* Give back the kept blocks of a heap; => whether there were any. */
bool mm_heap_large_trim(struct heap *h);

/* Give back what a cache that is given up keeps; the heap's lock is held. */
void mm_heap_kept_leave(struct heap *h, struct heap_cache *c);

/* All of a heap that is being destroyed; its lock is held. */
void mm_heap_large_free_all(struct heap *h);

/* The first block of the heap in use above `address`; its data. */
struct large_info {
    uintptr_t start;
    size_t size;
    size_t committed;
    size_t reserved; /* bytes from start */
};
bool mm_heap_large_next(struct heap *h, uintptr_t address, struct large_info *ret_info);
bool mm_heap_large_at(struct heap *h, const void *address, struct large_info *ret_info);
void mm_heap_large_sum(struct heap *h, struct heap_summary *sum);

/* ---- hardened heaps (harden.c) ------------------------------------------------------------------------ */

void mm_heap_harden_init(void);

/* Bytes to ask for, so that a canary fits behind `size`. */
size_t mm_heap_harden_room(size_t size);

/* A block is handed out; `s` NULL: a large one.  Ends the process where freed memory was written. */
void mm_heap_harden_out(const struct span *s, void *block, size_t size, size_t capacity,
                        bool fresh);

/* A small block that stays where it is has another size; what it gained is not zeroed here. */
void mm_heap_harden_resized(void *block, size_t old, size_t size, size_t capacity);

/* Whether the canary is whole; and: the process ends if it is not. */
bool mm_heap_harden_check(const struct span *s, const void *block, size_t size, size_t capacity);
void mm_heap_harden_demand(const struct span *s, const void *block, size_t size, size_t capacity);

/* Claim a block that is freed and zero it; false: it is no block in use. */
bool mm_heap_harden_hold(struct span *s, unsigned index, void *block);

/* Put a block into quarantine; => the one that has waited longest, or NULL.  Marked. */
void *mm_heap_harden_exchange(struct heap_cache *c, void *block);

/* Take a block out of quarantine; NULL: none is left. */
void *mm_heap_harden_empty(struct heap_cache *c);

/* HeapValidate of one block (block.c). */
bool mm_heap_block_is_valid(struct heap *h, const void *block);

/* Really free a block that was in quarantine (block.c). */
void mm_heap_free_held(struct heap *h, void *block);

/* ---- fixed heaps (heap.c) ----------------------------------------------------------------------------- */

static inline size_t fixed_cost(size_t size)
{
    return align_up(size, 16) + BLOCK_OVERHEAD;
}

/* Count bytes against the maximum of a fixed heap, or less of them; false: they do not fit. */
bool mm_heap_charge(struct heap *h, size_t bytes);
void mm_heap_uncharge(struct heap *h, size_t bytes);

#endif
