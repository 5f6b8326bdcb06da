/*
 * range.c - the range of address space that small blocks live in, and its 64 KiB units.
 *
 * One reservation and a table with a word for each unit of it.  New spans take new units, in the
 * order of time, a class in use some in a row, so that address order within a class is the order
 * of allocation: the pager's read-ahead lives on that.  Units that came back are used again late:
 * first in, first out, and only while more than a few wait, since a long-lived process must not
 * walk through the whole range (page tables for it would pile up).
 *
 * Units that come back are kept as they are, committed, while the reserve has room for them; else
 * they are decommitted, which frees their frames, their place in the page file and their charge at
 * once.  The reserve is a small part of what is in use, so that a process that has freed much keeps
 * little; but where units that were given back are wanted again it grows by those (`regret`), as a
 * program that fills and frees its memory in turns would else pay for each page each time.  What was
 * not needed for a while makes it smaller again.
 *
 * A word of the table: 0: never used; odd: span + 1; 2 + 4 n: free, n is the next free unit;
 * 4 n: the heap whose handle it is.
 *
 * Lock: `units` guards the queues and the reserve; vm is called without it.  A unit that was taken
 * belongs to the taker alone until it is in the table again.
 */
#include "heap/heap_internal.h"

#include "pager/pager.h"
#include "vm/vm.h"

#define RANGE_MOST TIB
#define RANGE_LEAST (16 * MIB)
#define QUEUE_LEAST 16          /* freed units that wait before the oldest is used again */
#define QUEUES 2                /* runs of 1 unit, and of */
#define RUN_UNITS 4             /* so many */
#define RESERVE_LEAST 16        /* emptied units kept committed: 1 MiB, */
#define RESERVE_SHARE 32        /* or this part of the units in use, */
#define RESERVE_MOST 960        /* up to 60 MiB */
#define SURPLUS 64              /* emptied units that are given back together: 4 MiB at most, */
#define SURPLUS_LEAST 8         /* at least so many, and so few where memory is short by design, */
#define SURPLUS_SHARE 32        /* or this part of the units in use */
#define RESERVE_RING 1024       /* the most of each length: RESERVE_MOST, SURPLUS */
#define REGRET_NS 1000000000ull /* what is wanted again so soon should not have been given back */
#define REGRET_TURN 1024        /* units taken after which it is seen what was not needed */
#define RECORDS_CHUNK (256 * KIB) /* of own memory, cut into records */
#define GROUP_UNITS 16            /* single units that a class in use takes in a row: 1 MiB */
#define GROUP_AFTER 16            /* units a class has taken before it does */
#define YOUNG 64                  /* units at the start of the range, committed four at a time: */
#define GUARD_EVERY 4 /* about one unit in so many is left out beside those of hardened heaps */
#define AHEAD 3       /* a program that starts needs many and is spared system calls */

struct heap_range mm_heap_range;

/* Free units, oldest first; linked through the table. */
struct unit_queue {
    uint32_t first;
    uint32_t last;
    uint32_t count;
};

/* Emptied units, committed, contents undefined: a ring, as what was freed in order is used in order. */
struct unit_reserve {
    uint32_t ring[RESERVE_RING];
    unsigned first; /* the oldest */
    unsigned count;
};

/* By how much the reserve was too small, in units. */
struct unit_regret {
    uint32_t units;      /* the reserve has room for so many more */
    uint32_t given_back; /* of late, and not wanted again so far; */
    uint64_t when;       /* the last of them, by mm_os_now */
    uint32_t spare;      /* units that were left over all the time since */
    uint32_t taken;      /* so many were taken */
};

/* Units of one class lie together, so that a walk over its blocks reads the page file in a row. */
struct unit_group {
    uint32_t next;  /* to be taken */
    uint32_t left;  /* from there on */
    uint32_t taken; /* by the class so far, up to GROUP_AFTER */
    bool committed; /* what is left of it */
};

static struct {
    struct os_lock lock;
    atomic_uint next; /* the first unit never used */
    uint32_t end;     /* units in the range */
    uint32_t in_use;  /* units of spans */
    struct unit_queue queues[QUEUES];
    struct unit_reserve reserves[QUEUES];
    struct unit_regret regret;
    struct unit_group groups[CLASS_COUNT];
    unsigned char *chunk; /* own memory not yet cut */
    size_t chunk_left;
} units;

static void table_set(uint32_t unit, uint32_t count, uintptr_t word)
{
    for (uint32_t i = 0; i < count; i++)
        atomic_store_explicit(&mm_heap_range.table[unit + i], word, memory_order_release);
}

static uintptr_t link_to(uint32_t unit)
{
    return (uintptr_t)unit << 2 | 2;
}

static NTSTATUS call_vm(void *address, size_t size, ULONG type, ULONG protect, unsigned hints,
                        void **ret_base)
{
    struct vm_request request = {
        .address = address,
        .size = size,
        .type = type,
        .protect = protect,
        .hints = hints,
    };
    size_t ret_size;
    return mm_vm_allocate(&request, ret_base, &ret_size);
}

static bool reserve(size_t size, void **ret_base)
{
    return call_vm(NULL, size, MEM_RESERVE, PAGE_READWRITE, 0, ret_base) == STATUS_SUCCESS;
}

/* About how much address space there is, below `size`; vm would keep what it is asked for. */
static size_t space_below(size_t size)
{
    void *base;

    do {
        size = align_down(size / 4 * 3, UNIT_BYTES);
        if (size < RANGE_LEAST)
            return 0;
    } while (mm_os_map(NULL, size, OS_NONE, &base));
    (void)mm_os_unmap(base, size); /* just mapped: cannot fail */
    return size;
}

/*
 * Reserve the whole range; or where address space is limited three quarters of what can be had in a
 * row, beside what vm has for large blocks: stacks and libraries need some, too.
 */
static bool reserve_range(void **ret_base, size_t *ret_size)
{
    size_t size = RANGE_MOST;

    if (!reserve(size, ret_base)) {
        size = align_down(space_below(size) / 4 * 3, UNIT_BYTES);
        if (size < RANGE_LEAST || !reserve(size, ret_base))
            return false;
    }
    *ret_size = size;
    return true;
}

bool mm_heap_range_init(void)
{
    size_t size;
    void *base = NULL;

    if (!reserve_range(&base, &size))
        return false;
    units.end = (uint32_t)(size >> UNIT_SHIFT);
    for (int i = 0; i < QUEUES; i++)
        units.queues[i] = (struct unit_queue){NO_UNIT, NO_UNIT, 0};
    mm_heap_range.table = mm_os_own_memory((size_t)units.end * sizeof(uintptr_t));
    if (!mm_heap_range.table)
        return false;

    mm_heap_range.start = (uintptr_t)base;
    mm_heap_range.size = size;
    return true;
}

void mm_heap_units_lock(void)
{
    mm_os_lock(&units.lock);
}

void mm_heap_units_unlock(void)
{
    mm_os_unlock(&units.lock);
}

uint32_t mm_heap_units_used(void)
{
    return atomic_load_explicit(&units.next, memory_order_acquire);
}

/* ---- taking and putting back: the lock is held --------------------------------------------------- */

/* Of units that come `count` in a row. */
static struct unit_queue *queue_for(uint32_t count)
{
    return &units.queues[count == 1 ? 0 : 1];
}

static struct unit_reserve *reserve_for(uint32_t count)
{
    return &units.reserves[count == 1 ? 0 : 1];
}

static void queue_put(uint32_t unit, uint32_t count)
{
    struct unit_queue *q = queue_for(count);

    table_set(unit, count, link_to(NO_UNIT));
    if (q->count++)
        table_set(q->last, 1, link_to(unit));
    else
        q->first = unit;
    q->last = unit;
}

static uint32_t queue_take(struct unit_queue *q)
{
    uint32_t unit = q->first;
    q->first = (uint32_t)(atomic_load(&mm_heap_range.table[unit]) >> 2);
    q->count--;
    return unit;
}

/* Units never used before; NO_UNIT: none are left. */
static uint32_t new_units(uint32_t count)
{
    uint32_t unit = atomic_load(&units.next);

    if (units.end - unit < count)
        return NO_UNIT;
    atomic_store(&units.next, unit + count);
    return unit;
}

/* *ret_committed: it was committed with its group. */
static uint32_t new_unit_of(unsigned class, bool *ret_committed)
{
    if (class == NO_CLASS)
        return new_units(1);

    struct unit_group *g = &units.groups[class];
    if (!g->left && g->taken < GROUP_AFTER) {
        g->taken++;
        return new_units(1);
    }
    if (!g->left) {
        g->next = new_units(GROUP_UNITS);
        if (g->next == NO_UNIT)
            return new_units(1);
        g->left = GROUP_UNITS;
        g->committed = false;
    }
    g->left--;
    *ret_committed = g->committed;
    return g->next++;
}

/* The first of a freed run of four, the others of which can be had next; NO_UNIT: there is none. */
static uint32_t split_run(void)
{
    struct unit_queue *q = queue_for(RUN_UNITS);
    if (!q->count)
        return NO_UNIT;

    uint32_t unit = queue_take(q);
    for (uint32_t i = 1; i < RUN_UNITS; i++)
        queue_put(unit + i, 1);
    return unit;
}

static uint32_t take_units(unsigned class, uint32_t count, bool *ret_committed)
{
    struct unit_queue *q = queue_for(count);
    uint32_t unit = NO_UNIT;

    if (q->count < QUEUE_LEAST)
        unit = count == 1 ? new_unit_of(class, ret_committed) : new_units(count);
    if (unit == NO_UNIT && q->count)
        unit = queue_take(q);
    if (unit == NO_UNIT && count == 1)
        unit = split_run();
    return unit;
}

/* ---- the reserve: the lock is held --------------------------------------------------------------- */

static uint32_t reserved_units(void)
{
    return units.reserves[0].count + units.reserves[1].count * RUN_UNITS;
}

static uint32_t reserve_room(void)
{
    uint32_t room = units.in_use / RESERVE_SHARE;
    if (room < RESERVE_LEAST)
        room = RESERVE_LEAST;
    if (!mm_pager_is_on()) /* it knows better what is worth its memory */
        room += units.regret.units;
    return room < RESERVE_MOST ? room : RESERVE_MOST;
}

static bool keep_in_reserve(uint32_t unit, uint32_t count)
{
    struct unit_reserve *r = reserve_for(count);
    if (r->count == RESERVE_RING)
        return false;
    table_set(unit, count, link_to(NO_UNIT));
    r->ring[(r->first + r->count++) % RESERVE_RING] = unit;
    return true;
}

static uint32_t take_reserved(struct unit_reserve *r)
{
    uint32_t unit = r->ring[r->first];
    r->first = (r->first + 1) % RESERVE_RING;
    r->count--;
    return unit;
}

/* Units are taken, `kept` ones or such that cost a call: learn from it. */
static void note_regret(uint32_t count, bool kept)
{
    struct unit_regret *g = &units.regret;
    uint32_t left = reserved_units();

    if (!kept && g->given_back && mm_os_now() - g->when > REGRET_NS)
        g->given_back = 0;
    if (!kept && g->given_back) {
        uint32_t wanted = count < g->given_back ? count : g->given_back;
        g->given_back -= wanted;
        g->units = g->units + wanted < RESERVE_MOST ? g->units + wanted : RESERVE_MOST;
    }
    if (left < g->spare)
        g->spare = left;
    g->taken += count;
    if (g->taken < REGRET_TURN)
        return;
    g->units -= g->spare < g->units ? g->spare : g->units;
    g->spare = left;
    g->taken = 0;
}

/* The oldest runs of `each` units that leave `least` units, SURPLUS at most, in address order; how many. */
static unsigned take_surplus(uint32_t *surplus, uint32_t each, uint32_t least)
{
    struct unit_reserve *r = reserve_for(each);
    unsigned count = 0;

    while (r->count && reserved_units() > least && (count + 1) * each <= SURPLUS) {
        uint32_t unit = take_reserved(r);
        unsigned at = count++;
        for (; at > 0 && surplus[at - 1] > unit; at--)
            surplus[at] = surplus[at - 1];
        surplus[at] = unit;
    }
    uint32_t all = units.regret.given_back + count * each;
    units.regret.given_back = all < RESERVE_MOST ? all : RESERVE_MOST;
    units.regret.when = count ? mm_os_now() : units.regret.when;
    return count;
}

static uint32_t surplus_wanted(void)
{
    uint32_t share = units.in_use / SURPLUS_SHARE;
    if (mm_pager_is_on() || share < SURPLUS_LEAST)
        return SURPLUS_LEAST;
    return share < SURPLUS ? share : SURPLUS;
}

/* What there is beyond its room goes together, since each call costs a TLB flush. */
static unsigned take_excess(uint32_t *surplus, uint32_t *ret_each)
{
    uint32_t slack = surplus_wanted();
    bool runs = units.reserves[1].count * RUN_UNITS > units.reserves[0].count;

    *ret_each = runs ? RUN_UNITS : 1;
    if (reserved_units() < reserve_room() + slack)
        return 0;
    return take_surplus(surplus, *ret_each, reserve_room());
}

/* ---- memory behind units: no lock is held ---------------------------------------------------------- */

static bool commit(uint32_t unit, uint32_t count, ULONG protect, bool touched_soon)
{
    void *base;
    unsigned hints = touched_soon ? MM_VM_TOUCHED_SOON : 0;
    return call_vm(unit_address(unit), count * UNIT_BYTES, MEM_COMMIT, protect, hints, &base) ==
           STATUS_SUCCESS;
}

/* Put units back that have no memory behind them any more. */
static void put_units(uint32_t unit, uint32_t count, uint32_t each)
{
    mm_heap_units_lock();
    for (uint32_t i = 0; i < count; i += each)
        queue_put(unit + i, each);
    mm_heap_units_unlock();
}

/* Take the memory from behind units that come in pieces of `each`. */
static void decommit(uint32_t unit, uint32_t count, uint32_t each)
{
    void *base;
    size_t size;
    NTSTATUS status =
        mm_vm_free(unit_address(unit), count * UNIT_BYTES, MEM_DECOMMIT, &base, &size);

    /*
     * The kernel has a limit on mappings, and decommitting in the middle of one may pass it.  Then
     * the contents go and the charge stays; committing again what is committed is allowed.
     */
    if (status != STATUS_SUCCESS)
        (void)mm_vm_zero(unit_address(unit), count * UNIT_BYTES);
    put_units(unit, count, each);
}

/* Neighbours go in one call. */
static void decommit_all(const uint32_t *surplus, unsigned count, uint32_t each)
{
    for (unsigned first = 0, next; first < count; first = next) {
        for (next = first + 1; next < count && surplus[next] == surplus[next - 1] + each;)
            next++;
        decommit(surplus[first], (next - first) * each, each);
    }
}

/* Units that follow one just taken and are now ours as well; 0: none. */
static uint32_t take_ahead(uint32_t unit, uint32_t count)
{
    mm_heap_units_lock();
    bool mine = count == 1 && unit < YOUNG && mm_heap_units_used() == unit + 1;
    mine = mine && new_units(AHEAD) != NO_UNIT;
    mm_heap_units_unlock();
    return mine ? AHEAD : 0;
}

/* Have memory behind a span's units, and behind some that others will want soon. */
static bool commit_for(uint32_t unit, uint32_t count, ULONG protect, bool touched_soon)
{
    uint32_t ahead = protect == PAGE_READWRITE ? take_ahead(unit, count) : 0;
    bool more = ahead && commit(unit, count + ahead, protect, false);

    for (uint32_t next = unit + count + ahead; next-- > unit + count;) {
        if (!more)
            put_units(next, 1, 1);
        else
            mm_heap_units_free(next, 1, true);
    }
    return more || commit(unit, count, protect, touched_soon);
}

/*
 * Commit a class's group as a whole with its first unit: one call for sixteen spans.  Not under a
 * pager, whose page file would have to be written ahead.
 */
static bool commit_group(unsigned class, uint32_t unit)
{
    struct unit_group *g = &units.groups[class];

    mm_heap_units_lock();
    bool begins = g->left == GROUP_UNITS - 1 && g->next == unit + 1 && !mm_pager_is_on();
    mm_heap_units_unlock();
    if (!begins || !commit(unit, GROUP_UNITS, PAGE_READWRITE, false))
        return false;
    mm_heap_units_lock();
    if (g->next > unit && g->next + g->left == unit + GROUP_UNITS)
        g->committed = true;
    mm_heap_units_unlock();
    return true;
}

/* What is left of groups goes back as single units; how many of them. */
static uint32_t dissolve_group(unsigned class)
{
    struct unit_group *g = &units.groups[class];

    mm_heap_units_lock();
    uint32_t left = g->committed ? g->left : 0;
    uint32_t first = g->next;
    if (left)
        g->left = 0;
    mm_heap_units_unlock();
    if (left)
        decommit(first, left, 1);
    return left;
}

/* Units for a span, from the reserve or not; *ret_ready: there is memory behind them.  Locked. */
static uint32_t find_units(const struct heap *h, unsigned class, bool *ret_kept, bool *ret_ready)
{
    uint32_t count = mm_heap_classes[class].units;
    struct unit_reserve *r = reserve_for(count);
    uint32_t unit;

    *ret_kept = h->protect == PAGE_READWRITE && !h->hard && r->count;
    if (*ret_kept)
        unit = take_reserved(r);
    else
        unit = take_units(class, count, ret_ready);
    note_regret(count, *ret_kept);
    if (h->hard && mm_heap_units_used() % GUARD_EVERY == 0)
        (void)new_units(1); /* never used: it guards what lies before it */
    *ret_ready = *ret_kept || (*ret_ready && h->protect == PAGE_READWRITE);
    units.in_use += unit == NO_UNIT ? 0 : count;
    return unit;
}

uint32_t mm_heap_units_new(const struct heap *h, unsigned class, bool touched_soon, bool *ret_fresh)
{
    uint32_t count = mm_heap_classes[class].units;
    bool kept = false, ready = false;

    mm_heap_units_lock();
    uint32_t unit = find_units(h, class, &kept, &ready);
    mm_heap_units_unlock();

    if (unit == NO_UNIT)
        return NO_UNIT;
    if (h->protect == PAGE_READWRITE && !ready)
        ready = commit_group(class, unit);
    if (!ready && !commit_for(unit, count, h->protect, touched_soon)) {
        mm_heap_units_lock();
        queue_put(unit, count);
        units.in_use -= count;
        mm_heap_units_unlock();
        return NO_UNIT;
    }
    *ret_fresh = !kept;
    return unit;
}

void mm_heap_units_free(uint32_t unit, uint32_t count, bool keep)
{
    uint32_t surplus[SURPLUS];
    uint32_t each;

    mm_heap_units_lock();
    bool kept = keep && keep_in_reserve(unit, count);
    unsigned excess = take_excess(surplus, &each);
    mm_heap_units_unlock();
    if (!kept)
        decommit(unit, count, count);
    decommit_all(surplus, excess, each);
}

/* Give back up to SURPLUS units of those kept in runs of `each`; how many runs. */
static unsigned trim(uint32_t each)
{
    uint32_t surplus[SURPLUS];

    mm_heap_units_lock();
    unsigned excess = take_surplus(surplus, each, 0);
    mm_heap_units_unlock();
    decommit_all(surplus, excess, each);
    return excess;
}

bool mm_heap_units_trim(void)
{
    bool any = false;

    while (trim(1) || trim(RUN_UNITS))
        any = true;
    for (unsigned class = 0; class < CLASS_COUNT; class ++)
        any = dissolve_group(class) || any;
    return any;
}

/* ---- the table --------------------------------------------------------------------------------------- */

void mm_heap_units_enter(struct span *s)
{
    uint32_t count = mm_heap_classes[s->class].units;
    mm_pager_note_kind(s->start, count * UNIT_BYTES, (uint8_t)(s->class + 1));
    table_set(unit_of(s->start), count, (uintptr_t)s + 1);
}

void mm_heap_units_leave(struct span *s)
{
    uint32_t count = mm_heap_classes[s->class].units;

    mm_heap_units_lock();
    table_set(unit_of(s->start), count, link_to(NO_UNIT));
    units.in_use -= count;
    mm_heap_units_unlock();
}

uint32_t mm_heap_unit_reserve(struct heap *h)
{
    mm_heap_units_lock();
    bool committed;
    uint32_t unit = take_units(NO_CLASS, 1, &committed);
    if (unit != NO_UNIT)
        table_set(unit, 1, (uintptr_t)h);
    mm_heap_units_unlock();
    return unit;
}

void mm_heap_unit_release(uint32_t unit)
{
    put_units(unit, 1, 1);
}

struct heap *mm_heap_of_unit(uint32_t unit)
{
    uintptr_t word = atomic_load_explicit(&mm_heap_range.table[unit], memory_order_acquire);
    return word & 3 ? NULL : (struct heap *)word;
}

void *mm_heap_record_new(size_t size)
{
    void *record = NULL;

    size = align_up(size, 64);
    mm_heap_units_lock();
    if (units.chunk_left < size) {
        unsigned char *chunk = mm_os_own_memory(RECORDS_CHUNK);
        if (chunk) {
            units.chunk = chunk;
            units.chunk_left = RECORDS_CHUNK;
        }
    }
    if (units.chunk_left >= size) {
        record = units.chunk;
        units.chunk += size;
        units.chunk_left -= size;
    }
    mm_heap_units_unlock();
    return record;
}
