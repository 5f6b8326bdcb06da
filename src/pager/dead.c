/*
 * dead.c - contents nobody wants any more, on their way out of the page file.
 *
 * Punching a hole is a transaction of the file system: a tenth of a millisecond to several, too much
 * for each free() that empties a span.  So decommit only marks whole units as dead, and the trimmer
 * buries them later, many neighbours in one call.  A unit that is committed again before that is
 * overwritten with zeros, or buried on the spot.
 *
 * Holes are punched under the burial lock alone, so that a commit waits only for a burial of its own
 * units.
 *
 * I1  a dead unit is inaccessible; it becomes accessible only after it was revived here
 * I2  UNIT_DEAD is set and cleared under the dead lock (and the records lock, as every flag)
 * I3  dead units keep their promise of space until they are buried
 * I4  a unit is dead until its hole is punched: one whose punch failed stays dead, on no queue, and is
 *     tried again when it is revived
 * I5  a unit is in the grave once: when its hole is punched it is dead no more, and anybody's
 */
#include <errno.h>

#include "pager/pager_internal.h"

#define MOST_DEAD 65536u /* units in the queue; a power of two */
#define BURIED_AT_ONCE 256
#define LEFT_FOR_REUSE 64 /* without threads to bury them, this many may lie about */

struct os_lock mm_burial_lock;
struct os_lock mm_dead_lock;
static uint32_t *queue; /* unit numbers */
static uint32_t head;   /* (h) as in unit.h, but under the dead lock */
static uint32_t tail;   /* moved under the dead lock, by holders of the space lock alone */
static MM_APART uintptr_t
    grave[BURIED_AT_ONCE]; /* units being buried, in order; changed under both locks */
static int in_grave;

int mm_dead_init(void)
{
    queue = mm_os_own_memory(MOST_DEAD * sizeof queue[0]);
    return queue ? 0 : -ENOMEM;
}

/* Set or clear the flag; true when that changed it.  Under the dead lock. */
static bool flag(struct unit *u, bool dead)
{
    mm_os_lock(&mm_unit_lock);
    bool changed = ((u->flags & UNIT_DEAD) != 0) != dead;
    if (dead) {
        mm_unit_not_out(u, 0xffff);
        set_hint(u->ahead, 0);
        mm_unit_flag(u, UNIT_DEAD, UNIT_BAD | UNIT_WHOLE);
    } else {
        mm_unit_flag(u, 0, UNIT_DEAD);
    }
    mm_os_unlock(&mm_unit_lock);
    return changed;
}

static uint64_t cached_pages(const uintptr_t *units, int count)
{
    uint16_t masks[BURIED_AT_ONCE];
    uint64_t pages = 0;

    mm_units_cached(units, count, masks);
    for (int i = 0; i < count; i++)
        pages += (uint64_t)__builtin_popcount(masks[i]);
    return pages;
}

/* Punch a run of consecutive units of one piece, which nobody may commit meanwhile. */
static int punch_run(const uintptr_t *units, int count)
{
    struct range r = {units[0], units[count - 1] + UNIT_BYTES};
    uint64_t pages = cached_pages(units, count);
    int error = mm_pagefile_forget(mm_piece_of(r.start), r);

    if (!error)
        mm_budget_dropped(pages);
    return error;
}

static void sort(uintptr_t *units, int count)
{
    for (int i = 1; i < count; i++) { /* nearly sorted as a rule: frees go by address */
        uintptr_t unit = units[i];
        int at = i;
        for (; at > 0 && units[at - 1] > unit; at--)
            units[at] = units[at - 1];
        units[at] = unit;
    }
}

/* Sorted: how many are left when each is there once. */
static int unique(uintptr_t *units, int count)
{
    int kept = 0;

    for (int i = 0; i < count; i++) {
        if (!kept || units[kept - 1] != units[i])
            units[kept++] = units[i];
    }
    return kept;
}

/*
 * Take units that are dead still off the queue.  A unit that was revived and died again is there
 * twice, but must be punched once: from then on it may be committed anew, and hold something.
 */
static int fill_grave(void)
{
    int count = 0;

    mm_os_lock(&mm_dead_lock);
    while (count < BURIED_AT_ONCE && head != tail) {
        uintptr_t unit = (uintptr_t)queue[head & (MOST_DEAD - 1)] << UNIT_SHIFT;
        set_hint(head, head + 1);
        if (mm_unit_has(mm_unit_of(unit), UNIT_DEAD))
            grave[count++] = unit;
    }
    sort(grave, count);
    count = in_grave = unique(grave, count);
    mm_os_unlock(&mm_dead_lock);
    return count;
}

static bool is_in_grave(uintptr_t unit)
{
    for (int i = 0; i < in_grave; i++) {
        if (grave[i] == unit)
            return true;
    }
    return false;
}

static void close_grave(void)
{
    mm_os_lock(&mm_dead_lock);
    in_grave = 0;
    mm_os_unlock(&mm_dead_lock);
}

static void bury_run(const uintptr_t *units, int count)
{
    if (punch_run(units, count))
        return; /* I4 */
    mm_os_lock(&mm_dead_lock);
    for (int i = 0; i < count; i++)
        (void)flag(mm_unit_of(units[i]), false); /* it was dead */
    mm_os_unlock(&mm_dead_lock);
}

int mm_dead_bury(void)
{
    mm_os_lock(&mm_burial_lock);
    int count = fill_grave();
    for (int i = 0, n; i < count; i += n) {
        n = mm_units_run(grave + i, count - i);
        bury_run(grave + i, n);
    }
    close_grave();
    mm_os_unlock(&mm_burial_lock);
    return count;
}

uint32_t mm_dead_count(void)
{
    mm_os_lock(&mm_dead_lock);
    uint32_t count = tail - head;
    mm_os_unlock(&mm_dead_lock);
    return count;
}

void mm_dead_add(struct piece *p, struct range whole_units)
{
    for (uintptr_t u = whole_units.start; u < whole_units.end; u += UNIT_BYTES) {
        while (tail - hint(head) == MOST_DEAD)
            (void)mm_dead_bury(); /* makes room, whatever it could punch */
        mm_os_lock(&mm_dead_lock);
        if (flag(mm_unit_in(p, u), true))
            queue[tail++ & (MOST_DEAD - 1)] = (uint32_t)(u >> UNIT_SHIFT);
        mm_os_unlock(&mm_dead_lock);
    }
    if (!mm_engine_has_threads() && mm_dead_count() > LEFT_FOR_REUSE)
        (void)mm_dead_bury(); /* how many does not matter */
    mm_sleep_ring_deep();     /* the trimmer is to bury them */
}

/* Under the dead lock: wait until the unit is not being buried. */
static void await_burial(uintptr_t unit)
{
    while (is_in_grave(unit)) {
        mm_os_unlock(&mm_dead_lock);
        mm_os_lock(&mm_burial_lock);
        mm_os_unlock(&mm_burial_lock);
        mm_os_lock(&mm_dead_lock);
    }
}

/* Under the dead lock: the unit is about to be committed. */
static int revive(struct unit *u, uintptr_t unit, bool overwritten)
{
    int error = 0;

    await_burial(unit);
    if (!mm_unit_has(u, UNIT_DEAD))
        return 0;
    if (!overwritten)
        error = punch_run(&unit, 1);
    if (!error)
        (void)flag(u, false); /* it was dead */
    return error;
}

int mm_dead_revive(struct piece *p, struct range r, bool overwritten)
{
    int error = 0;

    for (uintptr_t u = align_down(r.start, UNIT_BYTES); u < r.end && !error; u += UNIT_BYTES) {
        bool whole = u >= r.start && u + UNIT_BYTES <= r.end;
        if (!mm_unit_has(mm_unit_in(p, u), UNIT_DEAD))
            continue; /* only its owner could make it so: the caller */
        mm_os_lock(&mm_dead_lock);
        error = revive(mm_unit_in(p, u), u, whole && overwritten);
        mm_os_unlock(&mm_dead_lock);
    }
    return error;
}
