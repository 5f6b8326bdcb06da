/*
 * compaction.c - moving unlocked blocks together, and discarding those that may go.
 *
 * The heap knows where a block has denser neighbours (mm_heap_repack); this file knows which blocks
 * may move: unlocked ones whose pin is free.  Others are passed over, nobody is waited for, so a
 * thread may come here from an allocation that fails in the middle of anything.
 *
 * While the heap moves a block, its object is sealed, and the heap's lock is held: it is taken
 * first, for BATCH objects at a time, so that no thread that holds it waits for a seal.
 *
 * I1  a locked block never moves and is never discarded: the seal fails
 * I2  nothing is discarded for a need that discarding everything would not meet
 * I3  objects are discarded in the order of their last lock, oldest first; mm_global_clock counts
 *     locks, and ages are differences to it, so that it may wrap
 */
#include <ntstatus.h>

#include "base/page.h"
#include "global/global_internal.h"
#include "heap/heap.h"
#include "vm/vm.h"

#define BATCH 256u
#define OLDEST 64 /* are found in one walk over all objects */

/* ---- moving --------------------------------------------------------------------------------------- */

static void move(struct heap *heap, struct entry *e)
{
    if (!mm_entry_try_pin(e))
        return;
    if (mm_entry_seal(e, false)) {
        void *block = mm_heap_repack(heap, mm_entry_block(e));
        if (block)
            mm_entry_set_block(e, block);
    }
    mm_entry_unpin(e, 0, 0);
}

static void move_all(struct heap *heap)
{
    uint32_t end = mm_slot_end();

    for (uint32_t start = 0; start < end; start += BATCH) {
        if (mm_heap_lock(heap))
            return;
        for (uint32_t slot = start; slot < end && slot < start + BATCH; slot++)
            move(heap, mm_slot_entry(slot));
        (void)mm_heap_unlock(heap); /* held */
    }
}

size_t mm_global_compact(void)
{
    struct heap *heap = mm_heap_process();

    move_all(heap);
    return mm_heap_compact(heap);
}

/* ---- discarding -------------------------------------------------------------------------------------- */

/* The oldest that were found, oldest first. */
struct oldest {
    struct entry *entries[OLDEST];
    unsigned ages[OLDEST];
    int count;
};

static void note(struct oldest *o, struct entry *e, unsigned age)
{
    int at = o->count < OLDEST ? o->count++ : OLDEST - 1;

    for (; at > 0 && o->ages[at - 1] < age; at--) {
        o->ages[at] = o->ages[at - 1];
        o->entries[at] = o->entries[at - 1];
    }
    o->ages[at] = age;
    o->entries[at] = e;
}

static bool may_go(const struct entry *e)
{
    const unsigned stays = WORD_COUNT | WORD_PINNED | WORD_DISCARDED;
    const unsigned needed = WORD_LIVE | MOVEABLE_DISCARDABLE;
    return (mm_entry_word(e) & (needed | stays)) == needed;
}

static void find_oldest(struct oldest *ret_oldest)
{
    unsigned now = atomic_load_explicit(&mm_global_clock, memory_order_relaxed);
    uint32_t end = mm_slot_end();

    ret_oldest->count = 0;
    for (uint32_t slot = 0; slot < end; slot++) {
        struct entry *e = mm_slot_entry(slot);
        unsigned age = now - atomic_load_explicit(&e->used, memory_order_relaxed);
        bool full = ret_oldest->count == OLDEST;
        if (may_go(e) && !(full && age <= ret_oldest->ages[OLDEST - 1]))
            note(ret_oldest, e, age);
    }
}

/* Discard one if it still may go; => the bytes it had. */
static size_t discard(struct entry *e)
{
    size_t size;

    if (!may_go(e) || !mm_entry_try_pin(e))
        return 0;
    if (mm_entry_size(e, &size))
        size = 0;
    return mm_global_discard_pinned(e) ? 0 : size;
}

/* Discard at least `wanted` bytes; => how many it was, less where nothing more may go. */
static size_t discard_until(size_t wanted)
{
    struct oldest oldest;
    size_t discarded = 0;
    size_t before;

    do {
        before = discarded;
        find_oldest(&oldest);
        for (int i = 0; i < oldest.count && discarded < wanted; i++)
            discarded += discard(oldest.entries[i]);
    } while (discarded < wanted && discarded > before);
    return discarded;
}

/* Bytes that could be discarded at this moment. */
static size_t discardable(void)
{
    uint32_t end = mm_slot_end();
    size_t sum = 0;
    size_t size;

    for (uint32_t slot = 0; slot < end; slot++)
        if (may_go(mm_slot_entry(slot)) && !mm_entry_size(mm_slot_entry(slot), &size))
            sum += size;
    return sum;
}

/* ---- for the heap -------------------------------------------------------------------------------------- */

static size_t committed(struct heap *heap)
{
    struct heap_summary summary;
    mm_heap_summarize(heap, &summary);
    return summary.committed;
}

/* Bytes that may still be committed. */
static size_t chargeable(void)
{
    size_t limit = atomic_load(&mm_charge.limit);
    size_t used = atomic_load(&mm_charge.used);
    return limit > used ? min_size(limit - used, SIZE_MAX / PAGE_BYTES) * PAGE_BYTES : 0;
}

/* How much must be given back for `wanted` bytes; 0: nothing that could be discarded would do. */
static size_t amount_for(size_t wanted)
{
    size_t left = chargeable();

    if (wanted <= left)
        return wanted; /* it was not the limit that failed: a disk, or addresses */
    return wanted - left <= discardable() ? wanted - left : 0;
}

size_t mm_global_shrink(void)
{
    struct heap *heap = mm_heap_process();

    (void)mm_heap_compact(heap); /* how much one block could have is not asked */
    return committed(heap);
}

static size_t reclaim(size_t wanted)
{
    struct heap *heap = mm_heap_process();
    size_t before = committed(heap);

    (void)mm_global_compact();
    size_t freed = before - min_size(committed(heap), before);
    size_t amount = amount_for(wanted);
    while (freed < amount && discard_until(amount - freed)) {
        (void)mm_global_compact();
        freed = before - min_size(committed(heap), before);
    }
    return freed;
}

bool mm_global_reclaim(size_t wanted)
{
    static _Thread_local bool reclaiming; /* the heap may need memory to move a block */

    if (reclaiming || !mm_slot_end())
        return false;
    reclaiming = true;
    bool freed = reclaim(wanted);
    reclaiming = false;
    return freed;
}

/* ---- for tests and fork ----------------------------------------------------------------------------------- */

/* Threads that had pinned an entry are not here: it is what its block makes it. */
static void settle(struct entry *e)
{
    unsigned word = mm_entry_word(e) & ~(WORD_PINNED | WORD_SEALED | WORD_AWAITED | WORD_DISCARDED);
    void *block = mm_entry_block(e);

    if (!(word & WORD_LIVE))
        atomic_store(&e->block, NULL); /* an object that never began: its block is lost */
    else if (block)
        mm_index_add(e);
    else
        word = (word & ~WORD_COUNT) | WORD_DISCARDED;
    atomic_store(&e->word, word);
}

void mm_global_after_fork_in_child(void)
{
    uint32_t end = mm_slot_end();

    mm_index_clear();
    for (uint32_t slot = 0; slot < end; slot++)
        settle(mm_slot_entry(slot));
    mm_slot_after_fork_in_child();
}

bool mm_global_is_valid(void)
{
    uint32_t end = mm_slot_end();

    for (uint32_t slot = 0; slot < end; slot++) {
        struct entry *e = mm_slot_entry(slot);
        if (!mm_entry_is_valid(e) || mm_entry_word(e) & (WORD_PINNED | WORD_AWAITED))
            return false;
        if (mm_entry_block(e) && mm_index_find(mm_entry_block(e)) != e)
            return false;
    }
    return true;
}
