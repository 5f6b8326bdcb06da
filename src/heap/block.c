/*
 * block.c - blocks: allocate, free, resize, ask for the size; small ones from spans, others large.
 *
 * Blocks of a fixed heap are counted here as well, in the three calls that change what is in use.
 */
#include "heap/heap_internal.h"
#include "heap/page_internal.h"

#define REPACK_LOOKS 256 /* spans that repacking looks at for a denser one */

/* ---- mistakes --------------------------------------------------------------------------------- */

static const char *mistake_in_span(const struct heap *h, const struct span *s, const void *block)
{
    unsigned index;

    if (s->heap != h)
        return "this block belongs to another heap";
    if (!heap_index_of(s, block, &index))
        return "this address is inside a block, not its start";
    return "this block is not in use (freed twice?)";
}

static const char *mistake_of(const struct heap *h, const void *block)
{
    const struct span *s = heap_span_of(block);
    struct heap *owner;
    size_t size, capacity;

    const char *known = mm_page_is_on ? mm_page_mistake(h, block) : NULL;
    if (known)
        return known;
    if (s)
        return mistake_in_span(h, s, block);
    if (mm_heap_large_size(block, &owner, &size, &capacity) && owner != h)
        return "this block belongs to another heap";
    return "this address is not a block in use (freed twice?)";
}

void mm_heap_stop(const struct heap *h, const char *call, const void *block)
{
    mm_heap_tell_mistake(&(struct heap_mistake){call, mistake_of(h, block), block});
}

/* ---- looking ------------------------------------------------------------------------------------- */

/* What stands behind an address. */
struct found {
    struct heap *heap;
    struct span *span; /* NULL: a large block */
    unsigned index;
    size_t size;
    size_t capacity;
};

static bool find_plain(const void *block, struct found *ret_found)
{
    struct found f = {.span = heap_span_of(block)};

    if (!f.span) {
        if (!mm_heap_large_size(block, &f.heap, &f.size, &f.capacity))
            return false;
    } else {
        if (!heap_index_of(f.span, block, &f.index))
            return false;
        uint16_t side = heap_side(f.span, f.index);
        if (!heap_side_is_live(side))
            return false;
        f.heap = f.span->heap;
        f.capacity = f.span->size;
        f.size = f.capacity - (side - 1u);
    }
    *ret_found = f;
    return true;
}

static bool find(const void *block, struct found *ret_found)
{
    struct found f = {0};

    if (likely(!mm_page_is_on))
        return find_plain(block, ret_found);
    if (!mm_page_size(block, &f.heap, &f.size))
        return false;
    f.capacity = f.size;
    *ret_found = f;
    return true;
}

/* ---- allocation --------------------------------------------------------------------------------- */

static void *small(struct heap *h, size_t size, unsigned class, bool *ret_fresh)
{
    struct heap_cache *c = h->hard ? NULL : mm_heap_cache_find(h);
    void *block = c ? heap_take(c, class, size, ret_fresh) : NULL;
    return likely(block != NULL) ? block : mm_heap_take_slowly(h, class, size, ret_fresh);
}

/* A class whose blocks hold `size` bytes and lie at multiples of `alignment`; or NO_CLASS. */
static unsigned aligned_class(size_t alignment, size_t size)
{
    unsigned class = class_of(size);
    while (class < CLASS_COUNT && mm_heap_classes[class].size & (alignment - 1))
        class ++;
    return class;
}

/* All memory of a hardened heap is zero when it is handed out. */
static __attribute__((noinline)) void *allocate_hard(struct heap *h, size_t alignment, size_t size)
{
    size_t room = mm_heap_harden_room(size);
    unsigned class = NO_CLASS;
    bool fresh = false;
    struct found f;

    if (room <= SMALL_MAX && alignment <= SMALL_MAX)
        class = aligned_class(alignment, room);
    void *block = class == NO_CLASS ? mm_heap_large_allocate(h, size, alignment, LARGE_ZERO)
                                    : small(h, size, class, &fresh);
    if (class == NO_CLASS && block && find_plain(block, &f))
        mm_heap_harden_out(NULL, block, size, f.capacity, fresh);
    return block;
}

void *mm_heap_plain_allocate(struct heap *h, ULONG flags, size_t alignment, size_t size)
{
    if (unlikely(h->hard))
        return allocate_hard(h, alignment, size);
    bool zero = flags & HEAP_ZERO_MEMORY;
    bool fresh = false;
    unsigned class = NO_CLASS;

    if (size <= SMALL_MAX && alignment <= SMALL_MAX)
        class = alignment <= 16 ? class_of(size) : aligned_class(alignment, size);
    if (class == NO_CLASS)
        return mm_heap_large_allocate(h, size, alignment, zero ? LARGE_ZERO : LARGE_PLAIN);
    void *block = small(h, size, class, &fresh);
    /* Freed single units are not joined: where address space is limited, runs of them may run out. */
    if (unlikely(!block) && mm_heap_classes[class].units > 1)
        return mm_heap_large_allocate(h, size, alignment, zero ? LARGE_ZERO : LARGE_PLAIN);
    if (block && zero && !fresh)
        memset(block, 0, size);
    return block;
}

static void *allocate(struct heap *h, ULONG flags, size_t alignment, size_t size)
{
    return unlikely(mm_page_is_on) ? mm_page_allocate(h, flags, alignment, size)
                                   : mm_heap_plain_allocate(h, flags, alignment, size);
}

static __attribute__((noinline)) void *allocate_fixed(struct heap *h, ULONG flags, size_t alignment,
                                                      size_t size)
{
    if (size > FIXED_BLOCK_MOST || !mm_heap_charge(h, fixed_cost(size)))
        return NULL;
    void *block = allocate(h, flags, alignment, size);
    if (!block)
        mm_heap_uncharge(h, fixed_cost(size));
    return block;
}

void *mm_heap_allocate_aligned(struct heap *h, ULONG flags, size_t alignment, size_t size)
{
    if (size > PTRDIFF_MAX)
        return NULL;
    return unlikely(h->maximum) ? allocate_fixed(h, flags, alignment, size)
                                : allocate(h, flags, alignment, size);
}

void *mm_heap_allocate(struct heap *h, ULONG flags, size_t size)
{
    return mm_heap_allocate_aligned(h, flags, 16, size);
}

/* ---- asking --------------------------------------------------------------------------------------- */

NTSTATUS mm_heap_size(struct heap *h, const void *block, size_t *ret_size)
{
    struct found f;
    if (!find(block, &f) || f.heap != h)
        return STATUS_INVALID_PARAMETER;
    *ret_size = f.size;
    return STATUS_SUCCESS;
}

NTSTATUS mm_heap_capacity(struct heap *h, const void *block, size_t *ret_capacity)
{
    struct found f;
    if (!find(block, &f) || f.heap != h)
        return STATUS_INVALID_PARAMETER;
    *ret_capacity = h->hard ? f.size : f.capacity; /* the canary is behind the size */
    return STATUS_SUCCESS;
}

bool mm_heap_block_is_valid(struct heap *h, const void *block)
{
    struct found f;
    return find(block, &f) && f.heap == h &&
           (!h->hard || mm_heap_harden_check(f.span, block, f.size, f.capacity));
}

struct heap *mm_heap_of_block(const void *block)
{
    struct found f;
    return find(block, &f) ? f.heap : NULL;
}

/* ---- free ----------------------------------------------------------------------------------------- */

/* Give a small block in use back, whosever it is; false: it is none. */
static bool give_small(struct heap *h, struct span *s, unsigned index, void *block)
{
    struct heap_cache *c = mm_heap_cache_find(h);

    return c && atomic_load(&s->owner) == c ? mm_heap_give_own(h, c, s, block)
                                            : mm_heap_give_remote(s, index);
}

void mm_heap_free_held(struct heap *h, void *block)
{
    struct span *s = heap_span_of(block);
    unsigned index;

    (void)heap_index_of(s, block, &index); /* it was one when it was put there */
    (void)give_small(h, s, index, block);
}

/*
 * Really free what was in quarantine, where its span is the thread's own; marked, and left.
 *
 * => false: it is another's
 */
static bool give_held(struct heap_cache *c, void *block)
{
    struct span *s = heap_span_of(block);
    unsigned index;

    if (atomic_load_explicit(&s->owner, memory_order_relaxed) != c)
        return false;
    (void)heap_index_of(s, block, &index); /* it was one when it was put there */
    if (heap_push(s, index, block))
        mm_heap_settle(c, s);
    else
        heap_leave(c);
    return true;
}

/* Into quarantine; what has been there longest is really freed. */
static bool give_hard(struct heap *h, const struct found *f, void *block)
{
    struct heap_cache *c = mm_heap_cache_of(h);
    if (!c) /* no memory even for that: this block is lost, and nothing else */
        return true;

    mm_heap_cache_enter(h, c);
    bool held = mm_heap_harden_hold(f->span, f->index, block);
    void *oldest = held ? mm_heap_harden_exchange(c, block) : NULL;
    if (oldest && give_held(c, oldest))
        return true;
    heap_leave(c);
    if (oldest)
        mm_heap_free_held(h, oldest);
    return held;
}

/* Give a block back that the fast path did not take; ends the process at a mistake. */
static __attribute__((noinline)) void give_slowly(struct heap *h, void *block, const char *call,
                                                  bool keep)
{
    struct found f;
    bool given;

    if (!find_plain(block, &f) || f.heap != h)
        mm_heap_stop(h, call, block);
    if (!f.span) {
        if (h->hard)
            mm_heap_harden_demand(NULL, block, f.size, f.capacity);
        given = mm_heap_large_free(h, block, keep);
    } else {
        given = h->hard ? give_hard(h, &f, block) : give_small(h, f.span, f.index, block);
    }
    if (!given)
        mm_heap_stop(h, call, block);
}

void mm_heap_plain_free(struct heap *h, void *block, const char *call, bool keep)
{
    struct heap_cache *c = mm_heap_cache_find(h);
    if (unlikely(!c) || unlikely(!heap_give(c, block) && !mm_heap_give_elsewhere(c, block)))
        give_slowly(h, block, call, keep);
}

static void give(struct heap *h, void *block, const char *call, bool keep)
{
    if (unlikely(mm_page_is_on))
        mm_page_free(h, block, call, keep);
    else
        mm_heap_plain_free(h, block, call, keep);
}

static __attribute__((noinline)) void free_fixed(struct heap *h, void *block, const char *call)
{
    size_t size;

    if (mm_heap_size(h, block, &size))
        mm_heap_stop(h, call, block);
    give(h, block, call, false);
    mm_heap_uncharge(h, fixed_cost(size));
}

void mm_heap_free(struct heap *h, void *block)
{
    struct found f;

    if (!block)
        return;
    if (unlikely(h->maximum)) {
        free_fixed(h, block, "HeapFree");
        return;
    }
    /* Windows gives large blocks back at once, and programs look. */
    bool large = !heap_span_of(block) && find(block, &f) && f.capacity >= VIRTUAL_THRESHOLD;
    give(h, block, "HeapFree", !large);
}

void mm_heap_free_slowly(void *block)
{
    if (unlikely(mm_page_is_on))
        mm_page_free(&mm_heap_default, block, "free", true);
    else
        give_slowly(&mm_heap_default, block, "free", true);
}

void mm_heap_mistake(const char *call, const void *block)
{
    mm_heap_stop(&mm_heap_default, call, block);
}

/* ---- resize --------------------------------------------------------------------------------------- */

/* Change the recorded size of a block that stays in its place. */
static void set_size_inside(const struct found *f, void *block, size_t size)
{
    heap_set_side(f->span, f->index, (unsigned)(f->capacity - size) + 1);
    if (unlikely(f->heap->hard))
        mm_heap_harden_resized(block, f->size, size, f->capacity);
}

static void set_size(const struct found *f, void *block, size_t size)
{
    struct heap *h = f->heap;
    struct heap_cache *c = mm_heap_cache_find(h);

    if (c) {
        mm_heap_cache_enter(h, c);
        set_size_inside(f, block, size);
        heap_leave(c);
        return;
    }
    mm_heap_gate_lock(h);
    set_size_inside(f, block, size);
    mm_heap_gate_unlock(h);
}

/* A small block outgrew its span: it is likely to go on growing. */
static void *allocate_to_grow(struct heap *h, size_t old, size_t size)
{
    bool grows = !h->hard && !mm_page_is_on && old <= SMALL_MAX && size > SMALL_MAX;
    return grows ? mm_heap_large_allocate(h, size, 16, LARGE_GROWING) : allocate(h, 0, 16, size);
}

static NTSTATUS by_copy(const struct found *f, void *block, ULONG flags, size_t size,
                        const char *call, void **ret_block)
{
    if (flags & HEAP_REALLOC_IN_PLACE_ONLY)
        return STATUS_NO_MEMORY;
    void *fresh = allocate_to_grow(f->heap, f->size, size);
    if (!fresh)
        return STATUS_NO_MEMORY;
    memcpy(fresh, block, min_size(f->size, size));
    give(f->heap, block, call, true);
    *ret_block = fresh;
    return STATUS_SUCCESS;
}

/* A block stays where it is unless it would waste more than half of its place. */
static bool stays(const struct found *f, ULONG flags, size_t size)
{
    return size + f->heap->hard <= f->capacity &&
           (size >= f->capacity / 2 || flags & HEAP_REALLOC_IN_PLACE_ONLY);
}

/* What a large block commits or moves to is zero already, beyond what it had. */
static void zero_what_is_new(const struct found *f, const void *old, size_t size, char *block)
{
    bool fresh_tail = !f->span && size > f->capacity;
    size_t end = !fresh_tail ? size : block == old ? f->capacity : f->size;
    memset(block + f->size, 0, end - f->size);
}

/* A large block's; that of a small one came with it, and is others' to look at now. */
static void renew_canary(void *block)
{
    struct found f;
    if (find(block, &f) && !f.span)
        mm_heap_harden_out(NULL, block, f.size, f.capacity, true);
}

/* In a page heap every other size is another block. */
static NTSTATUS resize_page(const struct found *f, ULONG flags, void *block, size_t size,
                            const char *call, void **ret_block)
{
    if (size == f->size) {
        *ret_block = block;
        return STATUS_SUCCESS;
    }
    NTSTATUS status = by_copy(f, block, flags, size, call, ret_block);
    if (!status && flags & HEAP_ZERO_MEMORY && size > f->size)
        memset((char *)*ret_block + f->size, 0, size - f->size);
    return status;
}

static NTSTATUS resize(const struct found *f, ULONG flags, void *block, size_t size,
                       const char *call, void **ret_block)
{
    NTSTATUS status = STATUS_SUCCESS;
    bool in_place_only = flags & HEAP_REALLOC_IN_PLACE_ONLY;

    if (unlikely(mm_page_is_on))
        return resize_page(f, flags, block, size, call, ret_block);
    if (unlikely(f->heap->hard)) {
        mm_heap_harden_demand(f->span, block, f->size, f->capacity);
        flags |= HEAP_ZERO_MEMORY; /* what was the canary is not for others to see */
    }
    if (f->span && stays(f, flags, size)) {
        set_size(f, block, size);
        *ret_block = block;
    } else if (!f->span && (size > SMALL_MAX || in_place_only)) {
        status = mm_heap_large_resize(f->heap, block, size, flags, ret_block);
    } else {
        status = by_copy(f, block, flags, size, call, ret_block);
    }
    if (status)
        return status;
    if (flags & HEAP_ZERO_MEMORY && size > f->size)
        zero_what_is_new(f, block, size, *ret_block);
    if (unlikely(f->heap->hard) && !f->span)
        renew_canary(*ret_block);
    return status;
}

static NTSTATUS resize_fixed(const struct found *f, ULONG flags, void *block, size_t size,
                             const char *call, void **ret_block)
{
    size_t old = fixed_cost(f->size);
    size_t new = fixed_cost(size);

    if (size > FIXED_BLOCK_MOST || (new > old && !mm_heap_charge(f->heap, new - old)))
        return STATUS_NO_MEMORY;
    NTSTATUS status = resize(f, flags, block, size, call, ret_block);
    if (status && new > old)
        mm_heap_uncharge(f->heap, new - old);
    else if (!status && old > new)
        mm_heap_uncharge(f->heap, old - new);
    return status;
}

NTSTATUS mm_heap_resize_for(const char *call, struct heap *h, ULONG flags, void *block, size_t size,
                            void **ret_block)
{
    struct found f;

    if (!find(block, &f) || f.heap != h)
        mm_heap_stop(h, call, block);
    if (size > PTRDIFF_MAX)
        return STATUS_NO_MEMORY;
    return unlikely(h->maximum) ? resize_fixed(&f, flags, block, size, call, ret_block)
                                : resize(&f, flags, block, size, call, ret_block);
}

NTSTATUS mm_heap_resize(struct heap *h, ULONG flags, void *block, size_t size, void **ret_block)
{
    return mm_heap_resize_for("HeapReAlloc", h, flags, block, size, ret_block);
}

/* ---- repacking -------------------------------------------------------------------------------------- */

/* Denser, or as dense and at a lower address: so of spans that are alike some are filled, too. */
static bool goes_before(const struct span *t, const struct span *s)
{
    return t->used > s->used || (t->used == s->used && t->start < s->start);
}

/* The densest of the thread's spans that have room, if it is denser than `s`.  Marked. */
static struct span *denser(struct heap_cache *c, const struct span *s)
{
    struct span *best = NULL;
    unsigned looks = REPACK_LOOKS;

    for (struct span *t = c->partial[s->class]; t && looks; t = t->next, looks--) {
        if (goes_before(t, s) && t->head != LINK_END && (!best || goes_before(t, best)))
            best = t;
    }
    return best;
}

void *mm_heap_repack(struct heap *h, void *block)
{
    struct heap_cache *c = mm_heap_cache_find(h);
    void *place = NULL;
    struct found f;

    if (!c || !find(block, &f) || f.heap != h || !f.span || f.span->state == SPAN_FULL)
        return NULL;
    if (!h->hard && heap_enter(c)) {
        struct span *t = denser(c, f.span);
        place = t ? heap_pop(t, f.size, NULL) : NULL;
    }
    heap_leave(c);
    if (!place)
        return NULL;
    memcpy(place, block, f.size);
    give(h, block, "compaction", true);
    return place;
}
