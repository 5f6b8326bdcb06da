/*
 * lookaside.c - lookaside lists: an object comes from the thread's magazine, else from the list's
 * depot, else it is made; it goes back the same way.
 *
 * A magazine is an array, so a pair that hits touches neither the object nor a shared word.  A full
 * magazine gives half of its objects to the depot, in one exchange; an empty one takes one object
 * from there.  So objects that one thread takes and another gives back go round through the depot.
 *
 * How deep a magazine may be follows its misses.  After PERIOD objects taken: when more than one in
 * a hundred was not there, though there were times when it had no room for one, it may hold twice as
 * many; the sweep takes a sixteenth away each second, until that is missed.
 */
#include <ntstatus.h>

#include "lookaside/lookaside_internal.h"

#include "heap/heap.h"
#include "lookaside/slist.h"

#define PERIOD 256u         /* objects taken before the depth is thought over */
#define MISSES_ALLOWED 100u /* one in so many */
#define SLOW_CALLS 64u      /* before the clock is looked at */
#define CACHE_LINE 64

enum { CACHE_ALIGNED = 4 }; /* POOL_TYPE: NonPagedPoolCacheAligned and its kin */

/* ---- objects of nobody's ------------------------------------------------------------------------------ */

static void *make(struct lookaside *list)
{
    __atomic_fetch_add(&list->allocate_misses, 1, __ATOMIC_RELAXED);
    if (list->make)
        return list->make(list->type, list->size, list->tag, list);
    if (list->type & CACHE_ALIGNED)
        return mm_heap_allocate_aligned(mm_heap_process(), 0, CACHE_LINE, list->size);
    return mm_heap_allocate(mm_heap_process(), 0, list->size);
}

void mm_lookaside_end(struct lookaside *list, void *block)
{
    if (list->end)
        list->end(block, list);
    else
        mm_heap_free(mm_heap_process(), block);
}

bool mm_lookaside_end_depot(struct lookaside *list)
{
    PSLIST_ENTRY entry = mm_slist_flush(&list->depot);
    bool any = entry != NULL;

    while (entry) {
        PSLIST_ENTRY next = entry->Next;
        mm_lookaside_end(list, entry);
        entry = next;
    }
    return any;
}

/* To the depot, in one exchange, what it has room for and what can stand on a list; end the rest. */
static void put_by(struct lookaside *list, void *const *blocks, unsigned count)
{
    unsigned there = mm_slist_depth(&list->depot);
    unsigned depth = __atomic_load_n(&list->depth, __ATOMIC_RELAXED);
    unsigned room = depth > there ? depth - there : 0;
    PSLIST_ENTRY first = NULL, last = NULL;
    unsigned linked = 0;

    for (unsigned i = 0; i < count; i++) {
        PSLIST_ENTRY entry = blocks[i];
        if (linked == room || !is_aligned((uintptr_t)entry, MEMORY_ALLOCATION_ALIGNMENT)) {
            __atomic_fetch_add(&list->free_misses, 1, __ATOMIC_RELAXED);
            mm_lookaside_end(list, entry);
            continue;
        }
        entry->Next = first;
        first = entry;
        last = last ? last : entry;
        linked++;
    }
    if (linked)
        (void)mm_slist_push_chain(&list->depot, first, last, linked);
}

/* ---- how deep ------------------------------------------------------------------------------------------ */

static void grow(struct magazine *m)
{
    struct lookaside *list = m->list;
    unsigned depth = atomic_load_explicit(&m->depth, memory_order_relaxed);

    depth = (unsigned)min_size(2 * depth, list->most);
    atomic_store_explicit(&m->depth, depth, memory_order_relaxed);
    if (__atomic_load_n(&list->depth, __ATOMIC_RELAXED) < depth)
        __atomic_store_n(&list->depth, (USHORT)depth, __ATOMIC_RELAXED);
}

/* The magazine was empty when an object was wanted. */
static void note_miss(struct magazine *m)
{
    unsigned hits = atomic_load_explicit(&m->hits, memory_order_relaxed) - m->hits_before;

    if (hits + ++m->misses < PERIOD)
        return;
    if (m->overflows && m->misses * MISSES_ALLOWED > PERIOD)
        grow(m);
    m->hits_before += hits;
    m->misses = m->overflows = 0;
}

static void look_at_clock(struct magazine *m)
{
    if (++m->slow_calls % SLOW_CALLS == 0)
        mm_sweep_if_due();
}

/* ---- taking and giving ----------------------------------------------------------------------------------- */

static __attribute__((noinline)) void *take_slowly(struct lookaside *list)
{
    if (!mm_lookaside_is_list(list))
        return NULL;

    struct magazine *m = mm_magazine_need(list);
    if (m) {
        if (magazine_enter(m))
            note_miss(m);
        magazine_leave(m);
        look_at_clock(m);
    }
    __atomic_fetch_add(&list->allocates, 1, __ATOMIC_RELAXED);
    void *block = mm_slist_pop(&list->depot);
    return block ? block : make(list);
}

void *mm_lookaside_take(struct lookaside *list)
{
    struct magazine *m = magazine_of(list);
    void *block = NULL;

    if (likely(m != NULL)) {
        if (magazine_enter(m) && likely(m->count)) {
            block = m->blocks[--m->count];
            atomic_store_explicit(&m->hits,
                                  atomic_load_explicit(&m->hits, memory_order_relaxed) + 1,
                                  memory_order_relaxed);
        }
        magazine_leave(m);
    }
    return likely(block != NULL) ? block : take_slowly(list);
}

/* Half of a full magazine, and the object for which it has no room: how many, in `out`. */
static unsigned overflow(struct magazine *m, void *block, void **out)
{
    unsigned moved = 0;

    if (!magazine_enter(m)) {
        out[moved++] = block;
    } else if (m->count < atomic_load_explicit(&m->depth, memory_order_relaxed)) {
        magazine_put(m, block);
    } else {
        m->overflows++;
        while (m->count > atomic_load_explicit(&m->depth, memory_order_relaxed) / 2)
            out[moved++] = m->blocks[--m->count];
        magazine_put(m, block);
    }
    magazine_leave(m);
    return moved;
}

static __attribute__((noinline)) bool give_slowly(struct lookaside *list, void *block)
{
    void *out[MOST_DEPTH];
    unsigned moved = 0;

    if (!block || !mm_lookaside_is_list(list))
        return !block;
    __atomic_fetch_add(&list->frees, 1, __ATOMIC_RELAXED);
    struct magazine *m = mm_magazine_need(list);
    if (m)
        moved = overflow(m, block, out);
    else
        out[moved++] = block;
    put_by(list, out, moved);
    if (m)
        look_at_clock(m);
    return true;
}

bool mm_lookaside_give(struct lookaside *list, void *block)
{
    struct magazine *m = magazine_of(list);
    bool kept = false;

    if (likely(m && block)) {
        if (magazine_enter(m) &&
            likely(m->count < atomic_load_explicit(&m->depth, memory_order_relaxed))) {
            magazine_put(m, block);
            kept = true;
        }
        magazine_leave(m);
    }
    return likely(kept) || give_slowly(list, block);
}

/* ---- lists ------------------------------------------------------------------------------------------------- */

NTSTATUS mm_lookaside_init(struct lookaside *list, const struct lookaside_kind *kind)
{
    struct lookaside fresh = {
        .depth = LEAST_DEPTH,
        .type = kind->type,
        .tag = kind->tag,
        .size = (ULONG)align_up(max_size(kind->size, sizeof(SLIST_ENTRY)), 16),
        .make = kind->make,
        .end = kind->end,
        .flags = kind->flags,
        .slot = LISTS,
    };
    fresh.most = (USHORT)max_size(LEAST_DEPTH, min_size(MOST_DEPTH, MOST_BYTES / fresh.size));

    *list = fresh;
    return mm_magazine_slot_take(list) ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

static bool end_all(struct lookaside *list, bool remove)
{
    if (!mm_lookaside_is_list(list))
        return false;
    mm_os_lock(&mm_sweep_lock);
    (void)mm_sweep_magazines(list, remove);
    (void)mm_lookaside_end_depot(list);
    mm_os_unlock(&mm_sweep_lock);
    return true;
}

bool mm_lookaside_flush(struct lookaside *list)
{
    return end_all(list, false);
}

bool mm_lookaside_done(struct lookaside *list)
{
    if (!end_all(list, true))
        return false;
    mm_magazine_slot_give(list);
    return true;
}
