/*
 * lists.c - the modified and the standby list, as rings of unit numbers.
 *
 * I1  a unit is on a list exactly while it has the place in the ring that the entry at this place has
 *     been made for; what is taken off in between leaves its entry behind, to be passed over
 */
#include "pager/lists.h"

#include <errno.h>

#include "base/check.h"

struct list {
    uint32_t *slots; /* (c) unit numbers: address >> 16 */
    uint32_t mask;   /* (c) capacity - 1, a power of two */
    uint32_t head;
    uint32_t tail;
    uint64_t pages; /* (h) as in unit.h */
};

static struct list lists[2];

static struct list *list_of(enum unit_stage stage)
{
    assert_that(stage == UNIT_MODIFIED || stage == UNIT_STANDBY);
    return &lists[stage == UNIT_STANDBY];
}

int mm_lists_init(uint32_t most)
{
    uint32_t capacity = 1024;

    while (capacity < most)
        capacity *= 2;
    for (int i = 0; i < 2; i++) {
        lists[i].slots = mm_os_own_memory(capacity * sizeof lists[i].slots[0]);
        lists[i].mask = capacity - 1;
        if (!lists[i].slots)
            return -ENOMEM;
    }
    return 0;
}

bool mm_lists_add(uintptr_t unit, enum unit_stage stage, unsigned pages)
{
    struct list *l = list_of(stage);
    struct unit *u = mm_unit_of(unit);

    if (l->tail - l->head > l->mask) {
        u->stage = UNIT_ACTIVE;
        return false;
    }
    u->place = l->tail;
    l->slots[l->tail++ & l->mask] = (uint32_t)(unit >> UNIT_SHIFT);
    set_hint(l->pages, l->pages + pages);
    u->listed = (uint8_t)pages;
    u->taken = false;
    u->stage = (uint8_t)stage;
    return true;
}

/* Whether the entry at `place` of a ring is the unit's own (I1). */
static bool is_at(const struct unit *u, enum unit_stage stage, uint32_t place)
{
    return u->stage == stage && u->place == place && !u->taken;
}

int mm_lists_take(enum unit_stage stage, uintptr_t *units, int capacity)
{
    struct list *l = list_of(stage);
    int count = 0;

    while (count < capacity && l->head != l->tail) {
        uintptr_t unit = (uintptr_t)l->slots[l->head & l->mask] << UNIT_SHIFT;
        struct unit *u = mm_unit_of(unit);
        if (is_at(u, stage, l->head++)) {
            set_hint(l->pages, l->pages - u->listed);
            u->taken = true;
            units[count++] = unit;
        }
    }
    return count;
}

void mm_lists_remove(struct unit *u)
{
    if (u->stage == UNIT_ACTIVE || u->taken)
        return;
    struct list *l = list_of(u->stage);
    set_hint(l->pages, l->pages - u->listed);
    u->stage = UNIT_ACTIVE;
}

uint64_t mm_lists_pages(enum unit_stage stage)
{
    if (stage == UNIT_ACTIVE)
        return hint(lists[0].pages) + hint(lists[1].pages);
    return hint(list_of(stage)->pages);
}

void mm_lists_doubt_standby(void)
{
    uintptr_t unit;

    while (mm_lists_take(UNIT_STANDBY, &unit, 1))
        (void)mm_lists_add(unit, UNIT_MODIFIED, mm_unit_of(unit)->listed); /* full: active then */
}

void mm_lists_forget(void)
{
    for (int i = 0; i < 2; i++) {
        lists[i].head = lists[i].tail;
        lists[i].pages = 0;
    }
}
