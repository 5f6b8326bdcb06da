/*
 * harden.c - what a hardened heap does more: canaries, zero on free, quarantine, writes after free.
 *
 * Nothing of it is on the way of other heaps: the caches of a hardened heap are always closed to the
 * fast path (`closed` begins at 1), so every call comes here.
 *
 *   out   the memory must still be zero, as it was left: else somebody wrote to what was freed;
 *         the bytes behind the size, at least one and CANARY at most, become the canary
 *   in    the canary must be whole, and what a small block has behind it still zero; the block is claimed by compare-exchange, so that of two frees
 *         that race one is seen; its memory becomes zero; it waits in its thread's quarantine
 *
 * A block in quarantine is not in use (SIDE_HELD) but counts as used. The canary differs from block
 * to block and from process to process.
 */
#include "heap/heap_internal.h"

#define CANARY 16 /* bytes behind a block, or as many as there is room for */

static uint64_t secret; /* (c) after the first hardened heap was made */

void mm_heap_harden_init(void)
{
    if (!secret)
        secret = mm_os_random() | 0x0101010101010101ull; /* no byte is zero */
}

/* The eight canary bytes that belong at an address. */
static uint64_t canary_at(const char *at)
{
    unsigned shift = (unsigned)((uintptr_t)at & 7) * 8;
    return shift ? secret >> shift | secret << (64 - shift) : secret;
}

static void put_word(char *at)
{
    uint64_t word = canary_at(at);
    memcpy(at, &word, sizeof word);
}

/* Whether eight bytes are what belongs there: 0 if so. */
static uint64_t differs(const char *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return word ^ canary_at(at);
}

static void set_canary(char *start, char *end)
{
    if (end - start >= 8) {
        put_word(start);
        put_word(end - 8);
        return;
    }
    for (; start < end; start++)
        *start = (char)canary_at(start);
}

static bool canary_is_whole(const char *start, const char *end)
{
    if (end - start >= 8)
        return (differs(start) | differs(end - 8)) == 0;
    for (; start < end; start++) {
        if (*start != (char)canary_at(start))
            return false;
    }
    return true;
}

typedef uint64_t pair __attribute__((vector_size(16), aligned(1), may_alias));

/* Any bytes, a multiple of 16 of them or none. */
static bool is_zero(const char *start, const char *end)
{
    pair any = {0, 0};

    for (; end - start >= 64; start += 64) {
        const pair *p = (const pair *)start;
        any |= (p[0] | p[1]) | (p[2] | p[3]);
    }
    for (; end - start >= 16; start += 16)
        any |= *(const pair *)start;
    return (any[0] | any[1]) == 0;
}

/* The end of the canary. */
static size_t canary_end(size_t size, size_t capacity)
{
    return min_size(size + CANARY, capacity);
}

/* What is behind the canary of a small block has never been written to. */
static bool rest_is_zero(const char *block, size_t from, size_t capacity)
{
    for (; from < capacity && from % 16; from++) {
        if (block[from])
            return false;
    }
    return is_zero(block + from, block + capacity);
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
    char *start = block;

    if (s && !fresh && !is_zero(start, start + capacity))
        stop("this memory was written to after it was freed", block);
    set_canary(start + size, start + canary_end(size, capacity));
}

void mm_heap_harden_resized(void *block, size_t old, size_t size, size_t capacity)
{
    char *start = block;

    if (size < old)
        memset(start + size, 0, canary_end(old, capacity) - size);
    set_canary(start + size, start + canary_end(size, capacity));
}

bool mm_heap_harden_check(const struct span *s, const void *block, size_t size, size_t capacity)
{
    const char *start = block;
    size_t end = canary_end(size, capacity);

    return canary_is_whole(start + size, start + end) && (!s || rest_is_zero(start, end, capacity));
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
