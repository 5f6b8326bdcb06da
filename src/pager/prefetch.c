/*
 * prefetch.c - the reader: sees what was touched, finds streams, reads ahead of them.
 *
 * The kernel's own read-ahead is off (its window can be 8 MiB and cannot be set from here).  A page
 * that we know as evicted and that page tables map now was read back by a hard fault; one that was
 * asked for ahead and is mapped now is a hit.  Hard faults come from the kernel's feed where it is
 * allowed; hits are looked for just ahead of the streams that are known.  A sweep over the page
 * tables finds the rest; it goes round the committed memory a bounded step at a time and rests in
 * proportion, so its cost does not grow with the heap.
 *
 * A hard fault next to a unit touched a moment ago, near the edge where a walk in that direction
 * comes in, begins a stream: the units ahead are asked for, twice as many each time the stream
 * proves itself by a hit, at most 64 (4 MiB).  Direction and depth are kept with the units asked
 * for, so that many streams can go on at once; the table of streams only tells where to look first.
 *
 * Read-ahead is judged by hits in time, streams and the rests of units apart.  A program that jumps
 * about makes it worthless; then only one attempt in 32 is made, until they pay again.
 */
#include "pager/lists.h"
#include "pager/pager_internal.h"

#define SWEEP_PAGES 65536    /* looked at in a step: about 0.1 ms */
#define RECENT 96            /* touch events within which a neighbour counts as just touched */
#define RECENT_IN_UNIT 1024  /* the same for a second fault in one unit */
#define REST_DEPTH 1         /* depth that marks the rest of a unit; streams go deeper */
#define MOST_DEPTH 64        /* units ahead: 4 MiB */
#define LEAST_DEPTH 4        /* what a stream may reach under the smallest budget */
#define DEPTH_SHARE 16       /* but no more than this part of the budget */
#define IO_BYTES (256 * KIB) /* asked for in one call */
#define OVER_BUDGET 101      /* percent; beyond it nothing is read ahead */
#define STREAM_FOLLOWED 64   /* units in a row after which the trimmer follows a stream */
/* Hits in time, percent, below which read-ahead is throttled. */
#define STREAMS_WORTH 30
#define RESTS_WORTH 66
#define ONE_IN 32
#define MOST_SKIPPED 48 /* units of another kind between two of a kind */
#define SKIP_AGAIN 64   /* touch events without surprise after which unused units are skipped */

/* ns between two looks while the program faults; the longest, while all goes as foreseen */
#define SHORT_NAP 100000
#define LONG_NAP 1600000
#define MOST_USED 8 /* the share of a stream's depth (1/8) that may be used between two looks */
#define REST_WITH_FEED 100 /* times what a sweep took, until the next */
#define REST_WITHOUT_FEED 4

#define STREAMS 32       /* watched at once */
#define WATCHED_AHEAD 64 /* units of its kind: further than a stream comes between two looks */
#define LOOKED_AT 16     /* of them with one question */
#define NEAR_FRONT 192   /* units from a stream's front within which a hit is its own */
#define UNUSED_SEEN 2  /* units read ahead and not yet used, after which it is not looked further */
#define LONGEST_REST 3 /* looks left out at a stream that does not move */
#define STREAM_LIFE 2048 /* touch events without a hit after which a stream is over */
#define LONG_STREAM 1024 /* units in a row (64 MiB) after which one is believed to go on */

static uint32_t events = RECENT_IN_UNIT + 1;
/* Whether asking pays: of streams, and of the rest of a unit. */
struct judge {
    uint32_t asked;    /* units, decayed */
    uint32_t hit;      /* of them in time, decayed */
    uint32_t attempts; /* since throttled */
    uint32_t worth;    /* (c) percent */
};

static unsigned hits_seen;   /* units, since the last nap */
static unsigned faults_seen; /* hard ones, likewise */
static uint32_t surprise;    /* touch event at which a skipped unit was wanted after all */

static struct judge of_streams = {.worth = STREAMS_WORTH};
static struct judge of_rests = {.worth = RESTS_WORTH};

/* ---- asking ----------------------------------------------------------------------------------- */

/* Pages that may be read ahead now. */
static uint64_t room_left(void)
{
    uint64_t used = mm_budget_used();
    uint64_t most = mm_budget_part(OVER_BUDGET);

    return used < most ? most - used : 0;
}

static bool worth_it(struct judge *j)
{
    if (j->asked > 2048) { /* let old experience fade */
        j->asked /= 2;
        j->hit /= 2;
    }
    if (j->asked < 64 || j->hit * 100 >= j->asked * j->worth)
        return true;
    return j->attempts++ % ONE_IN == 0;
}

/* Who judges what was asked for with this depth. */
static struct judge *judge_of(unsigned depth)
{
    return depth == REST_DEPTH ? &of_rests : &of_streams;
}

static void ask(struct piece *p, struct range r)
{
    if (range_size(r) == 0)
        return;
    (void)mm_os_read_ahead(p->fd, mm_piece_place(p, r.start), range_size(r)); /* a hint */
    mm_count(NTMM_READS, 1);
}

/*
 * A unit that was read ahead and left unused is likely to be left unused again: a walk often takes
 * the same way.  Until a walk wants what was skipped.
 */
static bool skipped(const struct unit *u, unsigned depth)
{
    return mm_unit_has(u, UNIT_UNUSED) && depth != REST_DEPTH && events - surprise > SKIP_AGAIN;
}

/*
 * Take the evicted pages of a unit as asked for: their mask.  They stand by from now on, so that
 * what is never used leaves again.
 */
static uint16_t claim(struct piece *p, uintptr_t unit, int direction, unsigned depth)
{
    struct unit *u = mm_unit_in(p, unit);
    uint16_t pages = u->evicted;

    if (!pages || skipped(u, depth))
        return 0;
    if (u->stage == UNIT_ACTIVE)
        (void)mm_lists_add(unit, UNIT_STANDBY, (unsigned)__builtin_popcount(pages));

    mm_unit_not_out(u, pages);
    set_hint(u->ahead, u->ahead | pages);
    u->direction = (int8_t)direction;
    u->depth = (uint8_t)depth;
    u->asked = events;
    return pages;
}

static void asked_for(unsigned pages)
{
    mm_budget_added(pages);
    mm_count(NTMM_READ_AHEAD_PAGES, pages);
    mm_count(NTMM_PAGES_IN, pages);
}

/* Ask for the evicted pages of one unit, adding to the run in `r` where they follow it. */
static void ask_unit(struct piece *p, uintptr_t unit, uint16_t pages, struct range *r)
{
    while (pages) {
        unsigned first = (unsigned)__builtin_ctz(pages);
        unsigned length = (unsigned)__builtin_ctz(~((unsigned)pages >> first));
        uintptr_t start = unit + first * PAGE_BYTES;
        uintptr_t end = start + length * PAGE_BYTES;
        bool joins = r->end == start || r->start == end;

        if (!joins || range_size(*r) + (end - start) > IO_BYTES) {
            ask(p, *r);
            *r = (struct range){start, end};
        } else if (r->end == start) {
            r->end = end;
        } else {
            r->start = start;
        }
        pages &= (uint16_t) ~(((1u << length) - 1) << first);
    }
}

static uint8_t kind_of(const struct piece *p, uintptr_t unit)
{
    return hint(mm_unit_in(p, unit)->kind);
}

/* The next unit of the same kind, from `unit` in a direction; 0: none near. */
static uintptr_t next_of_kind(struct piece *p, uintptr_t unit, int direction)
{
    uint8_t kind = kind_of(p, unit);

    for (unsigned i = 0; i < MOST_SKIPPED; i++) {
        unit = direction > 0 ? unit + UNIT_BYTES : unit - UNIT_BYTES;
        if (unit < hint(p->low) || unit >= hint(p->high))
            return 0;
        if (kind_of(p, unit) == kind)
            return unit;
    }
    return 0;
}

/* Ask for `count` units of a kind from `unit` on in a direction. */
static void fetch(struct piece *p, uintptr_t unit, int direction, unsigned count, unsigned depth)
{
    struct range r = {0, 0};
    uint64_t room = room_left();

    for (; count && unit && room > UNIT_PAGES; count--) {
        mm_os_lock(&mm_unit_lock);
        uint16_t pages = claim(p, unit, direction, depth);
        mm_os_unlock(&mm_unit_lock);
        if (pages) {
            judge_of(depth)->asked++;
            room -= UNIT_PAGES;
            asked_for((unsigned)__builtin_popcount(pages));
            ask_unit(p, unit, pages, &r);
        }
        unit = next_of_kind(p, unit, direction);
    }
    ask(p, r);
}

/* ---- streams under watch ------------------------------------------------------------------------ */

/*
 * Where streams are now, so that their next hits are seen at once and not when the sweep comes by.
 * A stream that is missing here goes on, only later.
 */
struct stream {
    struct piece *piece; /* NULL: none */
    uintptr_t unit;      /* the last one seen used */
    int direction;
    unsigned depth;
    uint32_t seen; /* touch event of the last hit */
    uint8_t pause; /* looks left out after the last, and still to be left out */
    uint8_t rest;
    uint32_t length; /* hits, in their order */
};

static MM_APART struct stream streams[STREAMS];

static uintptr_t distance(uintptr_t a, uintptr_t b)
{
    return a > b ? a - b : b - a;
}

/* Whether a hit in `unit` belongs to a stream: near its front, in its direction, of its kind. */
static bool belongs(const struct stream *s, const struct piece *p, uintptr_t unit, int direction)
{
    return s->piece == p && s->direction == direction &&
           distance(s->unit, unit) <= NEAR_FRONT * UNIT_BYTES &&
           kind_of(p, s->unit) == kind_of(p, unit);
}

/* The entry of this stream, or the one unused for longest. */
static struct stream *find_stream(const struct piece *p, uintptr_t unit, int direction)
{
    struct stream *oldest = &streams[0];

    for (int i = 0; i < STREAMS; i++) {
        struct stream *s = &streams[i];
        if (belongs(s, p, unit, direction))
            return s;
        if (events - s->seen > events - oldest->seen)
            oldest = s;
    }
    return oldest;
}

/* Whether a stream has passed this unit already. */
static bool is_past(const struct stream *s, uintptr_t unit)
{
    return s->direction > 0 ? unit < s->unit : unit > s->unit;
}

/* The stream of some length that comes to this unit next; NULL: none that is known. */
static const struct stream *coming_to(const struct piece *p, uintptr_t unit, uint32_t length)
{
    for (int i = 0; i < STREAMS; i++) {
        const struct stream *s = &streams[i];
        if (s->length >= length && belongs(s, p, unit, s->direction) && !is_past(s, unit))
            return s;
    }
    return NULL;
}

static void note_stream(struct piece *p, uintptr_t unit, int direction, unsigned depth)
{
    struct stream *s = find_stream(p, unit, direction);
    bool goes_on = belongs(s, p, unit, direction);

    if (goes_on && is_past(s, unit))
        return;
    uint32_t length = goes_on ? s->length + 1 : 0;
    *s = (struct stream){p, unit, direction, depth, events, 0, 0, length};
    if (length >= STREAM_FOLLOWED)
        mm_trim_follow(unit, direction);
}

/* ---- streams ---------------------------------------------------------------------------------- */

static bool touched_within(struct piece *p, uintptr_t unit, uint32_t recent)
{
    if (unit < hint(p->low) || unit >= hint(p->high))
        return false;
    return events - mm_unit_in(p, unit)->touched < recent;
}

static bool just_touched(struct piece *p, uintptr_t unit)
{
    return touched_within(p, unit, RECENT);
}

/* What stands by for streams must leave room on the standby list for what was trimmed. */
static unsigned most_depth(void)
{
    size_t most = min_size(mm_budget_pages() / UNIT_PAGES / DEPTH_SHARE, MOST_DEPTH);

    return (unsigned)max_size(most, LEAST_DEPTH);
}

static unsigned deeper(unsigned depth)
{
    return (unsigned)min_size(depth * 2, most_depth());
}

/*
 * How deep to read ahead after a hard fault, and where to; 0: it is part of no stream.  A long stream
 * that has caught up with what was read for it goes on as deep as it was; a short one proves itself
 * anew, for it is more likely over.
 */
static unsigned depth_after_fault(struct piece *p, uintptr_t unit, uint16_t pages,
                                  int *ret_direction)
{
    const struct stream *s = coming_to(p, unit, LONG_STREAM);
    uintptr_t from = 0;

    if (s) {
        *ret_direction = s->direction;
        return deeper(s->depth);
    }
    if (pages & 0x00ff && just_touched(p, from = next_of_kind(p, unit, -1)))
        *ret_direction = 1;
    else if (pages & 0xff00 && just_touched(p, from = next_of_kind(p, unit, 1)))
        *ret_direction = -1;
    else
        return 0;
    const struct unit *u = mm_unit_in(p, from);
    return u->direction == *ret_direction ? deeper(u->depth) : deeper(1);
}

static bool look_at_unit(struct piece *p, uintptr_t unit);

/* What a stream used between its last hit and a fault ahead of it is not seen later. */
static void catch_up(struct piece *p, uintptr_t unit)
{
    const struct stream *s = coming_to(p, unit, 0);
    int direction = s ? s->direction : 0;

    for (uintptr_t at = s ? next_of_kind(p, s->unit, direction) : 0;
         at && (direction > 0 ? at < unit : at > unit); at = next_of_kind(p, at, direction)) {
        if (hint(mm_unit_in(p, at)->ahead))
            (void)look_at_unit(p, at);
    }
}

/* A hard fault: begin a stream if this looks like one, or fetch the rest of the unit. */
static void on_hard_fault(struct piece *p, uintptr_t unit, uint16_t pages)
{
    int direction = 0;
    catch_up(p, unit);
    unsigned depth = depth_after_fault(p, unit, pages, &direction);

    if (depth && worth_it(&of_streams)) {
        fetch(p, unit, direction, depth + 1, depth);
        note_stream(p, unit, direction, depth);
    } else if (mm_unit_has(mm_unit_in(p, unit), UNIT_FAULTED) && worth_it(&of_rests)) {
        fetch(p, unit, 1, 1, REST_DEPTH);
    }
    mm_os_lock(&mm_unit_lock);
    mm_unit_flag(mm_unit_in(p, unit), UNIT_FAULTED, 0);
    mm_os_unlock(&mm_unit_lock);
}

/* Touch events within which what was asked for has to be used to have been worth it. */
static uint32_t in_time(unsigned depth)
{
    return depth == REST_DEPTH ? RECENT_IN_UNIT : 24 + 3 * depth;
}

/* A unit asked for ahead is used: go on ahead of it, as deep as it was found worth. */
static void on_hit(struct piece *p, uintptr_t unit)
{
    struct unit *u = mm_unit_in(p, unit);
    int direction = u->direction;
    unsigned depth = deeper(u->depth);
    unsigned gap = 1;

    if (events - u->asked < in_time(u->depth)) {
        judge_of(u->depth)->hit++;
        mm_count(NTMM_READ_AHEAD_HITS, 1);
    }
    if (!direction || !worth_it(&of_streams))
        return;
    uintptr_t at = next_of_kind(p, unit, direction);
    while (gap <= depth && at &&
           (!hint(mm_unit_in(p, at)->evicted) || skipped(mm_unit_in(p, at), depth))) {
        gap++;
        at = next_of_kind(p, at, direction);
    }
    if (at && gap * 4 <= depth * 3)
        fetch(p, at, direction, depth + 1 - gap, depth);
    note_stream(p, unit, direction, depth);
}

/* Pages of a unit that were found used for the first time since they left RAM. */
struct touch {
    uint16_t hard; /* read when they were touched */
    uint16_t hit;  /* read ahead */
};

/* Put on record which pages of a unit are mapped. */
static struct touch note_touch(struct piece *p, uintptr_t unit, uint16_t present)
{
    struct unit *u = mm_unit_in(p, unit);

    if (!(present & (hint(u->evicted) | hint(u->ahead))))
        return (struct touch){0, 0};
    mm_os_lock(&mm_unit_lock);
    struct touch t = {present & u->evicted, present & u->ahead};
    mm_unit_not_out(u, t.hard);
    if (t.hit) {
        set_hint(u->ahead, 0);
        if (u->stage == UNIT_STANDBY)
            mm_lists_remove(u); /* in the working set now, where the hand finds it */
    }
    if (t.hard && u->flags & UNIT_UNUSED)
        surprise = events;
    mm_unit_flag(u, 0, UNIT_UNUSED);
    mm_os_unlock(&mm_unit_lock);
    return t;
}

/* Read ahead of what was found used. */
static void follow_touch(struct piece *p, uintptr_t unit, struct touch t)
{
    if (!t.hard && !t.hit)
        return;
    if (t.hard) {
        unsigned pages = (unsigned)__builtin_popcount(t.hard);
        mm_count(NTMM_HARD_FAULTS, pages);
        mm_count(NTMM_PAGES_IN, pages);
        mm_count(NTMM_READS, pages);
    }
    events++;
    hits_seen += t.hit != 0;
    faults_seen += t.hard != 0;
    if (t.hit)
        on_hit(p, unit);
    if (t.hard)
        on_hard_fault(p, unit, t.hard);
    mm_unit_in(p, unit)->touched = events;
}

/* Look at one unit that has mapped pages. */
static void look(struct piece *p, uintptr_t unit, uint16_t present)
{
    follow_touch(p, unit, note_touch(p, unit, present));
}

/* ---- the sweep -------------------------------------------------------------------------------- */

static void look_at_runs(struct piece *p, const struct os_run *runs, int count)
{
    uintptr_t unit = 0;
    uint16_t present = 0;

    for (int i = 0; i < count; i++) {
        for (uintptr_t u = align_down(runs[i].start, UNIT_BYTES); u < runs[i].end;
             u += UNIT_BYTES) {
            if (u != unit && unit)
                look(p, unit, present);
            if (u != unit)
                present = 0;
            unit = u;
            present |= mm_unit_mask(u, runs[i].start, runs[i].end);
        }
    }
    if (unit)
        look(p, unit, present);
}

/* Look at one unit that was read ahead: whether it is used by now. */
static bool look_at_unit(struct piece *p, uintptr_t unit)
{
    uint16_t present;

    mm_units_present(&unit, 1, &present);
    look(p, unit, present);
    return present;
}

/*
 * Up to LOOKED_AT units from *unit on that a stream comes to and that were asked for, in the order of
 * addresses; *unit is moved, and *left, the steps that may be gone, lowered.
 */
static int await(const struct stream *s, uintptr_t *unit, unsigned *left, uintptr_t *units)
{
    int count = 0;

    for (; *left && *unit && count < LOOKED_AT; --*left) {
        if (hint(mm_unit_in(s->piece, *unit)->ahead))
            units[count++] = *unit;
        *unit = next_of_kind(s->piece, *unit, s->direction);
    }
    for (int i = 0; s->direction < 0 && i < count / 2; i++) {
        uintptr_t unit_there = units[i];
        units[i] = units[count - 1 - i];
        units[count - 1 - i] = unit_there;
    }
    return count;
}

/*
 * Look at some units that a stream was to come to: how many it has not come to.  All are noted first:
 * to read ahead may wait for the disk, and what was seen is old after that.
 */
static int look_at_awaited(const struct stream *s, const uintptr_t *units, int count)
{
    uint16_t present[LOOKED_AT];
    struct touch touches[LOOKED_AT];
    int unused = 0;

    mm_units_present(units, count, present);
    for (int i = 0; i < count; i++) {
        touches[i] = note_touch(s->piece, units[i], present[i]);
        unused += !present[i];
    }
    for (int i = 0; i < count; i++) {
        int next = s->direction > 0 ? i : count - 1 - i;
        follow_touch(s->piece, units[next], touches[next]);
    }
    return unused;
}

/* Look at the units a stream comes to next, until some that it has not come to: whether it moved. */
static bool look_ahead_of(const struct stream *s)
{
    uintptr_t units[LOOKED_AT];
    uintptr_t unit = next_of_kind(s->piece, s->unit, s->direction);
    unsigned left = WATCHED_AHEAD;
    bool moved = false;
    int unused = 0;

    while (left && unit && unused < UNUSED_SEEN) {
        int count = await(s, &unit, &left, units);
        int missed = look_at_awaited(s, units, count);
        moved |= missed < count;
        unused += missed;
    }
    return moved;
}

/* Look ahead of each stream; the longer one rests, the seldomer. */
static void watch_streams(void)
{
    for (int i = 0; i < STREAMS; i++) {
        struct stream *s = &streams[i];
        if (!s->piece)
            continue;
        if (s->rest) {
            s->rest--;
            continue;
        }
        struct stream now = *s; /* a hit makes another entry of it */
        if (events - now.seen > STREAM_LIFE)
            s->piece = NULL;
        else if (!look_ahead_of(&now))
            s->rest = s->pause = (uint8_t)min_size(now.pause * 2u + 1, LONGEST_REST);
    }
}

/* Go on with the sweep for one step, or to the end of a round. */
static void sweep_step(int *piece, uintptr_t *cursor)
{
    struct os_run runs[128];
    size_t left = SWEEP_PAGES;

    while (*piece < mm_piece_count()) {
        struct piece *p = mm_piece(*piece);
        uintptr_t high = hint(p->high);
        uintptr_t at = mm_piece_next_live(p, *cursor);
        while (at < high && left) {
            uintptr_t end = min_size(at + left * PAGE_BYTES, high);
            uintptr_t from = at;
            int found = mm_os_scan_present(at, end, 0, runs, 128, &at);
            if (found < 0)
                at = end;
            look_at_runs(p, runs, found);
            left -= min_size(left, (at - from) >> PAGE_SHIFT);
            at = mm_piece_next_live(p, at);
        }
        *cursor = at;
        if (!left)
            return;
        ++*piece;
        *cursor = 0;
    }
    *piece = 0;
    *cursor = 0;
}

/* ---- the thread --------------------------------------------------------------------------------- */

/*
 * What the feed tells may be long over: the page faulted, was trimmed and evicted, and is read ahead
 * again.  To take that for a hit would leave the unit on no list and not mapped, so nobody's.
 */
static void look_at_event(struct piece *p, uintptr_t address)
{
    uintptr_t unit = align_down(address, UNIT_BYTES);
    uint16_t page = (uint16_t)(1u << (address >> PAGE_SHIFT) % UNIT_PAGES);

    if (hint(mm_unit_in(p, unit)->ahead) & page)
        (void)look_at_unit(p, unit);
    else
        look(p, unit, page);
}

/* Hard faults as the kernel tells them. */
static void read_feed(void)
{
    uintptr_t addresses[256];
    int count;

    do {
        count = mm_os_faults_feed_read(addresses, 256);
        for (int i = 0; i < count; i++) {
            struct piece *p = mm_piece_of(addresses[i]);
            if (p)
                look_at_event(p, addresses[i]);
        }
    } while (count == 256);
}

/*
 * The sweep finds what the feed has lost, and everything where there is no feed.  It may take a
 * share of this thread's time: a small one beside a feed.
 */
static void sweep_sometimes(bool has_feed)
{
    static int piece;
    static uintptr_t cursor;
    static uint64_t next;
    uint64_t start = mm_os_now();

    if (start < next)
        return;
    sweep_step(&piece, &cursor); /* the next step goes on where this one ended */
    uint64_t end = mm_os_now();
    next = end + (end - start) * (has_feed ? REST_WITH_FEED : REST_WITHOUT_FEED);
}

/*
 * How long to sleep: each time costs more than a page that is read.  As long as streams use a small part
 * of what was read ahead of them it may be longer; a page that had to be waited for makes it short.
 */
static uint64_t next_nap(uint64_t nap)
{
    unsigned many = most_depth() / MOST_USED;

    if (faults_seen)
        nap = SHORT_NAP;
    else if (hits_seen > many)
        nap = max_size(nap / 2, SHORT_NAP);
    else if (hits_seen * 2 <= many)
        nap = min_size(nap * 2, LONG_NAP);
    hits_seen = faults_seen = 0;
    return nap;
}

void mm_prefetch_main(void *unused)
{
    uint64_t spent = 0; /* CPU counted so far, ns */
    uint64_t nap = SHORT_NAP;

    mm_os_take_short_turns();
    bool has_feed = mm_os_faults_feed_open() == 0;
    bool touched = false;

    (void)unused;
    for (;;) {
        bool paging = mm_counted(NTMM_PAGES_DROPPED) != 0;
        if (paging && touched) {
            if (has_feed)
                read_feed();
            watch_streams();
            sweep_sometimes(has_feed);
        }
        mm_budget_spent(&spent);
        nap = next_nap(nap);
        touched = mm_sleep(PAGER_READER, paging ? nap : LONGEST_LOOK);
    }
}

void mm_pager_note_kind(uintptr_t address, size_t size, uint8_t kind)
{
    struct piece *p = mm_piece_of(address);

    if (!p)
        return;
    for (uintptr_t u = address; u < address + size; u += UNIT_BYTES)
        set_hint(mm_unit_in(p, u)->kind, kind);
}
