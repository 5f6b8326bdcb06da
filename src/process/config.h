/*
 * config.h - what `ntmm run` asked for, as the environment carries it (see process.h).
 */
#ifndef NTMM_PROCESS_CONFIG_H
#define NTMM_PROCESS_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#define CONFIG_PATH 256 /* bytes, the longest name and its end */

struct config {
    uint64_t ram;          /* bytes; 0: no budget */
    uint64_t page_file;    /* bytes; 0: none */
    uint64_t unpaged;      /* bytes that are never paged; an eighth of the budget when not set */
    uint64_t commit_limit; /* bytes; 0: RAM + page file */
    uint64_t fail_commit;  /* the N-th commit fails; 0: none does */
    bool no_engine;        /* NTMM_ENGINE=none */
    bool hardened;         /* NTMM_HEAP=hardened */
    bool start_writing;    /* the folder was probed and can do this */
    bool cache_counts;
    bool page_heap;             /* NTMM_HEAP=page */
    bool page_heap_backwards;   /* the guard page comes first */
    unsigned page_heap_percent; /* of the blocks have one */
    char folder[CONFIG_PATH];
    char board[CONFIG_PATH]; /* "": none */
};

/* Read the environment.  A value that is no number counts as not set. */
void mm_config_read(struct config *ret_config);

#endif
