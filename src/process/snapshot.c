/*
 * snapshot.c - lists of heaps taken at one moment, and the handles that programs hold them by.
 *
 * A handle is made of a slot's number and of how often the slot was used, so a handle that was
 * closed is told from the one that came after it in the same slot.
 *
 * I1  a slot's list, and the cursor in it, are touched under the lock alone
 * I2  a list is complete before it gets a slot, and has no slot any more when it is unmapped
 *
 * The lock is one that a forked child finds free.  Nothing is allocated or listed under it.
 */
#include "process/snapshot.h"

#include <stddef.h>
#include <stdint.h>

#include <ntstatus.h>

#include "base/page.h"
#include "heap/heap.h"
#include "os/os.h"

#define SLOT_BITS 10
#define SLOTS (1u << SLOT_BITS)
#define USE_BITS 18
#define HANDLE_SHIFT 2   /* Windows' handles are multiples of 4 */
#define ROOM_TO_SPARE 16 /* heaps that are made while there is a list being made */

struct list {
    size_t bytes; /* (c) of the mapping */
    size_t count; /* (c) heaps */
    size_t next;  /* guarded by lock: the heap to be told next */
    void *heaps[];
};

static struct os_signal_lock lock;
static MM_APART struct slot {
    struct list *list; /* guarded by lock; NULL: nobody's */
    uint32_t uses;     /* guarded by lock; never 0 in a slot with a list */
} slots[SLOTS];

static HANDLE handle_of(const struct slot *s)
{
    uintptr_t index = (uintptr_t)(s - slots);
    return (HANDLE)(((uintptr_t)s->uses << SLOT_BITS | index) << HANDLE_SHIFT);
}

/* The slot that an open snapshot has; NULL: the handle is none.  The lock is held. */
static struct slot *find(HANDLE snapshot)
{
    struct slot *s = &slots[(uintptr_t)snapshot >> HANDLE_SHIFT & (SLOTS - 1)];
    return s->list && handle_of(s) == snapshot ? s : NULL;
}

/* ---- taking -------------------------------------------------------------------------------------- */

static struct list *list_heaps(void)
{
    size_t room = mm_heap_list(NULL, 0) + ROOM_TO_SPARE;
    size_t bytes = align_up(sizeof(struct list) + room * sizeof(void *), PAGE_BYTES);
    struct list *l = mm_os_own_memory(bytes);
    if (!l)
        return NULL;

    l->bytes = bytes;
    l->count = min_size(mm_heap_list(l->heaps, room), room);
    return l;
}

static struct slot *free_slot(void)
{
    for (size_t i = 0; i < SLOTS; i++) {
        if (!slots[i].list)
            return &slots[i];
    }
    return NULL;
}

static NTSTATUS publish(struct list *l, HANDLE *ret_snapshot)
{
    uint64_t before = mm_os_signal_lock(&lock);
    struct slot *s = free_slot();

    if (s) {
        s->uses = s->uses % ((1u << USE_BITS) - 1) + 1;
        s->list = l;
        *ret_snapshot = handle_of(s);
    }
    mm_os_signal_unlock(&lock, before);
    return s ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

NTSTATUS mm_snapshot_take(HANDLE *ret_snapshot)
{
    struct list *l = list_heaps();
    NTSTATUS status = l ? publish(l, ret_snapshot) : STATUS_NO_MEMORY;

    if (l && !NT_SUCCESS(status))
        (void)mm_os_unmap(l, l->bytes); /* a mapping of our own always goes */
    return status;
}

/* ---- asking and closing -------------------------------------------------------------------------- */

NTSTATUS mm_snapshot_heap(HANDLE snapshot, bool first, void **ret_heap)
{
    uint64_t before = mm_os_signal_lock(&lock);
    struct slot *s = find(snapshot);
    NTSTATUS status = s ? STATUS_NO_MORE_FILES : STATUS_INVALID_HANDLE;

    if (s && first)
        s->list->next = 0;
    if (s && s->list->next < s->list->count) {
        *ret_heap = s->list->heaps[s->list->next++];
        status = STATUS_SUCCESS;
    }
    mm_os_signal_unlock(&lock, before);
    return status;
}

NTSTATUS mm_snapshot_close(HANDLE snapshot)
{
    uint64_t before = mm_os_signal_lock(&lock);
    struct slot *s = find(snapshot);
    struct list *l = s ? s->list : NULL;

    if (s)
        s->list = NULL;
    mm_os_signal_unlock(&lock, before);
    if (!l)
        return STATUS_INVALID_HANDLE;
    (void)mm_os_unmap(l, l->bytes); /* a mapping of our own always goes */
    return STATUS_SUCCESS;
}
