/*
 * pager_internal.h - what the files of the pager share.
 *
 * Threads: the trimmer ("ntmm-trim": hand, writer, drops), the reader ("ntmm-ahead": touches and
 * read-ahead) and the gate ("ntmm-gate": back-pressure, never waits for a disk).  They start when
 * the process first comes near its budget.
 *
 * Locks, outermost first: unmap lock, dead lock, records lock (mm_unit_lock).  Only the dead lock is
 * held over what may wait for a disk.
 */
#ifndef NTMM_PAGER_INTERNAL_H
#define NTMM_PAGER_INTERNAL_H

#include "base/page.h"
#include "os/os.h"
#include "pager/pager.h"
#include "pager/unit.h"
#include "stats/counters.h"

#define BATCH 32 /* units handled at once: bounds the time a lock is held and a stack frame */

extern struct pager_options mm_pager_options;

/* ---- budget.c: what is resident and what may be, in pages ---------------------------------- */

uint64_t mm_budget_pages(void);
void mm_budget_set(uint64_t pages);

/* Pages this process holds in RAM, estimated: the last census and what changed since. */
uint64_t mm_budget_used(void);

/* Percent of the budget in pages. */
static inline uint64_t mm_budget_part(unsigned percent)
{
    return mm_budget_pages() * percent / 100;
}

/* Nanoseconds, at least `least`, in which a program that writes 4 GB/s cannot pass `limit` pages. */
uint64_t mm_budget_time_to(uint64_t limit, uint64_t used, uint64_t least);

void mm_budget_added(uint64_t pages);   /* zeroed or read ahead into the page cache */
void mm_budget_dropped(uint64_t pages); /* left it, confirmed */

/* CPU of the calling thread, one of the pager's, since *last (0 at first). */
void mm_budget_spent(uint64_t *last);

/* Count again if it is time; publishes the counters that a census knows. */
void mm_budget_census(bool now);

/* ---- sleep.c: how long our threads sleep ------------------------------------------------------- */

#define LONGEST_LOOK 20000000u /* ns between two looks of a thread that is not rung for */

enum pager_sleeper { PAGER_TRIMMER, PAGER_READER, PAGER_GATE, PAGER_SLEEPERS };

/*
 * Sleep `wait` nanoseconds, longer while the program touches nothing, or until rung for.
 *
 * => whether something had been touched when the sleep began, since the one before
 */
bool mm_sleep(enum pager_sleeper who, uint64_t wait);
void mm_sleep_ring(enum pager_sleeper who);

/* Ring for those who sleep longer than anything that may go on. */
void mm_sleep_ring_deep(void);

/* What wakes the gate: an alarm of the program's CPU clock. */
struct guard {
    int alarm;    /* < 0: none to be had */
    uint64_t cpu; /* ns after which it goes off */
};

void mm_sleep_guard_begin(struct guard *g);

/* The gate's sleep: it rings for the others when the program goes on. */
void mm_sleep_on_guard(struct guard *g, uint64_t wait);

void mm_sleep_forget(void); /* in a forked child */

/* ---- pagefile.c: files and the promise of space --------------------------------------------- */

int mm_pagefile_open(const char *folder);

/* Map a range onto a page file as all our memory is: shared, no read-around, not inherited. */
int mm_pagefile_map(struct range r, int access, int fd, uint64_t offset);

/* Give [where, where + size), inaccessible, a place in page files, as one piece or several. */
int mm_pagefile_place(uintptr_t where, size_t size);

/* Map the files behind all pieces, those to come too; before that nothing can be promised. */
int mm_pagefile_attach(void);
bool mm_pagefile_is_attached(void);

/* Promise space for every page of the range, or fail with -ENOSPC and lose nothing. */
int mm_pagefile_promise(struct piece *p, struct range r);

/* In a forked child: what was promised and not asked for is not promised.  Records lock held. */
void mm_pagefile_forget_ahead(void);

/* The range holds nothing any more: give its space back. */
int mm_pagefile_forget(struct piece *p, struct range r);

/* Make a range read as zero; it keeps its disk space where the file system can do that. */
int mm_pagefile_zero(struct piece *p, struct range r);

/* In a forked child: files of its own for every piece, empty; -errno leaves things as they are. */
int mm_pagefile_renew(int *ret_old_files);

/* ---- private.c: the first memory, which is never paged ------------------------------------------ */

void mm_private_allow(size_t bytes);

/*
 * Before a page file is mapped: make units of a range private, as far as the allowance goes.
 *
 * => under the space lock
 */
void mm_private_claim(struct piece *p, struct range r);
int mm_private_decommit(struct range r);

/* Pages of it that have contents. */
uint64_t mm_private_pages(void);

static inline bool mm_unit_is_private(const struct unit *u)
{
    return mm_unit_has(u, UNIT_PRIVATE);
}

/* ---- dead.c: decommitted contents, punched out later --------------------------------------------- */

extern struct os_lock mm_burial_lock; /* held while holes are punched; the outermost of ours */
extern struct os_lock mm_dead_lock;   /* the queue and UNIT_DEAD; outside the records lock */

int mm_dead_init(void);

/* The units hold nothing any more and are inaccessible. */
void mm_dead_add(struct piece *p, struct range whole_units);

/*
 * The range is about to be committed: nothing in it may be dead any more.  `overwritten`: the caller
 * writes zeros over its whole units, so these need no punching.
 */
int mm_dead_revive(struct piece *p, struct range r, bool overwritten);

/* Punch out a batch, the oldest first: how many units.  Takes the dead lock. */
int mm_dead_bury(void);
uint32_t mm_dead_count(void);

#define TRIM_ABOVE 97 /* percent of the budget: pages are given back, and the gate rings for it */

/* ---- trim.c ---------------------------------------------------------------------------------- */

extern struct os_lock mm_unmap_lock; /* held while page-table entries are dropped */

int mm_trim_init(void);
void mm_trim_main(void *unused);

/* A long stream has come to a unit: what it has passed is trimmed next (drop-behind). */
void mm_trim_follow(uintptr_t unit, int direction);

/*
 * Tells for how long the trimmer has been doing one thing that may wait for the disk: odd while it
 * does, and another number the next time.
 */
unsigned mm_trim_at_disk(void);

/* For when nothing else can be dropped; looks at all committed memory. */
void mm_trim_find_strays(void);

/* Take everything out of the working set. */
void mm_trim_all(void);

/* ---- writer.c -------------------------------------------------------------------------------- */

/* Begin writing the pages of `masks`; in a folder without asynchronous writing, finish it too. */
void mm_writer_start(const uintptr_t *units, const uint16_t *masks, int count);

/* Wait for writes begun. */
void mm_writer_finish(const uintptr_t *units, int count);

/*
 * Make sure of a range that is about to be dropped: what is dirty in it is written, and no error was
 * told.  It spans BATCH units at most.
 *
 * => false: not to be dropped now; it is dirty again
 */
bool mm_writer_settle(const struct piece *p, struct range r);

/* Write what is dirty in a range and wait. */
int mm_writer_write(const struct piece *p, struct range r);

/*
 * Look for errors of writes that the kernel began by itself; let bad units be tried again when it is
 * time.
 *
 * => true: there may be units now that are in RAM and on no list
 */
bool mm_writer_look(void);

int mm_writer_init(void);
void mm_writer_forget(void); /* in a forked child */

/* ---- prefetch.c ------------------------------------------------------------------------------ */

void mm_prefetch_main(void *unused);

/* ---- throttle.c ------------------------------------------------------------------------------ */

int mm_throttle_init(void);
void mm_throttle_main(void *unused);

/*
 * Stop every other thread of the program, wherever it is, and wait until all have stopped.
 *
 * => system calls that cannot be restarted (poll, sleep) end with EINTR
 * => -ETIMEDOUT: one does not stop within a minute
 */
int mm_throttle_stop_all(void);

/* Let all threads go on that were stopped. */
void mm_throttle_start_all(void);

/* In a forked child: nothing is listed, no thread runs. */
void mm_trim_forget(void);
void mm_throttle_forget(void);
void mm_budget_forget(void);

/* ---- engine_file.c --------------------------------------------------------------------------- */

/* Start the pager's threads if memory is getting tight. */
void mm_engine_stir(uint64_t committed_more);

bool mm_engine_has_threads(void);

/* In a forked child: the threads are to be started anew. */
void mm_engine_forget(void);

#endif
