/*
 * pageheap.c - the page heap: every block ends at a page without access, and what was freed stays
 * without access for long.
 *
 * A full block is committed pages of its own in the ring (page_ring.c) and one page more, which is
 * never committed: the guard.  The block ends at the guard, or begins behind it (backwards); what
 * its pages hold besides is filled with a pattern near it, which is looked at when it is freed.  Freed,
 * its pages are decommitted and wait in quarantine, oldest out first.
 *
 * A light block is a plain block of the heap with patterns on both sides.  Blocks are light by
 * choice, and where the kernel has no mapping left for full ones.
 *
 * Records (page_record.c) know both kinds by their address, in use and freed not long ago, with the
 * stacks that allocated and freed them.  The fast path (fast.h) is never taken: the caches of the
 * process heap lie where it does not look (cache.c), and block.c asks here first.
 *
 * P1  a record in use is on its heap's list, a freed one in quarantine, any other on its way in the
 *     hands of one thread
 * P2  a record becomes in use, or stops to be, under its heap's gate: so HeapLock holds both off
 *
 * Locks: a heap's gate, then the page lock; vm and the pager are called with neither.
 */
#include "heap/page_internal.h"

#include "pager/pager.h"
#include "vm/vm.h"

#define PATTERN 0xFB
#define PATTERN_MOST 64 /* bytes before a block that are filled and looked at */
#define LIGHT_BEHIND 16 /* bytes behind a light block, the same */

#define QUARANTINE_BYTES (16 * (size_t)1024 * MIB)
#define QUARANTINE_BLOCKS (256u << 10)
#define MAPPINGS_LEFT 8192 /* to the program, where every block takes two */
#define FULL_LEAST 1024    /* full blocks that are tried for after a refusal */
#define STORY_TRIES 100
#define STORY_WAIT_NS 1000000ull

bool mm_page_is_on;

static struct page_heap_options options;
static struct page_queue freed_full; /* the page lock */
static struct page_queue freed_light;
static size_t full_blocks; /* in use, or on their way */
static size_t full_most;   /* so many at most: mappings */
static atomic_bool told_of_shortage;
static atomic_ullong lot; /* which blocks are full */

/* ---- start ---------------------------------------------------------------------------------------- */

static size_t mappings_allowed(void)
{
    char text[32];
    size_t number = 0;

    if (mm_os_read_text("/proc/sys/vm/max_map_count", text, sizeof text) <= 0)
        return 65530;
    for (const char *p = text; *p >= '0' && *p <= '9' && number < SIZE_MAX / 16; p++)
        number = number * 10 + (size_t)(*p - '0');
    return number;
}

bool mm_page_heap_start(const struct page_heap_options *wanted)
{
    if (!mm_page_records_start() || !mm_page_ring_start())
        return false;
    options = *wanted;
    size_t allowed = mappings_allowed();
    mm_vm_keep_mappings_few();
    full_most = allowed > 2 * MAPPINGS_LEFT ? (allowed - MAPPINGS_LEFT) / 2 : allowed / 4;
    atomic_store(&lot, mm_os_random());
    mm_page_is_on = true;
    return true;
}

static void note_stack(struct heap_stack *ret_stack)
{
    ret_stack->count = options.callers ? options.callers(ret_stack->places, PAGE_HEAP_PLACES) : 0;
}

/* ---- patterns -------------------------------------------------------------------------------------- */

struct bytes {
    unsigned char *at;
    size_t size;
};

static struct bytes before(const struct page_block *b)
{
    size_t room = min_size(b->user - b->start, PATTERN_MOST);
    return (struct bytes){(unsigned char *)(b->user - room), room};
}

static struct bytes behind(const struct page_block *b)
{
    uintptr_t end = b->user + b->size;
    size_t room = b->pages ? b->start + b->pages * PAGE_BYTES - end : LIGHT_BEHIND;
    return (struct bytes){(unsigned char *)end, room};
}

static bool is_whole(struct bytes p)
{
    for (size_t i = 0; i < p.size; i++) {
        if (p.at[i] != PATTERN)
            return false;
    }
    return true;
}

static void set_patterns(const struct page_block *b)
{
    struct bytes p = before(b);
    memset(p.at, PATTERN, p.size);
    p = behind(b);
    memset(p.at, PATTERN, p.size);
}

const char *mm_page_damage(const struct page_block *b)
{
    if (!is_whole(behind(b)))
        return "bytes behind the end of this block were written to";
    if (!is_whole(before(b)))
        return "bytes before the start of this block were written to";
    return NULL;
}

/* ---- full blocks ------------------------------------------------------------------------------------ */

static size_t ring_bytes(const struct page_block *b)
{
    return (b->pages + 1ul) * PAGE_BYTES;
}

static uintptr_t ring_start(const struct page_block *b)
{
    return options.backwards ? b->start - PAGE_BYTES : b->start;
}

/* The oldest freed block of a queue is forgotten.  The page lock is held. */
static void forget_oldest(struct page_queue *q)
{
    struct page_block *b = mm_page_record(q->first);

    mm_page_queue_remove(q, b, b->pages ? ring_bytes(b) : 0);
    mm_page_leave(b);
    if (b->pages)
        mm_page_ring_give(ring_start(b), b->pages + 1ul);
    mm_page_record_free(b);
}

/* The page lock is held; NULL: more blocks in use than there are records. */
static struct page_block *new_record(void)
{
    struct page_block *b = mm_page_record_new();

    if (!b && (freed_full.count || freed_light.count)) {
        forget_oldest(freed_light.count ? &freed_light : &freed_full);
        b = mm_page_record_new();
    }
    return b;
}

/* Where a full block of this size and alignment lies in pages that start at `start`. */
static uintptr_t place_in(uintptr_t start, size_t pages, size_t alignment, size_t size)
{
    if (options.backwards || alignment > PAGE_BYTES)
        return start;
    return start + pages * PAGE_BYTES - align_up(size, alignment);
}

static void tell_shortage(void)
{
    if (!atomic_exchange(&told_of_shortage, true))
        mm_os_complain("ntmm: page heap: no mapping is left for guard pages (vm.max_map_count); "
                       "from here on some blocks have patterns only\n");
}

/* Pages and a record that nobody else knows of; NULL: none. */
static struct page_block *take_pages(size_t alignment, size_t size)
{
    size_t bytes = alignment > PAGE_BYTES ? size : align_up(size, alignment);
    size_t pages = align_up(max_size(bytes, 1), PAGE_BYTES) / PAGE_BYTES;
    uintptr_t start = 0;

    mm_page_lock();
    bool shortage = full_blocks >= full_most;
    struct page_block *b = pages < UINT32_MAX && !shortage ? new_record() : NULL;
    if (b)
        start = mm_page_ring_take(mm_page_number(b), pages + 1, options.backwards, alignment);
    if (start) {
        b->start = start + (options.backwards ? PAGE_BYTES : 0);
        b->pages = (uint32_t)pages;
        b->user = place_in(b->start, pages, alignment, size);
        b->size = size;
        b->state = PAGE_GOING;
        full_blocks++;
    } else if (b) {
        mm_page_record_free(b);
    }
    mm_page_unlock();
    if (shortage)
        tell_shortage();
    return start ? b : NULL;
}

static void give_pages_back(struct page_block *b, bool shortage)
{
    mm_page_lock();
    mm_page_ring_give(ring_start(b), b->pages + 1ul);
    mm_page_record_free(b);
    full_blocks--;
    if (shortage)
        full_most = min_size(full_most, max_size(full_blocks - full_blocks / 16, FULL_LEAST));
    mm_page_unlock();
    if (shortage)
        tell_shortage();
}

static NTSTATUS commit(const struct heap *h, const struct page_block *b)
{
    struct vm_request request = {
        .address = (void *)b->start,
        .size = b->pages * PAGE_BYTES,
        .type = MEM_COMMIT,
        .protect = h->protect,
    };
    void *base;
    size_t size;

    mm_pager_admit(request.size);
    NTSTATUS status = mm_vm_allocate(&request, &base, &size);
    if (status && mm_heap_reclaim(request.size))
        status = mm_vm_allocate(&request, &base, &size);
    return status;
}

/* P2 */
static void publish(struct heap *h, struct page_block *b, const struct heap_stack *stack)
{
    mm_heap_gate_lock(h);
    mm_page_lock();
    b->heap = h;
    b->allocated = mm_page_stack_keep(stack);
    b->released = 0;
    b->state = PAGE_LIVE;
    mm_page_enter(b);
    mm_page_list_push(h, b);
    mm_page_unlock();
    mm_heap_gate_unlock(h);
}

/* => STATUS_NO_MEMORY: no pages or no mappings: a light block may do */
static NTSTATUS allocate_full(struct heap *h, size_t alignment, size_t size,
                              const struct heap_stack *stack, void **ret_block)
{
    struct page_block *b = take_pages(alignment, size);
    if (!b)
        return STATUS_NO_MEMORY;
    NTSTATUS status = commit(h, b);
    if (status) {
        give_pages_back(b, status == STATUS_NO_MEMORY);
        return status;
    }
    set_patterns(b);
    *ret_block = (void *)b->user;
    publish(h, b, stack);
    return STATUS_SUCCESS;
}

/* Take access and contents from a block that is in no list, then put it into quarantine. */
static void retire(struct page_block *b)
{
    void *start = (void *)b->start;
    void *base;
    size_t size;

    /* Fails only where the kernel has no mapping left; then the contents go, the access stays. */
    if (mm_vm_free(start, b->pages * PAGE_BYTES, MEM_DECOMMIT, &base, &size))
        (void)mm_vm_zero(start, b->pages * PAGE_BYTES);
    mm_page_lock();
    full_blocks--;
    b->state = PAGE_FREED;
    mm_page_queue_put(&freed_full, b, ring_bytes(b));
    while (freed_full.count > QUARANTINE_BLOCKS || freed_full.bytes > QUARANTINE_BYTES)
        forget_oldest(&freed_full);
    mm_page_unlock();
}

/* ---- light blocks ------------------------------------------------------------------------------------ */

/* Forget what was freed at this address before.  The page lock is held. */
static void forget_freed(uintptr_t user)
{
    struct page_block *old = mm_page_find(user);

    if (!old)
        return;
    mm_page_queue_remove(&freed_light, old, 0);
    mm_page_leave(old);
    mm_page_record_free(old);
}

static void *allocate_light(struct heap *h, ULONG flags, size_t alignment, size_t size,
                            const struct heap_stack *stack)
{
    size_t more = alignment + LIGHT_BEHIND;

    if (alignment > PTRDIFF_MAX / 2 || size > PTRDIFF_MAX - more)
        return NULL;
    void *plain = mm_heap_plain_allocate(h, flags, alignment, size + more);
    if (!plain)
        return NULL;
    uintptr_t user = (uintptr_t)plain + alignment;

    mm_page_lock();
    forget_freed(user);
    struct page_block *b = new_record();
    if (b) {
        b->user = user;
        b->start = (uintptr_t)plain;
        b->size = size;
    }
    mm_page_unlock();
    if (!b) {
        mm_heap_plain_free(h, plain, "malloc", false);
        return NULL;
    }
    set_patterns(b);
    publish(h, b, stack);
    return (void *)user;
}

/* The block that lies in a plain block.  The page lock is held. */
static struct page_block *find_light(uintptr_t plain)
{
    for (unsigned shift = 4; shift < 47; shift++) {
        struct page_block *b = mm_page_find(plain + ((uintptr_t)1 << shift));
        if (b && !b->pages && b->start == plain)
            return b;
    }
    return NULL;
}

/* ---- allocate and free --------------------------------------------------------------------------------- */

static bool is_to_be_full(void)
{
    uint64_t number = atomic_fetch_add_explicit(&lot, 1, memory_order_relaxed);
    return options.full_percent == 100 ||
           (number * 0x9E3779B97F4A7C15u >> 32) % 100 < options.full_percent;
}

void *mm_page_allocate(struct heap *h, ULONG flags, size_t alignment, size_t size)
{
    struct heap_stack stack;
    void *block;

    note_stack(&stack);
    if (is_to_be_full()) {
        NTSTATUS status = allocate_full(h, alignment, size, &stack, &block);
        if (!status)
            return block;
        if (status != STATUS_NO_MEMORY)
            return NULL;
    }
    return allocate_light(h, flags, alignment, size, &stack);
}

/* The heap's block in use is the caller's from here on.  Its gate and the page lock are held. */
static struct page_block *claim(struct heap *h, struct page_block *b,
                                const struct heap_stack *stack)
{
    if (!b || b->state != PAGE_LIVE || b->heap != h)
        return NULL;
    mm_page_list_remove(h, b);
    b->released = mm_page_stack_keep(stack);
    b->state = b->pages ? PAGE_GOING : PAGE_FREED;
    if (!b->pages) { /* from now on another thread may be given the same address */
        mm_page_queue_put(&freed_light, b, 0);
        while (freed_light.count > QUARANTINE_BLOCKS)
            forget_oldest(&freed_light);
    }
    return b;
}

void mm_page_free(struct heap *h, void *block, const char *call, bool keep)
{
    struct heap_stack stack;
    struct page_block was = {0};

    note_stack(&stack);
    mm_heap_gate_lock(h);
    mm_page_lock();
    struct page_block *b = mm_page_find((uintptr_t)block);
    if (b)
        was = *b;
    b = claim(h, b, &stack);
    mm_page_unlock();
    mm_heap_gate_unlock(h);

    if (!b)
        mm_heap_stop(h, call, block);
    const char *damage = mm_page_damage(&was);
    if (damage)
        mm_heap_tell_mistake(&(struct heap_mistake){call, damage, block});
    if (was.pages)
        retire(b);
    else
        mm_heap_plain_free(h, (void *)was.start, call, keep);
}

void mm_page_free_all(struct heap *h)
{
    struct heap_stack stack;
    struct page_block *b;
    bool full;

    note_stack(&stack);
    do {
        mm_page_lock();
        b = claim(h, mm_page_record(h->page_blocks), &stack);
        full = b && b->pages;
        mm_page_unlock();
        if (full)
            retire(b);
    } while (b);
}

/* ---- asking ------------------------------------------------------------------------------------------ */

bool mm_page_size(const void *block, struct heap **ret_heap, size_t *ret_size)
{
    mm_page_lock();
    const struct page_block *b = mm_page_find((uintptr_t)block);
    bool live = b && b->state == PAGE_LIVE;
    if (live) {
        *ret_heap = b->heap;
        *ret_size = b->size;
    }
    mm_page_unlock();
    return live;
}

bool mm_page_block_is_valid(struct heap *h, const void *block)
{
    mm_heap_gate_lock(h); /* P2: it stays in use */
    mm_page_lock();
    const struct page_block *b = mm_page_find((uintptr_t)block);
    bool valid = b && b->state == PAGE_LIVE && b->heap == h;
    struct page_block copy = valid ? *b : (struct page_block){0};
    mm_page_unlock();
    valid = valid && !mm_page_damage(&copy);
    mm_heap_gate_unlock(h);
    return valid;
}

/* The block that an address lies in, one way or another.  The page lock is held. */
static struct page_block *find_around(const void *address)
{
    struct page_block *b = mm_page_find((uintptr_t)address);
    const struct span *s = heap_span_of(address);
    unsigned index;

    if (!b)
        b = mm_page_record(mm_page_ring_at((uintptr_t)address));
    if (!b && s) {
        (void)heap_index_of(s, address, &index); /* which block it lies in: that is asked */
        b = find_light(s->start + index * (uintptr_t)s->size);
    }
    return b;
}

const char *mm_page_mistake(const struct heap *h, const void *block)
{
    const char *what = NULL;

    mm_page_lock();
    const struct page_block *b = find_around(block);
    if (b && b->user != (uintptr_t)block)
        what = "this address is inside a block, not its start";
    else if (b && b->state != PAGE_LIVE)
        what = "this block is not in use (freed twice?)";
    else if (b && b->heap != h)
        what = "this block belongs to another heap";
    mm_page_unlock();
    return what;
}

static void tell_story(const struct page_block *b, struct page_heap_story *ret_story)
{
    ret_story->address = b->user;
    ret_story->size = b->size;
    ret_story->freed = b->state != PAGE_LIVE;
    mm_page_stack_tell(b->allocated, &ret_story->allocated);
    mm_page_stack_tell(b->released, &ret_story->released);
}

bool mm_page_heap_story_at(const void *address, struct page_heap_story *ret_story)
{
    bool locked = false;

    if (!mm_page_is_on || !mm_page_ring_owns((uintptr_t)address))
        return false;
    for (int i = 0; i < STORY_TRIES && !(locked = mm_page_try_lock()); i++)
        mm_os_sleep(STORY_WAIT_NS);
    /* Who holds it may have crashed: records stay readable, and the process ends anyway. */
    const struct page_block *b = mm_page_record(mm_page_ring_at((uintptr_t)address));
    if (b)
        tell_story(b, ret_story);
    if (locked)
        mm_page_unlock();
    return b != NULL;
}

void mm_page_complain(const void *address)
{
    struct page_heap_story story;
    char line[160];
    struct os_text t = {line, line + sizeof line - 1};

    mm_page_lock();
    const struct page_block *b = find_around(address);
    if (b)
        tell_story(b, &story);
    mm_page_unlock();
    if (!b)
        return;
    mm_os_text(&t, "  a block of ");
    mm_os_text_number(&t, story.size);
    mm_os_text(&t, " bytes at 0x");
    mm_os_text_hex(&t, story.address, 12);
    mm_os_text(&t, " (page heap)\n");
    mm_os_complain(line);
    if (!options.complain_stack)
        return;
    options.complain_stack("allocated by", story.allocated.places, story.allocated.count);
    options.complain_stack("freed by", story.released.places, story.released.count);
}

/* ---- entries of plain blocks: the heap is locked --------------------------------------------------------- */

void mm_page_entry_seen(struct heap *h, struct heap_entry *e)
{
    if (e->kind != HEAP_ENTRY_BUSY || mm_page_ring_owns((uintptr_t)e->data))
        return;
    mm_page_lock();
    const struct page_block *b = find_light((uintptr_t)e->data);
    if (b && b->state == PAGE_LIVE && b->heap == h) {
        e->data = (void *)b->user;
        e->size = b->size;
        e->spare = 0;
    } else {
        e->kind = HEAP_ENTRY_FREE; /* on its way to the program, or back */
    }
    mm_page_unlock();
}

void mm_page_entry_plain(struct heap_entry *e)
{
    if (e->kind != HEAP_ENTRY_BUSY || !e->data)
        return;
    mm_page_lock();
    const struct page_block *b = mm_page_find((uintptr_t)e->data);
    if (b && !b->pages)
        e->data = (void *)b->start;
    mm_page_unlock();
}
