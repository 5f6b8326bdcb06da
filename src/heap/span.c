/*
 * span.c - spans: records and units put together, cut into blocks, taken apart.
 *
 * A span is cut a few blocks at a time, from its start to its end, so that a small program touches
 * few pages and address order stays the order of time.  Within each few the order is random: which
 * block is the first, and whether every one follows or every second and then the others.  More would
 * be better hidden, and dear: a program that walks over its objects in the order of their making
 * lives on the processor's seeing a stride (python3 over objects in any order took 1.4 times as long
 * as on glibc's heap, so 0.76 times, in one order 0.6 times).  Hardened heaps use any order.
 */
#include "heap/heap_internal.h"

#include "pager/pager.h"

#define CUT_LEAST 4 /* blocks cut at a time: a page of them, within these */
#define CUT_MOST 64

/* A full span is used again when this part of it is free: later where it may be paged out. */
#define FREE_SHARE 16
#define FREE_PAGED 4

const struct span mm_heap_no_span = {.head = LINK_END, .low = LOW_NEVER};

static struct span *unused[CLASS_COUNT]; /* records, linked by `next`; the units' lock */

static size_t record_size(unsigned class)
{
    return sizeof(struct span) + (mm_heap_classes[class].blocks + 1u) * sizeof(uint16_t);
}

static struct span *record_new(unsigned class)
{
    mm_heap_units_lock();
    struct span *s = unused[class];
    if (s)
        unused[class] = s->next;
    mm_heap_units_unlock();
    return s ? s : mm_heap_record_new(record_size(class));
}

static void record_free(struct span *s)
{
    mm_heap_units_lock();
    s->next = unused[s->class];
    unused[s->class] = s;
    mm_heap_units_unlock();
}

/* `mailed` and `mail_next` stay: a mailbox may still hold the record (remote.c). */
static void span_init(struct span *s, struct heap *h, struct heap_cache *owner, unsigned class)
{
    const struct size_class *c = &mm_heap_classes[class];

    atomic_store(&s->owner, owner);
    s->heap = h;
    s->class = (uint8_t) class;
    s->size = c->size;
    s->magic = c->magic;
    s->blocks = c->blocks;
    s->head = LINK_END;
    s->carved = 0;
    s->used = 0;
    s->low = 0;
    s->state = SPAN_PARTIAL;
    atomic_store(&s->in_hand, false);
    atomic_store(&s->remote, REMOTE_EMPTY);
    memset((void *)s->side, 0, (s->blocks + 1u) * sizeof s->side[0]);
}

static void heap_link(struct heap *h, struct span *s)
{
    mm_heap_gate_lock(h);
    s->heap_prev = NULL;
    s->heap_next = h->spans;
    if (h->spans)
        h->spans->heap_prev = s;
    h->spans = s;
    h->committed += mm_heap_classes[s->class].units * UNIT_BYTES;
    mm_heap_gate_unlock(h);
}

static void heap_unlink(struct heap *h, struct span *s)
{
    mm_heap_gate_lock(h);
    if (s->heap_prev)
        s->heap_prev->heap_next = s->heap_next;
    else
        h->spans = s->heap_next;
    if (s->heap_next)
        s->heap_next->heap_prev = s->heap_prev;
    h->committed -= mm_heap_classes[s->class].units * UNIT_BYTES;
    mm_heap_gate_unlock(h);
}

struct span *mm_heap_span_new(struct heap *h, struct heap_cache *owner, unsigned class,
                              bool touched_soon)
{
    bool fresh = false;
    struct span *s = record_new(class);
    if (!s)
        return NULL;

    uint32_t unit = mm_heap_units_new(h, class, touched_soon, &fresh);
    span_init(s, h, owner, class);
    if (unit == NO_UNIT) {
        record_free(s);
        return NULL;
    }
    s->start = (uintptr_t)unit_address(unit);
    s->fresh = fresh;
    mm_heap_units_enter(s); /* first: a span on the list is in the table */
    heap_link(h, s);
    return s;
}

static void span_free(struct span *s)
{
    uint32_t count = mm_heap_classes[s->class].units;
    uint32_t unit = unit_of(s->start);
    struct heap *h = s->heap;

    assert_that(s->used == 0);
    heap_unlink(h, s);
    mm_heap_units_leave(s);
    record_free(s);
    mm_heap_units_free(unit, count, h->protect == PAGE_READWRITE);
}

void mm_heap_spans_free(struct span *first)
{
    while (first) {
        struct span *next = first->next;
        span_free(first);
        first = next;
    }
}

/* ---- cutting ----------------------------------------------------------------------------------- */

/* xorshift64*: good enough to hide an order, and cheap. */
static uint64_t random_next(uint64_t *state)
{
    uint64_t x = *state;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    *state = x;
    return x * 0x2545F4914F6CDD1Dull;
}

/* The numbers 0 to count-1 in any order; a draw of 64 bits serves eight of them. */
static void shuffle(uint8_t *order, unsigned count, uint64_t *random)
{
    uint64_t bits = 0;

    for (unsigned i = 0; i < count; i++) {
        if (i % 8 == 0)
            bits = random_next(random);
        unsigned other = (unsigned)(bits & 0xff) * (i + 1) >> 8;
        bits >>= 8;
        order[i] = order[other];
        order[other] = (uint8_t)i;
    }
}

/* The same numbers, each more than the one before by 1 or by 2, around the end, from a random one on. */
static void turn(uint8_t *order, unsigned count, uint64_t *random)
{
    uint64_t bits = random_next(random);
    unsigned at = (unsigned)((bits & 0xffff) * count >> 16);
    bool pairs = bits >> 63 && count > 2;

    for (unsigned i = 0; i < count; i++) {
        order[i] = (uint8_t)at;
        at += pairs ? 2 : 1;
        if (at >= count) /* an even count: on to the other half */
            at = pairs && count % 2 == 0 ? (at - count) ^ 1 : at - count;
    }
}

static unsigned cut_size(const struct span *s)
{
    unsigned count = (unsigned)PAGE_BYTES / s->size;
    unsigned left = s->blocks - s->carved;

    count = count < CUT_LEAST ? CUT_LEAST : count > CUT_MOST ? CUT_MOST : count;
    return count < left ? count : left;
}

bool mm_heap_span_carve(struct span *s, uint64_t *random)
{
    uint8_t order[CUT_MOST];
    unsigned count = cut_size(s);
    unsigned flag = s->fresh ? SIDE_FRESH : SIDE_FREE;
    unsigned link = LINK_END;

    assert_that(s->head == LINK_END);
    if (!count)
        return false;
    if (s->heap->hard)
        shuffle(order, count, random);
    else
        turn(order, count, random);
    for (unsigned i = count; i-- > 0;) {
        unsigned index = s->carved + order[i];
        heap_set_side(s, index, flag | link);
        link = index;
    }
    heap_set_head(s, link);
    s->carved = (uint16_t)(s->carved + count);
    return true;
}

/* ---- lists and states ----------------------------------------------------------------------------- */

uint32_t mm_heap_span_low(const struct span *s)
{
    unsigned free = s->blocks / (mm_pager_is_on() ? FREE_PAGED : FREE_SHARE);
    return s->blocks - (free ? free : 1);
}

void mm_heap_span_push(struct span **list, struct span *s)
{
    s->prev = NULL;
    s->next = *list;
    if (*list)
        (*list)->prev = s;
    *list = s;
}

void mm_heap_span_remove(struct span **list, struct span *s)
{
    if (s->prev)
        s->prev->next = s->next;
    else
        *list = s->next;
    if (s->next)
        s->next->prev = s->prev;
}

/* Follow a chain of free blocks; UINT32_MAX: it leaves the span or does not end. */
static uint32_t chain_length(const struct span *s, unsigned index)
{
    uint32_t length = 0;

    while (index != LINK_END) {
        if (index >= s->carved || length > s->blocks)
            return UINT32_MAX;
        uint16_t side = heap_side(s, index);
        if (side < SIDE_FREE)
            return UINT32_MAX;
        index = side & LINK_END;
        length++;
    }
    return length;
}

bool mm_heap_span_is_valid(const struct span *s)
{
    const struct size_class *c = &mm_heap_classes[s->class];
    uint32_t remote = atomic_load(&s->remote);
    uint32_t live = 0; /* or in quarantine */

    if (s->class >= CLASS_COUNT || s->size != c->size || s->blocks != c->blocks)
        return false;
    if (s->carved > s->blocks || s->used > s->carved || heap_side(s, s->blocks) != 0)
        return false;
    for (unsigned i = 0; i < s->carved; i++)
        live += heap_side_is_live(heap_side(s, i)) || heap_side(s, i) == SIDE_HELD;
    if (s->head != LINK_END && s->head_block != s->start + s->head * (uintptr_t)s->size)
        return false;
    return live + (remote >> 16) == s->used &&
           chain_length(s, s->head) == (uint32_t)s->carved - s->used &&
           chain_length(s, remote & LINK_END) == remote >> 16;
}
