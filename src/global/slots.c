/*
 * slots.c - the table of entries: 65536 places, of which as many are used as there are objects.
 *
 * A handle is the address of an entry's `block` field, so that *(void **)handle is the block, as old
 * programs believe, and so that bit 3 is set.  To look a handle up is a subtraction and a compare;
 * nothing is read at the address before it is known to lie in the table.
 *
 * Free slots stand in a queue: the one free for longest is taken first, and not before RESERVE of
 * them wait or the table is used up, so that a handle that was freed stays invalid for a while.
 *
 * I1  a slot is in the queue, or taken, or at `end` or above
 * I2  an entry that is not live has no block and its word is 0 but for the version
 *
 * The table and its links are own memory, reserved whole at the first moveable object; the kernel
 * commits its pages as they are touched.
 */
#include "base/check.h"
#include "base/nth.h"
#include "base/page.h"
#include "global/global_internal.h"
#include "os/os.h"

#define RESERVE 64u

/* (l) the lock of slots. */
static struct {
    struct os_lock lock;
    atomic_uint end;  /* (l) written; read by anybody */
    uint32_t first;   /* (l) of the queue: slot + 1, or 0 */
    uint32_t last;    /* (l) */
    uint32_t waiting; /* (l) slots in the queue */
} table;

struct slot_table mm_slot_table;
uint32_t *mm_slot_links;
atomic_long mm_slot_fail_at;

/* ---- handles ------------------------------------------------------------------------------------ */

bool mm_global_was_handle(const void *handle)
{
    struct entry *e = mm_slot_of_handle(handle);
    return e && mm_slot_of(e) < mm_slot_end();
}

/* ---- taking and giving ----------------------------------------------------------------------------- */

/* All three tables at once: entries, links, and the buckets of the index. */
static bool start(void)
{
    size_t entries = MOST_OBJECTS * sizeof(struct entry);
    size_t words = MOST_OBJECTS * sizeof(uint32_t);
    char *memory = mm_os_own_memory(entries + 2 * words);

    if (!memory)
        return false;
    mm_slot_table.entries = (struct entry *)memory;
    mm_slot_links = (uint32_t *)(memory + entries);
    mm_index_start((uint32_t *)(memory + entries + words));
    atomic_store_explicit(&mm_slot_table.limit, MOST_OBJECTS, memory_order_release);
    return true;
}

static uint32_t take_first(void)
{
    uint32_t slot = table.first - 1;

    table.first = mm_slot_links[slot];
    if (!table.first)
        table.last = 0;
    table.waiting--;
    return slot;
}

static uint32_t take(void)
{
    uint32_t end = atomic_load_explicit(&table.end, memory_order_relaxed);

    if (nth_call_fails(&mm_slot_fail_at) || (!mm_slot_table.limit && !start()))
        return NO_SLOT;
    if (table.waiting > RESERVE || (table.waiting && end == MOST_OBJECTS))
        return take_first();
    if (end == MOST_OBJECTS)
        return NO_SLOT;
    atomic_store_explicit(&table.end, end + 1, memory_order_release);
    return end;
}

uint32_t mm_slot_take(void)
{
    mm_os_lock(&table.lock);
    uint32_t slot = take();
    mm_os_unlock(&table.lock);
    return slot;
}

static void append(uint32_t slot)
{
    mm_slot_links[slot] = 0;
    if (table.last)
        mm_slot_links[table.last - 1] = slot + 1;
    else
        table.first = slot + 1;
    table.last = slot + 1;
    table.waiting++;
}

void mm_slot_give(uint32_t slot)
{
    assert_that(!(mm_entry_word(mm_slot_entry(slot)) & WORD_LIVE));
    mm_os_lock(&table.lock);
    append(slot);
    mm_os_unlock(&table.lock);
}

uint32_t mm_slot_end(void)
{
    return atomic_load_explicit(&table.end, memory_order_acquire);
}

/* Threads that had taken a slot and not begun an object, or the lock, are not here. */
void mm_slot_after_fork_in_child(void)
{
    uint32_t end = mm_slot_end();

    atomic_store(&table.lock.word, 0);
    table.first = table.last = table.waiting = 0;
    for (uint32_t slot = 0; slot < end; slot++)
        if (!(mm_entry_word(mm_slot_entry(slot)) & WORD_LIVE))
            append(slot);
}
