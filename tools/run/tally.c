/*
 * tally.c - the processes of a run, added up.
 *
 * States (committed, resident) add up over what runs now; events (faults, pages in) over all that
 * ever ran.  Peaks of different processes need not have been at the same moment, so their sum is an
 * upper bound and is called "sum of peaks".
 */
#include "run/run.h"

#include <string.h>

static bool is_state(int which)
{
    switch (which) {
    case NTMM_COMMIT_FAILURES:
    case NTMM_COMMITTED_PEAK:
    case NTMM_RESIDENT_PEAK:
    case NTMM_PAGE_FILE_PEAK: return false;
    default: return which <= NTMM_PAGE_FILE_PROMISED;
    }
}

static void add(struct run_tally *t, const struct mm_slot *slot)
{
    t->processes++;
    t->running += slot->state == MM_SLOT_RUNNING;
    if (t->processes == 1 ||
        slot->value[NTMM_RESIDENT_PEAK] > t->biggest.value[NTMM_RESIDENT_PEAK] ||
        (slot->value[NTMM_RESIDENT_PEAK] == t->biggest.value[NTMM_RESIDENT_PEAK] &&
         slot->value[NTMM_COMMITTED_PEAK] > t->biggest.value[NTMM_COMMITTED_PEAK]))
        t->biggest = *slot;
    for (int i = 0; i < NTMM_COUNTERS; i++) {
        if (!is_state(i))
            t->all[i] += slot->value[i];
        else if (slot->state == MM_SLOT_RUNNING)
            t->now[i] += slot->value[i];
    }
}

void mm_run_tally(const struct mm_board *board, struct run_tally *ret_tally)
{
    struct mm_slot slot;
    memset(ret_tally, 0, sizeof(*ret_tally));
    int index = 0;
    for (; mm_board_read(board, index, &slot); index++) {
        if (slot.pid)
            add(ret_tally, &slot);
    }
    ret_tally->board_full = index == NTMM_BOARD_SLOTS;
}

int mm_run_read_ahead_percent(const struct run_tally *tally)
{
    uint64_t asked = tally->all[NTMM_READ_AHEAD_PAGES];
    uint64_t used = tally->all[NTMM_READ_AHEAD_HITS] * 16; /* a hit is a unit of 16 pages */
    if (!asked)
        return -1;
    return used >= asked ? 100 : (int)(used * 100 / asked);
}
