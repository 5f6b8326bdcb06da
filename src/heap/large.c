/*
 * large.c - blocks above 32 KiB: an allocation of address space each.
 *
 * A block reserves twice what was asked for, and commits what was asked for: it can grow by
 * committing more, without being moved.  One that had to move is growing, and reserves four times
 * its size.  Where there are very many, none reserves more than it needs: each reservation that is
 * not used up costs the kernel a mapping, of which a process may have some 65,000.
 *
 * A block is found by its address in a table of two levels, a word per 64 KiB of address
 * space; blocks start on 64 KiB boundaries.
 *
 * A record belongs to a heap, and stands on its list, while its block is in use or kept (kept.c).
 * Records and leaves of the table are
 * never unmapped, so that a look at any address is safe at any time.
 *
 * Lock: the heap's, for its list.  vm is called without
 * it: a block that is in no list belongs to the caller alone.
 */
#include "heap/large_internal.h"

#include "pager/pager.h"
#include "vm/vm.h"

#define ADDRESS_BITS 47
#define LEAF_BITS 14 /* units of a leaf: 1 GiB of address space, 128 KiB of table */
#define LEAF_UNITS (1u << LEAF_BITS)
#define LEAVES (1u << (ADDRESS_BITS - UNIT_SHIFT - LEAF_BITS))

#define PREPARE_MOST (128 * KIB) /* blocks up to this size are written soon, and whole */
#define MOVE_PIECE MIB           /* a moving block is given back piece by piece */
#define TRIM_LEAST (256 * KIB)
#define MANY 4096    /* blocks, from which on they get less room to grow, or none */
#define GROW_SHARE 8 /* a growing block commits this part of its size at a time, or a unit */

typedef _Atomic(struct large *) large_slot;

static MM_APART _Atomic(large_slot *) leaves[LEAVES];
static struct large *unused; /* the units' lock */
static atomic_uint blocks;   /* in use or kept, of all heaps */

/* ---- the table ---------------------------------------------------------------------------------- */

static large_slot *leaf_of(uintptr_t address, bool make)
{
    _Atomic(large_slot *) *place = &leaves[address >> UNIT_SHIFT >> LEAF_BITS];
    large_slot *leaf = atomic_load_explicit(place, memory_order_acquire);
    large_slot *none = NULL;

    if (leaf || !make)
        return leaf;
    leaf = mm_os_own_memory(LEAF_UNITS * sizeof(large_slot));
    if (leaf && !atomic_compare_exchange_strong(place, &none, leaf)) {
        (void)mm_os_unmap(leaf, LEAF_UNITS * sizeof(large_slot)); /* another thread was faster */
        leaf = none;
    }
    return leaf;
}

/* The word for an address; NULL: none, or there is no memory to make one. */
static large_slot *slot_of(uintptr_t address, bool make)
{
    if (!is_aligned(address, UNIT_BYTES) || address >> ADDRESS_BITS)
        return NULL;
    large_slot *leaf = leaf_of(address, make);
    return leaf ? &leaf[address >> UNIT_SHIFT & (LEAF_UNITS - 1)] : NULL;
}

/* The block in use that starts at the address, whosever it is. */
static struct large *find(const void *address)
{
    large_slot *slot = slot_of((uintptr_t)address, false);
    struct large *l = slot ? atomic_load_explicit(slot, memory_order_acquire) : NULL;
    bool live = l && atomic_load_explicit(&l->state, memory_order_acquire) == LARGE_LIVE;
    return live && l->start == (uintptr_t)address ? l : NULL; /* a record may be another's by now */
}

/* The same for a block of this heap; its lock is held. */
static struct large *find_in(struct heap *h, const void *address)
{
    struct large *l = find(address);
    return l && l->heap == h ? l : NULL;
}

static struct large *record_new(void)
{
    mm_heap_units_lock();
    struct large *l = unused;
    if (l)
        unused = l->next;
    mm_heap_units_unlock();
    return l ? l : mm_heap_record_new(sizeof *l);
}

static void record_free(struct large *l)
{
    mm_heap_units_lock();
    l->next = unused;
    unused = l;
    mm_heap_units_unlock();
}

/* ---- memory ------------------------------------------------------------------------------------- */

static NTSTATUS call_vm(uintptr_t address, size_t size, ULONG type, ULONG protect, bool soon,
                        uintptr_t *ret_base)
{
    struct vm_request request = {
        .address = (void *)address,
        .size = size,
        .type = type,
        .protect = protect,
        .hints = soon ? MM_VM_TOUCHED_SOON : 0,
    };
    void *base;
    size_t ret_size;
    NTSTATUS status = mm_vm_allocate(&request, &base, &ret_size);
    if (status == STATUS_SUCCESS)
        *ret_base = (uintptr_t)base;
    return status;
}

static void decommit(uintptr_t start, size_t size)
{
    void *base;
    size_t ret_size;

    /* Fails only where the kernel has no mapping left; then the contents go, the charge stays. */
    if (mm_vm_free((void *)start, size, MEM_DECOMMIT, &base, &ret_size) != STATUS_SUCCESS)
        (void)mm_vm_zero((void *)start, size);
}

/* Give back the memory of a block that is in no list, and its record. */
static void release(struct large *l)
{
    void *base;
    size_t size;

    atomic_store(slot_of(l->start, false), NULL); /* has a slot: it was entered */
    (void)mm_vm_free((void *)l->reserved, 0, MEM_RELEASE, &base, &size); /* ours: cannot fail */
    (void)atomic_fetch_sub(&blocks, 1);
    record_free(l);
}

static bool commit(const struct heap *h, uintptr_t start, size_t size, bool soon)
{
    uintptr_t base;

    mm_pager_admit(size);
    return size == 0 || call_vm(start, size, MEM_COMMIT, h->protect, soon, &base) == STATUS_SUCCESS;
}

/* Reserve room for a block at an alignment, with slack to grow where there is room for slack. */
static bool reserve(struct large *l, size_t size, size_t alignment, unsigned times)
{
    size_t pad = alignment > UNIT_BYTES ? alignment : 0;
    size_t room = align_up(max_size(size, 1), UNIT_BYTES);
    ULONG protect = l->heap->protect;
    uintptr_t base;

    if (room + pad < size)
        return false;
    if (call_vm(0, room * times + pad, MEM_RESERVE, protect, false, &base)) {
        times = 1;
        if (call_vm(0, room + pad, MEM_RESERVE, protect, false, &base))
            return false;
    }
    l->reserved = base;
    l->start = align_up(base, max_size(alignment, UNIT_BYTES));
    l->end = base + room * times + pad;
    return true;
}

static bool make_memory(struct large *l, size_t size, size_t alignment, unsigned times, bool soon)
{
    void *base;
    size_t ret_size;

    l->committed = align_up(max_size(size, 1), PAGE_BYTES);
    if (!reserve(l, size, alignment, times))
        return false;
    if (commit(l->heap, l->start, l->committed, soon) && slot_of(l->start, true))
        return true;
    (void)mm_vm_free((void *)l->reserved, 0, MEM_RELEASE, &base, &ret_size); /* ours */
    return false;
}

/* How many times its size a block may reserve: less the more there are, and longest for what grows. */
static unsigned times_allowed(unsigned times)
{
    unsigned count = atomic_load_explicit(&blocks, memory_order_relaxed);
    return count < MANY ? times : count < 4 * MANY && times > 2 ? 2 : 1;
}

/* A new block, in the table and in no list yet; NULL: no memory. */
static struct large *make(struct heap *h, size_t size, size_t alignment, unsigned times, bool soon)
{
    if (size > PTRDIFF_MAX / 8 || alignment > PTRDIFF_MAX / 8)
        return NULL;
    struct large *l = record_new();
    if (!l)
        return NULL;
    l->heap = h;
    l->stretched = false;
    times = times_allowed(times);
    if (!make_memory(l, size, alignment, times, soon) &&
        (times == 1 || !make_memory(l, size, alignment, 1, soon))) {
        record_free(l);
        return NULL;
    }
    (void)atomic_fetch_add(&blocks, 1);
    return l;
}

/* ---- the heap's lists: its lock is held -------------------------------------------------------------- */

static void link_live(struct heap *h, struct large *l, size_t size)
{
    atomic_store_explicit(&l->size, size, memory_order_relaxed);
    l->prev = NULL;
    l->next = h->large;
    if (h->large)
        h->large->prev = l;
    h->large = l;
    h->large_committed += l->committed;
    atomic_store_explicit(&l->state, LARGE_LIVE, memory_order_release);
    atomic_store_explicit(slot_of(l->start, false), l, memory_order_release);
}

void mm_heap_large_unlink(struct heap *h, struct large *l, enum large_state state)
{
    atomic_store_explicit(&l->state, state, memory_order_release);
    if (l->prev)
        l->prev->next = l->next;
    else
        h->large = l->next;
    if (l->next)
        l->next->prev = l->prev;
    h->large_committed -= l->committed;
}

void mm_heap_large_release_all(struct large *l)
{
    while (l) {
        struct large *next = l->next;
        release(l);
        l = next;
    }
}

bool mm_heap_large_claim(struct heap *h, struct large *l, const void *block, enum large_state state)
{
    unsigned live = LARGE_LIVE;

    if (!atomic_compare_exchange_strong(&l->state, &live, state))
        return false;
    if (l->heap == h && l->start == (uintptr_t)block) {
        mm_heap_large_end_stretch(h, l);
        return true;
    }
    atomic_store(&l->state,
                 LARGE_LIVE); /* freed by another thread meanwhile, and already another's */
    return false;
}

/* ---- the calls ---------------------------------------------------------------------------------- */

/* A new block in use, if need be of memory that others keep for later; NULL: no memory. */
static struct large *make_live(struct heap *h, size_t size, size_t alignment, unsigned times,
                               bool soon)
{
    struct large *l = make(h, size, alignment, times, soon);
    if (!l && mm_heap_reclaim(size))
        l = make(h, size, alignment, times, soon);
    if (!l)
        return NULL;
    mm_heap_gate_lock(h);
    link_live(h, l, size);
    mm_heap_gate_unlock(h);
    return l;
}

void *mm_heap_large_allocate(struct heap *h, size_t size, size_t alignment, enum large_use use)
{
    bool zero = use == LARGE_ZERO;

    struct large *l = mm_heap_kept_take(h, size, alignment, use == LARGE_GROWING);
    if (l) {
        if (zero)
            memset((void *)l->start, 0, size);
        return (void *)l->start;
    }
    l = make_live(h, size, alignment, 2, !zero && size <= PREPARE_MOST);
    return l ? (void *)l->start : NULL;
}

static bool free_at_once(struct heap *h, struct large *l, const void *block)
{
    mm_heap_gate_lock(h);
    bool mine = mm_heap_large_claim(h, l, block, LARGE_UNUSED);
    if (mine)
        mm_heap_large_unlink(h, l, LARGE_UNUSED);
    mm_heap_gate_unlock(h);
    if (mine)
        release(l);
    return mine;
}

bool mm_heap_large_free(struct heap *h, void *block, bool keep)
{
    struct large *l = find(block);
    if (!l || l->heap != h)
        return false;
    return keep ? mm_heap_kept_put(h, l, block) : free_at_once(h, l, block);
}

bool mm_heap_large_size(const void *block, struct heap **ret_heap, size_t *ret_size,
                        size_t *ret_capacity)
{
    struct large *l = find(block);
    if (!l)
        return false;
    *ret_heap = l->heap;
    *ret_size = atomic_load_explicit(&l->size, memory_order_relaxed);
    *ret_capacity = l->committed;
    return true;
}

void mm_heap_large_free_all(struct heap *h)
{
    struct large *all = h->large;

    for (struct large *l = all; l; l = l->next)
        atomic_store(&l->state, LARGE_UNUSED);
    h->large = NULL;
    h->large_committed = 0;
    h->kept = (struct kept_list){0};
    atomic_store(&h->stretched, 0);
    atomic_store(&h->regret, 0);
    memset(h->gone, 0, sizeof h->gone);
    mm_heap_large_release_all(all);
}

/* ---- resizing: the block is the caller's, nobody else changes its record --------------------------- */

static void set_sizes(struct large *l, size_t committed, size_t size)
{
    struct heap *h = l->heap;

    mm_heap_gate_lock(h);
    h->large_committed += committed - l->committed;
    l->committed = committed;
    atomic_store_explicit(&l->size, size, memory_order_relaxed);
    mm_heap_gate_unlock(h);
}

/* Take address space behind the reservation, if nobody has it. */
static bool grow_reservation(struct large *l, size_t size)
{
    uintptr_t end = align_up(l->start + size, UNIT_BYTES);
    void *reserved = (void *)l->reserved;

    if (size > PTRDIFF_MAX / 8 || mm_vm_extend(reserved, l->end - l->reserved, end - l->reserved))
        return false;
    mm_heap_gate_lock(l->heap); /* sums read it */
    l->end = end;
    mm_heap_gate_unlock(l->heap);
    return true;
}

static bool commit_to(struct large *l, size_t wanted)
{
    size_t more = wanted - l->committed;
    return commit(l->heap, l->start + l->committed, more, more <= PREPARE_MOST);
}

static bool grow_in_place(struct large *l, size_t size)
{
    if (size > l->end - l->start && !grow_reservation(l, size))
        return false;
    size_t least = align_up(size, UNIT_BYTES);
    size_t step = align_down(l->committed / GROW_SHARE, UNIT_BYTES);
    size_t most = min_size(least + step, l->end - l->start);
    if (commit_to(l, most))
        least = most;
    else if (!commit_to(l, least))
        return false;
    set_sizes(l, least, size);
    return true;
}

/* Bytes to be given back when the block becomes this small; if it shrinks little it may grow again. */
static size_t spare_of(const struct large *l, size_t size)
{
    if (size >= atomic_load_explicit(&l->size, memory_order_relaxed))
        return 0;
    size_t spare = l->committed - align_up(max_size(size, 1), PAGE_BYTES);
    return spare < TRIM_LEAST && spare < l->committed / 2 ? 0 : spare;
}

/* A new size within what is committed: no lock, but who has closed the heap is waited for. */
static bool set_size(struct large *l, size_t size)
{
    struct heap_cache *c = mm_heap_cache_find(l->heap);
    if (!c)
        return false;
    mm_heap_cache_enter(l->heap, c);
    atomic_store_explicit(&l->size, size, memory_order_relaxed);
    heap_leave(c);
    return true;
}

static void shrink_in_place(struct large *l, size_t size)
{
    size_t spare = spare_of(l, size);

    if (!spare && set_size(l, size))
        return;
    set_sizes(l, l->committed - spare, size);
    if (spare)
        decommit(l->start + l->committed, spare);
}

/* Copy, and give back the source as it is read: the peak is one block, not two. */
static void copy_and_release(struct large *to, struct large *from, size_t size)
{
    for (size_t done = 0; done < size; done += MOVE_PIECE) {
        size_t piece = min_size(MOVE_PIECE, size - done);
        memcpy((void *)(to->start + done), (void *)(from->start + done), piece);
        if (piece == MOVE_PIECE)
            decommit(from->start + done, piece);
    }
    release(from);
}

/* What was kept does not read as zero. */
static NTSTATUS move(struct heap *h, struct large *l, size_t size, bool zero, void **ret_block)
{
    struct large *bigger = zero ? NULL : mm_heap_kept_take(h, size, UNIT_BYTES, true);
    if (!bigger)
        bigger = make_live(h, size, UNIT_BYTES, 4, false);
    if (!bigger)
        return STATUS_NO_MEMORY;

    size_t old = min_size(atomic_load_explicit(&l->size, memory_order_relaxed), size);
    mm_heap_gate_lock(h);
    mm_heap_large_unlink(h, l, LARGE_UNUSED);
    mm_heap_gate_unlock(h);
    mm_heap_large_end_stretch(h, l);
    copy_and_release(bigger, l, old);
    *ret_block = (void *)bigger->start;
    return STATUS_SUCCESS;
}

NTSTATUS mm_heap_large_resize(struct heap *h, void *block, size_t size, ULONG flags,
                              void **ret_block)
{
    struct large *l = find(block);
    if (!l || l->heap != h)
        return STATUS_INVALID_PARAMETER;

    if (size <= l->committed)
        shrink_in_place(l, size);
    else if (!grow_in_place(l, size))
        return flags & HEAP_REALLOC_IN_PLACE_ONLY
                   ? STATUS_NO_MEMORY
                   : move(h, l, size, flags & HEAP_ZERO_MEMORY, ret_block);
    *ret_block = block;
    return STATUS_SUCCESS;
}

/* ---- walking: the heap is locked ---------------------------------------------------------------------- */

static void tell(const struct large *l, struct large_info *ret_info)
{
    *ret_info = (struct large_info){
        .start = l->start,
        .size = atomic_load_explicit(&l->size, memory_order_relaxed),
        .committed = l->committed,
        .reserved = l->end - l->start,
    };
}

/* The first block of the heap in a leaf, from a unit of it on. */
static struct large *next_in_leaf(struct heap *h, uintptr_t number, uintptr_t from)
{
    large_slot *leaf = atomic_load_explicit(&leaves[number], memory_order_acquire);

    for (uintptr_t unit = from; leaf && unit < LEAF_UNITS; unit++) {
        struct large *l = atomic_load_explicit(&leaf[unit], memory_order_acquire);
        if (l && l->heap == h &&
            atomic_load_explicit(&l->state, memory_order_acquire) == LARGE_LIVE)
            return l;
    }
    return NULL;
}

bool mm_heap_large_next(struct heap *h, uintptr_t address, struct large_info *ret_info)
{
    uintptr_t unit = (address >> UNIT_SHIFT) + 1;

    if (!h->large)
        return false;
    for (uintptr_t number = unit >> LEAF_BITS; number < LEAVES; number++) {
        struct large *l = next_in_leaf(h, number, unit & (LEAF_UNITS - 1));
        if (l) {
            tell(l, ret_info);
            return true;
        }
        unit = 0;
    }
    return false;
}

bool mm_heap_large_at(struct heap *h, const void *address, struct large_info *ret_info)
{
    struct large *l = find_in(h, address);
    if (l)
        tell(l, ret_info);
    return l != NULL;
}

void mm_heap_large_sum(struct heap *h, struct heap_summary *sum)
{
    for (const struct large *l = h->large; l; l = l->next) {
        sum->committed += l->committed;
        sum->reserved += l->end - l->reserved;
        if (atomic_load_explicit(&l->state, memory_order_acquire) != LARGE_LIVE)
            continue;
        sum->allocated += atomic_load_explicit(&l->size, memory_order_relaxed);
        sum->blocks++;
        sum->large_blocks++;
        sum->large_committed += l->committed;
    }
}
