/*
 * writer.c - the modified writer: dirty pages to the page file, so that they can be dropped.
 *
 * Where the folder allows it (probed, never believed) writing is asynchronous: sync_file_range
 * starts it when a unit joins the modified list and waits when the unit is due to leave.  Elsewhere
 * (overlayfs, where sync_file_range does nothing) msync of a window onto the file writes and waits.
 *
 * Errors.  A write that fails leaves the page clean in the kernel's eyes, and dropping it would lose
 * it.  The kernel says that some page of the file could not be written, not which, and says it once
 * to each open file description.  So each page file is opened twice.  The second description, the
 * teller, is never mapped for long and given to nobody, so no other call (an msync of the program,
 * say) takes an error from us; all waiting is done with it.  When it tells an error, any page that
 * is clean may be the one that failed, also one that the kernel wrote by itself: every cached page
 * is made dirty again before another is dropped.
 *
 * I1  a page is dropped only after a wait that covered it and told no error, with no error told
 *     earlier that was not followed by making all cached pages dirty (in_doubt)
 * I2  a unit that fails when it is written alone is UNIT_BAD: not chosen, not dropped, and tried
 *     again after a while, since a disk may be full for a minute and not for good
 *
 * All is done by the trimmer, and in a forked child before it has one.
 */
#include "pager/lists.h"
#include "pager/pager_internal.h"

#define TRY_AGAIN 10000000000u /* ns after which bad units are tried again */
#define DOUBT_AGAIN 100000000u /* ns after which pages that could not be made dirty are */

static void *window;      /* a chunk of address space to look at page files through */
static bool in_doubt;     /* an error was told, and not every cached page is dirty again yet */
static uint64_t bad_till; /* when bad units are tried again; 0: there are none */

int mm_writer_init(void)
{
    return mm_os_map(NULL, CHUNK_BYTES, OS_NONE, &window);
}

static int open_window(const struct piece *p, uintptr_t start, int access)
{
    return mm_os_map_file(window, CHUNK_BYTES, access, p->teller, mm_piece_place(p, start));
}

static void close_window(void)
{
    (void)mm_os_map_over(window, CHUNK_BYTES,
                         OS_NONE); /* left open it holds pages in RAM, no more */
}

void mm_writer_forget(void)
{
    in_doubt = false;
    bad_till = 0;
    close_window();
}

/* Write what is dirty in a range through the window, and wait. */
static int write_through(const struct piece *p, struct range r)
{
    int error = 0;

    while (!error && r.start < r.end) {
        size_t size = min_size(range_size(r), CHUNK_BYTES);
        error = open_window(p, r.start, OS_READ);
        if (!error)
            error = mm_os_write_mapping(window, size);
        r.start += size;
    }
    close_window();
    return error;
}

int mm_writer_write(const struct piece *p, struct range r)
{
    if (mm_pager_options.start_writing)
        return mm_os_write_out(p->teller, mm_piece_place(p, r.start), range_size(r));
    return write_through(p, r);
}

/* ---- after an error ------------------------------------------------------------------------------ */

/* Make a run of pages in the window dirty; those that are gone by now are nobody's loss here. */
static int make_dirty(char *pages, unsigned count)
{
    unsigned char cached;

    if (mm_os_make_dirty(pages, count * PAGE_BYTES) == 0)
        return 0;
    for (char *page = pages; page < pages + count * PAGE_BYTES; page += PAGE_BYTES) {
        int error = mm_os_make_dirty(page, PAGE_BYTES);
        if (error && mm_os_in_core(page, PAGE_BYTES, &cached) == 0 && cached & 1)
            return error;
    }
    return 0;
}

/* Make every cached page of a range dirty; it is no larger than a chunk. */
static int dirty_again(const struct piece *p, struct range r)
{
    unsigned char cached[CHUNK_BYTES >> PAGE_SHIFT];
    unsigned count = (unsigned)(range_size(r) >> PAGE_SHIFT);
    int error = open_window(p, r.start, OS_READ | OS_WRITE);

    if (!error)
        error = mm_os_in_core(window, range_size(r), cached);
    for (unsigned i = 0, n; !error && i < count; i += n) {
        for (n = 1; i + n < count && !((cached[i] ^ cached[i + n]) & 1); n++)
            ;
        if (cached[i] & 1)
            error = make_dirty((char *)window + i * PAGE_BYTES, n);
    }
    close_window();
    return error;
}

static int all_dirty_again(void)
{
    int error = 0;

    for (int i = 0; i < mm_piece_count(); i++) {
        const struct piece *p = mm_piece(i);
        for (uintptr_t at = mm_piece_next_live(p, hint(p->low)), end; !error && at < hint(p->high);
             at = mm_piece_next_live(p, end)) {
            end = min_size(p->start + align_down(at - p->start, CHUNK_BYTES) + CHUNK_BYTES,
                           align_up(hint(p->high), UNIT_BYTES));
            error = dirty_again(p, (struct range){align_down(at, UNIT_BYTES), end});
        }
    }
    return error;
}

/* Any page that is clean now may be the one that failed: make all dirty, or try again in a while. */
static void resolve_doubt(void)
{
    static uint64_t next;

    if (!in_doubt || mm_os_now() < next)
        return;
    mm_os_lock(&mm_unit_lock);
    mm_lists_doubt_standby();
    mm_os_unlock(&mm_unit_lock);
    in_doubt = all_dirty_again() != 0;
    next = in_doubt ? mm_os_now() + DOUBT_AGAIN : 0;
}

/* Is it this unit?  Another's error may be told just then: no harm, it is tried again as well. */
static void try_alone(uintptr_t unit)
{
    const struct piece *p = mm_piece_of(unit);
    struct range r = {unit, unit + UNIT_BYTES};

    if (dirty_again(p, r) == 0 && mm_writer_write(p, r) == 0)
        return;
    mm_os_lock(&mm_unit_lock);
    mm_unit_flag(mm_unit_of(unit), UNIT_BAD, 0);
    mm_os_unlock(&mm_unit_lock);
    bad_till = mm_os_now() + TRY_AGAIN;
}

/* An error was told while `units` were written. */
static void failed(const uintptr_t *units, int count)
{
    mm_count(NTMM_WRITE_ERRORS, 1);
    in_doubt = true;
    for (int i = 0; i < count; i++)
        try_alone(units[i]);
    resolve_doubt();
}

/* Bad units are like others again: true if there were any. */
static bool forgive(void)
{
    if (!bad_till || mm_os_now() < bad_till)
        return false;
    bad_till = 0;
    mm_os_lock(&mm_unit_lock);
    for (int i = 0; i < mm_piece_count(); i++) {
        struct piece *p = mm_piece(i);
        for (uintptr_t u = mm_piece_next_unit(p, hint(p->low)); u < hint(p->high);
             u = mm_piece_next_unit(p, u + UNIT_BYTES))
            mm_unit_flag(mm_unit_in(p, u), 0, UNIT_BAD);
    }
    mm_os_unlock(&mm_unit_lock);
    return true;
}

bool mm_writer_look(void)
{
    int last = -1;

    /* On an overlay this tells nothing: the next msync does. */
    for (int i = 0; i < mm_piece_count(); i++) {
        int teller = mm_piece(i)->teller;
        if (teller != last && mm_os_error_of_writing(teller))
            failed(NULL, 0);
        last = teller;
    }
    return forgive();
}

/* ---- writing ------------------------------------------------------------------------------------- */

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
        error = write_through(p, r);
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
        if (mm_os_await_writing(p->teller, mm_piece_place(p, units[i]), (size_t)n * UNIT_BYTES))
            failed(units + i, n);
    }
}

bool mm_writer_settle(const struct piece *p, struct range r)
{
    uintptr_t units[BATCH];
    int count = 0;

    if (in_doubt) {
        resolve_doubt();
        return false; /* dirty again, not written again */
    }
    if (!mm_pager_options.start_writing || mm_writer_write(p, r) == 0)
        return true;
    for (uintptr_t u = align_down(r.start, UNIT_BYTES); u < r.end && count < BATCH; u += UNIT_BYTES)
        units[count++] = u;
    failed(units, count);
    return false;
}
