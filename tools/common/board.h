/*
 * board.h - the board of counters: made by `ntmm run`, written by the programs it runs.
 */
#ifndef NTMM_TOOLS_BOARD_H
#define NTMM_TOOLS_BOARD_H

#include <stdbool.h>
#include <stdint.h>

#include "common/runtime.h"
#include "ntmm/inspect.h"

struct mm_board {
    char path[MM_RUNTIME_PATH + 32];
    char folder[MM_RUNTIME_PATH]; /* to remove as well; "" when it stays */
    int fd;
};

/* One process, copied and checked: strings end and print, the state is one of the four. */
struct mm_slot {
    uint32_t pid;
    uint32_t parent;
    enum { MM_SLOT_RUNNING, MM_SLOT_ENDED, MM_SLOT_REPLACED, MM_SLOT_KILLED } state;
    char name[32];
    char engine[16];
    uint64_t started_ns;
    uint64_t value[NTMM_COUNTERS];
};

/*
 * Make an empty board, 0600, in the runtime folder or, failing that, in a new folder in /tmp;
 * boards that dead processes left behind are removed.
 *
 * => 0 or an errno
 */
int mm_board_make(struct mm_board *ret_board);

/* Copy slot `index`.  False: nobody claimed it or any after it. */
bool mm_board_read(const struct mm_board *board, int index, struct mm_slot *ret_slot);

void mm_board_remove(struct mm_board *board);

/* The name of a counter in JSON, "committed_peak". */
const char *mm_counter_name(enum ntmm_counter which);

#endif
