/*
 * writer.c - the modified writer: dirty pages to the page file, so that they can be dropped.
 *
 * Where the folder allows it (probed, never believed) writing is asynchronous: sync_file_range
 * starts it when a unit joins the modified list and waits when the unit is due to leave.  Elsewhere
 * (overlayfs, where sync_file_range does nothing) msync on the mapping writes and waits.
 *
 * A write that fails leaves the page clean in the kernel's eyes, and dropping it would lose it.
 * Such pages are made dirty again through a second mapping, by an atomic OR with zero that no
 * writer can miss, and their unit is UNIT_BAD: never dropped.
 */
#include <stdatomic.h>

#include "pager/pager_internal.h"

/*
 * Pages of the range that are dirty, where that can be counted; all of them elsewhere, which makes
 * the count of pages written an upper bound there.
 */
static uint64_t to_be_written(const struct piece *p, struct range r)
{
    struct os_cache cache;

    if (mm_pager_options.cache_counts &&
        mm_os_cache_of(p->fd, mm_piece_place(p, r.start), range_size(r), &cache) == 0)
        return cache.dirty;
    return range_size(r) >> PAGE_SHIFT;
}

static void count_write(uint64_t pages)
{
    if (!pages)
        return;
    mm_count(NTMM_PAGES_OUT, pages);
    mm_count(NTMM_WRITES, 1);
}

/* Touch every cached page of a unit through a second mapping of it, changing nothing. */
static void touch(char *window)
{
    unsigned char cached[UNIT_PAGES];

    if (mm_os_in_core(window, UNIT_BYTES, cached))
        return; /* the unit stays bad, so it is not dropped either way */
    for (unsigned i = 0; i < UNIT_PAGES; i++) {
        if (cached[i] & 1)
            atomic_fetch_or((atomic_char *)window + i * PAGE_BYTES, 0);
    }
}

/* Make every cached page of a unit dirty again. */
static void dirty_again(struct piece *p, uintptr_t unit)
{
    void *window;

    if (mm_os_map(NULL, UNIT_BYTES, OS_NONE, &window))
        return; /* as above */
    if (mm_os_map_file(window, UNIT_BYTES, OS_READ | OS_WRITE, p->fd, mm_piece_place(p, unit)) == 0)
        touch(window);
    (void)mm_os_unmap(window, UNIT_BYTES); /* mapped above: cannot fail */
}

static void failed(const uintptr_t *units, int count)
{
    mm_count(NTMM_WRITE_ERRORS, 1);
    for (int i = 0; i < count; i++) {
        mm_os_lock(&mm_unit_lock);
        mm_unit_flag(mm_unit_of(units[i]), UNIT_BAD, 0);
        mm_os_unlock(&mm_unit_lock);
        dirty_again(mm_piece_of(units[i]), units[i]);
    }
}

/* Write one run of pages that lie in consecutive units. */
static void start_run(struct piece *p, struct range r, const uintptr_t *units, int count)
{
    uint64_t dirty = to_be_written(p, r);
    int error = 0;

    if (!dirty)
        return;
    if (mm_pager_options.start_writing)
        error = mm_os_start_writing(p->fd, mm_piece_place(p, r.start), range_size(r));
    else
        error = mm_os_write_mapping((void *)r.start, range_size(r));
    count_write(dirty);
    if (error)
        failed(units, count);
}

/* The first and last page of a mask, as a range of addresses. */
static struct range span_of(uintptr_t unit, uint16_t mask)
{
    unsigned first = (unsigned)__builtin_ctz(mask);
    unsigned last = 31u - (unsigned)__builtin_clz((unsigned)mask);

    return (struct range){unit + first * PAGE_BYTES, unit + (last + 1) * PAGE_BYTES};
}

/* Units whose pages follow each other are written in one call; small gaps are written over. */
void mm_writer_start(const uintptr_t *units, const uint16_t *masks, int count)
{
    for (int i = 0; i < count;) {
        if (!masks[i]) {
            i++;
            continue;
        }
        struct piece *p = mm_piece_of(units[i]);
        struct range r = span_of(units[i], masks[i]);
        int n = 1;
        while (i + n < count && units[i + n] == units[i + n - 1] + UNIT_BYTES && masks[i + n] &&
               units[i + n] < p->end) {
            r.end = span_of(units[i + n], masks[i + n]).end;
            n++;
        }
        start_run(p, r, units + i, n);
        i += n;
    }
}

void mm_writer_finish(const uintptr_t *units, int count)
{
    if (!mm_pager_options.start_writing)
        return;
    for (int i = 0, n; i < count; i += n) {
        struct piece *p = mm_piece_of(units[i]);
        n = mm_units_run(units + i, count - i);
        if (mm_os_await_writing(p->fd, mm_piece_place(p, units[i]), (size_t)n * UNIT_BYTES))
            failed(units + i, n);
    }
}
