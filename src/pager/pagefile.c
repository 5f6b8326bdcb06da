/*
 * pagefile.c - page files: nameless, sparse, and space promised before it is needed.
 *
 * A page's place in the page file is its place in its piece, so there is no table of slots.  Disk
 * space is allocated when pages are committed (fallocate), some way ahead, and punched out when
 * they are decommitted: a disk that fills up later can refuse a commit but never a touch.
 *
 * A piece has a place in a file from the start, but the file is not mapped there before something
 * is committed that may be paged: a program that never comes that far forks without our help.
 *
 * I1  a committed page lies in a unit that is UNIT_PROMISED or UNIT_PRIVATE, or its commit failed, or
 *     it kept its space when a part of its unit was given back (UNIT_RAGGED)
 * I2  space is given back only for ranges that vm has taken from their owner, or never gave to one
 * I3  a unit that is UNIT_AHEAD, and one that is neither promised nor ragged, holds no contents
 */
#include <errno.h>

#include "base/check.h"
#include "pager/pager_internal.h"

/* ext4 ends at 16 TiB; half of it leaves room for file systems that end earlier. */
#define FILE_BYTES (8 * TIB)
#define SMALLEST_FILE (4 * GIB)

/*
 * Space is promised this far ahead, by how much there is already: few calls, little waste.  Of a disk
 * that gets tight no more than a share is taken, and that is given back when a promise fails.
 */
#define LEAST_AHEAD (1 * MIB)
#define MOST_AHEAD (64 * MIB)
#define SHARE_OF_FREE 32

static char folder[256];
static int files[2] = {-1, -1}; /* the file, and the same opened again: struct piece */
static uint64_t file_size;
static uint64_t file_used;
static atomic_size_t promised; /* bytes */
static atomic_bool attached;   /* the pieces are mapped; under the space lock */

/* Without /proc the one description must do: writer.c. */
static int make_file(uint64_t size, int ret_fds[2])
{
    int error = mm_os_nameless_file(folder, size, &ret_fds[0]);

    if (!error && mm_os_reopen(ret_fds[0], &ret_fds[1]))
        ret_fds[1] = ret_fds[0];
    return error;
}

static int new_file(void)
{
    int error = -EFBIG;

    for (uint64_t size = FILE_BYTES; error == -EFBIG && size >= SMALLEST_FILE; size /= 2) {
        error = make_file(size, files);
        if (!error) {
            file_size = size;
            file_used = 0;
        }
    }
    return error;
}

int mm_pagefile_open(const char *path)
{
    size_t length = 0;

    for (; path[length] && length + 1 < sizeof folder; length++)
        folder[length] = path[length];
    folder[length] = '\0';
    return new_file();
}

int mm_pagefile_map(struct range r, int access, int fd, uint64_t offset)
{
    void *where = (void *)r.start;
    int error = mm_os_map_file(where, range_size(r), access, fd, offset);

    if (!error)
        error = mm_os_advise_random(where, range_size(r));
    return error ? error : mm_os_inherit(where, range_size(r), false);
}

static int map_part(struct piece *p, uintptr_t start, uintptr_t end)
{
    if (start == end)
        return 0;
    return mm_pagefile_map((struct range){start, end}, OS_NONE, p->fd, mm_piece_place(p, start));
}

/* Map the file everywhere but where private memory is, or other code's. */
static int map_piece(struct piece *p)
{
    uintptr_t from = p->start;
    int error = 0;

    for (uintptr_t u = mm_piece_next_unit(p, p->low); !error && u < p->high;
         u = mm_piece_next_unit(p, u + UNIT_BYTES)) {
        const struct unit *unit = mm_unit_in(p, u);
        uint16_t others = unit->flags & UNIT_PRIVATE ? 0xffff : unit->lent;
        for (unsigned page = 0; !error && page < UNIT_PAGES && others >> page; page++) {
            if (!(others >> page & 1))
                continue;
            error = map_part(p, from, u + page * PAGE_BYTES);
            from = u + (page + 1) * PAGE_BYTES;
        }
    }
    if (!error)
        error = map_part(p, from, p->end);
    return error ? error : mm_piece_identify(p);
}

int mm_pagefile_attach(void)
{
    int error = 0;

    for (int i = 0; !attached && !error && i < mm_piece_count(); i++)
        error = map_piece(mm_piece(i));
    attached = !error;
    return error;
}

bool mm_pagefile_is_attached(void)
{
    return attached;
}

/* Give as much of [at, end) as the current file has room for its place in it. */
static int place_one(uintptr_t at, uintptr_t end, uintptr_t *ret_end)
{
    if (file_used == file_size) {
        int error = new_file();
        if (error)
            return error;
    }
    size_t size = min_size(end - at, file_size - file_used);
    struct range r = {at, at + size};
    int error = attached ? mm_pagefile_map(r, OS_NONE, files[0], file_used) : 0;
    if (!error)
        error = mm_piece_add(r.start, r.end, files, file_used);
    if (error)
        return error;
    file_used += size;
    *ret_end = r.end;
    return attached ? mm_piece_identify(mm_piece(mm_piece_count() - 1)) : 0;
}

int mm_pagefile_place(uintptr_t where, size_t size)
{
    int error = 0;

    for (uintptr_t at = where; !error && at < where + size;)
        error = place_one(at, where + size, &at);
    return error;
}

static void count_promised(size_t more, size_t less)
{
    atomic_fetch_add(&promised, more);
    atomic_fetch_sub(&promised, min_size(less, atomic_load(&promised)));
    mm_count_set(NTMM_PAGE_FILE_PROMISED, atomic_load(&promised));
}

/* ---- ahead of need ------------------------------------------------------------------------------ */

static size_t ahead_now(const struct piece *p)
{
    size_t quarter = align_down(atomic_load(&promised) / 4, UNIT_BYTES);
    size_t ahead = min_size(max_size(quarter, LEAST_AHEAD), MOST_AHEAD);
    uint64_t left;

    if (mm_os_free_space(p->fd, &left))
        return 0; /* cannot tell */
    return min_size(ahead, align_down(left / SHARE_OF_FREE, UNIT_BYTES));
}

/* How far the space behind `end` may be promised too: over units that hold nothing (I3). */
static uintptr_t end_ahead(const struct piece *p, uintptr_t end)
{
    uintptr_t far = min_size(end + ahead_now(p), p->end);

    for (uintptr_t u = end; u < far; u += UNIT_BYTES) {
        if (mm_unit_has(mm_unit_in(p, u), UNIT_PROMISED | UNIT_RAGGED))
            return u;
    }
    return far;
}

/* Take the next run of units that are promised ahead off the record; empty: there is none. */
static struct range take_ahead(struct piece *p)
{
    struct range *r = &p->ahead[p->ahead_count - 1];
    uintptr_t start = r->start;

    while (start < r->end && !mm_unit_has(mm_unit_in(p, start), UNIT_AHEAD))
        start += UNIT_BYTES;
    uintptr_t end = start;
    for (; end < r->end && mm_unit_has(mm_unit_in(p, end), UNIT_AHEAD); end += UNIT_BYTES)
        mm_unit_flag(mm_unit_in(p, end), 0, UNIT_AHEAD | UNIT_PROMISED);
    r->start = end;
    if (r->start == r->end)
        p->ahead_count--;
    return (struct range){start, end};
}

static uintptr_t distance(struct range a, struct range b)
{
    if (a.end < b.start)
        return b.start - a.end;
    return b.end < a.start ? a.start - b.end : 0;
}

/* Remember where units are promised ahead: with what is near, or nearest where there is no room. */
static void note_ahead(struct piece *p, struct range r)
{
    struct range *nearest = &p->ahead[0];

    for (unsigned i = 1; i < p->ahead_count; i++) {
        if (distance(p->ahead[i], r) < distance(*nearest, r))
            nearest = &p->ahead[i];
    }
    if (!p->ahead_count || (p->ahead_count < AHEAD_RUNS && distance(*nearest, r) > AHEAD_NEAR)) {
        p->ahead[p->ahead_count++] = r;
        return;
    }
    nearest->start = min_size(nearest->start, r.start);
    nearest->end = max_size(nearest->end, r.end);
}

/* Give back all that was promised and not asked for: true if that was anything. */
static bool give_back_ahead(void)
{
    bool any = false;

    for (int i = 0; i < mm_piece_count(); i++) {
        struct piece *p = mm_piece(i);
        while (p->ahead_count) {
            mm_os_lock(&mm_unit_lock);
            struct range r = p->ahead_count ? take_ahead(p) : (struct range){0};
            mm_os_unlock(&mm_unit_lock);
            if (range_size(r) == 0)
                continue;
            (void)mm_os_punch(p->fd, mm_piece_place(p, r.start),
                              range_size(r)); /* less space then */
            count_promised(0, range_size(r));
            any = true;
        }
    }
    return any;
}

void mm_pagefile_forget_ahead(void)
{
    for (int i = 0; i < mm_piece_count(); i++) {
        struct piece *p = mm_piece(i);
        while (p->ahead_count)
            count_promised(0, range_size(take_ahead(p)));
    }
}

/* The disk is full: give back what nobody uses. */
static bool make_room(void)
{
    bool any = give_back_ahead();

    while (mm_dead_bury())
        any = true;
    return any;
}

/* ---- the promise -------------------------------------------------------------------------------- */

/*
 * Promise [start, end), and room ahead as well if the disk has it; *ret_far is how far it went.  A unit
 * ahead that is being punched out is promised until that is done, so it is not in the way.
 */
static int promise_far(struct piece *p, uintptr_t start, uintptr_t end, uintptr_t *ret_far)
{
    uintptr_t far = end_ahead(p, end);
    int error = mm_os_promise(p->fd, mm_piece_place(p, start), far - start);

    if (!error || far == end) {
        *ret_far = far;
        return error;
    }
    /* What the disk had of the room before it was full would stay taken. */
    (void)mm_os_punch(p->fd, mm_piece_place(p, end), far - end);
    *ret_far = end;
    return mm_os_promise(p->fd, mm_piece_place(p, start), end - start);
}

static int allocate(struct piece *p, uintptr_t start, uintptr_t end, uintptr_t *ret_far)
{
    int error = promise_far(p, start, end, ret_far);

    if ((error == -ENOSPC || error == -EDQUOT) && make_room())
        error = mm_os_promise(p->fd, mm_piece_place(p, start), end - start);
    return error;
}

/* Promise one run of units that have no space yet; with room ahead if the disk has it. */
static int promise_run(struct piece *p, uintptr_t start, uintptr_t end)
{
    uintptr_t far;
    int error = allocate(p, start, end, &far);

    if (error)
        return error;
    mm_os_lock(&mm_unit_lock);
    for (uintptr_t u = start; u < far; u += UNIT_BYTES)
        mm_unit_flag(mm_unit_in(p, u), u < end ? UNIT_PROMISED : UNIT_PROMISED | UNIT_AHEAD,
                     UNIT_RAGGED);
    if (far > end)
        note_ahead(p, (struct range){end, far});
    mm_os_unlock(&mm_unit_lock);
    count_promised(far - start, 0);
    return 0;
}

/* What was promised ahead is asked for now. */
static void claim_ahead(struct piece *p, uintptr_t start, uintptr_t end)
{
    mm_os_lock(&mm_unit_lock);
    for (uintptr_t u = start; u < end; u += UNIT_BYTES)
        mm_unit_flag(mm_unit_in(p, u), 0, UNIT_AHEAD);
    mm_os_unlock(&mm_unit_lock);
}

int mm_pagefile_promise(struct piece *p, struct range r)
{
    uintptr_t first = align_down(r.start, UNIT_BYTES);
    uintptr_t last = align_up(r.end, UNIT_BYTES);
    uint16_t seen = 0;

    for (uintptr_t u = first; u < last; u += UNIT_BYTES)
        seen |= hint(mm_unit_in(p, u)->flags);
    if (seen & UNIT_AHEAD)
        claim_ahead(p, first, last); /* first of all: a promise that fails gives back the others */
    for (uintptr_t u = first; u < last; u += UNIT_BYTES) {
        if (mm_unit_has(mm_unit_in(p, u), UNIT_PROMISED))
            continue;
        uintptr_t end = u;
        while (end < last && !mm_unit_has(mm_unit_in(p, end), UNIT_PROMISED))
            end += UNIT_BYTES;
        int error = promise_run(p, u, end);
        if (error)
            return error;
        u = end - UNIT_BYTES;
    }
    return 0;
}

/*
 * Take back the promise for every unit of a range: how many had it.  A unit at the edge may have
 * contents outside the range.
 */
static size_t unpromise(struct piece *p, struct range r)
{
    size_t units = 0;

    mm_os_lock(&mm_unit_lock);
    for (uintptr_t u = align_down(r.start, UNIT_BYTES); u < r.end; u += UNIT_BYTES) {
        struct unit *unit = mm_unit_in(p, u);
        bool whole = u >= r.start && u + UNIT_BYTES <= r.end;
        units += (unit->flags & UNIT_PROMISED) != 0;
        mm_unit_flag(unit, whole ? 0 : UNIT_RAGGED, UNIT_PROMISED | UNIT_AHEAD | UNIT_RAGGED);
    }
    mm_os_unlock(&mm_unit_lock);
    return units;
}

/* The contents of a range are gone: so is what was known of them. */
static void clear_records(struct piece *p, struct range r)
{
    mm_os_lock(&mm_unit_lock);
    for (uintptr_t u = align_down(r.start, UNIT_BYTES); u < r.end; u += UNIT_BYTES) {
        struct unit *unit = mm_unit_in(p, u);
        uint16_t gone = mm_unit_mask(u, r.start, r.end);
        mm_unit_not_out(unit, gone);
        set_hint(unit->ahead, unit->ahead & (uint16_t)~gone);
        if (gone == 0xffff)
            mm_unit_flag(unit, 0, UNIT_BAD | UNIT_WHOLE);
    }
    mm_os_unlock(&mm_unit_lock);
}

/*
 * The promise goes after the space.  Who promises ahead, next to a unit being buried, passes over
 * what is promised; the other way round he would promise a unit that is about to lose its space.
 */
int mm_pagefile_forget(struct piece *p, struct range r)
{
    int error = mm_os_punch(p->fd, mm_piece_place(p, r.start), range_size(r));
    size_t bytes = unpromise(p, r) * UNIT_BYTES;

    clear_records(p, r);
    count_promised(0, bytes);
    return error;
}

int mm_pagefile_zero(struct piece *p, struct range r)
{
    int error = mm_os_zero_file(p->fd, mm_piece_place(p, r.start), range_size(r));

    if (!error) {
        clear_records(p, r);
        return 0;
    }
    error = mm_pagefile_forget(p, r); /* a file system that cannot zero a range can punch it */
    return error ? error : mm_pagefile_promise(p, r);
}

/* The new file that takes the place of `old`: the one made for an earlier piece, or a fresh one. */
static int replacement(int index, const int *old, int ret_fds[2])
{
    for (int i = 0; i < index; i++) {
        if (old[i] == old[index]) {
            ret_fds[0] = mm_piece(i)->fd;
            ret_fds[1] = mm_piece(i)->teller;
            return 0;
        }
    }
    if (mm_piece(index)->teller != old[index])
        (void)mm_os_close(mm_piece(index)->teller); /* the parent has its own */
    return make_file(file_size, ret_fds);
}

int mm_pagefile_renew(int *ret_old_files)
{
    int count = mm_piece_count();
    int current = files[0];
    int fds[2];

    for (int i = 0; i < count; i++) {
        struct piece *p = mm_piece(i);
        ret_old_files[i] = p->fd;
        int error = replacement(i, ret_old_files, fds);
        if (error)
            return error;
        p->fd = fds[0];
        p->teller = fds[1];
        if (ret_old_files[i] == current) {
            files[0] = fds[0];
            files[1] = fds[1];
        }
    }
    if (files[0] != current)
        return 0;
    if (files[1] != current)
        (void)mm_os_close(files[1]); /* the parent has its own, and no piece of ours lies in it */
    (void)mm_os_close(current);      /* likewise */
    return new_file();
}
