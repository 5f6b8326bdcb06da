/*
 * page_walk.c - blocks of the page heap in walks, sums and checks.
 *
 * A full block is a region of its own, as a large block is: the region, the block, its guard page.
 * They come last, in address order.  Light blocks are found in the regions of plain ones.
 *
 * The heap is locked in all of these.
 */
#include "heap/page_internal.h"

static void tell_region(const struct page_block *b, struct heap_entry *e)
{
    e->kind = HEAP_ENTRY_REGION;
    e->data = (void *)b->start;
    e->size = 0;
    e->spare = 0;
    e->committed = b->pages * PAGE_BYTES;
    e->uncommitted = PAGE_BYTES;
    e->first = (void *)b->start;
    e->last = (void *)(b->start + b->pages * PAGE_BYTES);
    e->region++;
}

/* The region of the first block of the heap behind an address. */
static NTSTATUS next_region(struct heap *h, uintptr_t address, struct heap_entry *e)
{
    const struct page_block *b = mm_page_record(mm_page_ring_next(address));

    while (b && (b->state != PAGE_LIVE || b->heap != h))
        b = mm_page_record(mm_page_ring_next(b->start));
    if (!b)
        return STATUS_NO_MORE_ENTRIES;
    tell_region(b, e);
    return STATUS_SUCCESS;
}

static NTSTATUS step(struct heap *h, struct heap_entry *e)
{
    const struct page_block *b = mm_page_record(mm_page_ring_at((uintptr_t)e->data));

    if (!b)
        return STATUS_INVALID_PARAMETER;
    if (e->kind == HEAP_ENTRY_UNCOMMITTED)
        return next_region(h, b->start, e);
    if (b->state != PAGE_LIVE || b->heap != h)
        return STATUS_INVALID_PARAMETER;
    e->spare = 0;
    if (e->kind == HEAP_ENTRY_REGION) {
        e->kind = HEAP_ENTRY_BUSY;
        e->data = (void *)b->user;
        e->size = b->size;
    } else {
        uintptr_t behind = b->start + b->pages * PAGE_BYTES;
        bool guard_behind = mm_page_ring_at(behind) == mm_page_number(b);
        e->kind = HEAP_ENTRY_UNCOMMITTED;
        e->data = (void *)(guard_behind ? behind : b->start - PAGE_BYTES);
        e->size = PAGE_BYTES;
    }
    return STATUS_SUCCESS;
}

NTSTATUS mm_page_first(struct heap *h, struct heap_entry *e)
{
    mm_page_lock();
    NTSTATUS status = next_region(h, 0, e);
    mm_page_unlock();
    return status;
}

NTSTATUS mm_page_step(struct heap *h, struct heap_entry *e)
{
    mm_page_lock();
    NTSTATUS status = step(h, e);
    mm_page_unlock();
    return status;
}

void mm_page_sum(struct heap *h, struct heap_summary *sum)
{
    mm_page_lock();
    sum->allocated = 0; /* counted with what lies around light blocks */
    sum->blocks = 0;
    for (const struct page_block *b = mm_page_record(h->page_blocks); b;
         b = mm_page_record(b->next)) {
        sum->allocated += b->size;
        sum->blocks++;
        if (!b->pages)
            continue;
        sum->committed += b->pages * PAGE_BYTES;
        sum->reserved += (b->pages + 1ul) * PAGE_BYTES;
        sum->large_blocks++;
        sum->large_committed += b->pages * PAGE_BYTES;
    }
    mm_page_unlock();
}

bool mm_page_is_valid(struct heap *h)
{
    bool valid = true;

    mm_page_lock();
    for (const struct page_block *b = mm_page_record(h->page_blocks); b && valid;
         b = mm_page_record(b->next))
        valid = b->heap == h && b->state == PAGE_LIVE && !mm_page_damage(b);
    mm_page_unlock();
    return valid;
}
