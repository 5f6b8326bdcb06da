/*
 * page_record.c - the page heap's records: blocks by their address, and the stacks they came from.
 *
 * Records and stacks are in own memory that is reserved once and filled from its start: the page
 * heap runs where the program's memory is torn.  Numbers stand for pointers; 0 is nobody.
 *
 * Lock: the page lock, for everything.
 */
#include "heap/page_internal.h"

#define RECORDS_MOST (8u << 20)
#define RECORDS_LEAST (64u << 10)
#define BUCKETS (1u << 20)
#define STACKS (64u << 10)
#define STACK_BUCKETS (64u << 10)

struct kept_stack {
    uint32_t chain;
    uint32_t hash;
    struct heap_stack stack;
};

static struct os_lock lock;

static struct {
    struct page_block *all;
    uint32_t *buckets;
    uint32_t end;   /* records there is room for */
    uint32_t used;  /* records ever used; number 0 is nobody */
    uint32_t spare; /* given back */
} records;

static struct {
    struct kept_stack *all;
    uint32_t *buckets;
    uint32_t used;
} stacks;

void mm_page_lock(void)
{
    mm_os_lock(&lock);
}

bool mm_page_try_lock(void)
{
    return mm_os_try_lock(&lock);
}

void mm_page_unlock(void)
{
    mm_os_unlock(&lock);
}

bool mm_page_records_start(void)
{
    uint32_t end = RECORDS_MOST;

    while (!(records.all = mm_os_own_memory(end * sizeof(struct page_block)))) {
        end /= 2;
        if (end < RECORDS_LEAST)
            return false;
    }
    records.end = end;
    records.used = 1;
    stacks.used = 1;
    records.buckets = mm_os_own_memory(BUCKETS * sizeof(uint32_t));
    stacks.all = mm_os_own_memory(STACKS * sizeof(struct kept_stack));
    stacks.buckets = mm_os_own_memory(STACK_BUCKETS * sizeof(uint32_t));
    return records.buckets && stacks.all && stacks.buckets;
}

/* ---- records ----------------------------------------------------------------------------------- */

struct page_block *mm_page_record(uint32_t number)
{
    return number ? &records.all[number] : NULL;
}

uint32_t mm_page_number(const struct page_block *b)
{
    return (uint32_t)(b - records.all);
}

struct page_block *mm_page_record_new(void)
{
    struct page_block *b = mm_page_record(records.spare);

    if (b)
        records.spare = b->next;
    else if (records.used < records.end)
        b = &records.all[records.used++];
    if (b)
        memset(b, 0, sizeof *b);
    return b;
}

void mm_page_record_free(struct page_block *b)
{
    b->state = PAGE_UNUSED;
    b->next = records.spare;
    records.spare = mm_page_number(b);
}

static uint32_t *bucket_of(uintptr_t user)
{
    return &records.buckets[(user >> 4) * 0x9E3779B97F4A7C15u >> 44];
}

void mm_page_enter(struct page_block *b)
{
    uint32_t *bucket = bucket_of(b->user);
    b->chain = *bucket;
    *bucket = mm_page_number(b);
}

void mm_page_leave(struct page_block *b)
{
    uint32_t number = mm_page_number(b);
    uint32_t *link = bucket_of(b->user);

    while (*link != number)
        link = &records.all[*link].chain;
    *link = b->chain;
}

struct page_block *mm_page_find(uintptr_t user)
{
    struct page_block *b = mm_page_record(*bucket_of(user));

    while (b && b->user != user)
        b = mm_page_record(b->chain);
    return b;
}

/* ---- lists ---------------------------------------------------------------------------------------- */

void mm_page_list_push(struct heap *h, struct page_block *b)
{
    b->prev = 0;
    b->next = h->page_blocks;
    if (b->next)
        records.all[b->next].prev = mm_page_number(b);
    h->page_blocks = mm_page_number(b);
}

void mm_page_list_remove(struct heap *h, struct page_block *b)
{
    if (b->prev)
        records.all[b->prev].next = b->next;
    else
        h->page_blocks = b->next;
    if (b->next)
        records.all[b->next].prev = b->prev;
}

void mm_page_queue_put(struct page_queue *q, struct page_block *b, size_t bytes)
{
    uint32_t number = mm_page_number(b);

    b->next = 0;
    b->prev = q->last;
    if (q->last)
        records.all[q->last].next = number;
    else
        q->first = number;
    q->last = number;
    q->count++;
    q->bytes += bytes;
}

void mm_page_queue_remove(struct page_queue *q, struct page_block *b, size_t bytes)
{
    if (b->prev)
        records.all[b->prev].next = b->next;
    else
        q->first = b->next;
    if (b->next)
        records.all[b->next].prev = b->prev;
    else
        q->last = b->prev;
    q->count--;
    q->bytes -= bytes;
}

/* ---- stacks --------------------------------------------------------------------------------------- */

static uint32_t hash_of(const struct heap_stack *s)
{
    uint64_t hash = s->count;
    for (unsigned i = 0; i < s->count; i++)
        hash = (hash ^ s->places[i]) * 0x9E3779B97F4A7C15u;
    return (uint32_t)(hash >> 32);
}

static bool is_same(const struct heap_stack *a, const struct heap_stack *b)
{
    return a->count == b->count && !memcmp(a->places, b->places, a->count * sizeof a->places[0]);
}

uint32_t mm_page_stack_keep(const struct heap_stack *s)
{
    uint32_t hash = hash_of(s);
    uint32_t *bucket = &stacks.buckets[hash % STACK_BUCKETS];

    if (!s->count)
        return 0;
    for (uint32_t n = *bucket; n; n = stacks.all[n].chain) {
        if (stacks.all[n].hash == hash && is_same(&stacks.all[n].stack, s))
            return n;
    }
    if (stacks.used == STACKS)
        return 0;
    stacks.all[stacks.used] = (struct kept_stack){*bucket, hash, *s};
    *bucket = stacks.used;
    return stacks.used++;
}

void mm_page_stack_tell(uint32_t number, struct heap_stack *ret_stack)
{
    if (number && number < STACKS)
        *ret_stack = stacks.all[number].stack;
    else
        ret_stack->count = 0;
}
