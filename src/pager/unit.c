/*
 * unit.c - records of units, and the pieces they belong to.
 */
#include "pager/unit.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "pager/pager_internal.h"
#include "stats/counters.h"

struct os_lock mm_unit_lock;

static MM_APART struct piece pieces[MOST_PIECES];
static atomic_int piece_count;

int mm_piece_count(void)
{
    return atomic_load_explicit(&piece_count, memory_order_acquire);
}

struct piece *mm_piece(int index)
{
    return &pieces[index];
}

struct piece *mm_piece_of(uintptr_t address)
{
    int count = mm_piece_count();

    for (int i = 0; i < count; i++) {
        if (address - pieces[i].start < pieces[i].end - pieces[i].start)
            return &pieces[i];
    }
    return NULL;
}

int mm_piece_add(uintptr_t start, uintptr_t end, const int fds[2], uint64_t offset)
{
    int index = mm_piece_count();
    size_t units = (end - start) >> UNIT_SHIFT;
    size_t words = (((end - start) >> CHUNK_SHIFT) + 64) / 64;
    struct piece *p = &pieces[index];

    assert_that(is_aligned(start, UNIT_BYTES) && is_aligned(end, UNIT_BYTES));
    if (index == MOST_PIECES)
        return -ENOSPC;
    struct unit *records = mm_os_own_memory(units * sizeof *records);
    uint64_t *live = mm_os_own_memory(words * sizeof *live);
    uint64_t *live_words = mm_os_own_memory((words / 64 + 1) * sizeof *live_words);
    if (!records || !live || !live_words)
        return -ENOMEM;
    *p = (struct piece){.start = start,
                        .end = end,
                        .fd = fds[0],
                        .teller = fds[1],
                        .offset = offset,
                        .units = records,
                        .live = live,
                        .live_words = live_words,
                        .low = end,
                        .high = start,
                        .ahead_count = 0};
    atomic_store_explicit(&piece_count, index + 1, memory_order_release);
    return 0;
}

struct unit *mm_unit_of(uintptr_t address)
{
    struct piece *p = mm_piece_of(address);
    return p ? mm_unit_in(p, address) : NULL;
}

/* An address that only the piece's page file can be mapped at, or p->end. */
static uintptr_t first_paged(const struct piece *p)
{
    uintptr_t u = p->start;

    while (u < p->end && mm_unit_in(p, u)->flags & (UNIT_PRIVATE | UNIT_LENT))
        u += UNIT_BYTES;
    return u;
}

int mm_piece_identify(struct piece *p)
{
    struct os_mapping m;
    uintptr_t at = first_paged(p);

    if (at == p->end)
        return 0;
    int error = mm_os_mapping_at(at, &m);

    if (!error) {
        p->inode = m.inode;
        p->device = m.device;
    }
    return error;
}

bool mm_piece_next_mapping(const struct piece *p, uintptr_t address, struct os_mapping *ret_mapping)
{
    if (!p->inode)
        return false; /* no part of it is mapped by a page file */
    while (address < p->end && mm_os_mapping_at(address, ret_mapping) == 0) {
        if (ret_mapping->start >= p->end)
            return false;
        if (ret_mapping->inode == p->inode && ret_mapping->device == p->device) {
            if (ret_mapping->start < address)
                ret_mapping->start = address;
            if (ret_mapping->end > p->end)
                ret_mapping->end = p->end;
            return true;
        }
        address = ret_mapping->end;
    }
    return false;
}

void mm_unit_went_out(struct unit *u, uint16_t pages)
{
    uint16_t newly = pages & (uint16_t)~u->evicted;

    set_hint(u->evicted, u->evicted | pages);
    mm_count(NTMM_PAGE_FILE, (uint64_t)__builtin_popcount(newly) * PAGE_BYTES);
}

void mm_unit_not_out(struct unit *u, uint16_t pages)
{
    uint16_t gone = pages & u->evicted;

    set_hint(u->evicted, u->evicted & (uint16_t)~pages);
    mm_count(NTMM_PAGE_FILE, -(uint64_t)__builtin_popcount(gone) * PAGE_BYTES);
}

uint16_t mm_unit_mask(uintptr_t unit, uintptr_t start, uintptr_t end)
{
    struct range r =
        range_overlap((struct range){unit, unit + UNIT_BYTES}, (struct range){start, end});
    unsigned first = (unsigned)((r.start - unit) >> PAGE_SHIFT);
    unsigned pages = (unsigned)(range_size(r) >> PAGE_SHIFT);

    return pages ? (uint16_t)(((1u << pages) - 1) << first) : 0;
}

void mm_piece_note_live(struct piece *p, struct range r)
{
    size_t last = (r.end - 1 - p->start) >> CHUNK_SHIFT;

    for (size_t c = (r.start - p->start) >> CHUNK_SHIFT; c <= last; c++) {
        set_hint(p->live[c / 64], p->live[c / 64] | 1ull << c % 64);
        set_hint(p->live_words[c / 4096], p->live_words[c / 4096] | 1ull << c / 64 % 64);
    }
    if (r.start < p->low)
        set_hint(p->low, r.start);
    if (r.end > p->high)
        set_hint(p->high, r.end);
}

/* The first bit set at or after `from` and before `end`, or `end`. */
static size_t next_bit(const uint64_t *bits, size_t from, size_t end)
{
    while (from < end) {
        uint64_t rest = hint(bits[from / 64]) >> from % 64;
        if (rest)
            return min_size(from + (size_t)__builtin_ctzll(rest), end);
        from = (from / 64 + 1) * 64;
    }
    return end;
}

uintptr_t mm_piece_next_live(const struct piece *p, uintptr_t address)
{
    uintptr_t low = hint(p->low);
    uintptr_t high = hint(p->high);
    if (address < low)
        address = low;
    if (address >= high)
        return high;

    size_t chunk = (address - p->start) >> CHUNK_SHIFT;
    size_t chunks = ((high - 1 - p->start) >> CHUNK_SHIFT) + 1;
    if (hint(p->live[chunk / 64]) >> chunk % 64 & 1)
        return address;
    size_t next = next_bit(p->live, chunk, min_size((chunk / 64 + 1) * 64, chunks));
    if (next % 64 == 0 && next < chunks)
        next = next_bit(p->live_words, next / 64, (chunks + 63) / 64) * 64;
    if (next < chunks)
        next = next_bit(p->live, next, chunks);
    return next < chunks ? p->start + (next << CHUNK_SHIFT) : high;
}

uintptr_t mm_piece_next_unit(const struct piece *p, uintptr_t address)
{
    uintptr_t live = mm_piece_next_live(p, address);

    /* The end of the piece need not be a unit's: aligned down, it would be found for ever. */
    uintptr_t high = hint(p->high);

    return live < high ? align_down(live, UNIT_BYTES) : high;
}

int mm_units_run(const uintptr_t *units, int count)
{
    struct piece *p = mm_piece_of(units[0]);
    int n = 1;

    while (n < count && units[n] == units[n - 1] + UNIT_BYTES && units[n] < p->end)
        n++;
    return n;
}

#define RUNS 64

static void present_in_run(const uintptr_t *units, int count, uint16_t *masks)
{
    struct os_run runs[RUNS];
    uintptr_t at = units[0];
    uintptr_t end = units[count - 1] + UNIT_BYTES;

    for (int i = 0; i < count; i++)
        masks[i] = 0;
    while (at < end) {
        int found = mm_os_scan_present(at, end, 0, runs, RUNS, &at);
        if (found < 0) {
            for (int i = 0; i < count; i++)
                masks[i] = 0xffff; /* cannot tell: leave them all alone */
            return;
        }
        for (int r = 0; r < found; r++) {
            int last = (int)((runs[r].end - 1 - units[0]) >> UNIT_SHIFT);
            for (int i = (int)((runs[r].start - units[0]) >> UNIT_SHIFT); i <= last; i++)
                masks[i] |= mm_unit_mask(units[i], runs[r].start, runs[r].end);
        }
    }
}

void mm_units_present(const uintptr_t *units, int count, uint16_t *ret_masks)
{
    for (int i = 0, n; i < count; i += n) {
        n = mm_units_run(units + i, count - i);
        present_in_run(units + i, n, ret_masks + i);
    }
}

static void cached_in_run(const uintptr_t *units, int count, uint16_t *masks)
{
    unsigned char bytes[64 * UNIT_PAGES];
    bool known = mm_os_in_core((void *)units[0], (size_t)count * UNIT_BYTES, bytes) == 0;

    for (int i = 0; i < count; i++) {
        masks[i] = 0;
        for (unsigned page = 0; page < UNIT_PAGES; page++) {
            if (!known || bytes[(size_t)i * UNIT_PAGES + page] & 1)
                masks[i] |= (uint16_t)(1u << page);
        }
    }
}

/* Pages of a run that are cached or being read; cachestat looks at these alone, mincore at every page. */
static bool count_cached(const uintptr_t *units, int count, uint64_t *ret_pages)
{
    struct os_cache cache;
    struct piece *p = mm_piece_of(units[0]);
    size_t size = (size_t)count * UNIT_BYTES;

    if (!mm_pager_options.cache_counts ||
        mm_os_cache_of(p->fd, mm_piece_place(p, units[0]), size, &cache))
        return false;
    *ret_pages = cache.cached;
    return true;
}

/* Whether pages of a run were asked for and not seen used: some of them may still be on their way. */
static bool is_awaited(const uintptr_t *units, int count)
{
    for (int i = 0; i < count; i++) {
        if (hint(mm_unit_of(units[i])->ahead))
            return true;
    }
    return false;
}

static void look_in_cache(const uintptr_t *units, int count, uint16_t *masks)
{
    uint64_t all = (uint64_t)count * UNIT_PAGES;
    uint64_t pages;

    if (count_cached(units, count, &pages) &&
        (pages == 0 || (pages == all && !is_awaited(units, count))))
        memset(masks, pages ? 0xff : 0, (size_t)count * sizeof *masks);
    else
        cached_in_run(units, count, masks);
}

void mm_units_in_cache(const uintptr_t *units, int count, uint16_t *ret_masks)
{
    for (int i = 0, n; i < count; i += n) {
        n = mm_units_run(units + i, count - i < 64 ? count - i : 64);
        look_in_cache(units + i, n, ret_masks + i);
    }
}

void mm_units_cached(const uintptr_t *units, int count, uint16_t *ret_masks)
{
    for (int i = 0, n; i < count; i += n) {
        n = mm_units_run(units + i, count - i < 64 ? count - i : 64);
        cached_in_run(units + i, n, ret_masks + i);
    }
}
