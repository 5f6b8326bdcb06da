/*
 * span.c - the range of address space that small blocks live in, and the spans cut from it.
 *
 * One reservation, a table with a word for each 64 KiB unit of it, and records in memory of our
 * own.  New spans take new units, in the order of time, a class in use some in a row, so that
 * address order within a class is the order of allocation: the pager's read-ahead lives on that.
 * Units that came back are used again late: first in, first out, and only while more than a few
 * wait, since a long-lived process must not walk through the whole range (page tables for it would
 * pile up).
 *
 * An emptied unit is kept as it is, committed, while the reserve has room for it; else it is
 * decommitted, which frees its frames, its place in the page file and its charge at once.  Units
 * committed ahead wait in the reserve as well.
 *
 * Locks: `units` guards the queues, the reserve and the pool of records; vm is called without it.
 * A unit that was taken belongs to the taker alone until it is in the table again.
 */
#include "preload.h"

#include <string.h>

#include <ntstatus.h>

#include "pager/pager.h"
#include "vm/vm.h"

#define RANGE_MOST TIB
#define RANGE_LEAST GIB
#define QUEUE_LEAST 16            /* freed units that wait before the oldest is used again */
#define RESERVE_MOST 16           /* emptied units kept committed: 1 MiB */
#define RECORDS_CHUNK (256 * KIB) /* of own memory, cut into span records */
#define QUEUES 2                  /* runs of 1 unit, and of 4 */
#define NO_UNIT UINT32_MAX
#define GROUP_UNITS 16 /* single units that a class in use takes in a row: 1 MiB */
#define GROUP_AFTER 16 /* units a class has taken before it does */
#define YOUNG 64       /* units at the start of the range, committed four at a time: */
#define AHEAD 3        /* a program that starts needs many and is spared calls of the kernel */

struct span_range mm_preload_spans;

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
};

static struct {
    struct os_lock lock;
    uint32_t next; /* the first unit never used */
    uint32_t end;  /* units in the range */
    struct unit_queue queues[QUEUES];
    uint32_t reserve[RESERVE_MOST]; /* single units, committed, contents undefined */
    unsigned reserve_count;
    struct unit_group groups[CLASS_COUNT];
    struct span *records[CLASS_COUNT]; /* unused records */
    unsigned char *chunk;              /* own memory not yet cut */
    size_t chunk_left;
} units;

static void *unit_address(uint32_t unit)
{
    return (void *)(mm_preload_spans.start + ((uintptr_t)unit << UNIT_SHIFT));
}

static uint32_t unit_of(uintptr_t address)
{
    return (uint32_t)((address - mm_preload_spans.start) >> UNIT_SHIFT);
}

static void table_set(uint32_t unit, uint32_t count, uintptr_t word)
{
    for (uint32_t i = 0; i < count; i++)
        atomic_store_explicit(&mm_preload_spans.table[unit + i], word, memory_order_release);
}

static NTSTATUS call_vm(void *address, size_t size, ULONG type, unsigned hints, void **ret_base)
{
    struct vm_request request = {
        .address = address,
        .size = size,
        .type = type,
        .protect = PAGE_READWRITE,
        .hints = hints,
    };
    size_t ret_size;
    return mm_vm_allocate(&request, ret_base, &ret_size);
}

bool mm_preload_spans_init(void)
{
    size_t size = RANGE_MOST;
    void *base = NULL;

    while (call_vm(NULL, size, MEM_RESERVE, 0, &base) != STATUS_SUCCESS) {
        size /= 2;
        if (size < RANGE_LEAST)
            return false;
    }
    units.end = (uint32_t)(size >> UNIT_SHIFT);
    for (int i = 0; i < QUEUES; i++)
        units.queues[i] = (struct unit_queue){NO_UNIT, NO_UNIT, 0};
    mm_preload_spans.table = mm_os_own_memory((size_t)units.end * sizeof(uintptr_t));
    if (!mm_preload_spans.table)
        return false;

    mm_preload_spans.start = (uintptr_t)base;
    mm_preload_spans.size = size;
    return true;
}

/* ---- units ------------------------------------------------------------------------------------ */

static struct unit_queue *queue_for(uint32_t count)
{
    return &units.queues[count == 1 ? 0 : 1];
}

static void queue_put(uint32_t unit, uint32_t count)
{
    struct unit_queue *q = queue_for(count);
    uintptr_t link = (uintptr_t)NO_UNIT << 1 | 1;

    table_set(unit, count, link);
    if (q->count++)
        table_set(q->last, 1, (uintptr_t)unit << 1 | 1);
    else
        q->first = unit;
    q->last = unit;
}

static uint32_t queue_take(struct unit_queue *q)
{
    uint32_t unit = q->first;
    q->first = (uint32_t)(atomic_load(&mm_preload_spans.table[unit]) >> 1);
    q->count--;
    return unit;
}

/* Units never used before; NO_UNIT: none are left. */
static uint32_t new_units(uint32_t count)
{
    uint32_t unit = units.next;

    if (units.end - unit < count)
        return NO_UNIT;
    units.next += count;
    return unit;
}

static uint32_t new_unit_of(unsigned class)
{
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
    }
    g->left--;
    return g->next++;
}

/* A run of units that is ours alone; *ret_committed tells whether it has memory behind it. */
static uint32_t take_units(unsigned class, bool *ret_committed)
{
    uint32_t count = mm_preload_classes[class].units;
    struct unit_queue *q = queue_for(count);
    uint32_t unit = NO_UNIT;

    mm_os_lock(&units.lock);
    *ret_committed = count == 1 && units.reserve_count;
    if (*ret_committed)
        unit = units.reserve[--units.reserve_count];
    else if (q->count < QUEUE_LEAST)
        unit = count == 1 ? new_unit_of(class) : new_units(count);
    if (unit == NO_UNIT && q->count)
        unit = queue_take(q);
    mm_os_unlock(&units.lock);
    return unit;
}

/* Put units back that have no memory behind them any more. */
static void put_units(uint32_t unit, uint32_t count)
{
    mm_os_lock(&units.lock);
    queue_put(unit, count);
    mm_os_unlock(&units.lock);
}

static bool keep_in_reserve(uint32_t unit, uint32_t count)
{
    mm_os_lock(&units.lock);
    bool kept = count == 1 && units.reserve_count < RESERVE_MOST;
    if (kept) {
        table_set(unit, 1, (uintptr_t)NO_UNIT << 1 | 1);
        units.reserve[units.reserve_count++] = unit;
    }
    mm_os_unlock(&units.lock);
    return kept;
}

static void release_units(uint32_t unit, uint32_t count)
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
    put_units(unit, count);
}

void mm_preload_spans_trim(void)
{
    uint32_t taken[RESERVE_MOST];

    mm_os_lock(&units.lock);
    unsigned count = units.reserve_count;
    memcpy(taken, units.reserve, count * sizeof taken[0]);
    units.reserve_count = 0;
    mm_os_unlock(&units.lock);

    for (unsigned i = 0; i < count; i++)
        release_units(taken[i], 1);
}

/* ---- records ---------------------------------------------------------------------------------- */

static size_t live_words(unsigned class)
{
    return (mm_preload_classes[class].blocks + 63) / 64;
}

/* A piece of own memory that is never given back; NULL: the machine has none. */
static void *cut_record(size_t size)
{
    if (units.chunk_left < size) {
        unsigned char *chunk = mm_os_own_memory(RECORDS_CHUNK);
        if (!chunk)
            return NULL;
        units.chunk = chunk;
        units.chunk_left = RECORDS_CHUNK;
    }
    void *record = units.chunk;
    units.chunk += size;
    units.chunk_left -= size;
    return record;
}

static struct span *record_new(unsigned class)
{
    mm_os_lock(&units.lock);
    struct span *span = units.records[class];
    if (span)
        units.records[class] = span->next;
    else
        span = cut_record(align_up(sizeof *span + live_words(class) * sizeof(uint64_t), 64));
    mm_os_unlock(&units.lock);
    return span;
}

static void record_free(struct span *span)
{
    mm_os_lock(&units.lock);
    span->next = units.records[span->class];
    units.records[span->class] = span;
    mm_os_unlock(&units.lock);
}

/* ---- spans ------------------------------------------------------------------------------------ */

static bool commit(uint32_t unit, uint32_t count, bool touched_soon)
{
    void *base;
    unsigned hints = touched_soon ? MM_VM_TOUCHED_SOON : 0;
    return call_vm(unit_address(unit), count * UNIT_BYTES, MEM_COMMIT, hints, &base) ==
           STATUS_SUCCESS;
}

/* Units that follow one just taken and are now ours as well; 0: none. */
static uint32_t take_ahead(uint32_t unit, uint32_t count)
{
    mm_os_lock(&units.lock);
    bool mine = count == 1 && unit < YOUNG && units.next == unit + 1;
    mine = mine && new_units(AHEAD) != NO_UNIT;
    mm_os_unlock(&units.lock);
    return mine ? AHEAD : 0;
}

/* Have memory behind a span's units, and behind some that others will want soon. */
static bool commit_for(uint32_t unit, uint32_t count, bool touched_soon)
{
    uint32_t ahead = take_ahead(unit, count);
    bool more = ahead && commit(unit, count + ahead, false);

    for (uint32_t next = unit + count + ahead; next-- > unit + count;) {
        if (!more)
            put_units(next, 1);
        else if (!keep_in_reserve(next, 1))
            release_units(next, 1);
    }
    return more || commit(unit, count, touched_soon);
}

static void span_init(struct span *span, struct arena *arena, unsigned class, uint32_t unit)
{
    memset(span->live, 0, live_words(class) * sizeof(uint64_t));
    span->start = (uintptr_t)unit_address(unit);
    span->arena = arena;
    span->window = 0;
    span->word = UINT32_MAX; /* the first step goes to word 0 */
    span->used = 0;
    span->blocks = mm_preload_classes[class].blocks;
    span->class = (uint16_t) class;
    span->state = SPAN_PARTIAL;
    span->next = span->prev = NULL;
}

struct span *mm_preload_span_new(struct arena *arena, unsigned class, bool touched_soon)
{
    uint32_t count = mm_preload_classes[class].units;
    bool committed;

    struct span *span = record_new(class);
    if (!span)
        return NULL;
    span->class = (uint16_t) class;

    uint32_t unit = take_units(class, &committed);
    if (unit == NO_UNIT) {
        record_free(span);
        return NULL;
    }
    if (!committed && !commit_for(unit, count, touched_soon)) {
        put_units(unit, count);
        record_free(span);
        return NULL;
    }
    span_init(span, arena, class, unit);
    mm_pager_note_kind(span->start, count * UNIT_BYTES, (uint8_t)(class + 1));
    table_set(unit, count, (uintptr_t)span);
    return span;
}

void mm_preload_span_free(struct span *span)
{
    uint32_t count = mm_preload_classes[span->class].units;
    uint32_t unit = unit_of(span->start);

    table_set(unit, count, (uintptr_t)NO_UNIT << 1 | 1);
    record_free(span);
    if (!keep_in_reserve(unit, count))
        release_units(unit, count);
}

uintptr_t mm_preload_spans_used(void)
{
    return units.next;
}

void mm_preload_spans_lock(void)
{
    mm_os_lock(&units.lock);
}

void mm_preload_spans_unlock(void)
{
    mm_os_unlock(&units.lock);
}
