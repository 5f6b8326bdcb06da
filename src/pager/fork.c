/*
 * fork.c - a child gets memory of its own.
 *
 * Committed memory is a shared mapping, which fork would let parent and child share for good.  So:
 *
 *   before     every other thread stands still; the mappings become private copies-on-write of the
 *              page file, which a fork may copy like any private memory (as it copies the units that
 *              are private anyhow)
 *   child      makes page files of its own, copies what the parent's hold, then its own few pages
 *              written since, maps them shared, tells the parent, goes on
 *   parent     waits for that, writes its own few pages written since back to the page file, maps
 *              it shared again, lets the threads go on
 *
 * A program all of whose memory is private yet forks without any of this; its child only takes a
 * page file of its own.
 *
 * At every other time the mappings are not inherited at all (MADV_DONTFORK): a child made by a bare
 * clone system call faults rather than sharing or losing a byte.  vfork and posix_spawn share the
 * address space until exec and need none of this.
 *
 * I1  between `before` and `done` nobody writes the page file's pages: the parent's threads stand,
 *     and the two callers write private copies
 * I2  a child that cannot have its copy ends with a message; it never runs with the wrong contents
 */
#include <errno.h>

#include "pager/lists.h"
#include "pager/pager_internal.h"

#define KEPT_BY_CHILD (UNIT_PROMISED | UNIT_RAGGED | UNIT_LENT | UNIT_PRIVATE)
#define MOST_UNWRITTEN (8 * MIB) /* in RAM of a copy; less where a quarter of the budget is less */
#define CLOSE (1 * MIB)          /* stretches nearer than this are written in one call */
#define STEP_PAGES (MOST_UNWRITTEN >> PAGE_SHIFT)

static int done_pipe[2] = {-1, -1};
static bool forked_private; /* before_fork did its part */

/* Call `apply` for each mapping of our own in all pieces until one fails. */
static int each_mapping(int (*apply)(struct piece *p, const struct os_mapping *m))
{
    int error = 0;

    for (int i = 0; i < mm_piece_count(); i++) {
        struct piece *p = mm_piece(i);
        struct os_mapping m;
        for (uintptr_t at = p->start; !error && mm_piece_next_mapping(p, at, &m); at = m.end)
            error = apply(p, &m);
    }
    return error;
}

static int map_private(struct piece *p, const struct os_mapping *m)
{
    return mm_os_map_file_private((void *)m->start, m->end - m->start, m->access, p->fd,
                                  mm_piece_place(p, m->start));
}

static int map_shared(struct piece *p, const struct os_mapping *m)
{
    return mm_pagefile_map((struct range){m->start, m->end}, m->access, p->fd,
                           mm_piece_place(p, m->start));
}

/*
 * Write a run of pages to the page file, never more than a unit at once: the kernel makes one folio
 * of what is written in one call, and a folio leaves RAM as a whole.
 */
static int write_run(struct piece *p, struct os_run run)
{
    int error = 0;

    for (uintptr_t at = run.start, end; !error && at < run.end; at = end) {
        end = min_size(align_down(at, UNIT_BYTES) + UNIT_BYTES, run.end);
        error = mm_os_write_all(p->fd, (void *)at, end - at, mm_piece_place(p, at));
        mm_unit_flag(mm_unit_in(p, at), UNIT_WHOLE, 0);
    }
    return error;
}

/* Pages written since the mapping became private go to the file that p->fd names now. */
static int write_back(struct piece *p, const struct os_mapping *m)
{
    struct os_run runs[64];
    int error = 0;

    for (uintptr_t at = m->start; !error && at < m->end;) {
        int found = mm_os_scan_private(at, m->end, runs, 64, &at);
        if (found < 0)
            return found;
        for (int i = 0; i < found && !error; i++)
            error = write_run(p, runs[i]);
    }
    return error;
}

static void die(const char *why, int error)
{
    char line[200];
    struct os_text t = {line, line + sizeof line - 1};

    mm_os_text(&t, "ntmm: ");
    mm_os_text(&t, why);
    mm_os_text(&t, " (error ");
    mm_os_text_number(&t, (uint64_t)-error);
    mm_os_text(&t, ")\n");
    mm_os_complain(line);
    mm_os_exit(125);
}

/*
 * The caller's stack may be paged memory as well.  What it wrote there between writing it back and
 * mapping the file again would be lost, so both are done on another stack while it sleeps.
 */
static void apart(void (*run)(void *), const char *why)
{
    static int result;
    int error = mm_os_run_apart(run, &result);

    if (!error)
        error = result;
    if (error)
        die(why, error);
}

void mm_pager_before_fork(void)
{
    forked_private = false;
    if (!mm_pager_is_on() || !mm_pagefile_is_attached())
        return;
    int error = mm_throttle_stop_all();
    if (error)
        die("cannot fork: a thread does not stop", error);
    while (mm_dead_bury())
        ;
    mm_os_lock(&mm_burial_lock);
    mm_os_lock(&mm_unmap_lock);
    mm_os_lock(&mm_dead_lock);
    mm_os_lock(&mm_unit_lock);
    error = mm_os_pipe(done_pipe);
    if (!error)
        error = each_mapping(map_private);
    if (error)
        die("cannot prepare for fork; is the page file's folder full?", error);
    forked_private = true;
}

static void share_again(void *ret_error)
{
    int error = each_mapping(write_back);

    if (!error)
        error = each_mapping(map_shared);
    *(int *)ret_error = error;
}

void mm_pager_after_fork_in_parent(void)
{
    char byte;

    if (!forked_private)
        return;
    (void)mm_os_close(done_pipe[1]); /* the child holds the other one: its end is our sign */
    while (mm_os_read(done_pipe[0], &byte, 1) == -EINTR)
        ;
    (void)mm_os_close(done_pipe[0]); /* nothing more to read */
    apart(share_again, "cannot go on after fork; is the page file's folder full?");
    mm_lists_doubt_standby(); /* what was mapped and dirty on it is not mapped any more */
    mm_os_unlock(&mm_unit_lock);
    mm_os_unlock(&mm_dead_lock);
    mm_os_unlock(&mm_unmap_lock);
    mm_os_unlock(&mm_burial_lock);
    mm_throttle_start_all();
    mm_count(NTMM_FORKS, 1);
}

/* What was copied and dropped is read ahead of use like anything in the page file. */
static void note_evicted(struct piece *p, uint64_t start, uint64_t end)
{
    uintptr_t from = p->start + (start - p->offset);
    uintptr_t to = p->start + (end - p->offset);

    for (uintptr_t u = align_down(from, UNIT_BYTES); u < to; u += UNIT_BYTES) {
        struct unit *unit = mm_unit_in(p, u);
        mm_unit_went_out(unit, mm_unit_mask(u, from, to));
        mm_unit_flag(unit, 0, UNIT_WHOLE);
    }
}

/*
 * Which pages of a stretch of the parent's file are in RAM; those it cannot tell of count as such.
 * The rest begins to be read, by us and not by the kernel's own read-ahead: that reads more, which
 * nobody would drop, and in folios of up to 2 MiB, which hardly ever leave as a whole.
 */
static void look_and_read(const struct piece *p, int from, uint64_t start, uint64_t end,
                          unsigned char *ret_cached)
{
    size_t size = end - start;

    if (!size)
        return;
    if (mm_os_in_core((void *)(p->start + (start - p->offset)), size, ret_cached) == 0) {
        (void)mm_os_read_ahead(from, start, size); /* a hint */
        return;
    }
    for (size_t i = 0; i < STEP_PAGES; i++)
        ret_cached[i] = 1;
}

/*
 * Drop what the copying alone brought into RAM.  What the parent had there stays: it may be clean
 * because it could not be written, and only the parent knows.
 */
static void drop_brought_in(int from, uint64_t start, uint64_t end, const unsigned char *cached)
{
    size_t count = (end - start) >> PAGE_SHIFT;

    for (size_t i = 0, n; i < count; i += n) {
        for (n = 1; i + n < count && !((cached[i] ^ cached[i + n]) & 1); n++)
            ;
        if (!(cached[i] & 1))
            (void)mm_os_drop(from, start + i * PAGE_BYTES, n * PAGE_BYTES); /* RAM, no contents */
    }
}

/* What was copied since the last write, of all stretches of data in [start, end). */
struct unwritten {
    uint64_t start, end;
    uint64_t bytes;
};

/*
 * Write a part of the copy and drop it from RAM; what could not be written must not be dropped.
 */
static int evict_copy(struct piece *p, uint64_t start, uint64_t end)
{
    uintptr_t at = p->start + (start - p->offset);
    int error = start < end ? mm_writer_write(p, (struct range){at, at + (end - start)}) : 0;

    if (!error && start < end)
        (void)mm_os_drop(p->fd, start, end - start);
    return error;
}

/* Evict what was copied: the child has a budget too, from its first moment on. */
static int let_go(struct piece *p, int from, struct unwritten *u)
{
    uint64_t part = u->start; /* stretches that lie close together are written as one */
    uint64_t end = u->start;
    uint64_t start;
    int error = 0;

    for (uint64_t at = u->start; !error && at < u->end; at = end) {
        if (mm_os_next_data(from, at, &start, &end) || start >= u->end)
            break;
        if (start - at > CLOSE) {
            error = evict_copy(p, part, at);
            part = start;
        }
        end = min_size(end, u->end);
        note_evicted(p, start, end);
    }
    if (!error)
        error = evict_copy(p, part, end);
    *u = (struct unwritten){u->end, u->end, 0};
    return error;
}

/* A unit at a time, as above. */
static int copy_units(struct piece *p, int from, uint64_t start, uint64_t end)
{
    int error = 0;

    for (uint64_t at = start, next; !error && at < end; at = next) {
        next = min_size(align_down(at, UNIT_BYTES) + UNIT_BYTES, end);
        error = mm_os_copy_file(from, p->fd, at, next - at);
    }
    return error;
}

/* Copy the stretch of data from u->end on and let neither file fill RAM. */
static int copy_stretch(struct piece *p, int from, uint64_t end, struct unwritten *u)
{
    uint64_t step = min_size(MOST_UNWRITTEN, max_size(mm_budget_part(25) * PAGE_BYTES, UNIT_BYTES));
    unsigned char cached[2][STEP_PAGES];
    int error = 0;
    int now = 0;

    step = align_down(step, UNIT_BYTES);
    look_and_read(p, from, u->end, min_size(u->end + step, end), cached[now]);
    for (uint64_t at = u->end, next; !error && at < end; at = next, now ^= 1) {
        next = min_size(at + step, end);
        look_and_read(p, from, next, min_size(next + step, end), cached[!now]);
        error = copy_units(p, from, at, next);
        u->end = next;
        u->bytes += next - at;
        if (!error && u->bytes >= step)
            error = let_go(p, from, u);
        drop_brought_in(from, at, next, cached[now]);
    }
    return error;
}

static int copy_piece(struct piece *p, int from)
{
    uint64_t start;
    uint64_t end;
    uint64_t limit = mm_piece_place(p, p->high);
    struct unwritten u = {0};
    int error = 0;

    if (p->high <= p->low)
        return 0;
    for (uint64_t at = mm_piece_place(p, p->low); !error && at < limit; at = end) {
        error = mm_os_next_data(from, at, &start, &end);
        if (error == -ENXIO)
            return 0;
        if (error || start >= limit)
            return error;
        end = min_size(end, limit);
        u = (struct unwritten){u.bytes ? u.start : start, start, u.bytes};
        error = copy_stretch(p, from, end, &u);
    }
    return error;
}

/* Everything the parent promised is promised again, in the child's own file. */
static int promise_again(struct piece *p)
{
    int error = 0;

    for (uintptr_t u = mm_piece_next_unit(p, p->low); !error && u < p->high;
         u = mm_piece_next_unit(p, u)) {
        uintptr_t end = u;
        while (end < p->high && mm_unit_in(p, end)->flags & (UNIT_PROMISED | UNIT_RAGGED))
            end += UNIT_BYTES;
        if (end > u)
            error = mm_os_promise(p->fd, mm_piece_place(p, u), end - u);
        u = max_size(end, u + UNIT_BYTES);
    }
    return error;
}

static void close_old(const int *old)
{
    for (int i = 0; i < mm_piece_count(); i++) {
        if (i == 0 || old[i] != old[i - 1])
            (void)mm_os_close(old[i]); /* the parent has its own */
    }
}

static int own_files(void)
{
    int old[MOST_PIECES];
    int error = mm_pagefile_renew(old);

    for (int i = 0; !error && i < mm_piece_count(); i++) {
        error = promise_again(mm_piece(i));
        if (!error)
            error = copy_piece(mm_piece(i), old[i]);
    }
    if (!error)
        error = each_mapping(write_back);
    if (!error)
        error = each_mapping(map_shared);
    for (int i = 0; !error && i < mm_piece_count(); i++)
        error = mm_piece_identify(mm_piece(i));
    if (!error)
        close_old(old);
    return error;
}

/* All memory is private yet: the kernel has copied it, and nothing lies in the files. */
static void own_empty_files(void)
{
    int old[MOST_PIECES];
    int error = mm_pagefile_renew(old);

    if (error)
        die("a forked child cannot have a page file; is its folder writable?", error);
    close_old(old);
    mm_budget_forget();
    mm_engine_forget();
}

/*
 * What is known of the units stems from the parent's file: forget all but the promise.  The copies
 * lie in folios of up to a unit.
 */
static void forget_records(void)
{
    for (int i = 0; i < mm_piece_count(); i++) {
        struct piece *p = mm_piece(i);
        for (uintptr_t u = mm_piece_next_unit(p, p->low); u < p->high;
             u = mm_piece_next_unit(p, u + UNIT_BYTES)) {
            struct unit *unit = mm_unit_in(p, u);
            mm_unit_not_out(unit, 0xffff);
            if (unit->ahead | unit->stage | unit->flags)
                *unit =
                    (struct unit){.flags = (uint16_t)((unit->flags & KEPT_BY_CHILD) | UNIT_WHOLE),
                                  .lent = unit->lent,
                                  .kind = unit->kind};
        }
    }
}

static void separate(void *ret_error)
{
    *(int *)ret_error = own_files();
}

void mm_pager_after_fork_in_child(void)
{
    if (!mm_pager_is_on())
        return;
    mm_os_threads_gone();
    mm_os_faults_feed_forget();
    mm_throttle_forget();
    mm_sleep_forget();
    if (!forked_private) {
        own_empty_files();
        return;
    }
    (void)mm_os_close(done_pipe[0]); /* the parent's end */
    mm_pagefile_forget_ahead();
    forget_records();
    mm_writer_forget();
    apart(separate,
          "a forked child cannot have memory of its own; is the page file's folder full?");
    mm_trim_forget();
    mm_os_unlock(&mm_unit_lock);
    mm_os_unlock(&mm_dead_lock);
    mm_os_unlock(&mm_unmap_lock);
    mm_os_unlock(&mm_burial_lock);
    (void)mm_os_close(done_pipe[1]); /* lets the parent go on */
    mm_trim_find_strays();
    mm_budget_forget();
    mm_engine_forget();
}
