/*
 * range.c - the range of address space that small blocks live in, and its 64 KiB units.
 *
 * One reservation and a table with a word for each unit of it.  New spans take new units, in the
 * order of time, a class in use some in a row, so that address order within a class is the order
 * of allocation: the pager's read-ahead lives on that.  Units that came back are used again late:
 * first in, first out, and only while more than a few wait, since a long-lived process must not
 * walk through the whole range (page tables for it would pile up).
 *
 * A unit that comes back is kept as it is, committed, while the reserve has room for it; else it is
 * decommitted, which frees its frames, its place in the page file and its charge at once.  The
 * reserve is a small part of what is in use, so that a process that has freed much keeps little.
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
#define QUEUE_LEAST 16            /* freed units that wait before the oldest is used again */
#define RESERVE_LEAST 16          /* emptied units kept committed: 1 MiB, */
#define RESERVE_SHARE 16          /* or this part of the units in use, */
#define RESERVE_MOST 1024         /* up to 64 MiB, SURPLUS included */
#define SURPLUS 64                /* emptied units that are given back together: 4 MiB */
#define RECORDS_CHUNK (256 * KIB) /* of own memory, cut into records */
#define SURPLUS_PAGED 8           /* the same where memory is short by design */
#define QUEUES 2                  /* runs of 1 unit, and of */
#define RUN_UNITS 4               /* so many */
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
    uint32_t reserve[RESERVE_MOST]; /* a ring of single units, committed, contents undefined */
    unsigned reserve_first;         /* the oldest: what was freed in order is used in order */
    unsigned reserve_count;
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

static struct unit_queue *queue_for(uint32_t count)
{
    return &units.queues[count == 1 ? 0 : 1];
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

static unsigned reserve_room(void)
{
    unsigned share = units.in_use / RESERVE_SHARE;
    if (share < RESERVE_LEAST)
        return RESERVE_LEAST;
    return share < RESERVE_MOST - SURPLUS ? share : RESERVE_MOST - SURPLUS;
}

/* Where there is more than room for, it is given back together, since each call costs a TLB flush. */
static bool keep_in_reserve(uint32_t unit)
{
    if (units.reserve_count == RESERVE_MOST)
        return false;
    table_set(unit, 1, link_to(NO_UNIT));
    units.reserve[(units.reserve_first + units.reserve_count++) % RESERVE_MOST] = unit;
    return true;
}

static uint32_t take_reserved(void)
{
    uint32_t unit = units.reserve[units.reserve_first];
    units.reserve_first = (units.reserve_first + 1) % RESERVE_MOST;
    units.reserve_count--;
    return unit;
}

/* Up to SURPLUS kept units beyond `least`, the oldest, in the order of their addresses; how many. */
static unsigned take_surplus(uint32_t *surplus, unsigned least)
{
    unsigned count = 0;

    while (units.reserve_count > least && count < SURPLUS) {
        uint32_t unit = take_reserved();
        unsigned at = count++;
        for (; at > 0 && surplus[at - 1] > unit; at--)
            surplus[at] = surplus[at - 1];
        surplus[at] = unit;
    }
    return count;
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
static void decommit_all(const uint32_t *surplus, unsigned count)
{
    for (unsigned first = 0, next; first < count; first = next) {
        for (next = first + 1; next < count && surplus[next] == surplus[next - 1] + 1;)
            next++;
        decommit(surplus[first], next - first, 1);
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

uint32_t mm_heap_units_new(const struct heap *h, unsigned class, bool touched_soon, bool *ret_fresh)
{
    uint32_t count = mm_heap_classes[class].units;
    bool ready = false;
    uint32_t unit;

    mm_heap_units_lock();
    bool kept = count == 1 && h->protect == PAGE_READWRITE && !h->hard && units.reserve_count;
    if (kept)
        unit = take_reserved();
    else
        unit = take_units(class, count, &ready);
    if (h->hard && mm_heap_units_used() % GUARD_EVERY == 0)
        (void)new_units(1); /* never used: it guards what lies before it */
    ready = kept || (ready && h->protect == PAGE_READWRITE);
    units.in_use += unit == NO_UNIT ? 0 : count;
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
    unsigned excess = 0;

    mm_heap_units_lock();
    bool kept = keep && count == 1 && keep_in_reserve(unit);
    if (units.reserve_count >= reserve_room() + (mm_pager_is_on() ? SURPLUS_PAGED : SURPLUS))
        excess = take_surplus(surplus, reserve_room());
    mm_heap_units_unlock();
    if (!kept)
        decommit(unit, count, count);
    decommit_all(surplus, excess);
}

bool mm_heap_units_trim(void)
{
    uint32_t surplus[SURPLUS];
    unsigned excess;
    bool any = false;

    do {
        mm_heap_units_lock();
        excess = take_surplus(surplus, 0);
        mm_heap_units_unlock();
        decommit_all(surplus, excess);
        any = any || excess;
    } while (excess);
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
