/*
 * pageheap.h - the page heap: a mode in which a block ends at a page that nobody may touch, and what
 * was freed stays untouchable for long.  See pageheap.c.
 */
#ifndef NTMM_HEAP_PAGEHEAP_H
#define NTMM_HEAP_PAGEHEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGE_HEAP_PLACES 16 /* return addresses kept of a stack */

struct heap_stack {
    unsigned count;
    uintptr_t places[PAGE_HEAP_PLACES]; /* return addresses, the innermost first */
};

struct page_heap_options {
    unsigned full_percent; /* blocks with a guard page, of 100; the others have patterns */
    bool backwards;        /* the guard page lies before the block, not behind it */

    /* The callers of the calling thread; => how many.  Async-signal-safe, allocates nothing. */
    unsigned (*callers)(uintptr_t *ret_places, unsigned capacity);

    /* A stack as lines on standard error, under a title. */
    void (*complain_stack)(const char *title, const uintptr_t *places, unsigned count);
};

/*
 * Turn all heaps into page heaps.
 *
 * => once, after mm_heap_start, before the first block, single-threaded
 * => false: there is no address space for it, and nothing changed
 */
bool mm_page_heap_start(const struct page_heap_options *options);

/* What is known of a block that is in use, or was. */
struct page_heap_story {
    uintptr_t address;
    size_t size; /* bytes, as asked for */
    bool freed;
    struct heap_stack allocated;
    struct heap_stack released;
};

/*
 * The block whose pages or guard page an address lies in, in use or freed.
 *
 * => async-signal-safe; waits a tenth of a second at most; false: no such block
 */
bool mm_page_heap_story_at(const void *address, struct page_heap_story *ret_story);

#endif
