/*
 * trim.c - the trimmer: the hand, the modified and standby lists, second chance.
 *
 * No kernel tells an unprivileged process which pages were accessed, so the trimmer finds out by
 * taking pages away gently.  The hand goes round the address space and unmaps units; they stay in
 * RAM.  Who touches such a page gets it back by a soft fault and is seen when the unit's turn
 * comes: that page is kept.  The rest is written, has a second wait on the standby list, is looked
 * at again, and then dropped from RAM, page by page, never by the unit.
 *
 *   working set --hand--> modified --write--> standby --drop--> page file
 *        ^                   |                   |
 *        +---touched again---+-------------------+
 *
 * I1  nothing here destroys data: unmapping keeps the page, dropping refuses mapped, dirty or busy
 *     pages, so every race leaves the page in RAM
 * I2  a unit is on at most one list, and its stage says which
 * I3  a lent unit is never unmapped: the flag is looked at under the unmap lock
 */
#include "pager/lists.h"
#include "pager/pager_internal.h"

/* Percent of the budget. */
#define TRIM_TO 94    /* stop */
#define FILL_ABOVE 70 /* keep the lists filled from here on */
#define LISTED 25     /* what the lists hold */

#define UNHURRIED 4000000  /* ns between two looks while the budget is kept */
#define STUCK_WAIT 5000000 /* ns to wait when nothing can be dropped */
#define VAIN_BATCHES 64    /* batches without a drop after which to wait a little */

#define SCAN_STEP (512 * MIB) /* address space looked at in one call of the hand */

#define STREAM_PAUSE 5000000           /* ns; a stream that has not moved for longer is over */
#define WAKE_BEGINS (200 * UNIT_BYTES) /* behind a stream that is followed from now on */
#define STILL_USED (8 * UNIT_BYTES)    /* behind its front */
#define LONG_STRETCH (1 * MIB)         /* that the hand need not look at, to be left out */

#define HANDS_OFF (UNIT_PRIVATE | UNIT_LENT | UNIT_BAD | UNIT_DEAD)

#define FEW_DEAD 32    /* units that may lie about while there is room */
#define DEAD_ROUNDS 16 /* wake-ups after which even a few are buried */

struct os_lock mm_unmap_lock;

static uintptr_t hand;
static bool thorough;           /* the hand believes no record: by them there was nothing to give */
static atomic_uintptr_t follow; /* the unit a stream has come to, | 1 if upwards; 0: none */

/* Stretches that may wait for the disk, begun and ended: odd while the trimmer is in one. */
static atomic_uint at_disk;

unsigned mm_trim_at_disk(void)
{
    return atomic_load_explicit(&at_disk, memory_order_relaxed);
}

static void begin_or_end_at_disk(void)
{
    atomic_fetch_add_explicit(&at_disk, 1, memory_order_relaxed);
}

int mm_trim_init(void)
{
    int error = mm_writer_init();

    return error ? error : mm_lists_init((uint32_t)(mm_budget_pages() * 2));
}

void mm_trim_follow(uintptr_t unit, int direction)
{
    atomic_store_explicit(&follow, unit | (direction > 0), memory_order_relaxed);
}

/* ---- the hand --------------------------------------------------------------------------------- */

/* Where the hand goes on: the next committed memory at or after it, round the pieces. */
static struct piece *hand_piece(uintptr_t *ret_at)
{
    int count = mm_piece_count();
    int first = 0;

    while (first < count && mm_piece(first)->end <= hand)
        first++;
    for (int i = 0; i < count; i++) {
        struct piece *p = mm_piece((first + i) % count);
        uintptr_t at = mm_piece_next_live(p, i == 0 && hand > p->start ? hand : p->start);
        if (at < hint(p->high)) {
            *ret_at = at;
            return p;
        }
    }
    hand = 0;
    return NULL;
}

/* Whether the hand may find mapped pages in a unit that it can take.  Records lock held. */
static bool is_worth_a_look(const struct unit *u)
{
    return u->stage == UNIT_ACTIVE && !(u->flags & HANDS_OFF) && u->evicted != 0xffff;
}

/*
 * The part of [at, end) that is worth asking the kernel about: what is listed or gone is left out
 * where it is a long stretch of it.  To ask costs 6 ns a page that is not even there.
 */
static struct range worth_a_look(struct piece *p, uintptr_t at, uintptr_t end)
{
    struct range r = {end, end};

    mm_os_lock(&mm_unit_lock);
    for (uintptr_t u = mm_piece_next_unit(p, at); u < end; u += UNIT_BYTES) {
        if (is_aligned(u - p->start, CHUNK_BYTES))
            u = mm_piece_next_unit(p, u);
        if (u >= end || (r.start < end && u - r.end > LONG_STRETCH))
            break;
        if (!is_worth_a_look(mm_unit_in(p, u)))
            continue;
        if (r.start == end)
            r.start = max_size(u, at);
        r.end = min_size(u + UNIT_BYTES, end);
    }
    mm_os_unlock(&mm_unit_lock);
    return r;
}

/* Collect up to BATCH units with mapped pages in [*at, end), and move it behind them. */
static int collect(struct piece *p, uintptr_t *at, uintptr_t end, uintptr_t *units,
                   uint16_t *present)
{
    struct os_run runs[64];
    int count = 0;
    int found = mm_os_scan_present(*at, end, BATCH * UNIT_PAGES, runs, 64, at);

    for (int r = 0; r < found; r++) {
        for (uintptr_t u = align_down(runs[r].start, UNIT_BYTES); u < runs[r].end;
             u += UNIT_BYTES) {
            uint16_t mask = mm_unit_mask(u, runs[r].start, runs[r].end);
            if (count && units[count - 1] == u) {
                present[count - 1] |= mask;
                continue;
            }
            if (count == BATCH) {
                *at = u;
                return count;
            }
            units[count] = u;
            present[count++] = mask;
        }
    }
    if (found < 0)
        *at = end;
    return count;
}

/* Keep those that may go: not lent, not bad, not listed already.  Under both locks. */
static int choose(uintptr_t *units, const uint16_t *present, int count, uint64_t *ret_pages)
{
    int kept = 0;

    for (int i = 0; i < count; i++) {
        struct unit *u = mm_unit_of(units[i]);
        if (u->stage != UNIT_ACTIVE || u->flags & HANDS_OFF)
            continue;
        if (!mm_lists_add(units[i], UNIT_MODIFIED, (unsigned)__builtin_popcount(present[i])))
            break;
        set_hint(u->ahead, u->ahead & (uint16_t)~present[i]);
        *ret_pages += (uint64_t)__builtin_popcount(present[i]);
        units[kept++] = units[i];
    }
    return kept;
}

static void unmap_units(const uintptr_t *units, int count)
{
    struct os_run runs[BATCH];
    int found = 0;

    for (int i = 0, n; i < count; i += n) {
        n = mm_units_run(units + i, count - i);
        runs[found++] = (struct os_run){units[i], units[i] + (uintptr_t)n * UNIT_BYTES};
    }
    mm_os_discard_all(runs, found);
}

/* Take one batch in [*at, end) out of the working set and move *at on; the number of pages. */
static uint64_t trim_within(struct piece *p, uintptr_t *at, uintptr_t end)
{
    uintptr_t units[BATCH];
    uint16_t present[BATCH];
    uint64_t pages = 0;
    int count = collect(p, at, end, units, present);

    mm_os_lock(&mm_unmap_lock);
    mm_os_lock(&mm_unit_lock);
    count = choose(units, present, count, &pages);
    mm_os_unlock(&mm_unit_lock);
    unmap_units(units, count);
    mm_os_unlock(&mm_unmap_lock);
    mm_count(NTMM_PAGES_TRIMMED, pages);
    return pages;
}

/* The same where the records say that it is worth it. */
static uint64_t trim_known(struct piece *p, uintptr_t *at, uintptr_t end)
{
    struct range r = worth_a_look(p, *at, end);
    uint64_t pages = r.start < r.end ? trim_within(p, &r.start, r.end) : 0;

    *at = r.start;
    return pages;
}

/* What a stream has passed and was not yet taken from behind it. */
struct wake {
    uintptr_t front; /* the unit the stream had come to; 0: no stream */
    bool up;
    struct range r;
};

/* The stream is at `front` now.  Has it gone on since the last look, or is this another one? */
static void follow_wake(struct wake *w, uintptr_t front, bool up)
{
    uintptr_t step = front > w->front ? front - w->front : w->front - front;
    bool goes_on = w->front && w->up == up && up == (front >= w->front) && step < SCAN_STEP;
    uintptr_t rear = up ? front - WAKE_BEGINS : front + WAKE_BEGINS;

    w->front = front;
    w->up = up;
    if (up)
        w->r = (struct range){goes_on ? w->r.start : rear, front - STILL_USED};
    else
        w->r = (struct range){front + STILL_USED, goes_on ? w->r.end : rear};
}

/*
 * Drop-behind: what a long stream has passed goes first, so that a walk through everything does not
 * evict all the rest.  Pages are taken: their number; or 0, and *ret_wait: more will soon be passed.
 */
static uint64_t trim_behind_stream(bool *ret_wait)
{
    static struct wake wake;
    static uint64_t since; /* ns: when it last moved */
    uintptr_t word = atomic_load_explicit(&follow, memory_order_relaxed);
    uintptr_t front = align_down(word, UNIT_BYTES);
    struct piece *p = front ? mm_piece_of(front) : NULL;

    *ret_wait = false;
    if (!p)
        return 0;
    if (front != wake.front) {
        follow_wake(&wake, front, word & 1);
        since = mm_os_now();
    }
    uintptr_t at = max_size(wake.r.start, hint(p->low));
    uintptr_t end = min_size(wake.r.end, hint(p->high));
    uint64_t pages = at < end ? trim_known(p, &at, min_size(end, at + SCAN_STEP)) : 0;
    if (wake.up)
        wake.r.start = max_size(wake.r.start, at);
    if (pages)
        return pages;
    *ret_wait = mm_os_now() - since < STREAM_PAUSE;
    if (!*ret_wait) /* it is over, unless it has moved on just now */
        (void)atomic_compare_exchange_strong(&follow, &word, 0);
    return 0;
}

static uint64_t move_hand(void)
{
    uintptr_t at;

    struct piece *p = hand_piece(&at);
    if (!p)
        return 0;
    hand = at;
    uintptr_t end = min_size(at + SCAN_STEP, hint(p->high));
    return thorough ? trim_within(p, &hand, end) : trim_known(p, &hand, end);
}

/* ---- from modified to standby ------------------------------------------------------------------ */

static int take_batch(enum unit_stage stage, uintptr_t *units)
{
    mm_os_lock(&mm_unit_lock);
    int count = mm_lists_take(stage, units, BATCH);
    mm_os_unlock(&mm_unit_lock);
    return count;
}

/* Which pages of a unit may leave: those not mapped; of a whole folio all or none. */
static uint16_t leaving(const struct unit *u, uint16_t present)
{
    if (u->flags & HANDS_OFF)
        return 0;
    if (u->flags & UNIT_WHOLE && present)
        return 0;
    return (uint16_t)~present;
}

static uint64_t age_modified(void)
{
    uintptr_t units[BATCH];
    uint16_t masks[BATCH];
    uint64_t kept = 0;
    int on = 0;
    int count = take_batch(UNIT_MODIFIED, units);

    mm_units_present(units, count, masks);
    mm_os_lock(&mm_unit_lock);
    for (int i = 0; i < count; i++) {
        struct unit *u = mm_unit_of(units[i]);
        uint16_t leave = leaving(u, masks[i]);
        kept += (uint64_t)__builtin_popcount(masks[i]);
        u->stage = UNIT_ACTIVE;
        if (leave && mm_lists_add(units[i], UNIT_STANDBY, u->listed)) {
            units[on] = units[i];
            masks[on++] = leave;
        }
    }
    mm_os_unlock(&mm_unit_lock);
    begin_or_end_at_disk();
    mm_writer_start(units, masks, on);
    begin_or_end_at_disk();
    mm_count(NTMM_SECOND_CHANCES, kept);
    return (uint64_t)count;
}

/* ---- from standby to the page file ------------------------------------------------------------- */

/* False when it may not be dropped. */
static bool drop_run(struct range run)
{
    struct piece *p = mm_piece_of(run.start);

    if (!p)
        return true;
    if (!mm_writer_settle(p, run))
        return false;
    (void)mm_os_drop(p->fd, mm_piece_place(p, run.start), range_size(run)); /* looked at later */
    return true;
}

/*
 * Drop the runs of pages that `masks` name, joining runs across consecutive units.
 *
 * => false after an error of writing: what was not dropped yet may not be now
 */
static bool drop_pages(const uintptr_t *units, const uint16_t *masks, int count)
{
    struct range run = {0, 0};

    for (int i = 0; i < count; i++) {
        for (unsigned page = 0; page < UNIT_PAGES; page++) {
            uintptr_t at = units[i] + page * PAGE_BYTES;
            if (!(masks[i] & 1u << page))
                continue;
            if (run.end == at && mm_piece_of(at) == mm_piece_of(run.start)) {
                run.end += PAGE_BYTES;
                continue;
            }
            if (!drop_run(run))
                return false;
            run = (struct range){at, at + PAGE_BYTES};
        }
    }
    return drop_run(run);
}

/*
 * What left RAM is in the page file alone from now on.  What should have left and did not (dirty
 * again, busy, one folio with a page that is mapped) goes round once more, as a whole.
 */
static uint64_t record_drops(const uintptr_t *units, const uint16_t *before, const uint16_t *after,
                             const uint16_t *leave, int count)
{
    uint64_t dropped = 0;

    mm_os_lock(&mm_unit_lock);
    for (int i = 0; i < count; i++) {
        struct unit *u = mm_unit_of(units[i]);
        uint16_t gone = before[i] & (uint16_t)~after[i];
        uint16_t stuck = leave[i] & after[i];
        u->stage = UNIT_ACTIVE;
        if (stuck)
            mm_unit_flag(u, UNIT_WHOLE, 0);
        if (stuck && !(u->flags & HANDS_OFF))
            (void)mm_lists_add(units[i], UNIT_MODIFIED, (unsigned)__builtin_popcount(stuck));
        mm_unit_went_out(u, gone);
        if (gone)
            mm_unit_flag(u, 0, UNIT_FAULTED);
        if (u->ahead & gone)
            mm_unit_flag(u, UNIT_UNUSED, 0);
        set_hint(u->ahead, u->ahead & (uint16_t)~gone);
        if (u->stage == UNIT_ACTIVE && u->ahead & ~after[i])
            (void)mm_lists_add(units[i], UNIT_STANDBY, u->listed); /* still being read: wait */
        if (gone && !stuck)
            mm_unit_flag(u, 0, UNIT_WHOLE);
        dropped += (uint64_t)__builtin_popcount(gone);
    }
    mm_os_unlock(&mm_unit_lock);
    return dropped;
}

/* Put those of `count` units from `unit` on that have cached pages and are on no list on one. */
static void list_strays(uintptr_t unit, int count)
{
    uintptr_t units[BATCH] = {0};
    uint16_t cached[BATCH];

    for (int i = 0; i < count; i++)
        units[i] = unit + (uintptr_t)i * UNIT_BYTES;
    mm_units_cached(units, count, cached);
    mm_os_lock(&mm_unit_lock);
    for (int i = 0; i < count; i++) {
        struct unit *u = mm_unit_of(units[i]);
        if (cached[i] && u->stage == UNIT_ACTIVE && !(u->flags & HANDS_OFF))
            (void)mm_lists_add(units[i], UNIT_MODIFIED, (unsigned)__builtin_popcount(cached[i]));
    }
    mm_os_unlock(&mm_unit_lock);
}

/* Drop one batch; the number of pages dropped, and of units looked at. */
static int age_standby(uint64_t *ret_dropped)
{
    uintptr_t units[BATCH];
    uint16_t present[BATCH];
    uint16_t leave[BATCH];
    uint16_t before[BATCH];
    uint16_t after[BATCH];
    uint64_t kept = 0;
    int count = take_batch(UNIT_STANDBY, units);

    begin_or_end_at_disk();
    mm_writer_finish(units, count);
    begin_or_end_at_disk();
    mm_units_present(units, count, present);
    mm_units_in_cache(units, count, before);
    mm_os_lock(&mm_unit_lock);
    for (int i = 0; i < count; i++) {
        leave[i] = leaving(mm_unit_of(units[i]), present[i]) & before[i];
        kept += (uint64_t)__builtin_popcount(present[i]);
    }
    mm_os_unlock(&mm_unit_lock);
    begin_or_end_at_disk();
    bool failed = !drop_pages(units, leave, count);
    begin_or_end_at_disk();
    mm_units_in_cache(units, count, after);
    for (int i = 0; failed && i < count; i++)
        leave[i] = 0; /* what stays is not stuck */
    uint64_t dropped = record_drops(units, before, after, leave, count);
    for (int i = 0; failed && i < count; i++)
        list_strays(units[i], 1); /* dirty again */
    mm_budget_dropped(dropped);
    mm_count(NTMM_PAGES_DROPPED, dropped);
    mm_count(NTMM_SECOND_CHANCES, kept);
    *ret_dropped = dropped;
    return count;
}

/* ---- the thread -------------------------------------------------------------------------------- */

/*
 * Pages that are in RAM, not mapped and on no list, by whatever way they came there, are put on the
 * modified list.  Looks at all committed memory, so it is for when there is nothing else to give.
 */
void mm_trim_find_strays(void)
{
    for (int i = 0; i < mm_piece_count(); i++) {
        struct piece *p = mm_piece(i);
        uintptr_t high = hint(p->high);
        uintptr_t unit = mm_piece_next_unit(p, p->start);
        while (unit < high) {
            size_t left = (align_up(high, UNIT_BYTES) - unit) >> UNIT_SHIFT;
            int count = (int)min_size(left, BATCH);
            list_strays(unit, count);
            unit = mm_piece_next_unit(p, unit + (uintptr_t)count * UNIT_BYTES);
        }
    }
}

/* Keep a quarter of the budget unmapped, half of it written already. */
static void fill_lists(void)
{
    uint64_t target = mm_budget_part(LISTED);

    for (int tries = 0; mm_lists_pages(UNIT_ACTIVE) < target && tries < 64; tries++) {
        bool wait;
        if (trim_behind_stream(&wait))
            continue;
        if (wait || (!move_hand() && hand == 0))
            break;
    }
    while (mm_lists_pages(UNIT_MODIFIED) > target / 2 && age_modified())
        ;
}

/* Bury the dead: at once when there are many or room is short, after a while otherwise. */
static void bury(bool at_once)
{
    static unsigned rounds;

    if (!at_once && ++rounds % DEAD_ROUNDS && mm_dead_count() < FEW_DEAD)
        return;
    begin_or_end_at_disk();
    while (mm_dead_bury())
        ;
    begin_or_end_at_disk();
}

/* Drop pages until the budget is kept again: true; or nothing can be dropped for the moment. */
static bool give_back(void)
{
    int vain = 0;

    bury(true);
    while (mm_budget_used() > mm_budget_part(TRIM_TO) && vain < VAIN_BATCHES) {
        uint64_t dropped = 0;
        fill_lists();
        if (!age_standby(&dropped) && !age_modified() && !move_hand())
            break;
        vain = dropped ? 0 : vain + 1;
        mm_budget_census(false);
    }
    bool done = mm_budget_used() <= mm_budget_part(TRIM_ABOVE);
    thorough = !done; /* nobody may have seen what was read back */
    if (!done)
        mm_trim_find_strays();
    return done;
}

/* How long nothing is to be done but what the gate rings for. */
static uint64_t idle_time(uint64_t used)
{
    return mm_budget_time_to(mm_budget_pages(), used, UNHURRIED);
}

void mm_trim_main(void *unused)
{
    uint64_t spent = 0; /* CPU counted so far, ns */

    (void)unused;
    for (;;) {
        mm_budget_census(false);
        uint64_t used = mm_budget_used();
        bury(false);
        if (mm_writer_look())
            mm_trim_find_strays();
        bool stuck = false;
        if (used > mm_budget_part(TRIM_ABOVE))
            stuck = !give_back();
        else if (used > mm_budget_part(FILL_ABOVE))
            fill_lists();
        mm_count_set(NTMM_MODIFIED, mm_lists_pages(UNIT_MODIFIED) * PAGE_BYTES);
        mm_budget_spent(&spent);
        if (stuck)
            mm_os_sleep(STUCK_WAIT); /* over the budget: calm or not, try again */
        else
            (void)mm_sleep(PAGER_TRIMMER, idle_time(mm_budget_used()));
    }
}

void mm_trim_all(void)
{
    for (int i = 0; i < mm_piece_count(); i++) {
        struct piece *p = mm_piece(i);
        uintptr_t high = hint(p->high);
        for (uintptr_t at = mm_piece_next_live(p, p->start); at < high;
             at = mm_piece_next_live(p, at))
            (void)trim_within(p, &at, min_size(at + SCAN_STEP, high)); /* any number */
    }
}

void mm_trim_forget(void)
{
    mm_lists_forget();
    atomic_store(&at_disk, 0);
    hand = 0;
    thorough = false;
    atomic_store(&follow, 0);
}
