/*
 * small.c - blocks up to 32 KiB: arenas that take them from spans, and free them into spans.
 *
 * An arena has a lock and, for each size class, the span it allocates from and a list of spans to
 * use again.  A thread is given an arena at its first allocation and keeps to it; any thread frees
 * to any arena.  While libc says that the process has one thread, the lock is not touched.
 *
 * A block is the lowest free one in the 64 blocks at hand (`window`), so that a pair of malloc and
 * free works on one hot block; when none is left, the next 64 blocks that hold a free one.  At the
 * end of the span the search starts over only if a quarter of the span is free; else the span is
 * full, and comes back (to the front of the list) once frees have made it a quarter free.  So new
 * data goes to addresses in the order of time, and old spans are left alone for long.
 */
#include "preload.h"

#include <sys/single_threaded.h>

#include "pager/pager.h"

#define ARENAS 16

struct arena {
    struct os_lock lock;
    unsigned char used_before[CLASS_COUNT]; /* (l) the class had a span in this arena */
    struct span *current[CLASS_COUNT];      /* (l) never NULL once the arena is in use */
    struct span *partial[CLASS_COUNT];      /* (l) spans a quarter free, latest first */
    struct heap_totals totals; /* (l) committed and spans; the rest counted on demand */
} __attribute__((aligned(64)));

static struct arena arenas[ARENAS];
static atomic_uint next_arena;

static __thread struct arena *mine __attribute__((tls_model("initial-exec")));

/* ---- locking ---------------------------------------------------------------------------------- */

/* => whether the lock was taken, for unlock(): threads may start in between */
static inline bool lock(struct arena *a)
{
    if (likely(__libc_single_threaded))
        return false;
    mm_os_lock(&a->lock);
    return true;
}

static inline void unlock(struct arena *a, bool locked)
{
    if (unlikely(locked))
        mm_os_unlock(&a->lock);
}

void mm_preload_small_lock_all(void)
{
    for (int i = 0; i < ARENAS; i++)
        mm_os_lock(&arenas[i].lock);
}

void mm_preload_small_unlock_all(void)
{
    for (int i = ARENAS - 1; i >= 0; i--)
        mm_os_unlock(&arenas[i].lock);
}

/* ---- lists of spans ----------------------------------------------------------------------------- */

static void list_push(struct span **head, struct span *span)
{
    span->prev = NULL;
    span->next = *head;
    if (*head)
        (*head)->prev = span;
    *head = span;
}

static void list_remove(struct span **head, struct span *span)
{
    if (span->prev)
        span->prev->next = span->next;
    else
        *head = span->next;
    if (span->next)
        span->next->prev = span->prev;
}

static bool quarter_free(const struct span *span)
{
    return (span->blocks - span->used) * 4 >= span->blocks;
}

/* ---- allocation --------------------------------------------------------------------------------- */

static inline void *take(struct span *span, unsigned class)
{
    uint64_t window = span->window;
    if (unlikely(!window))
        return NULL;

    unsigned bit = (unsigned)__builtin_ctzl(window);
    span->window = window & (window - 1);
    span->live[span->word] |= 1ull << bit;
    span->used++;
    uintptr_t index = span->word * 64ul + bit;
    return (void *)(span->start + index * mm_preload_classes[class].size);
}

/* The bits of live[word] that are blocks: all but for the last word of the span. */
static uint64_t valid_bits(const struct span *span, uint32_t word)
{
    uint32_t blocks = span->blocks - word * 64;
    return blocks >= 64 ? ~0ull : (1ull << blocks) - 1;
}

/* Move the window on to the next word that holds a free block. */
static bool advance(struct span *span)
{
    uint32_t words = (span->blocks + 63) / 64;

    for (uint32_t word = span->word + 1; word < words; word++) {
        uint64_t window = ~span->live[word] & valid_bits(span, word);
        if (window) {
            span->word = word;
            span->window = window;
            return true;
        }
    }
    return false;
}

/* Make a current span that has a free block, from what the arena has. */
static bool refill(struct arena *a, unsigned class)
{
    struct span *span = a->current[class];

    if (span) {
        if (advance(span))
            return true;
        span->word = UINT32_MAX;
        if (quarter_free(span))
            return advance(span);
        span->state = SPAN_FULL;
    }
    span = a->partial[class];
    a->current[class] = span;
    if (!span)
        return false;
    list_remove(&a->partial[class], span);
    span->state = SPAN_CURRENT;
    span->word = UINT32_MAX;
    span->window = 0;
    return advance(span);
}

/* Add a new span to the arena's list, where the next refill finds it. */
static bool grow(struct arena *a, unsigned class)
{
    size_t size = mm_preload_classes[class].units * UNIT_BYTES;
    struct span *span;

    mm_pager_admit(size);
    span = mm_preload_span_new(a, class, a->used_before[class]);
    if (!span) {
        mm_preload_large_trim();
        mm_preload_spans_trim();
        span = mm_preload_span_new(a, class, a->used_before[class]);
    }
    if (!span)
        return false;

    bool locked = lock(a);
    a->used_before[class] = 1;
    a->totals.committed += size;
    a->totals.spans++;
    list_push(&a->partial[class], span);
    unlock(a, locked);
    return true;
}

static __attribute__((noinline)) void *allocate_slowly(unsigned class)
{
    if (!mm_preload_ready())
        return mm_preload_early_memory(mm_preload_classes[class].size, 16);
    if (!mine)
        mine = &arenas[atomic_fetch_add(&next_arena, 1) % ARENAS];
    struct arena *a = mine;

    for (;;) {
        bool locked = lock(a);
        struct span *span = a->current[class];
        void *block = span ? take(span, class) : NULL;
        if (!block && refill(a, class))
            block = take(a->current[class], class);
        unlock(a, locked);
        if (block || !grow(a, class))
            return block;
    }
}

void *mm_preload_small_allocate(unsigned class)
{
    struct arena *a = mine;
    if (unlikely(!a))
        return allocate_slowly(class);

    bool locked = lock(a);
    struct span *span = a->current[class];
    void *block = likely(span != NULL) ? take(span, class) : NULL;
    unlock(a, locked);
    return likely(block != NULL) ? block : allocate_slowly(class);
}

/* ---- free --------------------------------------------------------------------------------------- */

/* The number of the block in its span; stops where the address is not the start of one. */
static inline uint32_t index_of(const struct span *span, const void *block, const char *call)
{
    const struct size_class *c = &mm_preload_classes[span->class];
    uintptr_t offset = (uintptr_t)block - span->start;
    uint32_t index = (uint32_t)(offset * c->magic >> 40);

    if (unlikely(index * (uintptr_t)c->size != offset || index >= c->blocks))
        mm_preload_stop(call, "this address is inside a block, not its start:", block);
    return index;
}

/* A span that is not the current one has one block less in use. */
static void settle(struct arena *a, struct span *span, bool locked)
{
    struct span **list = &a->partial[span->class];
    bool empty = span->used == 0;

    if (span->state == SPAN_FULL && quarter_free(span) && !empty) {
        span->state = SPAN_PARTIAL;
        list_push(list, span);
    } else if (empty) {
        if (span->state == SPAN_PARTIAL)
            list_remove(list, span);
        a->totals.committed -= mm_preload_classes[span->class].units * UNIT_BYTES;
        a->totals.spans--;
    }
    unlock(a, locked);
    if (empty)
        mm_preload_span_free(span);
}

void mm_preload_small_free(struct span *span, void *block)
{
    uint32_t index = index_of(span, block, "free");
    uint64_t bit = 1ull << (index & 63);
    uint32_t word = index >> 6;
    struct arena *a = span->arena;
    bool locked = lock(a);

    if (unlikely(!(span->live[word] & bit))) {
        unlock(a, locked);
        mm_preload_stop("free", "this block is not in use (freed twice?):", block);
    }
    span->live[word] &= ~bit;
    span->used--;
    if (unlikely(span->state != SPAN_CURRENT)) {
        settle(a, span, locked);
        return;
    }
    if (word == span->word)
        span->window |= bit;
    unlock(a, locked);
}

size_t mm_preload_small_size(struct span *span, const void *block, const char *call)
{
    uint32_t index = index_of(span, block, call);

    /* Without the lock: the block is the caller's, so its bit does not change. */
    if (unlikely(!(span->live[index >> 6] >> (index & 63) & 1)))
        mm_preload_stop(call, "this block is not in use:", block);
    return mm_preload_classes[span->class].size;
}

/* ---- totals ------------------------------------------------------------------------------------- */

static void count_span(uintptr_t unit, struct heap_totals *totals)
{
    uintptr_t word = atomic_load(&mm_preload_spans.table[unit]);
    if (!word || word & 1)
        return;
    const struct span *span = (const struct span *)word;
    if (span->start != mm_preload_spans.start + (unit << UNIT_SHIFT))
        return; /* the span's second unit or later */
    totals->blocks += span->used;
    totals->used += (size_t)span->used * mm_preload_classes[span->class].size;
}

void mm_preload_small_totals(struct heap_totals *ret_totals)
{
    struct heap_totals totals = {0};

    mm_preload_small_lock_all();
    mm_preload_spans_lock();
    for (int i = 0; i < ARENAS; i++) {
        totals.committed += arenas[i].totals.committed;
        totals.spans += arenas[i].totals.spans;
    }
    for (uintptr_t unit = 0; unit < mm_preload_spans_used(); unit++)
        count_span(unit, &totals);
    mm_preload_spans_unlock();
    mm_preload_small_unlock_all();
    *ret_totals = totals;
}
