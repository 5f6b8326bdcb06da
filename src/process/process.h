/*
 * process.h - start-up and shut-down order; the only module that knows every other.
 *
 * The configuration comes from the environment that `ntmm run` sets, read once:
 *
 *   NTMM_RAM=BYTES            budget; 0 or not set: none, the kernel pages
 *   NTMM_PAGEFILE=BYTES       size of the page file; 0: none
 *   NTMM_PAGEFILE_DIR=FOLDER  where the page file lives
 *   NTMM_UNPAGED=BYTES        the first memory, which is never paged; RAM / 8 when not set
 *   NTMM_COMMIT_LIMIT=BYTES   commit limit; not set: RAM + page file where there is a budget
 *   NTMM_FAIL_COMMIT=N        the N-th commit fails
 *   NTMM_ENGINE=file|none     which pager
 *   NTMM_HEAP=hardened        canaries, quarantine and checks in every heap
 *   NTMM_PROBED=wc            letters of what the folder can do: w start_writing, c cache_counts
 *   NTMM_HEAP=page[,WORD]...  every block in pages of its own (heap/pageheap.h); the words: full,
 *                             light, random=N, backwards
 *   NTMM_BOARD=FILE           where to publish counters
 */
#ifndef NTMM_PROCESS_PROCESS_H
#define NTMM_PROCESS_PROCESS_H

#include <stdbool.h>

/*
 * Start the library if it has not been: counters, backing, space, heaps, exceptions.
 *
 * => any thread, cheap once started; every public entry point calls it
 * => async-signal-safe once started
 */
void mm_process_start(void);

/*
 * Have the next three called around every fork that libc makes, from now on.  preload/ calls this at
 * its first allocation, before any handler of the program's can be registered; else the loader's
 * constructor does.
 *
 * => once; false: libc has no memory for it
 */
bool mm_process_watch_forks(void);

/* Around a fork: whoever makes one behind libc's handlers calls these. */
void mm_process_before_fork(void);
void mm_process_after_fork_in_parent(void);
void mm_process_after_fork_in_child(void);

#endif
