/*
 * remote.c - blocks that are freed by a thread which does not own their span.
 *
 * The freeing thread claims the block by compare-exchange of its side value, so that a second free
 * is seen at the call, and pushes it to the span's `remote` list, which is linked through the side
 * values as well.  The first one on an empty list also puts the span into its owner's mailbox.  The
 * owner takes in whole lists when it next looks for free blocks (mm_heap_cache_collect).
 *
 * A span whose thread has ended has no owner; then the freeing thread does the owner's work itself,
 * under the heap's lock, once so much is free that there is something to do.  Who pushes looks at
 * owner and `used` afterwards; who gives up or settles a span changes those first and drains
 * afterwards: one of the two sees the other.
 *
 * The span that its owner takes blocks from keeps its list until it has no others.
 *
 * Owners come and go between the look and the mail, and the record may even have become another
 * span's: records and caches are never unmapped, a span that is mailed to the wrong cache is sent
 * on, and `mailed` keeps it from standing in two mailboxes.  At worst a freed block waits until the
 * owner drains the span for another reason.
 */
#include "heap/heap_internal.h"

#define REMOTE_ONE (1u << 16)
#define TIDY_AT \
    16 /* spans of a cache that may be empty but for others' frees, before it is tidied */

/* Claim a block in use, or one that leaves a quarantine; false: it is none, or another thread was faster. */
static bool claim(struct span *s, unsigned index)
{
    uint16_t side = heap_side(s, index);
    return heap_side_is_held(side) &&
           atomic_compare_exchange_strong(&s->side[index], &side, SIDE_FREE | LINK_END);
}

/* => how many blocks the list has now */
static unsigned push(struct span *s, unsigned index)
{
    uint32_t old = atomic_load_explicit(&s->remote, memory_order_relaxed);
    uint32_t new;

    do {
        heap_set_side(s, index, SIDE_FREE | (old & LINK_END));
        new = ((old & ~0xffffu) + REMOTE_ONE) | index;
    } while (!atomic_compare_exchange_weak(&s->remote, &old, new));
    return new >> 16;
}

static void drain_once(struct span *s)
{
    uint32_t all = atomic_exchange(&s->remote, REMOTE_EMPTY);
    unsigned count = all >> 16;
    unsigned first = all & LINK_END;
    unsigned last = first;

    if (!count)
        return;
    if (s->head != LINK_END) { /* else the last one's link is right already */
        for (unsigned i = 1; i < count; i++)
            last = heap_side(s, last) & LINK_END;
        heap_set_side(s, last, SIDE_FREE | s->head);
    }
    heap_set_head(s, first);
    s->used -= count;
}

void mm_heap_span_drain(struct span *s)
{
    do {
        drain_once(s);
        atomic_thread_fence(memory_order_seq_cst);
    } while (atomic_load(&s->remote) != REMOTE_EMPTY);
}

void mm_heap_mail(struct span *s)
{
    bool no = false;
    struct heap_cache *owner = atomic_load(&s->owner);

    if (owner == &mm_heap_nobody || !atomic_compare_exchange_strong(&s->mailed, &no, true))
        return;
    struct span *first = atomic_load_explicit(&owner->mail, memory_order_relaxed);
    do {
        s->mail_next = first;
    } while (!atomic_compare_exchange_weak(&owner->mail, &first, s));
}

/* Nobody owns the span: do what its owner would.  Its heap's lock is held. */
static struct span *settle_abandoned(struct heap *h, struct span *s)
{
    mm_heap_span_drain(s);
    if (s->used && (s->state != SPAN_FORGOTTEN || s->used > s->low))
        return NULL;
    if (s->used) {
        s->state = SPAN_ABANDONED;
        mm_heap_span_push(&h->abandoned[s->class], s);
        return NULL;
    }
    if (s->state == SPAN_ABANDONED)
        mm_heap_span_remove(&h->abandoned[s->class], s);
    s->state = SPAN_GOING;
    s->next = NULL;
    return s;
}

static void free_into_abandoned(struct span *s)
{
    struct heap *h = s->heap;
    struct span *empty = NULL;

    mm_heap_gate_lock(h);
    if (s->heap == h && atomic_load(&s->owner) == &mm_heap_nobody && s->state >= SPAN_ABANDONED)
        empty = settle_abandoned(h, s);
    mm_heap_gate_unlock(h);
    mm_heap_spans_free(empty);
}

/*
 * Claim and push, as a guest of the heap: marked in an own cache, or under its lock.
 *
 * => how many blocks others have freed by now; 0: it was no block in use
 */
static unsigned give(struct span *s, unsigned index)
{
    struct heap *h = s->heap;
    struct heap_cache *c = mm_heap_cache_find(h);

    if (c && heap_enter_slowly(c)) {
        unsigned count = claim(s, index) ? push(s, index) : 0;
        heap_leave(c);
        return count;
    }
    if (c)
        heap_leave(c);
    mm_heap_gate_lock(h);
    unsigned count = claim(s, index) ? push(s, index) : 0;
    mm_heap_gate_unlock(h);
    return count;
}

/*
 * `used`, state and low are the owner's, so these are guesses, and ThreadSanitizer is told not to look;
 * the owner's work is done rightly.
 */
__attribute__((no_sanitize("thread"))) static unsigned guess_used(const struct span *s)
{
    return *(const volatile uint32_t *)&s->used;
}

/* Whether `count` blocks freed by others make a difference to a span that nobody owns. */
__attribute__((no_sanitize("thread"))) static bool matters(const struct span *s, unsigned count)
{
    unsigned used = guess_used(s);
    bool forgotten = *(const volatile uint8_t *)&s->state == SPAN_FORGOTTEN;
    return count >= used || (forgotten && used - count <= *(const volatile uint32_t *)&s->low);
}

/* `count` blocks that others freed wait in the span: see that they do not wait for too long. */
static void see_to(struct span *s, unsigned count)
{
    struct heap_cache *owner = atomic_load(&s->owner);
    if (owner == &mm_heap_nobody) {
        if (matters(s, count))
            free_into_abandoned(s);
        return;
    }
    if (count == 1)
        mm_heap_mail(s);
    if (atomic_load_explicit(&s->in_hand, memory_order_relaxed))
        return; /* and that line of the record is its owner's, and dear to look at */
    if (count >= guess_used(s) && atomic_fetch_add(&owner->waiting, 1) + 1 >= TIDY_AT)
        mm_heap_cache_tidy(owner);
}

bool mm_heap_give_remote(struct span *s, unsigned index)
{
    unsigned count = give(s, index);
    if (!count)
        return false;
    see_to(s, count);
    return true;
}

bool mm_heap_give_elsewhere(struct heap_cache *c, void *block)
{
    struct span *s = heap_span_of(block);
    unsigned count = 0;
    unsigned index;

    if (!s || atomic_load_explicit(&s->owner, memory_order_relaxed) == c ||
        atomic_load_explicit(&c->heap, memory_order_relaxed) != s->heap ||
        !heap_index_of(s, block, &index))
        return false;
    if (heap_enter(c) && claim(s, index))
        count = push(s, index);
    heap_leave(c);
    if (!count)
        return false;
    see_to(s, count);
    return true;
}
