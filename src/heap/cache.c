/*
 * cache.c - what a thread keeps of a heap: for each class the span it takes blocks from, and those
 * that it may take from later.
 *
 * A cache is worked on by its thread alone, between heap_enter and heap_leave (fast.h).  Who needs a
 * heap to himself (HeapLock, walks, fork) closes the caches of the other threads: he sets `closed`,
 * makes every processor see it (mm_os_barrier_everywhere), and waits until no cache is `busy`.  A
 * thread that finds its cache closed leaves and waits for the heap's lock, which the closer holds.
 *
 * Policy: a block comes from the current span; when that has none, from what others freed, then from
 * the span of the list that became a quarter free last, then from an abandoned or a new span.  So
 * new data goes to addresses in the order of time, and old spans are left alone for long.
 */
#include "heap/heap_internal.h"
#include "heap/page_internal.h"

#include "pager/pager.h"

#define LOOKS_BEFORE_SLEEP 200
#define SLEEP_NS 20000

struct heap_cache mm_heap_none = {.closed = 1};
__thread struct heap_cache *mm_heap_mine = &mm_heap_none;
__thread struct heap_cache *mm_heap_slots[HEAP_SLOTS];

struct heap_cache mm_heap_nobody;

static struct heap_cache *unused; /* the units' lock */

static struct heap_cache **slot_of(const struct heap *h)
{
    return h == &mm_heap_default ? &mm_heap_mine : heap_slot_of(h->handle);
}

/* ---- finding and making -------------------------------------------------------------------------- */

static bool is_mine(struct heap_cache *c, const struct heap *h)
{
    return atomic_load_explicit(&c->heap, memory_order_relaxed) == h &&
           atomic_load_explicit(&c->thread, memory_order_relaxed) == heap_self();
}

/* The thread's cache among those of the heap.  Its lock is held. */
static struct heap_cache *look_for(struct heap *h)
{
    for (struct heap_cache *c = h->caches; c; c = c->next) {
        if (is_mine(c, h))
            return c;
    }
    return NULL;
}

struct heap_cache *mm_heap_cache_find(struct heap *h)
{
    struct heap_cache **slot = slot_of(h);

    if (*slot && is_mine(*slot, h))
        return *slot;
    if (h == &mm_heap_default)
        return NULL;
    mm_heap_gate_lock(h);
    struct heap_cache *c = look_for(h);
    mm_heap_gate_unlock(h);
    if (c)
        *slot = c;
    return c;
}

static struct heap_cache *record_new(void)
{
    mm_heap_units_lock();
    struct heap_cache *c = unused;
    if (c)
        unused = c->next;
    mm_heap_units_unlock();
    return c ? c : mm_heap_record_new(sizeof *c);
}

static void cache_init(struct heap_cache *c, struct heap *h)
{
    for (unsigned class = 0; class < CLASS_COUNT; class ++) {
        c->current[class] = (struct span *)&mm_heap_no_span;
        c->partial[class] = NULL;
    }
    c->range_start = mm_heap_range.start;
    c->range_size = mm_heap_range.size;
    c->table = mm_heap_range.table;
    c->used_before = 0;
    c->base = h->hard || mm_page_is_on;
    atomic_store(&c->closed, c->base);
    memset(c->quarantine, 0, sizeof c->quarantine);
    c->kept = (struct kept_list){0};
    c->random = mm_os_random() | 1; /* never 0 */
    atomic_store(&c->waiting, 0);
    atomic_store(&c->thread, heap_self());
    atomic_store(&c->handle, h->maximum ? 0 : h->handle);
    atomic_store(&c->heap, h);
}

struct heap_cache *mm_heap_cache_of(struct heap *h)
{
    struct heap_cache *c = mm_heap_cache_find(h);
    if (c)
        return c;
    c = record_new();
    if (!c)
        return NULL;
    mm_heap_gate_lock(h);
    cache_init(c, h);
    c->next = h->caches;
    h->caches = c;
    (void)atomic_fetch_add(&h->cache_count, 1);
    mm_heap_gate_unlock(h);
    *slot_of(h) = c;
    mm_os_watch_thread_end();
    return c;
}

void mm_heap_cache_discard(struct heap_cache *c)
{
    atomic_store(&c->handle, 0);
    atomic_store(&c->heap, NULL);
    atomic_store(&c->thread, 0);
    mm_heap_units_lock();
    c->next = unused;
    unused = c;
    mm_heap_units_unlock();
}

/* ---- closing --------------------------------------------------------------------------------------- */

static void wait_until_idle(struct heap_cache *c)
{
    for (unsigned looks = 0; atomic_load(&c->busy); looks++) {
        if (looks >= LOOKS_BEFORE_SLEEP)
            mm_os_sleep(SLEEP_NS);
    }
}

void mm_heap_caches_close(struct heap *h)
{
    bool others = false;

    for (struct heap_cache *c = h->caches; c; c = c->next) {
        if (atomic_load(&c->thread) == heap_self())
            continue;
        atomic_fetch_add(&c->closed, 1);
        others = true;
    }
    if (!others)
        return;
    mm_os_barrier_everywhere();
    for (struct heap_cache *c = h->caches; c; c = c->next) {
        if (atomic_load(&c->thread) != heap_self())
            wait_until_idle(c);
    }
}

void mm_heap_caches_open(struct heap *h)
{
    for (struct heap_cache *c = h->caches; c; c = c->next) {
        if (atomic_load(&c->thread) != heap_self())
            atomic_fetch_sub(&c->closed, 1);
    }
}

void mm_heap_cache_enter(struct heap *h, struct heap_cache *c)
{
    while (!heap_enter_slowly(c)) {
        heap_leave(c);
        mm_heap_gate_lock(h);
        mm_heap_gate_unlock(h);
    }
}

/* ---- what was freed -------------------------------------------------------------------------------- */

/* Nobody else shall find the empty span: whoever gets it takes it apart, without the lock. */
static struct span *going(struct span *s)
{
    atomic_store(&s->owner, &mm_heap_nobody);
    s->state = SPAN_GOING;
    s->next = NULL;
    return s;
}

/* Blocks of a span that is not current were freed: its new place.  => it, if it is empty */
static struct span *place(struct heap_cache *c, struct span *s)
{
    struct span **list = &c->partial[s->class];

    if (s->used == 0) {
        if (s->state == SPAN_PARTIAL)
            mm_heap_span_remove(list, s);
        return going(s);
    }
    if (s->state == SPAN_FULL && s->used <= s->low) {
        s->state = SPAN_PARTIAL;
        s->low = 0;
        mm_heap_span_push(list, s);
    }
    return NULL;
}

void mm_heap_settle(struct heap_cache *c, struct span *s)
{
    struct span *empty = place(c, s);
    heap_leave(c);
    mm_heap_spans_free(empty);
}

bool mm_heap_give_own(struct heap *h, struct heap_cache *c, struct span *s, void *block)
{
    unsigned index;

    if (!heap_index_of(s, block, &index))
        return false;
    mm_heap_cache_enter(h, c);
    bool live = heap_side_is_held(heap_side(s, index));
    if (live && heap_push(s, index, block))
        mm_heap_settle(c, s);
    else
        heap_leave(c);
    return live;
}

struct span *mm_heap_cache_collect(struct heap_cache *c)
{
    struct span *empty = NULL;
    struct span *next;

    atomic_store_explicit(&c->waiting, 0, memory_order_relaxed);
    for (struct span *s = atomic_exchange(&c->mail, NULL); s; s = next) {
        next = s->mail_next;
        atomic_store(&s->mailed, false);
        if (atomic_load(&s->owner) != c) {
            mm_heap_mail(s); /* it has changed hands */
            continue;
        }
        if (s->state == SPAN_CURRENT)
            continue; /* drained when it has nothing else */
        mm_heap_span_drain(s);
        empty = mm_heap_chain(place(c, s), empty);
    }
    return empty;
}

struct span *mm_heap_chain(struct span *a, struct span *b)
{
    struct span *s = a;

    if (!a)
        return b;
    while (s->next)
        s = s->next;
    s->next = b;
    return a;
}

struct span *mm_heap_cache_release(struct heap_cache *c)
{
    struct span *empty = mm_heap_cache_collect(c);

    for (unsigned class = 0; class < CLASS_COUNT; class ++) {
        struct span *s = c->current[class];
        if (!s->blocks || s->used)
            continue;
        c->current[class] = (struct span *)&mm_heap_no_span;
        empty = mm_heap_chain(going(s), empty);
    }
    return empty;
}

void mm_heap_cache_tidy(struct heap_cache *c)
{
    struct heap *h = atomic_load(&c->heap);
    struct span *empty = NULL;
    if (!h)
        return;

    mm_heap_gate_lock(h);
    if (atomic_load(&c->heap) == h && atomic_load(&c->thread) != heap_self()) {
        atomic_fetch_add(&c->closed, 1);
        mm_os_barrier_everywhere();
        wait_until_idle(c);
        empty = mm_heap_cache_collect(c);
        atomic_fetch_sub(&c->closed, 1);
    }
    mm_heap_gate_unlock(h);
    mm_heap_spans_free(empty);
}

/* ---- taking ------------------------------------------------------------------------------------------ */

/* The current span has nothing left to offer: another takes its place. */
static void put_down(struct span *s)
{
    s->state = SPAN_FULL;
    s->low = mm_heap_span_low(s);
    atomic_store(&s->in_hand, false);
}

static void take_up(struct heap_cache *c, struct span *s)
{
    mm_heap_span_remove(&c->partial[s->class], s);
    s->state = SPAN_CURRENT;
    s->low = LOW_NEVER;
    atomic_store(&s->in_hand, true);
}

/* Have a block in the current span, from what the cache has.  Marked. */
static bool refill(struct heap_cache *c, unsigned class, struct span **ret_empty)
{
    struct span *s = c->current[class];

    if (s->blocks && atomic_load_explicit(&s->remote, memory_order_relaxed) != REMOTE_EMPTY)
        mm_heap_span_drain(s);
    if (atomic_load_explicit(&c->mail, memory_order_relaxed))
        *ret_empty = mm_heap_cache_collect(c);
    if (s->head != LINK_END || (s->blocks && mm_heap_span_carve(s, &c->random)))
        return true;
    if (s->blocks)
        put_down(s);
    s = c->partial[class];
    c->current[class] = s ? s : (struct span *)&mm_heap_no_span;
    if (!s)
        return false;
    take_up(c, s);
    return s->head != LINK_END || mm_heap_span_carve(s, &c->random);
}

/* A look without the lock, of which ThreadSanitizer is not told: a span that is missed waits. */
__attribute__((no_sanitize("thread"))) static bool seems_abandoned(const struct heap *h,
                                                                   unsigned class)
{
    return *(struct span *const volatile *)&h->abandoned[class] != NULL;
}

/* A span that its thread left behind. */
static struct span *adopt(struct heap *h, struct heap_cache *c, unsigned class)
{
    if (!seems_abandoned(h, class))
        return NULL;
    mm_heap_gate_lock(h);
    struct span *s = h->abandoned[class];
    if (s) {
        mm_heap_span_remove(&h->abandoned[class], s);
        s->state = SPAN_PARTIAL;
        atomic_store(&s->owner, c);
        mm_heap_span_drain(s);
    }
    mm_heap_gate_unlock(h);
    return s;
}

static struct span *new_span(struct heap *h, struct heap_cache *c, unsigned class)
{
    size_t size = mm_heap_classes[class].units * UNIT_BYTES;
    bool soon = c->used_before >> class & 1;

    mm_pager_admit(size);
    struct span *s = mm_heap_span_new(h, c, class, soon);
    if (!s && mm_heap_reclaim(size))
        s = mm_heap_span_new(h, c, class, soon);
    return s;
}

/* Add a span to the cache's list, where the next refill finds it. */
static bool grow(struct heap *h, struct heap_cache *c, unsigned class)
{
    struct span *s = adopt(h, c, class);
    if (!s)
        s = new_span(h, c, class);
    if (!s)
        return false;

    mm_heap_cache_enter(h, c);
    c->used_before |= 1ull << class;
    s->low = 0;
    mm_heap_span_push(&c->partial[class], s);
    heap_leave(c);
    return true;
}

/* The canary comes in the same breath, so that who closes the heap sees none without. */
static void *pop(const struct heap *h, struct span *s, size_t size, bool *ret_fresh)
{
    void *block = heap_pop(s, size, ret_fresh);
    if (block && h->hard)
        mm_heap_harden_out(s, block, size, s->size, *ret_fresh);
    return block;
}

void *mm_heap_take_slowly(struct heap *h, unsigned class, size_t size, bool *ret_fresh)
{
    struct heap_cache *c = mm_heap_cache_of(h);

    while (c) {
        struct span *empty = NULL;
        mm_heap_cache_enter(h, c);
        bool filled = c->current[class]->head != LINK_END || refill(c, class, &empty);
        void *block = filled ? pop(h, c->current[class], size, ret_fresh) : NULL;
        heap_leave(c);
        mm_heap_spans_free(empty);
        if (block)
            return block;
        if (!grow(h, c, class))
            return NULL;
    }
    return NULL;
}

/* ---- the end of a thread ------------------------------------------------------------------------------- */

/* Give up one span: from here on it is the heap's.  => it, if it is empty */
static struct span *forsake(struct heap *h, struct span *s)
{
    atomic_store(&s->owner, &mm_heap_nobody);
    atomic_store(&s->in_hand, false);
    mm_heap_span_drain(s);
    if (s->used == 0)
        return going(s);
    s->low = mm_heap_span_low(s);
    s->state = s->used <= s->low ? SPAN_ABANDONED : SPAN_FORGOTTEN;
    if (s->state == SPAN_ABANDONED)
        mm_heap_span_push(&h->abandoned[s->class], s);
    return NULL;
}

void mm_heap_cache_abandon(struct heap_cache *c)
{
    struct heap *h = atomic_load(&c->heap);
    struct span *empty = NULL;
    void *held;

    while ((held = mm_heap_harden_empty(c)))
        mm_heap_free_held(h, held);
    mm_heap_kept_leave(h, c);
    mm_heap_spans_free(mm_heap_cache_collect(c));
    for (struct span *s = h->spans; s; s = s->heap_next) {
        if (atomic_load(&s->owner) == c)
            empty = mm_heap_chain(forsake(h, s), empty);
    }
    mm_heap_spans_free(empty);

    struct heap_cache **link = &h->caches;
    while (*link != c)
        link = &(*link)->next;
    *link = c->next;
    (void)atomic_fetch_sub(&h->cache_count, 1);
    mm_heap_cache_discard(c);
}

void mm_heap_thread_ends(void)
{
    mm_heap_each(mm_heap_leave_thread);
    mm_heap_mine = &mm_heap_none;
    memset(mm_heap_slots, 0, sizeof mm_heap_slots);
}
