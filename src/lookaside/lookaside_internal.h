/*
 * lookaside_internal.h - magazines: what a thread keeps of a list; and the sweep that empties them.
 */
#ifndef NTMM_LOOKASIDE_INTERNAL_H
#define NTMM_LOOKASIDE_INTERNAL_H

#include <stdatomic.h>

#include "base/page.h"
#include "lookaside/lookaside.h"
#include "os/os.h"

#define likely(condition) __builtin_expect(!!(condition), 1)
#define unlikely(condition) __builtin_expect(!!(condition), 0)

#define LISTS 4096
#define LEAST_DEPTH 4
#define MOST_DEPTH 256
#define MOST_BYTES (64 * KIB) /* that a magazine may keep */

struct keeper;

/*
 * Objects of one list that one thread keeps.
 *
 * (o) its thread between enter and leave, or who has closed it; (c) constant; (a) atomic; (s) the
 * sweep's lock, (r) the registry's
 */
struct magazine {
    atomic_uint busy;         /* (a) its thread is inside */
    atomic_uint closed;       /* (a) its thread is to stay out */
    struct lookaside *list;   /* (c); NULL: the list was forgotten (mm_lookaside_init) */
    ULONG slot;               /* (c) the list's */
    unsigned count;           /* (o) objects */
    atomic_uint depth;        /* (a) most of them */
    atomic_uint hits;         /* (a) objects taken from here, ever; written by its thread */
    unsigned misses;          /* (o) since the depth was last thought over ... */
    unsigned overflows;       /* (o) ... likewise */
    unsigned hits_before;     /* (o) `hits` at that time */
    unsigned slow_calls;      /* (o) */
    unsigned hits_swept;      /* (s) `hits` when the sweep came by last */
    struct keeper *keeper;    /* (s) whose it is; NULL: of a thread that a fork has left behind */
    struct magazine *next;    /* (s, r) all magazines; (r) unused ones */
    void *blocks[MOST_DEPTH]; /* (o) */
};

/* A thread that keeps objects: its magazines by their lists' slots. */
struct keeper {
    struct keeper *next; /* (r) unused ones */
    _Atomic(struct magazine *) magazines[LISTS];
};

/* NULL before the thread's first slow call. */
extern __thread struct keeper *mm_lookaside_mine __attribute__((tls_model("initial-exec")));

/* The calling thread's magazine of a list; NULL: it has none, or this is no list of its. */
static inline struct magazine *magazine_of(const struct lookaside *list)
{
    struct keeper *mine = mm_lookaside_mine;
    ULONG slot = list->slot;

    if (unlikely(!mine || slot >= LISTS))
        return NULL;
    struct magazine *m = atomic_load_explicit(&mine->magazines[slot], memory_order_relaxed);
    return likely(m && m->list == list) ? m : NULL;
}

/*
 * Begin and end of what the thread does with its magazine.  Nothing is waited for in between.
 *
 * => false: it is closed; leave at once
 */
static inline bool magazine_enter(struct magazine *m)
{
    atomic_store_explicit(&m->busy, 1, memory_order_relaxed);
    atomic_signal_fence(memory_order_seq_cst); /* the other half: mm_os_barrier_everywhere */
    return likely(!atomic_load_explicit(&m->closed, memory_order_acquire));
}

static inline void magazine_leave(struct magazine *m)
{
    atomic_store_explicit(&m->busy, 0, memory_order_release);
}

/* Add an object; inside, and there is room.  A child that is forked in between misses it, no more. */
static inline void magazine_put(struct magazine *m, void *block)
{
    m->blocks[m->count] = block;
    atomic_thread_fence(memory_order_release); /* no instruction on x86-64 */
    m->count++;
}

/* ---- magazine.c ----------------------------------------------------------------------------------- */

/* The calling thread's magazine, made if it has none.  NULL: no memory for it. */
struct magazine *mm_magazine_need(struct lookaside *list);

/* Take a number for a list; false: none is left.  Give it back, once no magazine is left. */
bool mm_magazine_slot_take(struct lookaside *list);
void mm_magazine_slot_give(struct lookaside *list);

/* ---- sweep.c -------------------------------------------------------------------------------------- */

/* Whatever is due: empty what nobody has used for a second.  Waits for nobody. */
void mm_sweep_if_due(void);

/*
 * End the objects in all magazines of a list, of all lists with NULL; with `remove` take the magazines
 * away.  Whether there were any objects.
 *
 * => holding mm_sweep_lock
 */
bool mm_sweep_magazines(const struct lookaside *list, bool remove);

/* The same of magazines without a thread or without a list. */
bool mm_sweep_orphans(void);

void mm_sweep_soon(void);

extern struct os_lock mm_sweep_lock;

/* (r) */
extern struct os_lock mm_magazine_lock;
extern struct magazine *mm_magazines;
extern struct lookaside *mm_magazine_lists[LISTS];
void mm_magazine_free(struct magazine *m); /* holding the registry's lock, off the list */

/* ---- lookaside.c ---------------------------------------------------------------------------------- */

/* End an object, for good. */
void mm_lookaside_end(struct lookaside *list, void *block);

/* End what the depot keeps: whether it kept anything. */
bool mm_lookaside_end_depot(struct lookaside *list);

#endif
