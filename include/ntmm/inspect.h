/*
 * ntmm/inspect.h - what a process publishes about its memory, for tools.
 *
 * The board is a file of `NTMM_BOARD_SLOTS` pages of 4096 bytes, one process a page, made by
 * `ntmm run` (0600, in a 0700 folder) and named in the environment variable NTMM_BOARD.  A process
 * claims the first free slot (`pid` 0) by setting `pid` atomically, so slots in use have no gaps
 * between them; when it ends, its slot stays as it was, so that the reader can still sum it up.
 * The maker writes magic and version into the first slot only: the rest of the file costs nothing
 * until it is claimed.  Readers must treat every value as hostile, and skip a claimed slot whose
 * magic or version differs (its owner may be about to write them).
 */
#ifndef NTMM_INSPECT_H
#define NTMM_INSPECT_H

#include <stdatomic.h>
#include <stdint.h>

#define NTMM_BOARD_MAGIC 0x314452414f424d4eull /* "NMBOARD1" */
#define NTMM_BOARD_VERSION 1
#define NTMM_BOARD_SLOTS 1024
#define NTMM_SLOT_BYTES 4096

/* Bytes unless the comment says otherwise. */
enum ntmm_counter {
    NTMM_COMMIT_LIMIT, /* the limit; 0: none */
    NTMM_COMMITTED,    /* promised now */
    NTMM_COMMITTED_PEAK,
    NTMM_COMMIT_FAILURES, /* count: commits refused (error 1455, malloc NULL) */
    NTMM_RESERVED,        /* address space handed out, committed or not */
    NTMM_RAM_BUDGET,      /* 0: no budget, the kernel pages */
    NTMM_RESIDENT,        /* budget use: page-file pages in RAM + the rest of the process */
    NTMM_RESIDENT_PEAK,
    NTMM_WORKING_SET, /* page-file pages mapped, touched without a fault */
    NTMM_STANDBY,     /* in RAM, unmapped, clean */
    NTMM_MODIFIED,    /* in RAM, unmapped, to be written */
    NTMM_UNPAGED,     /* other private memory: stack, data; not code and libraries */
    NTMM_PAGE_FILE,   /* bytes whose only copy is in the page file */
    NTMM_PAGE_FILE_PEAK,
    NTMM_PAGE_FILE_PROMISED, /* disk space promised */
    NTMM_DEMAND_ZERO_FAULTS, /* count */
    NTMM_TRANSITION_FAULTS,  /* count: soft faults, found in RAM */
    NTMM_HARD_FAULTS,        /* count: read from the page file */
    NTMM_PAGES_IN,           /* pages read from the page file, read-ahead included */
    NTMM_READS,              /* count of read operations */
    NTMM_PAGES_OUT,          /* pages written to the page file by the modified writer */
    NTMM_WRITES,             /* count of write operations */
    NTMM_PAGES_TRIMMED,      /* pages taken out of the working set */
    NTMM_PAGES_DROPPED,      /* standby pages given back to the machine */
    NTMM_SECOND_CHANCES,     /* pages kept because they were touched again */
    NTMM_READ_AHEAD_PAGES,   /* pages asked for ahead of use */
    NTMM_READ_AHEAD_HITS,    /* units asked for ahead that were used in time */
    NTMM_PAUSES,             /* count: threads paused or allocations delayed by back-pressure */
    NTMM_PAUSED_NS,          /* nanoseconds they waited in all */
    NTMM_PAGER_CPU_NS,       /* nanoseconds of CPU of the pager's own threads */
    NTMM_WRITE_ERRORS,       /* count: page-file writes the disk refused */
    NTMM_READ_ERRORS,        /* count: in-page errors raised */
    NTMM_FORKS,              /* count: children given a copy of their own */
    NTMM_COUNTERS            /* how many there are */
};

struct ntmm_counters {
    uint64_t magic;
    uint32_t version;
    _Atomic uint32_t pid;        /* 0: free slot */
    uint32_t parent;             /* pid of the process that made it */
    _Atomic uint32_t state;      /* 1 running, 2 ended in good order, 3 replaced by exec */
    char name[32];               /* file name of the program, cut */
    char engine[16];             /* "none", "file" */
    _Atomic uint64_t started_ns; /* CLOCK_MONOTONIC */
    _Atomic uint64_t value[NTMM_COUNTERS];
};

#endif
