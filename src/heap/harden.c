/*
 * harden.c - what a hardened heap does more: canaries, zero on free, quarantine, writes after free.
 *
 * Nothing of it is on the way of other heaps: the caches of a hardened heap are always closed to the
 * fast path (`closed` begins at 1), so every call comes here.
 *
 *   out   the memory must still be zero, as it was left: else somebody wrote to what was freed;
 *         the bytes behind the size, at least one, become the canary
 *   in    the canary must be whole; the block is claimed by compare-exchange, so that of two frees
 *         that race one is seen; its memory becomes zero; it waits in its thread's quarantine
 *
 * A block in quarantine is not in use (SIDE_HELD) but counts as used. The canary differs from block
 * to block and from process to process.
 */
#include "heap/heap_internal.h"

#define LARGE_CANARY 16 /* bytes behind a large block; the rest of its page is not looked at */

static uint64_t secret; /* (c) after the first hardened heap was made */

void mm_heap_harden_init(void)
{
    if (!secret)
        secret = mm_os_random() | 0x0101010101010101ull; /* no byte is zero */
}

static unsigned char canary_of(const void *at)
{
    unsigned shift = (unsigned)((uintptr_t)at & 7) * 8;
    return (unsigned char)(secret >> shift);
}

static void set_canary(char *block, size_t size, size_t capacity)
{
    for (size_t i = size; i < capacity; i++)
        block[i] = (char)canary_of(block + i);
}

static bool canary_is_whole(const char *block, size_t size, size_t capacity)
{
    for (size_t i = size; i < capacity; i++) {
        if ((unsigned char)block[i] != canary_of(block + i))
            return false;
    }
    return true;
}

/* Sizes of blocks are multiples of 16. */
static bool is_zero(const void *block, size_t size)
{
    const uint64_t *word = block;
    uint64_t any = 0;

    for (size_t i = 0; i < size / sizeof *word; i += 2)
        any |= word[i] | word[i + 1];
    return any == 0;
}

static size_t canary_end(const struct span *s, size_t size, size_t capacity)
{
    return s ? capacity : min_size(size + LARGE_CANARY, capacity);
}

size_t mm_heap_harden_room(size_t size)
{
    return size < SMALL_MAX ? size + 1 : max_size(size, SMALL_MAX + 1);
}

static void stop(const char *what, const void *block)
{
    mm_heap_tell_mistake(&(struct heap_mistake){"heap", what, block});
}

void mm_heap_harden_out(const struct span *s, void *block, size_t size, size_t capacity, bool fresh)
{
    if (s && !fresh && !is_zero(block, capacity))
        stop("this memory was written to after it was freed", block);
    set_canary(block, size, canary_end(s, size, capacity));
}

bool mm_heap_harden_check(const struct span *s, const void *block, size_t size, size_t capacity)
{
    return canary_is_whole(block, size, canary_end(s, size, capacity));
}

void mm_heap_harden_demand(const struct span *s, const void *block, size_t size, size_t capacity)
{
    if (!mm_heap_harden_check(s, block, size, capacity))
        stop("bytes behind the end of this block were overwritten", block);
}

/* ---- quarantine ---------------------------------------------------------------------------------- */

bool mm_heap_harden_hold(struct span *s, unsigned index, void *block)
{
    uint16_t side = heap_side(s, index);

    if (!heap_side_is_live(side))
        return false;
    mm_heap_harden_demand(s, block, s->size - (side - 1u), s->size);
    if (!atomic_compare_exchange_strong(&s->side[index], &side, SIDE_HELD))
        return false;
    memset(block, 0, s->size);
    return true;
}

void *mm_heap_harden_exchange(struct heap_cache *c, void *block)
{
    void **place = &c->quarantine[c->quarantine_next++ % QUARANTINE];
    void *oldest = *place;
    *place = block;
    return oldest;
}

void *mm_heap_harden_empty(struct heap_cache *c)
{
    for (unsigned i = 0; i < QUARANTINE; i++) {
        void *block = c->quarantine[i];
        c->quarantine[i] = NULL;
        if (block)
            return block;
    }
    return NULL;
}
