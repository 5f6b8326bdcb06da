/*
 * debug_block.c - the block of the debug heap: header, guards, list.
 *
 * D1  b is a block exactly if it is a block in use of the process heap, of size
 *     sizeof *b + b->size + GUARD_BYTES, and its seal is that of its address
 * D2  every block stands on the list, the newest first; its neighbours are blocks
 * D3  the 4 bytes before and behind the program's are GUARD_FILL, and all of a kept freed block's are
 *     FREED_FILL, unless the program wrote where it must not
 *
 * The header is in front of the program's bytes, so the program may ruin it.  Nothing in it is
 * followed before D1 was seen to hold.
 */
#include <string.h>

#include <winnt.h>

#include "debugheap/debugheap_internal.h"
#include "heap/heap.h"

struct debug_list mm_debug_list = {.request = 1};
struct debug_settings mm_debug_settings = {.flags = DEBUG_TRACK, .break_at = -1};

/* ---- a lock that its holder may take again ----------------------------------------------------------- */

static struct {
    struct os_lock lock;
    _Atomic(void *) holder; /* the address of its `me` */
    unsigned depth;
} lock;

static __thread char me;

void mm_debug_lock(void)
{
    if (atomic_load_explicit(&lock.holder, memory_order_relaxed) != &me) {
        mm_os_lock(&lock.lock);
        atomic_store_explicit(&lock.holder, &me, memory_order_relaxed);
    }
    lock.depth++;
}

void mm_debug_unlock(void)
{
    if (--lock.depth)
        return;
    atomic_store_explicit(&lock.holder, NULL, memory_order_relaxed);
    mm_os_unlock(&lock.lock);
}

void mm_debug_before_fork(void)
{
    mm_debug_lock();
}

void mm_debug_after_fork(void)
{
    mm_debug_unlock();
}

/* ---- what is a block ------------------------------------------------------------------------------------ */

static uintptr_t seal_of(const struct debug_block *b)
{
    return ((uintptr_t)b ^ 0x6e746d6d64656267ull) * 0x9E3779B97F4A7C15ull;
}

bool mm_debug_is_block(const struct debug_block *b)
{
    size_t size;

    return mm_heap_size(mm_heap_process(), b, &size) == 0 && size >= sizeof *b + GUARD_BYTES &&
           b->seal == seal_of(b) && b->size == size - sizeof *b - GUARD_BYTES;
}

struct debug_block *mm_debug_block_of(const void *bytes)
{
    const struct debug_block *b = (const struct debug_block *)bytes - 1;
    return mm_debug_is_block(b) ? (struct debug_block *)b : NULL;
}

/* ---- the list ----------------------------------------------------------------------------------------------- */

static void guard(struct debug_block *b)
{
    memset(b->guard, GUARD_FILL, GUARD_BYTES);
    memset((char *)bytes_of(b) + b->size, GUARD_FILL, GUARD_BYTES);
}

void mm_debug_block_add(struct debug_block *b, size_t size, const struct debug_where *where)
{
    struct debug_list *l = &mm_debug_list;

    *b = (struct debug_block){
        .older = l->newest,
        .file = where->file,
        .size = size,
        .request = l->request++,
        .line = where->line,
        .use = where->use,
    };
    b->seal = seal_of(b);
    guard(b);
    if (l->newest)
        l->newest->newer = b;
    else
        l->oldest = b;
    l->newest = b;
    l->bytes += size;
    l->total += size;
    if (l->bytes > l->high)
        l->high = l->bytes;
}

/*
 * Tell the neighbours of a block who they have beside them from now on.  One that is no block any more
 * was ruined, and the list ends there.
 */
static void relink(const struct debug_block *b, struct debug_block *for_newer,
                   struct debug_block *for_older)
{
    if (!b->newer)
        mm_debug_list.newest = for_newer;
    else if (mm_debug_is_block(b->newer))
        b->newer->older = for_newer;
    if (!b->older)
        mm_debug_list.oldest = for_older;
    else if (mm_debug_is_block(b->older))
        b->older->newer = for_older;
}

void mm_debug_block_remove(struct debug_block *b)
{
    relink(b, b->older, b->newer);
    mm_debug_list.bytes -= use_of(b->use) == DEBUG_FREE ? 0 : b->size;
}

void mm_debug_block_moved(struct debug_block *b)
{
    relink(b, b, b);
    b->seal = seal_of(b);
}

/* ---- what is wrong with it ------------------------------------------------------------------------------------ */

const char *mm_debug_use_name(int use)
{
    static const char *const names[DEBUG_USES] = {"Free", "Normal", "CRT", "Ignore", "Client"};
    return use_of(use) < DEBUG_USES ? names[use_of(use)] : "Bad";
}

static bool is_filled(const unsigned char *bytes, size_t size, unsigned char fill)
{
    for (size_t i = 0; i < size; i++)
        if (bytes[i] != fill)
            return false;
    return true;
}

static void tell_damage(const struct debug_block *b, const char *where, const char *what)
{
    char line[512];
    struct os_text t = {line, line + sizeof line - 1};

    mm_os_text(&t, "HEAP CORRUPTION DETECTED: ");
    mm_os_text(&t, where);
    mm_os_text(&t, mm_debug_use_name(b->use));
    mm_os_text(&t, " block (#");
    mm_os_text_number(&t, (uint64_t)b->request);
    mm_os_text(&t, ") at ");
    mm_debug_text_pointer(&t, bytes_of(b));
    mm_os_text(&t, ".\nCRT detected that the application wrote to ");
    mm_os_text(&t, what);
    mm_os_text(&t, ".\n");
    if (b->file) {
        mm_os_text(&t, "\nMemory allocated at ");
        mm_debug_text_place(&t, b->file, b->line);
        mm_os_text(&t, ".\n");
    }
    *t.at = 0;
    mm_debug_tell(DEBUG_ERROR, line);
}

bool mm_debug_block_check(const struct debug_block *b)
{
    const unsigned char *bytes = bytes_of(b);
    bool freed = use_of(b->use) == DEBUG_FREE;
    bool before = is_filled(b->guard, GUARD_BYTES, GUARD_FILL);
    bool behind = is_filled(bytes + b->size, GUARD_BYTES, GUARD_FILL);
    bool inside = !freed || is_filled(bytes, b->size, FREED_FILL);

    if (!before)
        tell_damage(b, "before ", "memory before start of heap buffer");
    if (!behind)
        tell_damage(b, "after ", "memory after end of heap buffer");
    if (!inside)
        tell_damage(b, "on top of ", "a heap buffer that was freed");
    return before && behind && inside;
}
