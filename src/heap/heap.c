/*
 * heap.c - heaps: made, destroyed, listed, locked; and what all of them share.
 *
 * A heap's handle is the address of a 64 KiB unit of the range that holds nothing; the table tells
 * which heap it means, so any value may be asked about.  Records of destroyed heaps are used again
 * and never unmapped.
 *
 * Lock: `heaps` guards the list; it is taken before any heap's.
 */
#include "heap/heap_internal.h"
#include "heap/page_internal.h"

struct heap mm_heap_default;

static struct {
    struct os_lock lock;
    struct heap *last;   /* the newest; the list begins with the process heap */
    struct heap *unused; /* records */
    size_t count;
    uint64_t serial;  /* of the newest */
    uint64_t changes; /* of the list */
} heaps;

static bool hard_by_default;
static void (*stop_at_mistake)(const struct heap_mistake *mistake);
static bool (*reclaim_elsewhere)(size_t wanted);

/* ---- the lock ------------------------------------------------------------------------------------- */

void mm_heap_gate_lock(struct heap *h)
{
    uintptr_t self = heap_self();

    if (atomic_load_explicit(&h->lock_owner, memory_order_relaxed) != self) {
        mm_os_lock(&h->lock);
        atomic_store_explicit(&h->lock_owner, self, memory_order_relaxed);
    }
    h->depth++;
}

static bool gate_try_lock(struct heap *h)
{
    uintptr_t self = heap_self();

    if (atomic_load_explicit(&h->lock_owner, memory_order_relaxed) != self) {
        if (!mm_os_try_lock(&h->lock))
            return false;
        atomic_store_explicit(&h->lock_owner, self, memory_order_relaxed);
    }
    h->depth++;
    return true;
}

void mm_heap_gate_unlock(struct heap *h)
{
    if (--h->depth)
        return;
    atomic_store_explicit(&h->lock_owner, 0, memory_order_relaxed);
    mm_os_unlock(&h->lock);
}

NTSTATUS mm_heap_lock(struct heap *h)
{
    mm_heap_gate_lock(h);
    if (!h->locked++)
        mm_heap_caches_close(h);
    return STATUS_SUCCESS;
}

NTSTATUS mm_heap_unlock(struct heap *h)
{
    if (atomic_load(&h->lock_owner) != heap_self() || !h->locked)
        return STATUS_NOT_LOCKED;
    if (!--h->locked)
        mm_heap_caches_open(h);
    mm_heap_gate_unlock(h);
    return STATUS_SUCCESS;
}

/* ---- start, make, destroy --------------------------------------------------------------------------- */

static void heap_init(struct heap *h, ULONG flags, size_t maximum)
{
    h->flags = flags;
    h->protect = flags & HEAP_CREATE_ENABLE_EXECUTE ? PAGE_EXECUTE_READWRITE : PAGE_READWRITE;
    h->maximum = maximum;
    h->hard = !mm_page_is_on && (hard_by_default || flags & HEAP_CREATE_HARDENED);
    if (h->hard)
        mm_heap_harden_init();
    atomic_store(&h->charged, 0);
}

static bool take_handle(struct heap *h)
{
    uint32_t unit = mm_heap_unit_reserve(h);
    if (unit != NO_UNIT)
        h->handle = (uintptr_t)unit_address(unit);
    return unit != NO_UNIT;
}

bool mm_heap_start(bool hardened)
{
    hard_by_default = hardened;
    if (!mm_heap_range_init())
        return false;
    heap_init(&mm_heap_default, 0, 0);
    heaps.last = &mm_heap_default;
    heaps.count = 1;
    (void)mm_os_at_thread_end(mm_heap_thread_ends); /* else caches of ended threads stay theirs */
    return take_handle(&mm_heap_default);
}

static struct heap *record_new(void)
{
    mm_os_lock(&heaps.lock);
    struct heap *h = heaps.unused;
    if (h)
        heaps.unused = h->next;
    mm_os_unlock(&heaps.lock);
    return h ? h : mm_heap_record_new(sizeof *h);
}

static void record_free(struct heap *h)
{
    mm_os_lock(&heaps.lock);
    h->next = heaps.unused;
    heaps.unused = h;
    mm_os_unlock(&heaps.lock);
}

NTSTATUS mm_heap_create(ULONG flags, size_t initial, size_t maximum, struct heap **ret_heap)
{
    if (initial > PTRDIFF_MAX || maximum > PTRDIFF_MAX)
        return STATUS_NO_MEMORY;
    struct heap *h = record_new();
    if (!h)
        return STATUS_NO_MEMORY;

    if (maximum)
        maximum = align_up(max_size(maximum, initial), PAGE_BYTES);
    heap_init(h, flags, maximum);
    if (!take_handle(h)) {
        record_free(h);
        return STATUS_NO_MEMORY;
    }
    mm_os_lock(&heaps.lock);
    h->next = NULL;
    h->serial = ++heaps.serial;
    heaps.last->next = h;
    heaps.last = h;
    heaps.count++;
    heaps.changes++;
    mm_os_unlock(&heaps.lock);
    *ret_heap = h;
    return STATUS_SUCCESS;
}

static void unlist(struct heap *h)
{
    struct heap *before = &mm_heap_default;

    mm_os_lock(&heaps.lock);
    while (before->next != h)
        before = before->next;
    before->next = h->next;
    if (heaps.last == h)
        heaps.last = before;
    heaps.count--;
    heaps.changes++;
    mm_os_unlock(&heaps.lock);
}

/* All spans at once: nobody looks at the blocks in them any more.  The lock is held. */
static void release_spans(struct heap *h)
{
    struct span *s;

    while ((s = h->spans)) {
        atomic_store(&s->owner, &mm_heap_nobody);
        s->state = SPAN_GOING;
        s->used = 0;
        s->next = NULL;
        mm_heap_spans_free(s);
    }
    memset(h->abandoned, 0, sizeof h->abandoned);
}

static void discard_caches(struct heap *h)
{
    struct heap_cache *next;

    for (struct heap_cache *c = h->caches; c; c = next) {
        next = c->next;
        atomic_store(&c->closed, 0);
        mm_heap_cache_discard(c);
    }
    h->caches = NULL;
    atomic_store(&h->cache_count, 0);
}

NTSTATUS mm_heap_destroy(struct heap *h)
{
    if (h == &mm_heap_default)
        return STATUS_INVALID_HANDLE;
    unlist(h);
    mm_heap_gate_lock(h);
    mm_heap_unit_release(unit_of(h->handle)); /* from here on the handle means nothing */
    mm_heap_caches_close(h);
    discard_caches(h);
    if (mm_page_is_on)
        mm_page_free_all(h);
    release_spans(h);
    mm_heap_large_free_all(h);
    h->locked = 0;
    h->depth = 1;
    mm_heap_gate_unlock(h);
    record_free(h);
    return STATUS_SUCCESS;
}

/* ---- handles ------------------------------------------------------------------------------------------ */

struct heap *mm_heap_of_handle(const void *handle)
{
    uintptr_t offset = (uintptr_t)handle - mm_heap_range.start;

    if (offset >= mm_heap_range.size || !is_aligned((uintptr_t)handle, UNIT_BYTES))
        return NULL;
    return mm_heap_of_unit(unit_of((uintptr_t)handle));
}

void *mm_heap_handle(const struct heap *h)
{
    return (void *)h->handle;
}

ULONG mm_heap_flags(const struct heap *h)
{
    return h->flags;
}

bool mm_heap_is_fixed(const struct heap *h)
{
    return h->maximum != 0;
}

struct heap *mm_heap_process(void)
{
    return &mm_heap_default;
}

size_t mm_heap_list(void **ret_handles, size_t room)
{
    size_t stored = 0;

    mm_os_lock(&heaps.lock);
    for (struct heap *h = &mm_heap_default; h && stored < room; h = h->next)
        ret_handles[stored++] = mm_heap_handle(h);
    size_t count = heaps.count;
    mm_os_unlock(&heaps.lock);
    return count;
}

/* The heap after h in the list, or after where it was when `changes` was read. */
static struct heap *next_heap(struct heap *h, uint64_t *serial, uint64_t *changes)
{
    mm_os_lock(&heaps.lock);
    bool same = *changes == heaps.changes;
    h = same ? h->next : &mm_heap_default;
    while (!same && h && h->serial <= *serial)
        h = h->next;
    *serial = h ? h->serial : 0;
    *changes = heaps.changes;
    mm_os_unlock(&heaps.lock);
    return h;
}

/* The list is not locked meanwhile: a heap may be waited for by who holds another and wants the list. */
void mm_heap_each(void (*visit)(struct heap *h))
{
    uint64_t serial = 0;
    uint64_t changes = UINT64_MAX;

    for (struct heap *h = &mm_heap_default; h; h = next_heap(h, &serial, &changes))
        visit(h);
}

/* Who has locked a heap may be waiting for the list. */
static void compact_unless_locked(struct heap *h)
{
    if (!gate_try_lock(h))
        return;
    (void)mm_heap_compact(h);
    mm_heap_gate_unlock(h);
}

void mm_heap_compact_all(void)
{
    mm_heap_each(compact_unless_locked);
}

void mm_heap_leave_thread(struct heap *h)
{
    struct heap_cache *c = mm_heap_cache_find(h);
    if (!c)
        return;
    mm_heap_gate_lock(h);
    mm_heap_cache_abandon(c);
    mm_heap_gate_unlock(h);
}

/* ---- fixed heaps ---------------------------------------------------------------------------------------- */

bool mm_heap_charge(struct heap *h, size_t bytes)
{
    size_t charged = atomic_load(&h->charged);
    do {
        if (bytes > h->maximum - charged)
            return false;
    } while (!atomic_compare_exchange_weak(&h->charged, &charged, charged + bytes));
    return true;
}

void mm_heap_uncharge(struct heap *h, size_t bytes)
{
    (void)atomic_fetch_sub(&h->charged, bytes);
}

/* ---- shortage and mistakes -------------------------------------------------------------------------------- */

void mm_heap_on_shortage(bool (*reclaim)(size_t wanted))
{
    reclaim_elsewhere = reclaim;
}

static bool trimmed;

static void trim(struct heap *h)
{
    if (mm_heap_large_trim(h))
        trimmed = true;
}

bool mm_heap_reclaim(size_t wanted)
{
    trimmed = false; /* two threads at once: one may try in vain, no harm */
    mm_heap_each(trim);
    bool any = mm_heap_units_trim();
    if (reclaim_elsewhere && reclaim_elsewhere(wanted))
        any = true;
    return any || trimmed;
}

void mm_heap_on_mistake(void (*stop)(const struct heap_mistake *mistake))
{
    stop_at_mistake = stop;
}

static void complain(const struct heap_mistake *mistake)
{
    char line[160];
    struct os_text t = {line, line + sizeof line - 1};

    mm_os_text(&t, "ntmm: ");
    mm_os_text(&t, mistake->call);
    mm_os_text(&t, ": ");
    mm_os_text(&t, mistake->what);
    mm_os_text(&t, ": ");
    mm_os_text_hex(&t, (uintptr_t)mistake->address, (uintptr_t)mistake->address >> 48 ? 16 : 12);
    mm_os_text(&t, "\n");
    mm_os_complain(line);
}

void mm_heap_tell_mistake(const struct heap_mistake *mistake)
{
    if (stop_at_mistake && !mm_page_is_on)
        stop_at_mistake(mistake);
    complain(mistake);
    if (mm_page_is_on) /* who made and freed the block says more than registers, on one screen */
        mm_page_complain(mistake->address);
    mm_os_abort();
}

/* ---- fork ------------------------------------------------------------------------------------------------- */

/* Lock the list and all heaps; who holds one may want the list, so neither is waited for with both. */
static struct heap *try_to_lock_all(void)
{
    struct heap *h;

    mm_os_lock(&heaps.lock);
    for (h = &mm_heap_default; h && gate_try_lock(h); h = h->next)
        continue;
    if (!h)
        return NULL;
    for (struct heap *taken = &mm_heap_default; taken != h; taken = taken->next)
        mm_heap_gate_unlock(taken);
    mm_os_unlock(&heaps.lock);
    return h;
}

void mm_heap_before_fork(void)
{
    struct heap *busy;

    while ((busy = try_to_lock_all())) {
        mm_heap_gate_lock(busy);
        mm_heap_gate_unlock(busy);
    }
    for (struct heap *h = &mm_heap_default; h; h = h->next) {
        (void)mm_heap_lock(h);
        mm_heap_gate_unlock(h); /* taken twice */
    }
    mm_heap_units_lock();
    mm_page_lock();
}

static void unlock_all(void)
{
    mm_page_unlock();
    mm_heap_units_unlock();
    for (struct heap *h = &mm_heap_default; h; h = h->next)
        (void)mm_heap_unlock(h);
    mm_os_unlock(&heaps.lock);
}

void mm_heap_after_fork_in_parent(void)
{
    unlock_all();
}

/* The threads of the parent are not here: what they had waits to be adopted.  Its lock is held. */
static void abandon_others(struct heap *h)
{
    struct heap_cache *next;

    for (struct heap_cache *c = h->caches; c; c = next) {
        next = c->next;
        if (atomic_load(&c->thread) == heap_self())
            continue;
        atomic_store(&c->closed, 0);
        mm_heap_cache_abandon(c);
    }
}

void mm_heap_after_fork_in_child(void)
{
    mm_page_unlock();
    mm_heap_units_unlock();
    for (struct heap *h = &mm_heap_default; h; h = h->next) {
        abandon_others(h);
        (void)mm_heap_unlock(h);
    }
    mm_os_unlock(&heaps.lock);
}
