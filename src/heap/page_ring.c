/*
 * page_ring.c - the pages of the page heap: one reservation, handed out in a circle.
 *
 * Whoever needs pages gets those behind the last ones taken, so that what was freed is used again
 * late; what waits in quarantine is not given back here at all.  The circle is a part of the
 * reservation that grows with what is taken: page tables stay small, and half of it is free.
 *
 * A word a page: the number of the block that has it, 0: free.
 *
 * Lock: the page lock.
 */
#include "heap/page_internal.h"

#include "vm/vm.h"

#define RING_MOST (TIB / 2)
#define RING_LEAST (64 * MIB)
#define CIRCLE_LEAST (1 * (size_t)1024 * MIB / PAGE_BYTES)

static struct {
    uintptr_t start;
    size_t end;      /* pages in the reservation */
    size_t circle;   /* pages that are handed out */
    size_t cursor;   /* where to look next */
    size_t highest;  /* pages ever used: the walks end there */
    size_t taken;    /* pages */
    uint32_t *words; /* of all pages */
} ring;

static void *reserve(size_t size)
{
    struct vm_request request = {.size = size, .type = MEM_RESERVE, .protect = PAGE_READWRITE};
    void *base;
    size_t ret_size;
    return mm_vm_allocate(&request, &base, &ret_size) ? NULL : base;
}

bool mm_page_ring_start(void)
{
    size_t size = RING_MOST;
    void *base;

    while (!(base = reserve(size))) {
        size /= 2;
        if (size < RING_LEAST)
            return false;
    }
    ring.words = mm_os_own_memory(size / PAGE_BYTES * sizeof(uint32_t));
    if (!ring.words)
        return false; /* the reservation stays: the process has more urgent needs by now */
    ring.start = (uintptr_t)base;
    ring.end = size / PAGE_BYTES;
    ring.circle = min_size(CIRCLE_LEAST, ring.end);
    return true;
}

bool mm_page_ring_owns(uintptr_t address)
{
    return address - ring.start < ring.end * PAGE_BYTES;
}

static void set(size_t page, size_t pages, uint32_t number)
{
    for (size_t i = 0; i < pages; i++)
        ring.words[page + i] = number;
}

/* Skip over the block that has the page. */
static size_t behind(size_t page)
{
    uint32_t number = ring.words[page];
    while (page < ring.end && ring.words[page] == number)
        page++;
    return page;
}

/* The first page at or behind `page` from which `offset` pages on an aligned address lies. */
static size_t aligned(size_t page, size_t offset, size_t alignment)
{
    uintptr_t address = ring.start + (page + offset) * PAGE_BYTES;
    return page + (align_up(address, max_size(alignment, PAGE_BYTES)) - address) / PAGE_BYTES;
}

/* The first page in [from, to) of a row of free ones; `to`: none. */
static size_t look(size_t from, size_t to, size_t pages, size_t offset, size_t alignment)
{
    size_t page = aligned(from, offset, alignment);
    size_t free = 0;

    while (page < to && pages <= to - page) {
        while (free < pages && !ring.words[page + free])
            free++;
        if (free == pages)
            return page;
        page = aligned(behind(page + free), offset, alignment);
        free = 0;
    }
    return to;
}

/* Double the circle until `pages` more fit well; false: the reservation is used up. */
static bool grow(size_t pages)
{
    if (ring.circle == ring.end)
        return false;
    ring.cursor = ring.circle;
    while (ring.circle < ring.end && ring.circle < 2 * (ring.taken + pages))
        ring.circle = min_size(2 * ring.circle, ring.end);
    if (ring.circle - ring.cursor < 2 * pages)
        ring.circle = min_size(ring.circle + 4 * pages, ring.end);
    return true;
}

uintptr_t mm_page_ring_take(uint32_t number, size_t pages, size_t offset, size_t alignment)
{
    size_t page;

    if (pages > ring.end || alignment > ring.end * PAGE_BYTES)
        return 0;
    if (2 * (ring.taken + pages) > ring.circle)
        (void)grow(pages); /* if not, it has to do as it is */
    page = look(ring.cursor, ring.circle, pages, offset, alignment);
    if (page == ring.circle)
        page = look(0, ring.circle, pages, offset, alignment);
    if (page == ring.circle && grow(pages))
        page = look(ring.cursor, ring.circle, pages, offset, alignment);
    if (page == ring.circle)
        return 0;
    set(page, pages, number);
    ring.taken += pages;
    ring.cursor = page + pages;
    ring.highest = max_size(ring.highest, ring.cursor);
    return ring.start + page * PAGE_BYTES;
}

void mm_page_ring_give(uintptr_t start, size_t pages)
{
    set((start - ring.start) / PAGE_BYTES, pages, 0);
    ring.taken -= pages;
}

uint32_t mm_page_ring_at(uintptr_t address)
{
    return mm_page_ring_owns(address) ? ring.words[(address - ring.start) / PAGE_BYTES] : 0;
}

uint32_t mm_page_ring_next(uintptr_t address)
{
    size_t page = mm_page_ring_owns(address) ? behind((address - ring.start) / PAGE_BYTES) : 0;

    while (page < ring.highest && !ring.words[page])
        page++;
    return page < ring.highest ? ring.words[page] : 0;
}
