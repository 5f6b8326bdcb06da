/*
 * kept.c - freed large blocks, as they are, for the next call of about their size: programs take and
 * free buffers in pairs, and each pair would cost system calls and page faults.
 *
 * A thread keeps a few itself, in its cache, and takes them again without a lock.  What does not fit
 * there is the heap's, under its lock.  All stay on the heap's list of blocks, as LARGE_KEPT.
 *
 * Little is kept; but what is wanted again a moment after it went should have been (`regret`): more is
 * kept then, until much goes that is not wanted.
 *
 * A block that grows by HeapReAlloc may take one that is far too large: its memory is there already,
 * and the block will need it.  As it may stop growing, only STRETCHED_MOST of a heap are so at a time.
 */
#include "heap/large_internal.h"

#include "pager/pager.h"

#define BLOCK_MOST (8 * MIB)    /* the largest block worth keeping, */
#define BLOCK_MOST_PAGED MIB    /* where memory is short by design */
#define BYTES_LEAST MIB         /* a heap keeps so much, */
#define BYTES_SHARE 16          /* and this part of its large blocks, */
#define BYTES_MOST (64 * MIB)   /* up to this, */
#define BYTES_PAGED (4 * MIB)   /* or this under a pager */
#define OWN_LEAST MIB           /* a thread keeps at least so much */
#define REGRET_NS 1000000000ull /* what is wanted again so soon should have been kept */
#define IDLE_MOST 64            /* blocks that are given back before regret fades */
#define STRETCH_MOST (2 * MIB)
#define STRETCHED_MOST 4

static size_t block_most(void)
{
    return mm_pager_is_on() ? BLOCK_MOST_PAGED : BLOCK_MOST;
}

static size_t bytes_most(struct heap *h)
{
    size_t bytes = BYTES_LEAST + h->large_committed / BYTES_SHARE + atomic_load(&h->regret);
    return mm_pager_is_on() ? BYTES_PAGED : min_size(bytes, BYTES_MOST);
}

/* What one thread keeps.  Caches come and go meanwhile: a guess will do. */
static size_t own_most(struct heap *h)
{
    unsigned caches = atomic_load_explicit(&h->cache_count, memory_order_relaxed);
    size_t share = atomic_load_explicit(&h->regret, memory_order_relaxed) / (caches ? caches : 1);
    return min_size(max_size(share, OWN_LEAST), block_most());
}

/* ---- regret: the heap's lock is held ----------------------------------------------------------------- */

static void note_gone(struct heap *h, const struct large *l)
{
    h->gone[h->gone_next++ % GONE] = (struct gone){l->committed, mm_os_now()};
    if (++h->idle < IDLE_MOST)
        return;
    h->idle = 0;
    atomic_store(&h->regret, atomic_load(&h->regret) / 2);
}

static bool fits_in(size_t committed, size_t size)
{
    return committed >= size && committed / 2 <= size;
}

/* Nothing that is kept would do.  If something would that went a moment ago, more is kept from now on. */
static void note_miss(struct heap *h, size_t size)
{
    for (unsigned i = 0; i < GONE; i++) {
        struct gone *g = &h->gone[i];
        if (!fits_in(g->bytes, size) || mm_os_now() - g->when > REGRET_NS)
            continue;
        atomic_store(&h->regret, min_size(atomic_load(&h->regret) + g->bytes, BYTES_MOST));
        g->bytes = 0;
        h->idle = 0;
        return;
    }
}

/* ---- a list of kept blocks, oldest first ------------------------------------------------------------ */

static struct large *list_remove(struct kept_list *k, unsigned at)
{
    struct large *l = k->blocks[at];

    k->bytes -= l->committed;
    for (k->count--; at < k->count; at++)
        k->blocks[at] = k->blocks[at + 1];
    return l;
}

static void list_add(struct kept_list *k, struct large *l)
{
    k->blocks[k->count++] = l;
    k->bytes += l->committed;
}

static bool fits(const struct large *l, size_t size, size_t alignment, bool stretch)
{
    size_t committed = l->committed;
    return is_aligned(l->start, alignment) &&
           (fits_in(committed, size) ||
            (stretch && committed >= size && committed <= STRETCH_MOST));
}

/* The latest that fits, now in use. */
static struct large *list_take(struct kept_list *k, size_t size, size_t alignment, bool stretch)
{
    for (unsigned i = k->count; i-- > 0;) {
        struct large *l = k->blocks[i];
        if (!fits(l, size, alignment, stretch))
            continue;
        (void)list_remove(k, i);
        atomic_store_explicit(&l->size, size, memory_order_relaxed);
        atomic_store_explicit(&l->state, LARGE_LIVE, memory_order_release);
        return l;
    }
    return NULL;
}

/* ---- stretched blocks ---------------------------------------------------------------------------------- */

static bool may_stretch(struct heap *h)
{
    return atomic_load_explicit(&h->stretched, memory_order_relaxed) < STRETCHED_MOST;
}

static void note_stretch(struct heap *h, struct large *l, size_t size)
{
    if (l->committed / 2 <= size)
        return;
    l->stretched = true;
    (void)atomic_fetch_add(&h->stretched, 1); /* two threads at once: one more, no harm */
}

void mm_heap_large_end_stretch(struct heap *h, struct large *l)
{
    if (!l->stretched)
        return;
    l->stretched = false;
    (void)atomic_fetch_sub(&h->stretched, 1);
}

/* ---- taking --------------------------------------------------------------------------------------------- */

static struct large *take_own(struct heap *h, size_t size, size_t alignment, bool stretch)
{
    struct heap_cache *c = mm_heap_cache_find(h);

    if (!c)
        return NULL;
    mm_heap_cache_enter(h, c);
    struct large *l = list_take(&c->kept, size, alignment, stretch);
    heap_leave(c);
    return l;
}

static struct large *take_shared(struct heap *h, size_t size, size_t alignment, bool stretch)
{
    mm_heap_gate_lock(h);
    struct large *l = list_take(&h->kept, size, alignment, stretch);
    if (l)
        h->idle = 0;
    else
        note_miss(h, size);
    mm_heap_gate_unlock(h);
    return l;
}

struct large *mm_heap_kept_take(struct heap *h, size_t size, size_t alignment, bool growing)
{
    bool stretch = growing && may_stretch(h);

    struct large *l = take_own(h, size, alignment, stretch);
    if (!l)
        l = take_shared(h, size, alignment, stretch);
    if (l && growing)
        note_stretch(h, l, size);
    return l;
}

/* ---- keeping -------------------------------------------------------------------------------------------- */

/* Put a kept block on the heap's list, in place of older ones.  The lock is held.  => chain and those */
static struct large *share(struct heap *h, struct large *l, struct large *chain)
{
    struct kept_list *k = &h->kept;

    while (k->count == KEPT_MOST || (k->count && k->bytes + l->committed > bytes_most(h))) {
        struct large *oldest = list_remove(k, 0);
        note_gone(h, oldest);
        mm_heap_large_unlink(h, oldest, LARGE_UNUSED);
        oldest->next = chain;
        chain = oldest;
    }
    list_add(k, l);
    return chain;
}

/* Make room for `bytes` in the thread's own list; marked.  => how many left it */
static unsigned make_room(struct heap_cache *c, size_t most, size_t bytes, struct large **ret_left)
{
    unsigned count = 0;

    while (c->kept.count == KEPT_OWN || (c->kept.count && c->kept.bytes + bytes > most))
        ret_left[count++] = list_remove(&c->kept, 0);
    return count;
}

static void share_all(struct heap *h, struct large **blocks, unsigned count)
{
    struct large *old = NULL;

    if (!count)
        return;
    mm_heap_gate_lock(h);
    for (unsigned i = 0; i < count; i++)
        old = share(h, blocks[i], old);
    mm_heap_gate_unlock(h);
    mm_heap_large_release_all(old);
}

static bool put_own(struct heap *h, struct heap_cache *c, struct large *l, const void *block,
                    size_t most)
{
    struct large *left[KEPT_OWN];
    unsigned count = 0;

    mm_heap_cache_enter(h, c);
    bool mine = mm_heap_large_claim(h, l, block, LARGE_KEPT);
    if (mine) {
        count = make_room(c, most, l->committed, left);
        list_add(&c->kept, l);
    }
    heap_leave(c);
    share_all(h, left, count);
    return mine;
}

static bool put_shared(struct heap *h, struct large *l, const void *block)
{
    struct large *old = NULL;

    mm_heap_gate_lock(h);
    bool large = l->committed > min_size(block_most(), bytes_most(h));
    bool mine = mm_heap_large_claim(h, l, block, large ? LARGE_UNUSED : LARGE_KEPT);
    if (mine && large) {
        note_gone(h, l);
        mm_heap_large_unlink(h, l, LARGE_UNUSED);
        l->next = NULL;
        old = l;
    } else if (mine) {
        old = share(h, l, NULL);
    }
    mm_heap_gate_unlock(h);
    mm_heap_large_release_all(old);
    return mine;
}

bool mm_heap_kept_put(struct heap *h, struct large *l, const void *block)
{
    struct heap_cache *c = mm_heap_cache_find(h);
    size_t most = own_most(h);

    return c && l->committed <= most ? put_own(h, c, l, block, most) : put_shared(h, l, block);
}

/* ---- giving up ------------------------------------------------------------------------------------------- */

/* Off the heap's list, and chained to `chain`; its lock is held. */
static struct large *drop_all(struct heap *h, struct kept_list *k, struct large *chain)
{
    while (k->count) {
        struct large *l = list_remove(k, 0);
        mm_heap_large_unlink(h, l, LARGE_UNUSED);
        l->next = chain;
        chain = l;
    }
    return chain;
}

void mm_heap_kept_leave(struct heap *h, struct heap_cache *c)
{
    mm_heap_large_release_all(drop_all(h, &c->kept, NULL));
}

/* => whether there were any */
bool mm_heap_large_trim(struct heap *h)
{
    (void)mm_heap_lock(h);
    struct large *all = drop_all(h, &h->kept, NULL);
    for (struct heap_cache *c = h->caches; c; c = c->next)
        all = drop_all(h, &c->kept, all);
    (void)mm_heap_unlock(h);
    bool any = all != NULL;
    mm_heap_large_release_all(all);
    return any;
}
