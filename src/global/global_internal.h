/*
 * global_internal.h - the entry of a moveable object, and the protocol of its word.
 *
 * One word of 32 bits says what may be done with an object, and every change of it is one
 * compare-exchange:
 *
 *    31        20 19 18 17 16 | 15 14 13 .. 8 | 7      0
 *     version     W  B  P  L    -  D  S  .. d   lock count
 *
 *   L  live         the handle means an object; without L it means nothing
 *   P  pinned       one thread resizes, discards, moves or frees the object; others who want to wait
 *   B  sealed       `block` is about to change: who wants to lock waits.  Only with P
 *   W  awaited      somebody sleeps until P or B goes
 *   D  discarded    there is no block.  d discardable, S shared: attributes
 *   version         another with every seal that ends and every object freed
 *
 * D, S and d have the values that GlobalFlags tells.
 */
#ifndef NTMM_GLOBAL_GLOBAL_INTERNAL_H
#define NTMM_GLOBAL_GLOBAL_INTERNAL_H

#include <stdatomic.h>

#include "global/global.h"

#define WORD_COUNT 0xFFu
#define WORD_ATTRIBUTES ((unsigned)(MOVEABLE_DISCARDABLE | MOVEABLE_SHARED))
#define WORD_DISCARDED ((unsigned)MOVEABLE_DISCARDED)
#define WORD_LIVE 0x10000u
#define WORD_PINNED 0x20000u
#define WORD_SEALED 0x40000u
#define WORD_AWAITED 0x80000u
#define WORD_VERSION 0x100000u /* one version on; the version is the bits from here up */

#define MOST_OBJECTS 65536u
#define NO_SLOT UINT32_MAX

/*
 * Who guards a field: (w) the word's protocol: written by the thread that sealed the entry or, while
 * it is not live, by the one that took the slot; read by those who hold a lock count or the pin, and
 * as a hint by anybody.  (a) atomic.
 */
struct entry {
    atomic_uint word;
    atomic_uint used; /* (a) when a discardable object was last locked, by the clock of reclaim */
    _Atomic(void *) block; /* (w) its block in the process heap; NULL: discarded, or not live */
};

_Static_assert(sizeof(struct entry) == 16, "a handle has bit 3 set");

/* ---- slots (slots.c): the table of entries, and which are free --------------------------- */

/*
 * Take a free slot; its entry is not live and has no block.
 *
 * => NO_SLOT: 65536 are taken, or there is no memory for the table
 */
uint32_t mm_slot_take(void);

/* The N-th taking of a slot fails: for tests. */
extern atomic_long mm_slot_fail_at;

/* Give back a slot whose entry is not live. */
void mm_slot_give(uint32_t slot);

/* Slots that were ever taken: [0, that). */
uint32_t mm_slot_end(void);

#define HANDLE_OFFSET offsetof(struct entry, block)

_Static_assert(HANDLE_OFFSET == 8, "handles are 8 above a multiple of 16");

/* Constant once `limit` says how many entries there are: 0 before the first object. */
extern struct slot_table {
    struct entry *entries;
    atomic_uint limit;
} mm_slot_table;

static inline struct entry *mm_slot_entry(uint32_t slot)
{
    return &mm_slot_table.entries[slot];
}

static inline uint32_t mm_slot_of(const struct entry *e)
{
    return (uint32_t)(e - mm_slot_table.entries);
}

/* The entry that a handle points into, live or not; NULL: the value is no handle of ours. */
static inline struct entry *mm_slot_of_handle(const void *handle)
{
    unsigned limit = atomic_load_explicit(&mm_slot_table.limit, memory_order_acquire);
    uintptr_t place = (uintptr_t)handle - HANDLE_OFFSET - (uintptr_t)mm_slot_table.entries;

    if (place / sizeof(struct entry) >= limit || place % sizeof(struct entry))
        return NULL;
    return (struct entry *)((uintptr_t)handle - HANDLE_OFFSET);
}

static inline void *mm_slot_handle(struct entry *e)
{
    return (char *)e + HANDLE_OFFSET;
}

/* ---- the word (entry.c) ------------------------------------------------------------------- */

/* Begin: the entry of a slot just taken becomes an object.  Without a block it is a discarded one. */
void mm_entry_begin(struct entry *e, ULONG attributes, void *block);

NTSTATUS mm_entry_lock(struct entry *e, void **ret_block);
NTSTATUS mm_entry_unlock(struct entry *e, unsigned *ret_left);

/*
 * Become the one thread that may resize, discard, move or free the object.
 *
 * => mm_entry_pin waits its turn; STATUS_INVALID_HANDLE: not live
 * => mm_entry_try_pin: false where it would have to wait, or nothing could be moved: not live,
 *    locked, discarded
 */
NTSTATUS mm_entry_pin(struct entry *e);
bool mm_entry_try_pin(struct entry *e);

/*
 * Let nobody lock the object any more, so that its block can change.  The caller has the pin, and
 * does not wait for the heap before mm_entry_unpin, unless it holds the heap's lock.
 *
 * => false: it is locked, and `even_locked` is not set
 */
bool mm_entry_seal(struct entry *e, bool even_locked);

/* Put another block in the place of a sealed entry's; NULL: none. */
void mm_entry_set_block(struct entry *e, void *block);

/* End the pin, and the seal if there is one; change flags of the word with it. */
void mm_entry_unpin(struct entry *e, unsigned set, unsigned clear);

/* End the object: its handle means nothing from here on.  The caller has sealed it. */
void mm_entry_end(struct entry *e);

/*
 * Ask the heap for the size of the block, 0 of a discarded object, whoever has pinned it.
 *
 * => STATUS_INVALID_HANDLE: not live
 */
NTSTATUS mm_entry_size(struct entry *e, size_t *ret_size);

static inline unsigned mm_entry_word(const struct entry *e)
{
    return atomic_load_explicit(&((struct entry *)e)->word, memory_order_acquire);
}

static inline void *mm_entry_block(const struct entry *e)
{
    return atomic_load_explicit(&((struct entry *)e)->block, memory_order_relaxed);
}

/* Moments of use: counted on by each lock of a discardable object. */
extern atomic_uint mm_global_clock;

/*
 * Remember when a discardable object was last locked.  Not one atomic step: of two threads at the
 * same moment one's tick may be lost, and they are equally old then.
 */
static inline void mm_entry_note_use(struct entry *e, unsigned word)
{
    if (!(word & MOVEABLE_DISCARDABLE))
        return;
    unsigned now = atomic_load_explicit(&mm_global_clock, memory_order_relaxed) + 1;
    atomic_store_explicit(&mm_global_clock, now, memory_order_relaxed);
    atomic_store_explicit(&e->used, now, memory_order_relaxed);
}

/* One try at the usual: to lock an object that nobody moves.  false: ask mm_entry_lock. */
static inline bool mm_entry_lock_once(struct entry *e)
{
    unsigned word = atomic_load_explicit(&e->word, memory_order_relaxed);
    const unsigned unusual = WORD_SEALED | WORD_DISCARDED;

    if ((word & (WORD_LIVE | unusual)) != WORD_LIVE || (word & WORD_COUNT) == WORD_COUNT)
        return false;
    mm_entry_note_use(e, word);
    return atomic_compare_exchange_strong_explicit(&e->word, &word, word + 1, memory_order_acquire,
                                                   memory_order_relaxed);
}

/* The same for unlocking a locked object. */
static inline bool mm_entry_unlock_once(struct entry *e, unsigned *ret_left)
{
    unsigned word = atomic_load_explicit(&e->word, memory_order_relaxed);

    if (!(word & WORD_LIVE) || !(word & WORD_COUNT))
        return false;
    *ret_left = (word & WORD_COUNT) - 1;
    return atomic_compare_exchange_strong_explicit(&e->word, &word, word - 1, memory_order_release,
                                                   memory_order_relaxed);
}

bool mm_entry_is_valid(const struct entry *e);

/* ---- from address to entry (block_index.c) ------------------------------------------------------- */

/* Links of the lists that a slot may be on: a bucket of the index, or the free slots.  Slot + 1. */
extern uint32_t *mm_slot_links;

void mm_index_add(struct entry *e);
void mm_index_remove(struct entry *e);

/* The entry whose block is at that address; NULL: none. */
struct entry *mm_index_find(const void *block);

/* Start: `buckets` are MOST_OBJECTS zeroed words. */
void mm_index_start(uint32_t *buckets);

/* In a forked child: forget everything. */
void mm_index_clear(void);

/* ---- an object (moveable.c) -------------------------------------------------------------------------- */

/*
 * Discard the block of a pinned object; ends the pin.
 *
 * => STATUS_INVALID_PARAMETER: it is locked
 */
NTSTATUS mm_global_discard_pinned(struct entry *e);

/* In a forked child. */
void mm_slot_after_fork_in_child(void);

#endif
