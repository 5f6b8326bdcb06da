/*
 * lists.h - the modified and the standby list: units whose pages are in RAM but not mapped.
 *
 * First in, first out.  All calls are made under the records lock.
 */
#ifndef NTMM_PAGER_LISTS_H
#define NTMM_PAGER_LISTS_H

#include "pager/unit.h"

/* Make both lists; together they never hold more units than `most`.  -ENOMEM. */
int mm_lists_init(uint32_t most);

/*
 * Put a unit on the list that `stage` names; it counts for `pages` pages.
 *
 * => the unit is on no list
 * => false when the list is full; the unit is active then
 */
bool mm_lists_add(uintptr_t unit, enum unit_stage stage, unsigned pages);

/*
 * Take up to `capacity` units off a list, the oldest first: how many.  Their stage stays until the
 * caller sets it, so that nobody else handles them meanwhile.
 */
int mm_lists_take(enum unit_stage stage, uintptr_t *units, int capacity);

/* Take one unit off its list, if it is on one and nobody has just taken it: it is active. */
void mm_lists_remove(struct unit *u);

/* Pages on a list; of both with UNIT_ACTIVE. */
uint64_t mm_lists_pages(enum unit_stage stage);

/* What is on the standby list may not be written after all: it is modified. */
void mm_lists_doubt_standby(void);

/* In a forked child: both are empty. */
void mm_lists_forget(void);

#endif
