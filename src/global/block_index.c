/*
 * block_index.c - from the address of a block to the object that owns it.
 *
 * Buckets of slots by a hash of the address, linked through mm_slot_links: a slot that is free is
 * linked in the queue of slots instead, so one link a slot is enough.
 *
 * I1  an entry is in the bucket of its block, from mm_index_add to mm_index_remove, and its block
 *     does not change meanwhile
 *
 * A bucket's lock is one of LOCKS; it is held for a walk of the bucket and never while the heap is
 * called, so a thread that holds the heap's lock may look things up here.
 */
#include "base/check.h"
#include "global/global_internal.h"
#include "os/os.h"

#define LOCKS 64u

static uint32_t *first_of; /* slot + 1 of a bucket's first, or 0 */
static struct os_lock locks[LOCKS];

void mm_index_start(uint32_t *buckets)
{
    first_of = buckets;
}

static uint32_t bucket_of(const void *block)
{
    return (uint32_t)(((uintptr_t)block >> 4) * 0x9e3779b97f4a7c15u >> 48);
}

_Static_assert(MOST_OBJECTS == 1u << 16, "a bucket is 16 bits of the hash");

static struct os_lock *lock_of(uint32_t bucket)
{
    return &locks[bucket % LOCKS];
}

void mm_index_add(struct entry *e)
{
    uint32_t slot = mm_slot_of(e);
    uint32_t bucket = bucket_of(mm_entry_block(e));

    mm_os_lock(lock_of(bucket));
    mm_slot_links[slot] = first_of[bucket];
    first_of[bucket] = slot + 1;
    mm_os_unlock(lock_of(bucket));
}

/* The link that points to the first entry of a bucket for which its block is that address. */
static uint32_t *find(uint32_t bucket, const void *block)
{
    uint32_t *link = &first_of[bucket];

    while (*link && mm_entry_block(mm_slot_entry(*link - 1)) != block)
        link = &mm_slot_links[*link - 1];
    return link;
}

void mm_index_remove(struct entry *e)
{
    uint32_t bucket = bucket_of(mm_entry_block(e));

    mm_os_lock(lock_of(bucket));
    uint32_t *link = find(bucket, mm_entry_block(e));
    assert_that(*link == mm_slot_of(e) + 1);
    *link = mm_slot_links[*link - 1];
    mm_os_unlock(lock_of(bucket));
}

struct entry *mm_index_find(const void *block)
{
    uint32_t bucket = bucket_of(block);

    if (!mm_slot_end())
        return NULL;
    mm_os_lock(lock_of(bucket));
    uint32_t *link = find(bucket, block);
    struct entry *e = *link ? mm_slot_entry(*link - 1) : NULL;
    mm_os_unlock(lock_of(bucket));
    return e;
}

void mm_index_clear(void)
{
    for (uint32_t i = 0; i < LOCKS; i++)
        atomic_store(&locks[i].word, 0);
    for (uint32_t i = 0; first_of && i < MOST_OBJECTS; i++)
        first_of[i] = 0;
}

void *mm_global_handle_of_block(const void *block)
{
    struct entry *e = mm_index_find(block);
    return e ? mm_slot_handle(e) : NULL;
}
