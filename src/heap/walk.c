/*
 * walk.c - a heap as a list of entries; its sums, its validity, what it can give back.
 *
 * The regions of a heap, in address order: the unit of its handle, its spans, its large blocks.
 * Everything comes from side values and records; no block is touched, so that walking over memory
 * that is paged out reads nothing back.  Blocks that were never handed out are told as one free
 * entry to the end of their span.
 *
 * What is passed in from outside is an address that is looked up and never followed.
 */
#include "heap/heap_internal.h"
#include "heap/page_internal.h"

#include "vm/vm.h"

/* ---- one region ------------------------------------------------------------------------------------ */

static void tell_region(uintptr_t start, size_t committed, size_t uncommitted, size_t blocks_end,
                        struct heap_entry *e)
{
    e->kind = HEAP_ENTRY_REGION;
    e->data = (void *)start;
    e->size = committed + uncommitted;
    e->spare = 0;
    e->committed = committed;
    e->uncommitted = uncommitted;
    e->first = (void *)start;
    e->last = (void *)(start + blocks_end);
    e->region++;
}

static void tell_uncommitted(uintptr_t start, size_t size, struct heap_entry *e)
{
    e->kind = HEAP_ENTRY_UNCOMMITTED;
    e->data = (void *)start;
    e->size = size;
    e->spare = 0;
}

static void tell_handle(const struct heap *h, struct heap_entry *e)
{
    e->region = 255; /* the first region is number 0 */
    tell_region(h->handle, 0, UNIT_BYTES, 0, e);
}

static size_t span_bytes(const struct span *s)
{
    return mm_heap_classes[s->class].units * UNIT_BYTES;
}

static void tell_span(const struct span *s, struct heap_entry *e)
{
    tell_region(s->start, span_bytes(s), 0, (size_t)s->blocks * s->size, e);
}

static void tell_large(const struct large_info *l, struct heap_entry *e)
{
    tell_region(l->start, l->committed, l->reserved - l->committed, l->committed, e);
}

/* The block of a span with that number; false: there is none. */
static bool tell_block(const struct span *s, unsigned index, struct heap_entry *e)
{
    if (index >= s->blocks || index > s->carved)
        return false;
    uint16_t side = heap_side(s, index);
    bool live = heap_side_is_live(side);

    e->data = (void *)(s->start + index * (uintptr_t)s->size);
    e->kind = live ? HEAP_ENTRY_BUSY : HEAP_ENTRY_FREE;
    e->spare = live ? side - 1u : 0;
    e->size = s->size - e->spare;
    if (index == s->carved)
        e->size = (size_t)(s->blocks - index) * s->size;
    return true;
}

/* ---- the next region ------------------------------------------------------------------------------- */

/* The first span of the heap from a unit on. */
static const struct span *next_span(const struct heap *h, uint32_t unit)
{
    uint32_t end = mm_heap_units_used();

    while (unit < end) {
        const struct span *s = heap_span_of(unit_address(unit));
        if (s && s->heap == h && s->start == (uintptr_t)unit_address(unit))
            return s;
        unit++;
    }
    return NULL;
}

static NTSTATUS first_large(struct heap *h, uintptr_t after, struct heap_entry *e)
{
    struct large_info l;
    if (!mm_heap_large_next(h, after, &l))
        return mm_page_is_on ? mm_page_first(h, e) : STATUS_NO_MORE_ENTRIES;
    tell_large(&l, e);
    return STATUS_SUCCESS;
}

static NTSTATUS first_span(struct heap *h, uint32_t unit, struct heap_entry *e)
{
    const struct span *s = next_span(h, unit);
    if (!s)
        return first_large(h, 0, e);
    tell_span(s, e);
    return STATUS_SUCCESS;
}

/* ---- the step ---------------------------------------------------------------------------------------- */

static NTSTATUS after_handle(struct heap *h, struct heap_entry *e)
{
    if (e->kind == HEAP_ENTRY_REGION) {
        tell_uncommitted(h->handle, UNIT_BYTES, e);
        return STATUS_SUCCESS;
    }
    return first_span(h, 0, e);
}

static NTSTATUS after_block(struct heap *h, const struct span *s, struct heap_entry *e)
{
    unsigned index;
    uint32_t end = unit_of(s->start) + mm_heap_classes[s->class].units;

    if (e->kind == HEAP_ENTRY_REGION)
        return e->data == (void *)s->start && tell_block(s, 0, e) ? STATUS_SUCCESS
                                                                  : STATUS_INVALID_PARAMETER;
    if (!heap_index_of(s, e->data, &index) || index >= s->blocks || index > s->carved)
        return STATUS_INVALID_PARAMETER;
    if (index < s->carved && tell_block(s, index + 1, e))
        return STATUS_SUCCESS;
    return first_span(h, end, e);
}

/* The large block that an uncommitted range belongs to: vm knows where its reservation begins. */
static bool large_before(struct heap *h, const void *range, struct large_info *ret_info)
{
    MEMORY_BASIC_INFORMATION info;

    return !mm_vm_query(range, &info) && info.AllocationBase &&
           mm_heap_large_next(h, (uintptr_t)info.AllocationBase - 1, ret_info) &&
           ret_info->start + ret_info->committed == (uintptr_t)range;
}

static NTSTATUS after_large(struct heap *h, struct heap_entry *e)
{
    struct large_info l;

    if (e->kind == HEAP_ENTRY_UNCOMMITTED)
        return large_before(h, e->data, &l) ? first_large(h, l.start, e) : STATUS_INVALID_PARAMETER;
    if (!mm_heap_large_at(h, e->data, &l))
        return STATUS_INVALID_PARAMETER;
    if (e->kind == HEAP_ENTRY_REGION) {
        e->kind = HEAP_ENTRY_BUSY;
        e->size = l.size;
        e->spare = l.committed - l.size;
        return STATUS_SUCCESS;
    }
    if (l.reserved > l.committed) {
        tell_uncommitted(l.start + l.committed, l.reserved - l.committed, e);
        return STATUS_SUCCESS;
    }
    return first_large(h, l.start, e);
}

static NTSTATUS step(struct heap *h, struct heap_entry *e)
{
    uintptr_t at = (uintptr_t)e->data;

    if (!e->data) {
        tell_handle(h, e);
        return STATUS_SUCCESS;
    }
    if (at == h->handle)
        return after_handle(h, e);
    if (unlikely(mm_page_is_on) && mm_page_ring_owns(at))
        return mm_page_step(h, e);
    const struct span *s = heap_span_of(e->data);
    if (s)
        return s->heap == h ? after_block(h, s, e) : STATUS_INVALID_PARAMETER;
    return after_large(h, e);
}

NTSTATUS mm_heap_walk(struct heap *h, struct heap_entry *entry)
{
    struct heap_entry next = *entry;

    (void)mm_heap_lock(h);
    if (mm_page_is_on)
        mm_page_entry_plain(&next);
    NTSTATUS status = step(h, &next);
    if (mm_page_is_on)
        mm_page_entry_seen(h, &next);
    (void)mm_heap_unlock(h);
    if (status == STATUS_SUCCESS)
        *entry = next;
    return status;
}

/* ---- sums --------------------------------------------------------------------------------------------- */

static void sum_span(const struct span *s, struct heap_summary *sum)
{
    for (unsigned i = 0; i < s->carved; i++) {
        uint16_t side = heap_side(s, i);
        if (!heap_side_is_live(side))
            continue;
        sum->blocks++;
        sum->allocated += s->size - (side - 1u);
    }
    sum->committed += span_bytes(s);
    sum->reserved += span_bytes(s);
}

void mm_heap_summarize(struct heap *h, struct heap_summary *ret_summary)
{
    struct heap_summary sum = {.reserved = UNIT_BYTES};

    (void)mm_heap_lock(h);
    for (const struct span *s = h->spans; s; s = s->heap_next)
        sum_span(s, &sum);
    mm_heap_large_sum(h, &sum);
    if (mm_page_is_on)
        mm_page_sum(h, &sum);
    (void)mm_heap_unlock(h);
    sum.max_reserve = h->maximum ? h->maximum : MM_VM_END - MM_VM_LOWEST;
    *ret_summary = sum;
}

/* ---- validity ------------------------------------------------------------------------------------------ */

/* Whether all canaries of a hardened heap's span are whole. */
static bool canaries_are_whole(const struct span *s)
{
    for (unsigned i = 0; i < s->carved; i++) {
        uint16_t side = heap_side(s, i);
        const void *block = (void *)(s->start + i * (uintptr_t)s->size);
        if (heap_side_is_live(side) &&
            !mm_heap_harden_check(s, block, s->size - (side - 1u), s->size))
            return false;
    }
    return true;
}

static bool is_valid(const struct heap *h)
{
    size_t committed = 0;

    for (const struct span *s = h->spans; s; s = s->heap_next) {
        if (s->heap != h || heap_span_of((void *)s->start) != s || !mm_heap_span_is_valid(s))
            return false;
        if (h->hard && !canaries_are_whole(s))
            return false;
        committed += span_bytes(s);
    }
    return committed == h->committed;
}

bool mm_heap_validate(struct heap *h, const void *block)
{
    if (block && mm_page_is_on)
        return mm_page_block_is_valid(h, block);
    if (block)
        return mm_heap_block_is_valid(h, block);
    (void)mm_heap_lock(h);
    bool valid = is_valid(h) && (!mm_page_is_on || mm_page_is_valid(h));
    (void)mm_heap_unlock(h);
    return valid;
}

/* ---- giving back ------------------------------------------------------------------------------------------ */

static size_t largest_free(const struct heap *h)
{
    size_t largest = 0;

    for (const struct span *s = h->spans; s; s = s->heap_next) {
        if (s->used < s->blocks && s->size > largest)
            largest = s->size;
        size_t uncarved = (size_t)(s->blocks - s->carved) * s->size;
        if (uncarved > largest)
            largest = uncarved;
    }
    return largest;
}

size_t mm_heap_compact(struct heap *h)
{
    struct span *empty = NULL;
    void *held;

    (void)mm_heap_lock(h);
    for (struct heap_cache *c = h->caches; c; c = c->next) {
        while ((held = mm_heap_harden_empty(c)))
            mm_heap_free_held(h, held);
    }
    for (struct heap_cache *c = h->caches; c; c = c->next)
        empty = mm_heap_chain(empty, mm_heap_cache_release(c));
    size_t largest = largest_free(h);
    (void)mm_heap_unlock(h);
    mm_heap_spans_free(empty);
    (void)mm_heap_large_trim(h);
    (void)mm_heap_units_trim();
    return largest;
}
