/*
 * unit.h - 64 KiB of pages and what is known of them; pieces of address space and their files.
 *
 * A unit is what the pager handles as one: sixteen pages, the kernel's fault-around window.  Its
 * record is a set of hints.  The truth lies with the kernel (page tables, page cache); a record
 * that is wrong costs time, never data.
 *
 * Fields are guarded by the records lock (mm_unit_lock), except where marked:
 *
 *   (c)  constant
 *   (h)  a hint: written under the lock, by set_hint(); read without it by hint(), under it plainly
 *   (r)  the reader thread's alone
 */
#ifndef NTMM_PAGER_UNIT_H
#define NTMM_PAGER_UNIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/page.h"
#include "os/os.h"

/* A field (h), read or written as a whole.  An ordinary load and store as far as the CPU knows. */
#define hint(field) __atomic_load_n(&(field), __ATOMIC_RELAXED)
#define set_hint(field, value) __atomic_store_n(&(field), (value), __ATOMIC_RELAXED)

enum unit_stage {
    UNIT_ACTIVE,   /* in the working set, or nowhere: not on a list */
    UNIT_MODIFIED, /* unmapped, on the modified list */
    UNIT_STANDBY,  /* written, on the standby list */
};

enum {
    UNIT_PROMISED = 1, /* all its pages have disk space */
    UNIT_WHOLE = 2,    /* its pages lie in one large folio: they leave together */
    UNIT_LENT = 4,     /* other code mapped some of its pages: hands off */
    UNIT_BAD = 8,      /* its last write failed: stays in RAM until it is tried again */
    UNIT_FAULTED = 16, /* a hard fault since it was last evicted: the next fetches the rest */
    UNIT_DEAD = 32,    /* decommitted, its contents not yet punched out: dead.c */
    UNIT_UNUSED = 64,  /* read ahead last time and left unused: not asked for again until touched */
    UNIT_PRIVATE = 128, /* private memory of the kernel, never paged: private.c */
    UNIT_AHEAD = 256,   /* promised, and nobody asked for it yet: without contents */
    UNIT_RAGGED = 512,  /* not promised as a whole any more, but a part may hold contents */
};

struct unit {
    uint16_t evicted; /* (h) pages whose only copy is in the page file */
    uint16_t ahead;   /* (h) pages asked for ahead of use and not yet seen used */
    uint16_t lent;    /* pages that other code mapped; UNIT_LENT: there are some */
    uint16_t flags;   /* (h) UNIT_* */
    uint8_t stage;    /* enum unit_stage */
    uint8_t listed;   /* pages it counts for on its list */
    bool taken;       /* off its list to be handled; its stage is what it was */
    uint32_t place;   /* in the ring of its list */
    int8_t direction; /* (r) of the stream that asked for it: +1, -1; 0 none */
    uint8_t depth;    /* (r) units that stream read ahead */
    uint8_t kind; /* (h) of things that lie in it, as their owner told, without a lock; 0: not */
    uint32_t touched; /* (r) touch event at which a fault was last seen */
    uint32_t asked;   /* (r) touch event at which read-ahead asked for it */
};

#define AHEAD_RUNS 8   /* stretches of units promised ahead that are told apart */
#define AHEAD_NEAR GIB /* closer ones are one: the units between are looked at one by one */

/* A stretch of address space that corresponds page by page to a stretch of one page file. */
struct piece {
    uintptr_t start;    /* (c) */
    uintptr_t end;      /* (c) */
    int fd;             /* (c) but for fork, with everything stopped */
    int teller;         /* (c) likewise: the same file opened once more, for errors: writer.c */
    uint64_t inode;     /* (c) likewise: how the kernel's list of mappings names the file */
    uint64_t device;    /* (c) likewise */
    uint64_t offset;    /* (c) of `start` in the file */
    struct unit *units; /* (c) the array; a record per unit */
    uint64_t *live; /* (c) the array, (h) a word: a bit per chunk that ever had committed memory */
    uint64_t *live_words; /* (c) the array, (h) a word: a bit per word of `live` that is not zero */
    uintptr_t low;        /* (h) lowest and highest address ever committed */
    uintptr_t high;       /* (h) */
    struct range ahead[AHEAD_RUNS]; /* units that are UNIT_AHEAD lie in these, */
    unsigned ahead_count;           /* the first of which are in use */
};

#define CHUNK_SHIFT 22 /* 4 MiB */
#define CHUNK_BYTES ((size_t)1 << CHUNK_SHIFT)
#define MOST_PIECES 256

/* A piece is added once and never removed while the process lives; readers need no lock. */
int mm_piece_count(void);
struct piece *mm_piece(int index);

/* The piece that holds `address`, or NULL. */
struct piece *mm_piece_of(uintptr_t address);

/*
 * Add a piece over [start, end) backed by `fd` from `offset` on, opened again as `teller`.
 *
 * => start and end multiples of 64 KiB; -ENOMEM, -ENOSPC (too many pieces)
 */
int mm_piece_add(uintptr_t start, uintptr_t end, const int fds[2], uint64_t offset);

/* Learn how the kernel names the page file mapped in this piece; nothing when none is. */
int mm_piece_identify(struct piece *p);

/* The next mapping of the piece's own file at or after `address`, cut to the piece. */
bool mm_piece_next_mapping(const struct piece *p, uintptr_t address,
                           struct os_mapping *ret_mapping);

static inline uint64_t mm_piece_place(const struct piece *p, uintptr_t address)
{
    return p->offset + (address - p->start);
}

static inline struct unit *mm_unit_in(const struct piece *p, uintptr_t address)
{
    return &p->units[(address - p->start) >> UNIT_SHIFT];
}

/* The record of the unit that holds `address`, or NULL outside all pieces. */
struct unit *mm_unit_of(uintptr_t address);

extern struct os_lock mm_unit_lock;

/* Set and clear flags.  Under the records lock. */
static inline void mm_unit_flag(struct unit *u, unsigned set, unsigned clear)
{
    set_hint(u->flags, (uint16_t)((u->flags & ~clear) | set));
}

/* Whether any of these flags was set a moment ago.  No lock. */
static inline bool mm_unit_has(const struct unit *u, unsigned flags)
{
    return hint(u->flags) & flags;
}

/*
 * Pages that are in the page file alone, and pages that are not any more: the record and the counter
 * of what the page file holds, together.  Under the records lock.
 */
void mm_unit_went_out(struct unit *u, uint16_t pages);
void mm_unit_not_out(struct unit *u, uint16_t pages);

/* Pages of the unit at `unit` that lie in [start, end), as a mask. */
uint16_t mm_unit_mask(uintptr_t unit, uintptr_t start, uintptr_t end);

/* Note that [r.start, r.end) was committed: the hand, the census and the sweep will look there. */
void mm_piece_note_live(struct piece *p, struct range r);

/* The first chunk at or after `address` that ever had committed memory; p->high when none. */
uintptr_t mm_piece_next_live(const struct piece *p, uintptr_t address);

/* The unit of that, for walks over units; p->high when none. */
uintptr_t mm_piece_next_unit(const struct piece *p, uintptr_t address);

/* The masks of pages that page tables map now, for `count` units (addresses, any order). */
void mm_units_present(const uintptr_t *units, int count, uint16_t *ret_masks);

/* The masks of pages in the page cache now. */
void mm_units_cached(const uintptr_t *units, int count, uint16_t *ret_masks);

/*
 * The same, cheaper where all are or none is.  A page that is being read for a touch may count as
 * cached where its whole run is.
 */
void mm_units_in_cache(const uintptr_t *units, int count, uint16_t *ret_masks);

/* How many of units[i...] follow each other without a gap within one piece, up to count. */
int mm_units_run(const uintptr_t *units, int count);

#endif
