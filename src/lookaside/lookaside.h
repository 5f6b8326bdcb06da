/*
 * lookaside.h - lookaside lists: objects of one size that are kept ready where they were freed.
 *
 * See README.md beside this file for the theory and the invariants.
 *
 * Any thread, not in signal handlers.  The list is the program's memory, laid out as Windows'
 * GENERAL_LOOKASIDE_POOL; api/ has seen that it can be written.  No other thread may be inside a call
 * on a list that begins or ends.  Functions of the program are called with no lock held but the
 * sweep's: they may allocate from and free to any list, not end or flush one.
 */
#ifndef NTMM_LOOKASIDE_LOOKASIDE_H
#define NTMM_LOOKASIDE_LOOKASIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ntdef.h>
#include <winnt.h>

struct lookaside;

/* How the program makes and ends objects itself; NULL: the process heap does. */
typedef void *lookaside_allocate(int type, SIZE_T size, ULONG tag, struct lookaside *list);
typedef void lookaside_free(void *block, struct lookaside *list);

/*
 * (c) constant after init  (a) atomic  (r) the registry's lock
 */
struct lookaside {
    SLIST_HEADER depot;       /* (a) objects that no thread keeps */
    USHORT depth;             /* (a) most of them */
    USHORT most;              /* (c) of the depot and of any thread */
    ULONG allocates;          /* (a) that no thread's own objects served */
    ULONG allocate_misses;    /* (a) of those, made anew */
    ULONG frees;              /* (a) for which no thread had room */
    ULONG free_misses;        /* (a) of those, ended */
    int type;                 /* (c) POOL_TYPE */
    ULONG tag;                /* (c) */
    ULONG size;               /* (c) bytes of an object; 16 or more */
    lookaside_allocate *make; /* (c) */
    lookaside_free *end;      /* (c) */
    struct lookaside *unused[2];
    ULONG last_allocates; /* the sweep's: `allocates` when it came by last */
    ULONG last_misses;
    ULONG slot;  /* (c) its number among all lists: L1 */
    ULONG flags; /* (c) as given */
};

_Static_assert(sizeof(struct lookaside) == 96, "as Windows has it");

/* What a list is made of. */
struct lookaside_kind {
    lookaside_allocate *make;
    lookaside_free *end;
    int type;
    ULONG flags;
    size_t size; /* bytes */
    ULONG tag;
};

/*
 * Begin a list.  One that was begun at the same place and not ended is forgotten, objects and all.
 *
 * => STATUS_INSUFFICIENT_RESOURCES: 4096 lists there are
 */
NTSTATUS mm_lookaside_init(struct lookaside *list, const struct lookaside_kind *kind);

/* End a list, and the objects it keeps.  False: it is none. */
bool mm_lookaside_done(struct lookaside *list);

/* End the objects that a list keeps.  False: it is none. */
bool mm_lookaside_flush(struct lookaside *list);

bool mm_lookaside_is_list(const struct lookaside *list);

/* An object.  NULL: there is no memory, or `list` is none. */
void *mm_lookaside_take(struct lookaside *list);

/* Give an object back.  NULL is fine.  False: `list` is none, and nothing was done. */
bool mm_lookaside_give(struct lookaside *list, void *block);

/*
 * Memory is short: end what all lists keep.  Whether anything was.
 *
 * => no lock of the heap's is held; waits for nobody
 */
bool mm_lookaside_reclaim(size_t wanted);

/* The calling thread ends; it may come back and is then a new one. */
void mm_lookaside_thread_ends(void);

/* Around fork. */
void mm_lookaside_before_fork(void);
void mm_lookaside_after_fork_in_parent(void);
void mm_lookaside_after_fork_in_child(void);

#endif
