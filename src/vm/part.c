/*
 * part.c - where our arenas begin and end, for callers whose ranges may cross that border.
 */
#include "vm/vm_internal.h"

/* The lowest arena that meets the range; NULL: none. */
static struct tree_node *lowest_arena(struct range range)
{
    struct tree_node *arena = mm_tree_floor(&mm_space.arenas, range.end - 1);
    struct tree_node *lowest = NULL;

    for (; arena && arena->range.end > range.start; arena = mm_tree_previous(arena))
        lowest = arena;
    return lowest;
}

/* Where the arenas that follow one another from `arena` on end. */
static uintptr_t end_of_arenas(const struct tree_node *arena, uintptr_t limit)
{
    uintptr_t end = arena->range.end;

    for (arena = mm_tree_next(arena); arena && end < limit && arena->range.start == end;
         arena = mm_tree_next(arena))
        end = arena->range.end;
    return end;
}

size_t mm_vm_part(const void *address, size_t size, bool *ret_ours)
{
    struct range range = {(uintptr_t)address, (uintptr_t)address + size};

    space_lock();
    struct tree_node *arena = lowest_arena(range);
    bool ours = arena && arena->range.start <= range.start;
    uintptr_t border = range.end;
    if (arena)
        border = ours ? end_of_arenas(arena, range.end) : arena->range.start;
    space_unlock();

    *ret_ours = ours;
    return (border < range.end ? border : range.end) - range.start;
}

static bool is_lent(const struct region *r)
{
    return r && r->story.state == RUN_LENT;
}

size_t mm_vm_lent_part(const void *address, size_t size, bool *ret_lent)
{
    struct range range = {(uintptr_t)address, (uintptr_t)address + size};

    space_lock();
    struct region *r = mm_region_at(range.start);
    bool lent = is_lent(r);
    uintptr_t border = r ? r->node.range.end : range.end;
    while (r && border < range.end) {
        r = mm_region_at(border);
        if (is_lent(r) != lent)
            break;
        border = r ? r->node.range.end : range.end;
    }
    space_unlock();

    *ret_lent = lent;
    return (border < range.end ? border : range.end) - range.start;
}
