/*
 * debug_state.c - the debug heap as a whole: counted, compared, checked.
 */
#include <winnt.h>

#include "debugheap/debugheap_internal.h"
#include "heap/heap.h"

void mm_debug_checkpoint(struct debug_state *ret_state)
{
    struct debug_state s = {0};

    mm_debug_lock();
    s.newest = mm_debug_list.request - 1;
    s.high = mm_debug_list.high;
    s.total = mm_debug_list.total;
    for (const struct debug_block *b = mm_debug_list.newest; b && mm_debug_is_block(b);
         b = b->older)
        if (use_of(b->use) < DEBUG_USES) {
            s.counts[use_of(b->use)]++;
            s.sizes[use_of(b->use)] += b->size;
        }
    mm_debug_unlock();
    *ret_state = s;
}

static bool matters(int use)
{
    return use == DEBUG_NORMAL || use == DEBUG_CLIENT ||
           (use == DEBUG_CRT && mm_debug_settings.flags & DEBUG_CHECK_CRT);
}

bool mm_debug_difference(const struct debug_state *old, const struct debug_state *new,
                         struct debug_state *ret_difference)
{
    struct debug_state d = {.high = new->high - old->high, .total = new->total - old->total};
    bool any = false;

    for (int use = 0; use < DEBUG_USES; use++) {
        d.counts[use] = new->counts[use] - old->counts[use];
        d.sizes[use] = new->sizes[use] - old->sizes[use];
        any |= matters(use) && (d.counts[use] || d.sizes[use]);
    }
    *ret_difference = d;
    return any;
}

bool mm_debug_check(void)
{
    bool good = true;

    if (!(mm_debug_settings.flags & DEBUG_TRACK))
        return true;
    mm_debug_lock();
    if (!mm_heap_validate(mm_heap_process(), NULL)) {
        mm_debug_tell(DEBUG_WARN, "_heapchk fails with return value _HEAPBADNODE.\n");
        good = false;
    }
    for (const struct debug_block *b = mm_debug_list.newest; b; b = b->older) {
        if (!mm_debug_is_block(b)) {
            mm_debug_tell(DEBUG_ERROR, "HEAP CORRUPTION DETECTED: the header of a block was "
                                       "overwritten; older blocks cannot be found.\n");
            good = false;
            break;
        }
        good &= mm_debug_block_check(b);
    }
    mm_debug_unlock();
    return good;
}

void mm_debug_for_clients(void (*each)(void *block, void *context), void *context)
{
    struct debug_block *next;

    if (!(mm_debug_settings.flags & DEBUG_TRACK))
        return;
    mm_debug_lock();
    for (struct debug_block *b = mm_debug_list.newest; b && mm_debug_is_block(b); b = next) {
        next = b->older; /* each() may free it */
        if (use_of(b->use) == DEBUG_CLIENT)
            each(bytes_of(b), context);
    }
    mm_debug_unlock();
}
