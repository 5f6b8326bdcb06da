/*
 * magazine.c - what threads keep of lookaside lists: who has which magazine.
 *
 * L1  mm_magazine_lists[list->slot] == list exactly for the lists that have begun and not ended
 * L2  a magazine stands in mm_magazines, and in its keeper's table at its list's slot, or it is unused
 *
 * Magazines and keepers are used again and never unmapped.  They come on under the registry's lock,
 * which is held for a few instructions, and go off under the sweep's lock too (sweep.c): who holds
 * that may follow mm_magazines without the registry's.
 */
#include "lookaside/lookaside_internal.h"

#include "base/page.h"
#include "base/pool.h"

#define CHUNK (64 * KIB)

struct os_lock mm_magazine_lock;
struct magazine *mm_magazines;
MM_APART struct lookaside *mm_magazine_lists[LISTS];
__thread struct keeper *mm_lookaside_mine __attribute__((tls_model("initial-exec")));

static struct pool unused = {.size = sizeof(struct magazine)};
static struct keeper *unused_keepers;

/* ---- numbers for lists ------------------------------------------------------------------------------ */

static void forget(struct lookaside *list)
{
    for (struct magazine *m = mm_magazines; m; m = m->next)
        if (m->list == list)
            m->list = NULL;
}

bool mm_magazine_slot_take(struct lookaside *list)
{
    ULONG slot = LISTS;

    mm_os_lock(&mm_magazine_lock);
    for (ULONG i = 0; i < LISTS; i++) {
        if (mm_magazine_lists[i] == list) {
            forget(list);
            slot = i;
            break;
        }
        if (!mm_magazine_lists[i] && slot == LISTS)
            slot = i;
    }
    if (slot < LISTS) {
        list->slot = slot;
        mm_magazine_lists[slot] = list;
    }
    mm_os_unlock(&mm_magazine_lock);
    return slot < LISTS;
}

void mm_magazine_slot_give(struct lookaside *list)
{
    mm_os_lock(&mm_magazine_lock);
    mm_magazine_lists[list->slot] = NULL;
    mm_os_unlock(&mm_magazine_lock);
    list->slot = LISTS;
}

bool mm_lookaside_is_list(const struct lookaside *list)
{
    return list->slot < LISTS &&
           __atomic_load_n(&mm_magazine_lists[list->slot], __ATOMIC_RELAXED) == list;
}

/* ---- keepers and magazines ------------------------------------------------------------------------- */

static struct keeper *keeper_new(void)
{
    mm_os_lock(&mm_magazine_lock);
    struct keeper *k = unused_keepers;
    if (k)
        unused_keepers = k->next;
    mm_os_unlock(&mm_magazine_lock);
    return k ? k : mm_os_own_memory(align_up(sizeof *k, PAGE_BYTES));
}

static struct magazine *magazine_new(void)
{
    if (!unused.available) {
        void *chunk = mm_os_own_memory(CHUNK);
        if (chunk)
            mm_pool_add(&unused, chunk, CHUNK);
    }
    return mm_pool_take(&unused);
}

/* The registry's lock is held. */
static struct magazine *magazine_make(struct keeper *k, struct lookaside *list)
{
    struct magazine *m = magazine_new();
    if (!m)
        return NULL;

    atomic_store(&m->busy, 0);
    atomic_store(&m->closed, 0);
    atomic_store(&m->depth, LEAST_DEPTH);
    atomic_store(&m->hits, 0);
    m->list = list;
    m->slot = list->slot;
    m->keeper = k;
    m->count = m->misses = m->overflows = m->hits_before = m->slow_calls = m->hits_swept = 0;
    m->next = mm_magazines;
    __atomic_store_n(&mm_magazines, m, __ATOMIC_RELEASE);
    atomic_store(&k->magazines[list->slot], m);
    return m;
}

struct magazine *mm_magazine_need(struct lookaside *list)
{
    struct magazine *m = magazine_of(list);
    if (m)
        return m;

    if (!mm_lookaside_mine) {
        mm_lookaside_mine = keeper_new();
        if (!mm_lookaside_mine)
            return NULL;
        mm_os_watch_thread_end();
    }
    mm_os_lock(&mm_magazine_lock);
    m = magazine_make(mm_lookaside_mine, list);
    mm_os_unlock(&mm_magazine_lock);
    return m;
}

void mm_magazine_free(struct magazine *m)
{
    mm_pool_give(&unused, m);
}

/* ---- threads that end, and fork -------------------------------------------------------------------- */

void mm_lookaside_thread_ends(void)
{
    struct keeper *k = mm_lookaside_mine;
    if (!k)
        return;

    mm_os_lock(&mm_sweep_lock);
    for (struct magazine *m = mm_magazines; m; m = m->next)
        if (m->keeper == k) {
            atomic_store(&k->magazines[m->slot], NULL);
            m->keeper = NULL;
        }
    mm_lookaside_mine = NULL; /* what ends objects may come back to us */
    (void)mm_sweep_orphans();
    mm_os_lock(&mm_magazine_lock);
    k->next = unused_keepers;
    unused_keepers = k;
    mm_os_unlock(&mm_magazine_lock);
    mm_os_unlock(&mm_sweep_lock);
}

void mm_lookaside_before_fork(void)
{
    mm_os_lock(&mm_sweep_lock);
    mm_os_lock(&mm_magazine_lock);
}

void mm_lookaside_after_fork_in_parent(void)
{
    mm_os_unlock(&mm_magazine_lock);
    mm_os_unlock(&mm_sweep_lock);
}

/*
 * The other threads are not here.  Whatever one was at, its magazine's objects up to `count` are in it
 * and nowhere else, or one is lost; the next sweep ends them.
 */
void mm_lookaside_after_fork_in_child(void)
{
    for (struct magazine *m = mm_magazines; m; m = m->next)
        if (m->keeper != mm_lookaside_mine || !m->keeper) {
            m->keeper = NULL;
            atomic_store(&m->busy, 0);
        }
    mm_sweep_soon();
    mm_lookaside_after_fork_in_parent();
}
