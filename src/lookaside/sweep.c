/*
 * sweep.c - emptying magazines, whoever's they are.
 *
 * A thread works on its magazines without a lock and without an atomic operation; it only says that
 * it is inside (`busy`).  Who wants to empty a magazine closes it, makes every processor see that
 * (mm_os_barrier_everywhere), and waits until its thread is not inside:
 *
 * L3  a magazine that is closed, and was not busy once after the barrier, is the closer's alone.  Its
 *     thread does without it until it is open again
 *
 * There is no thread of our own that sweeps.  Every 64th slow call of a thread looks at the clock;
 * once a second one of them, whoever comes first, goes through all magazines, ends the objects in
 * those that nobody used since the last time, and lets the others try with a little less.  A process
 * that stops using lists altogether keeps what it had: MOST_BYTES a magazine at most.
 *
 * Locks: the sweep's, held while objects are ended, so functions of the program run under it; then
 * the registry's, for a few instructions.
 */
#include "lookaside/lookaside_internal.h"

#define PERIOD_NS 1000000000ull

struct os_lock mm_sweep_lock;
static _Atomic uint64_t last_sweep; /* ns */

/* ---- one magazine ------------------------------------------------------------------------------------ */

static void await(struct magazine *m)
{
    while (atomic_load_explicit(&m->busy, memory_order_acquire))
        mm_os_sleep(1000);
}

/* End the objects of a closed magazine: whether there were any. */
static bool empty(struct magazine *m)
{
    bool any = m->count && m->list;

    while (m->count) {
        void *block = m->blocks[--m->count];
        if (m->list)
            mm_lookaside_end(m->list, block);
    }
    return any;
}

/* ---- those that are chosen ---------------------------------------------------------------------------- */

typedef bool choice(struct magazine *m, const struct lookaside *list);

static bool is_of(struct magazine *m, const struct lookaside *list)
{
    return !list || m->list == list;
}

static bool is_orphan(struct magazine *m, const struct lookaside *list)
{
    return !m->keeper || !m->list;
}

/* Not used since the last sweep; one that was is to try with a little less. */
static bool is_idle(struct magazine *m, const struct lookaside *list)
{
    unsigned hits = atomic_load_explicit(&m->hits, memory_order_relaxed);
    unsigned depth = atomic_load_explicit(&m->depth, memory_order_relaxed);

    if (hits == m->hits_swept)
        return true;
    m->hits_swept = hits;
    if (depth > LEAST_DEPTH)
        atomic_store_explicit(&m->depth, depth - 1 - depth / 16, memory_order_relaxed);
    return false;
}

/* Close what is chosen: how many. */
static size_t close_chosen(choice *chosen, const struct lookaside *list)
{
    size_t closed = 0;

    for (struct magazine *m = __atomic_load_n(&mm_magazines, __ATOMIC_ACQUIRE); m; m = m->next)
        if (chosen(m, list)) {
            atomic_store(&m->closed, 1);
            closed++;
        }
    return closed;
}

static bool empty_closed(void)
{
    bool any = false;

    for (struct magazine *m = __atomic_load_n(&mm_magazines, __ATOMIC_ACQUIRE); m; m = m->next)
        if (atomic_load(&m->closed)) {
            await(m);
            any |= empty(m);
        }
    return any;
}

static void open_closed(void)
{
    for (struct magazine *m = __atomic_load_n(&mm_magazines, __ATOMIC_ACQUIRE); m; m = m->next)
        if (atomic_load(&m->closed))
            atomic_store(&m->closed, 0);
}

/* Take the closed ones away: nobody uses them any more. */
static void remove_closed(void)
{
    struct magazine **link = &mm_magazines;

    mm_os_lock(&mm_magazine_lock);
    while (*link) {
        struct magazine *m = *link;
        if (!atomic_load(&m->closed)) {
            link = &m->next;
            continue;
        }
        if (m->keeper && atomic_load(&m->keeper->magazines[m->slot]) == m)
            atomic_store(&m->keeper->magazines[m->slot], NULL);
        *link = m->next;
        mm_magazine_free(m);
    }
    mm_os_unlock(&mm_magazine_lock);
}

static bool sweep(choice *chosen, const struct lookaside *list, bool remove)
{
    bool any = false;

    if (close_chosen(chosen, list)) {
        mm_os_barrier_everywhere();
        any = empty_closed();
    }
    if (remove)
        remove_closed();
    else
        open_closed();
    return any;
}

bool mm_sweep_magazines(const struct lookaside *list, bool remove)
{
    return sweep(is_of, list, remove);
}

bool mm_sweep_orphans(void)
{
    return sweep(is_orphan, NULL, true);
}

/* ---- when -------------------------------------------------------------------------------------------- */

void mm_sweep_soon(void)
{
    atomic_store(&last_sweep, 0);
}

/* End what depots keep that nobody came to since the last time, or what all of them keep. */
static bool sweep_depots(bool all)
{
    bool any = false;

    for (ULONG i = 0; i < LISTS; i++) {
        struct lookaside *list = __atomic_load_n(&mm_magazine_lists[i], __ATOMIC_ACQUIRE);
        if (!list)
            continue;
        ULONG allocates = __atomic_load_n(&list->allocates, __ATOMIC_RELAXED);
        if (all || allocates == list->last_allocates)
            any |= mm_lookaside_end_depot(list);
        list->last_allocates = allocates;
    }
    return any;
}

void mm_sweep_if_due(void)
{
    uint64_t now = mm_os_now();

    if (now - atomic_load(&last_sweep) < PERIOD_NS || !mm_os_try_lock(&mm_sweep_lock))
        return;
    atomic_store(&last_sweep, now);
    (void)mm_sweep_orphans();
    (void)sweep(is_idle, NULL, false);
    (void)sweep_depots(false);
    mm_os_unlock(&mm_sweep_lock);
}

bool mm_lookaside_reclaim(size_t wanted)
{
    if (!mm_os_try_lock(&mm_sweep_lock))
        return false;
    bool any = mm_sweep_magazines(NULL, false);
    any |= sweep_depots(true);
    mm_os_unlock(&mm_sweep_lock);
    return any;
}
