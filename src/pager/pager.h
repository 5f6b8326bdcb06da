/*
 * pager.h - a budget of RAM for this process, kept without the kernel's help.
 *
 * See README.md beside this file: the theory, the lists, the invariants.
 */
#ifndef NTMM_PAGER_PAGER_H
#define NTMM_PAGER_PAGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ntdef.h>

struct backing;

struct pager_options {
    uint64_t ram;       /* bytes the process may hold in RAM */
    uint64_t page_file; /* bytes the page file may grow to */
    uint64_t unpaged;   /* bytes, the first that are committed, that are never paged */
    char folder[256];   /* where the page file lives */
    bool start_writing; /* sync_file_range writes here (probed); else msync */
    bool cache_counts;  /* cachestat counts here (probed); else mincore */
};

/*
 * Start paging for this process; *ret_backing is what `vm` must use.
 *
 * => once, single-threaded, allocates nothing but own memory; no thread starts before RAM is tight
 * => STATUS_* of the folder (no space, not writable) with nothing started
 */
NTSTATUS mm_pager_start(const struct pager_options *options, const struct backing **ret_backing);

bool mm_pager_is_on(void);

/* The budget changed (SetProcessWorkingSetSize with a hard maximum), bytes. */
NTSTATUS mm_pager_set_budget(uint64_t ram);

/* Take pages out of the working set; they go to standby (EmptyWorkingSet). */
void mm_pager_empty_working_set(void);

/*
 * Called by allocators before they hand out `bytes` of new memory: waits while the process is over
 * its budget and the pager is behind.  Costs one load when it is not.
 */
void mm_pager_admit(size_t bytes);

/*
 * Tell that [address, address + size) holds things of one kind, 1 to 255, such as blocks of a size:
 * read-ahead goes from one unit of a kind to the next of it.  Whole 64 KiB units; a hint, no lock.
 */
void mm_pager_note_kind(uintptr_t address, size_t size, uint8_t kind);

/* Bring the counters up to date; a program that never came near its budget has nobody else to do it. */
void mm_pager_count(void);

/* Around fork: see fork.c.  The child goes on with a page file and a pager of its own. */
void mm_pager_before_fork(void);
void mm_pager_after_fork_in_parent(void);
void mm_pager_after_fork_in_child(void);

/* The real-time signal the pager pauses threads with; programs may not block or take it. */
int mm_pager_signal(void);

/* How many system calls of the calling thread ended with EINTR so far because of that signal alone. */
unsigned mm_pager_cut_short(void);

#endif
