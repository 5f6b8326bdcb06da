/*
 * page_internal.h - what the files of the page heap share, and what the heap asks of them.
 *
 * Lock: mm_page_lock guards records, stacks and the ring; it is taken after a heap's gate, and
 * nothing is called under it.
 */
#ifndef NTMM_HEAP_PAGE_INTERNAL_H
#define NTMM_HEAP_PAGE_INTERNAL_H

#include "heap/heap_internal.h"
#include "heap/pageheap.h"

/* Set at start, never changed: every call of block.c asks. */
extern bool mm_page_is_on;

void mm_page_lock(void);
bool mm_page_try_lock(void);
void mm_page_unlock(void);

/* ---- records (page_record.c) ------------------------------------------------------------------- */

enum page_state { PAGE_UNUSED, PAGE_LIVE, PAGE_GOING, PAGE_FREED };

/*
 * A block, in use or freed not long ago; found by its address.  A full one has pages of its own, a
 * light one lies in a plain block of the heap.  All fields: the page lock.
 */
struct page_block {
    uintptr_t user;     /* what the program has */
    uintptr_t start;    /* full: its first committed page; light: the plain block */
    size_t size;        /* as asked for */
    struct heap *heap;  /* while it is in use */
    uint32_t pages;     /* committed ones of a full block; 0: light */
    uint32_t allocated; /* numbers of stacks; 0: not known */
    uint32_t released;
    uint32_t chain; /* the next of its bucket */
    uint32_t next;  /* the heap's blocks; freed blocks, oldest first; unused records */
    uint32_t prev;
    uint8_t state; /* enum page_state */
};

struct page_queue {
    uint32_t first;
    uint32_t last;
    uint32_t count;
    size_t bytes; /* of address space */
};

bool mm_page_records_start(void);

/* All of these: the page lock is held. */
struct page_block *mm_page_record(uint32_t number);
uint32_t mm_page_number(const struct page_block *b);
struct page_block *mm_page_record_new(void); /* NULL: none left */
void mm_page_record_free(struct page_block *b);
void mm_page_enter(struct page_block *b); /* from now on found by its address */
void mm_page_leave(struct page_block *b);
struct page_block *mm_page_find(uintptr_t user); /* NULL: none, also not freed */

void mm_page_list_push(struct heap *h, struct page_block *b);
void mm_page_list_remove(struct heap *h, struct page_block *b);
void mm_page_queue_put(struct page_queue *q, struct page_block *b, size_t bytes);
void mm_page_queue_remove(struct page_queue *q, struct page_block *b, size_t bytes);

/* Keep a stack, once for all that are alike; 0: none, or no room. */
uint32_t mm_page_stack_keep(const struct heap_stack *stack);
void mm_page_stack_tell(uint32_t number, struct heap_stack *ret_stack);

/* ---- the ring of pages (page_ring.c) ------------------------------------------------------------ */

bool mm_page_ring_start(void);
bool mm_page_ring_owns(uintptr_t address);

/*
 * All of these: the page lock is held.
 *
 * Take `pages` pages in a row of which the one at `offset` lies at `alignment`; 0: none left.
 */
uintptr_t mm_page_ring_take(uint32_t number, size_t pages, size_t offset, size_t alignment);
void mm_page_ring_give(uintptr_t start, size_t pages);

/* The block whose pages an address lies in, or (next) the first one behind it; 0: none. */
uint32_t mm_page_ring_at(uintptr_t address);
uint32_t mm_page_ring_next(uintptr_t address);

/* ---- for block.c, heap.c and walk.c (pageheap.c, page_walk.c) ------------------------------------ */

void *mm_page_allocate(struct heap *h, ULONG flags, size_t alignment, size_t size);

/* Ends the process at a mistake. */
void mm_page_free(struct heap *h, void *block, const char *call, bool keep);
bool mm_page_size(const void *block, struct heap **ret_heap, size_t *ret_size);

/* What is wrong with an address that was given to a call; NULL: the heap may know better. */
const char *mm_page_mistake(const struct heap *h, const void *block);

/* Standard error: what is known of the block at an address, its stacks. */
void mm_page_complain(const void *address);

/* All blocks of a heap that is being destroyed; its lock is held. */
void mm_page_free_all(struct heap *h);

/* The step of a walk to the first full block, and from an entry of a full block. */
NTSTATUS mm_page_first(struct heap *h, struct heap_entry *e);
NTSTATUS mm_page_step(struct heap *h, struct heap_entry *e);

/* Entries of plain blocks: what the program sees, and back. */
void mm_page_entry_seen(struct heap *h, struct heap_entry *e);
void mm_page_entry_plain(struct heap_entry *e);

/* Correct a sum over the plain blocks; check all patterns.  The heap is locked. */
void mm_page_sum(struct heap *h, struct heap_summary *sum);
bool mm_page_is_valid(struct heap *h);

/* The same for one block of the heap in use. */
bool mm_page_block_is_valid(struct heap *h, const void *block);

/* The first pattern of the block that was written over; NULL: none.  It is in use, or the caller's. */
const char *mm_page_damage(const struct page_block *b);

/* What block.c does without the mode. */
void *mm_heap_plain_allocate(struct heap *h, ULONG flags, size_t alignment, size_t size);
void mm_heap_plain_free(struct heap *h, void *block, const char *call, bool keep);

#endif
