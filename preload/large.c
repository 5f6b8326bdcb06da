/*
 * large.c - blocks above 32 KiB: an allocation of address space each.
 *
 * A block reserves twice what was asked for, and commits what was asked for: it can grow by
 * committing more, without being moved.  One that had to move is growing, and reserves four times
 * its size.  A block is found by its address in a table of two levels, a word per 64 KiB of address
 * space; blocks start on 64 KiB boundaries.
 *
 * A few freed blocks of at most 1 MiB are kept for the next call of their size, as programs take
 * and free buffers in pairs.
 *
 * Lock: `large` guards the table, the records and the kept blocks.  vm is called without it: a
 * block that is out of the table belongs to the caller alone.
 */
#include "preload.h"

#include <string.h>

#include <ntstatus.h>

#include "pager/pager.h"
#include "vm/vm.h"

#define ADDRESS_BITS 47
#define LEAF_BITS 14 /* units of a leaf: 1 GiB of address space, 128 KiB of table */
#define LEAF_UNITS (1u << LEAF_BITS)
#define LEAVES (1u << (ADDRESS_BITS - UNIT_SHIFT - LEAF_BITS))

#define KEPT_MOST 8
#define KEPT_BLOCK MIB       /* largest block worth keeping */
#define KEPT_BYTES (4 * MIB) /* of all kept blocks together */
#define PREPARE_MOST MIB     /* blocks up to this size are written soon, and whole */
#define MOVE_PIECE MIB       /* a moving block is given back piece by piece */
#define TRIM_LEAST (256 * KIB)
#define RECORDS_CHUNK (64 * KIB)

struct large {
    uintptr_t start;    /* what the program has */
    uintptr_t reserved; /* where the allocation begins; at or below start */
    uintptr_t end;      /* where the reservation ends */
    size_t committed;   /* bytes from start */
    struct large *next; /* unused records */
};

static struct {
    struct os_lock lock;
    struct large **leaves[LEAVES];
    struct large *kept[KEPT_MOST]; /* oldest first */
    unsigned kept_count;
    size_t kept_bytes;
    struct large *unused;
    unsigned char *chunk;
    size_t chunk_left;
    size_t committed; /* bytes of blocks in use */
    size_t blocks;
} large;

void mm_preload_large_lock(void)
{
    mm_os_lock(&large.lock);
}

void mm_preload_large_unlock(void)
{
    mm_os_unlock(&large.lock);
}

/* ---- the table ---------------------------------------------------------------------------------- */

/* The word for an address; NULL: none, or there is no memory to make one.  Lock held. */
static struct large **slot_of(uintptr_t address, bool make)
{
    uintptr_t unit = address >> UNIT_SHIFT;

    if (!is_aligned(address, UNIT_BYTES) || address >> ADDRESS_BITS)
        return NULL;
    struct large ***leaf = &large.leaves[unit >> LEAF_BITS];
    if (!*leaf && make)
        *leaf = mm_os_own_memory(LEAF_UNITS * sizeof(struct large *));
    return *leaf ? &(*leaf)[unit & (LEAF_UNITS - 1)] : NULL;
}

static struct large *find(uintptr_t address)
{
    struct large **slot = slot_of(address, false);
    return slot ? *slot : NULL;
}

static struct large *record_new(void)
{
    struct large *l = large.unused;
    if (l) {
        large.unused = l->next;
        return l;
    }
    if (large.chunk_left < sizeof *l) {
        unsigned char *chunk = mm_os_own_memory(RECORDS_CHUNK);
        if (!chunk)
            return NULL;
        large.chunk = chunk;
        large.chunk_left = RECORDS_CHUNK;
    }
    l = (struct large *)large.chunk;
    large.chunk += sizeof *l;
    large.chunk_left -= sizeof *l;
    return l;
}

/* Enter a block; false: no memory for the records.  Lock not held. */
static bool enter(const struct large *block)
{
    mm_os_lock(&large.lock);
    struct large **slot = slot_of(block->start, true);
    struct large *l = slot ? record_new() : NULL;
    if (l) {
        *l = *block;
        *slot = l;
        large.committed += l->committed;
        large.blocks++;
    }
    mm_os_unlock(&large.lock);
    return l != NULL;
}

/* Take the block at `address` out of the table; false: there is none. */
static bool leave(uintptr_t address, struct large *ret_block)
{
    mm_os_lock(&large.lock);
    struct large **slot = slot_of(address, false);
    struct large *l = slot ? *slot : NULL;
    if (l) {
        *slot = NULL;
        *ret_block = *l;
        large.committed -= l->committed;
        large.blocks--;
        l->next = large.unused;
        large.unused = l;
    }
    mm_os_unlock(&large.lock);
    return l != NULL;
}

/* ---- memory ------------------------------------------------------------------------------------- */

static NTSTATUS call_vm(uintptr_t address, size_t size, ULONG type, unsigned hints,
                        uintptr_t *ret_base)
{
    struct vm_request request = {
        .address = (void *)address,
        .size = size,
        .type = type,
        .protect = PAGE_READWRITE,
        .hints = hints,
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

static void release(const struct large *block)
{
    void *base;
    size_t size;
    (void)mm_vm_free((void *)block->reserved, 0, MEM_RELEASE, &base, &size); /* ours: cannot fail */
}

static bool commit(uintptr_t start, size_t size, bool soon)
{
    uintptr_t base;
    unsigned hints = soon ? MM_VM_TOUCHED_SOON : 0;

    mm_pager_admit(size);
    return size == 0 || call_vm(start, size, MEM_COMMIT, hints, &base) == STATUS_SUCCESS;
}

/* Reserve room for a block at an alignment, with slack to grow where there is room for slack. */
static bool reserve(size_t size, size_t alignment, unsigned times, struct large *ret_block)
{
    size_t pad = alignment > UNIT_BYTES ? alignment : 0;
    size_t room = align_up(size, UNIT_BYTES);
    uintptr_t base;

    if (room + pad < size || call_vm(0, room * times + pad, MEM_RESERVE, 0, &base)) {
        times = 1;
        if (room + pad < size || call_vm(0, room + pad, MEM_RESERVE, 0, &base))
            return false;
    }
    ret_block->reserved = base;
    ret_block->start = align_up(base, max_size(alignment, UNIT_BYTES));
    ret_block->end = base + room * times + pad;
    return true;
}

/* A new block, in the table; false: no memory. */
static bool make(size_t size, size_t alignment, unsigned times, bool soon, struct large *ret_block)
{
    struct large block;

    if (size > PTRDIFF_MAX / 8 || alignment > PTRDIFF_MAX / 8)
        return false;
    block.committed = align_up(size, PAGE_BYTES);
    if (!reserve(size, alignment, times, &block))
        return false;
    if (!commit(block.start, block.committed, soon) || !enter(&block)) {
        release(&block);
        return false;
    }
    *ret_block = block;
    return true;
}

/* ---- kept blocks -------------------------------------------------------------------------------- */

static void kept_remove(unsigned at, struct large *ret_block)
{
    struct large *l = large.kept[at];

    large.kept_count--;
    large.kept_bytes -= l->committed;
    memmove(&large.kept[at], &large.kept[at + 1], (large.kept_count - at) * sizeof large.kept[0]);
    *ret_block = *l;
    l->next = large.unused;
    large.unused = l;
}

/* The latest kept block that fits without much waste. */
static bool kept_take(size_t size, size_t alignment, struct large *ret_block)
{
    bool found = false;

    if (size > KEPT_BLOCK || alignment > UNIT_BYTES)
        return false;
    mm_os_lock(&large.lock);
    for (unsigned i = large.kept_count; i-- > 0 && !found;) {
        size_t committed = large.kept[i]->committed;
        found = committed >= size && committed / 2 <= size;
        if (found)
            kept_remove(i, ret_block);
    }
    mm_os_unlock(&large.lock);
    return found;
}

static bool kept_pop(struct large *ret_block)
{
    mm_os_lock(&large.lock);
    bool found = large.kept_count > 0;
    if (found)
        kept_remove(0, ret_block);
    mm_os_unlock(&large.lock);
    return found;
}

void mm_preload_large_trim(void)
{
    struct large block;
    while (kept_pop(&block))
        release(&block);
}

/* => false: it was not kept, and the caller releases it */
static bool keep(const struct large *block)
{
    struct large *l = NULL;

    if (block->committed > KEPT_BLOCK)
        return false;
    mm_os_lock(&large.lock);
    if (large.kept_count < KEPT_MOST && large.kept_bytes + block->committed <= KEPT_BYTES)
        l = record_new();
    if (l) {
        *l = *block;
        large.kept[large.kept_count++] = l;
        large.kept_bytes += l->committed;
    }
    mm_os_unlock(&large.lock);
    return l != NULL;
}

/* ---- the calls ---------------------------------------------------------------------------------- */

static void *allocate_once(size_t size, size_t alignment, bool zero)
{
    struct large block;

    if (kept_take(size, alignment, &block)) {
        if (!enter(&block)) {
            release(&block);
            return NULL;
        }
        if (zero)
            memset((void *)block.start, 0, size);
        return (void *)block.start;
    }
    bool soon = !zero && size <= PREPARE_MOST;
    return make(size, alignment, 2, soon, &block) ? (void *)block.start : NULL;
}

void *mm_preload_large_allocate(size_t size, size_t alignment, bool zero)
{
    if (!mm_preload_ready())
        return mm_preload_early_memory(size, alignment);

    void *block = allocate_once(size, alignment, zero);
    if (!block) {
        mm_preload_large_trim();
        mm_preload_spans_trim();
        block = allocate_once(size, alignment, zero);
    }
    return block;
}

/* Keep a block that left the table, in place of older ones; else release it. */
static void retire(const struct large *block)
{
    struct large old;

    while (block->committed <= KEPT_BLOCK) {
        if (keep(block))
            return;
        if (!kept_pop(&old))
            break;
        release(&old);
    }
    release(block);
}

bool mm_preload_large_free(void *address)
{
    struct large block;

    if (!leave((uintptr_t)address, &block))
        return false;
    retire(&block);
    return true;
}

bool mm_preload_large_size(const void *address, size_t *ret_usable)
{
    mm_os_lock(&large.lock);
    struct large *l = find((uintptr_t)address);
    if (l)
        *ret_usable = l->committed;
    mm_os_unlock(&large.lock);
    return l != NULL;
}

void mm_preload_large_totals(struct heap_totals *ret_totals)
{
    mm_os_lock(&large.lock);
    ret_totals->committed = large.committed + large.kept_bytes;
    ret_totals->used = large.committed;
    ret_totals->blocks = large.blocks;
    ret_totals->spans = large.kept_count;
    mm_os_unlock(&large.lock);
}

/* ---- resizing ----------------------------------------------------------------------------------- */

/* Record the new size of a block that stays where it is. */
static void set_committed(uintptr_t address, size_t committed)
{
    mm_os_lock(&large.lock);
    struct large *l = find(address);
    large.committed += committed - l->committed;
    l->committed = committed;
    mm_os_unlock(&large.lock);
}

/* Take address space behind the reservation, if nobody has it. */
static bool grow_reservation(const struct large *block, size_t size)
{
    uintptr_t end = align_up(block->start + size, UNIT_BYTES);
    void *reserved = (void *)block->reserved;

    if (size > PTRDIFF_MAX / 8 || mm_vm_extend(reserved, block->end - block->reserved,
                                               end - block->reserved) != STATUS_SUCCESS)
        return false;
    mm_os_lock(&large.lock);
    find(block->start)->end = end;
    mm_os_unlock(&large.lock);
    return true;
}

static bool grow_in_place(const struct large *block, size_t size)
{
    size_t wanted = align_up(size, UNIT_BYTES);
    size_t more = wanted - block->committed;

    if (size > block->end - block->start && !grow_reservation(block, size))
        return false;
    if (!commit(block->start + block->committed, more, more <= PREPARE_MOST))
        return false;
    set_committed(block->start, wanted);
    return true;
}

static void shrink_in_place(const struct large *block, size_t size)
{
    size_t wanted = align_up(size, PAGE_BYTES);
    size_t spare = block->committed - wanted;

    /* A block that shrinks a little may grow again. */
    if (spare < TRIM_LEAST && spare < block->committed / 2)
        return;
    set_committed(block->start, wanted);
    decommit(block->start + wanted, spare);
}

/* Copy, and give back the source as it is read: the peak is one block, not two. */
static void move(uintptr_t to, const struct large *from)
{
    for (size_t done = 0; done < from->committed; done += MOVE_PIECE) {
        size_t piece = min_size(MOVE_PIECE, from->committed - done);
        memcpy((void *)(to + done), (void *)(from->start + done), piece);
        if (piece == MOVE_PIECE)
            decommit(from->start + done, piece);
    }
    release(from);
}

void *mm_preload_large_resize(void *address, size_t size)
{
    struct large block, bigger;

    mm_os_lock(&large.lock);
    struct large *l = find((uintptr_t)address);
    if (l)
        block = *l;
    mm_os_unlock(&large.lock);
    if (!l)
        mm_preload_stop("realloc", "this address is not a block in use:", address);

    if (size <= block.committed) {
        shrink_in_place(&block, size);
        return address;
    }
    if (grow_in_place(&block, size))
        return address;
    if (!make(size, UNIT_BYTES, 4, false, &bigger))
        return NULL;
    (void)leave(block.start, &block); /* was found above, and is the caller's */
    move(bigger.start, &block);
    return (void *)bigger.start;
}
