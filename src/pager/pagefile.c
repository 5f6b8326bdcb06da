/*
 * pagefile.c - page files: nameless, sparse, and space promised before it is needed.
 *
 * A page's place in the page file is its place in its piece, so there is no table of slots.  Disk
 * space is allocated when pages are committed (fallocate), some way ahead, and punched out when
 * they are decommitted: a disk that fills up later can refuse a commit but never a touch.
 *
 * I1  a committed page lies in a unit that is UNIT_PROMISED, or its commit failed
 * I2  space is given back only for ranges that vm has taken from their owner
 */
#include <errno.h>

#include "base/check.h"
#include "pager/pager_internal.h"

/* ext4 ends at 16 TiB; half of it leaves room for file systems that end earlier. */
#define FILE_BYTES (8 * TIB)
#define SMALLEST_FILE (4 * GIB)

/* Space is promised this far ahead, by how much there is already: few calls, little waste. */
#define LEAST_AHEAD (1 * MIB)
#define MOST_AHEAD (64 * MIB)

static char folder[256];
static int file = -1;
static uint64_t file_size;
static uint64_t file_used;
static atomic_size_t promised; /* bytes */

static int new_file(void)
{
    int error = -EFBIG;

    for (uint64_t size = FILE_BYTES; error == -EFBIG && size >= SMALLEST_FILE; size /= 2) {
        error = mm_os_nameless_file(folder, size, &file);
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

/* Map as much of [at, end) as the current file has room for. */
static int attach_one(uintptr_t at, uintptr_t end, uintptr_t *ret_end)
{
    if (file_used == file_size) {
        int error = new_file();
        if (error)
            return error;
    }
    size_t size = min_size(end - at, file_size - file_used);
    int error = mm_pagefile_map((struct range){at, at + size}, OS_NONE, file, file_used);
    if (!error)
        error = mm_piece_add(at, at + size, file, file_used);
    if (error)
        return error;
    file_used += size;
    *ret_end = at + size;
    return mm_piece_identify(mm_piece(mm_piece_count() - 1));
}

int mm_pagefile_attach(uintptr_t where, size_t size)
{
    int error = 0;

    for (uintptr_t at = where; !error && at < where + size;)
        error = attach_one(at, where + size, &at);
    return error;
}

static size_t ahead_now(void)
{
    size_t quarter = align_down(atomic_load(&promised) / 4, UNIT_BYTES);
    return min_size(max_size(quarter, LEAST_AHEAD), MOST_AHEAD);
}

/* Promise one run of units that have no space yet; with room ahead if the disk has it. */
static int promise_run(struct piece *p, uintptr_t start, uintptr_t end)
{
    uintptr_t far = end + ahead_now();
    if (far > p->end)
        far = p->end;
    for (uintptr_t u = end; u < far; u += UNIT_BYTES) {
        if (mm_unit_has(mm_unit_in(p, u), UNIT_PROMISED))
            far = u;
    }

    int error = mm_os_promise(p->fd, mm_piece_place(p, start), far - start);
    if (error && far > end) {
        far = end;
        error = mm_os_promise(p->fd, mm_piece_place(p, start), far - start);
    }
    if (error)
        return error;
    mm_os_lock(&mm_unit_lock);
    for (uintptr_t u = start; u < far; u += UNIT_BYTES)
        mm_unit_flag(mm_unit_in(p, u), UNIT_PROMISED, 0);
    mm_os_unlock(&mm_unit_lock);
    atomic_fetch_add(&promised, far - start);
    mm_count_set(NTMM_PAGE_FILE_PROMISED, atomic_load(&promised));
    return 0;
}

int mm_pagefile_promise(struct piece *p, struct range r)
{
    uintptr_t last = align_up(r.end, UNIT_BYTES);

    for (uintptr_t u = align_down(r.start, UNIT_BYTES); u < last; u += UNIT_BYTES) {
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

/* Take back the promise for every unit of a range: how many had it. */
static size_t unpromise(struct piece *p, struct range r)
{
    size_t units = 0;

    mm_os_lock(&mm_unit_lock);
    for (uintptr_t u = align_down(r.start, UNIT_BYTES); u < r.end; u += UNIT_BYTES) {
        struct unit *unit = mm_unit_in(p, u);
        units += (unit->flags & UNIT_PROMISED) != 0;
        mm_unit_flag(unit, 0, UNIT_PROMISED);
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
    size_t before = atomic_load(&promised);

    clear_records(p, r);
    atomic_fetch_sub(&promised, min_size(bytes, before));
    mm_count_set(NTMM_PAGE_FILE_PROMISED, atomic_load(&promised));
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
static int replacement(int index, const int *old, int *ret_fd)
{
    for (int i = 0; i < index; i++) {
        if (old[i] == old[index]) {
            *ret_fd = mm_piece(i)->fd;
            return 0;
        }
    }
    return mm_os_nameless_file(folder, file_size, ret_fd);
}

int mm_pagefile_renew(int *ret_old_files)
{
    int count = mm_piece_count();
    int current = file;

    for (int i = 0; i < count; i++) {
        ret_old_files[i] = mm_piece(i)->fd;
        int error = replacement(i, ret_old_files, &mm_piece(i)->fd);
        if (error) {
            mm_piece(i)->fd = ret_old_files[i];
            return error;
        }
        if (ret_old_files[i] == current)
            file = mm_piece(i)->fd;
    }
    return 0;
}
