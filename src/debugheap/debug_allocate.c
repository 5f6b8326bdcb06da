/*
 * debug_allocate.c - taking, resizing and freeing blocks of the debug heap.
 *
 * What malloc's callers give us may be malloc's: a program maps its own calls to us, not those of the
 * libraries that hand it memory.  Such a block goes to whose it is (crt/).
 */
#include <string.h>

#include <ntstatus.h>
#include <winnt.h>

#include "base/page.h"
#include "crt/crt.h"
#include "debugheap/debugheap_internal.h"
#include "heap/heap.h"

enum { HOOK_ALLOC = 1, HOOK_REALLOC = 2, HOOK_FREE = 3 };

#define MOST_BYTES (PTRDIFF_MAX - sizeof(struct debug_block) - GUARD_BYTES)
#define CHECKS_SHIFT 16 /* above: after how many calls to check; 0: each */

static size_t outer_size(size_t size)
{
    return sizeof(struct debug_block) + size + GUARD_BYTES;
}

/* ---- what comes first in each call --------------------------------------------------------------------- */

static void check_if_wished(void)
{
    int flags = mm_debug_settings.flags;
    unsigned every = (unsigned)flags >> CHECKS_SHIFT;

    if (!(flags & DEBUG_CHECK_ALWAYS) && !every)
        return;
    if (++mm_debug_list.calls < every)
        return;
    mm_debug_list.calls = 0;
    (void)mm_debug_check(); /* it has reported */
}

static bool hook_allows(int kind, void *block, size_t size, const struct debug_where *where)
{
    debug_hook *hook = mm_debug_settings.hook;
    char line[512];
    struct os_text t = {line, line + sizeof line - 1};

    if (!hook || hook(kind, block, size, where->use, mm_debug_list.request,
                      (const unsigned char *)where->file, where->line))
        return true;
    mm_os_text(&t, "Client hook ");
    mm_os_text(&t, kind == HOOK_ALLOC     ? "allocation"
                   : kind == HOOK_REALLOC ? "re-allocation"
                                          : "free");
    mm_os_text(&t, " failure");
    if (where->file) {
        mm_os_text(&t, " at file ");
        mm_debug_text_place(&t, where->file, where->line);
    }
    mm_os_text(&t, ".\n");
    *t.at = 0;
    mm_debug_tell(DEBUG_WARN, line);
    return false;
}

/* Whether a new block may be made; and a stop where the program wanted one. */
static bool may_allocate(int kind, void *block, size_t size, const struct debug_where *where)
{
    check_if_wished();
    if (mm_debug_settings.break_at == mm_debug_list.request)
        stop_here();
    return hook_allows(kind, block, size, where) && size <= MOST_BYTES;
}

/* Blocks that are not tracked are ignored by all reports. */
static struct debug_where as_tracked(const struct debug_where *where)
{
    struct debug_where w = *where;
    int use = use_of(w.use);

    if (use < DEBUG_NORMAL || use > DEBUG_CLIENT) {
        mm_debug_tell(DEBUG_ERROR, "Error: memory allocation: bad memory block type.\n");
        w.use = DEBUG_NORMAL;
    }
    if (!(mm_debug_settings.flags & DEBUG_TRACK) && use != DEBUG_CRT)
        w.use = DEBUG_IGNORE;
    return w;
}

/* ---- taking ------------------------------------------------------------------------------------------------- */

/* Memory for a block; what is kept freed goes first when there is none. */
static struct debug_block *take(size_t size, bool zero)
{
    ULONG flags = zero ? HEAP_ZERO_MEMORY : 0;
    struct debug_block *b = mm_heap_allocate(mm_heap_process(), flags, outer_size(size));
    struct debug_block *next;

    if (b)
        return b;
    for (struct debug_block *kept = mm_debug_list.oldest; kept && mm_debug_is_block(kept);
         kept = next) {
        next = kept->newer;
        if (use_of(kept->use) != DEBUG_FREE)
            continue;
        mm_debug_block_remove(kept);
        mm_heap_free(mm_heap_process(), kept);
    }
    return mm_heap_allocate(mm_heap_process(), flags, outer_size(size));
}

static void *allocate_locked(size_t size, bool zero, const struct debug_where *where)
{
    struct debug_where w = as_tracked(where);
    struct debug_block *b = take(size, zero);

    if (!b)
        return NULL;
    mm_debug_block_add(b, size, &w);
    if (!zero)
        memset(bytes_of(b), NEW_FILL, size);
    return bytes_of(b);
}

void *mm_debug_allocate(size_t size, bool zero, const struct debug_where *where)
{
    void *bytes = NULL;

    mm_debug_lock();
    if (may_allocate(HOOK_ALLOC, NULL, size, where))
        bytes = allocate_locked(size, zero, where);
    mm_debug_unlock();
    return bytes;
}

/* ---- freeing ------------------------------------------------------------------------------------------------- */

static void free_locked(struct debug_block *b)
{
    (void)mm_debug_block_check(b); /* it has reported */
    if (mm_debug_settings.flags & DEBUG_DELAY_FREE) {
        mm_debug_list.bytes -= b->size;
        b->use = DEBUG_FREE;
        memset(bytes_of(b), FREED_FILL, b->size);
        return;
    }
    mm_debug_block_remove(b);
    memset(b, FREED_FILL, outer_size(b->size));
    mm_heap_free(mm_heap_process(), b);
}

static void tell_mistake(const char *what, const void *bytes)
{
    char line[160];
    struct os_text t = {line, line + sizeof line - 1};

    mm_os_text(&t, what);
    mm_debug_text_pointer(&t, bytes);
    mm_os_text(&t, ".\n");
    *t.at = 0;
    mm_debug_tell(DEBUG_ERROR, line);
}

static void free_block(struct debug_block *b, int use)
{
    struct debug_where w = {use, b->file, b->line};

    if (use_of(b->use) == DEBUG_FREE) {
        tell_mistake("Error: the block was freed twice: ", bytes_of(b));
        return;
    }
    if (use_of(b->use) != use_of(use) && use_of(b->use) != DEBUG_IGNORE &&
        !(use_of(b->use) == DEBUG_CRT && use_of(use) == DEBUG_NORMAL))
        tell_mistake("Error: the block is freed as one of another type: ", bytes_of(b));
    if (hook_allows(HOOK_FREE, bytes_of(b), 0, &w))
        free_locked(b);
}

void mm_debug_free(void *bytes, int use)
{
    if (!bytes)
        return;

    mm_debug_lock();
    check_if_wished();
    struct debug_block *b = mm_debug_block_of(bytes);
    if (b)
        free_block(b, use);
    mm_debug_unlock();
    if (!b)
        mm_crt_free(bytes);
}

/* ---- resizing ------------------------------------------------------------------------------------------------- */

/* A block of malloc's becomes one of ours. */
static void *adopt(void *bytes, const struct debug_change *c, const struct debug_where *where)
{
    size_t old;

    if (mm_crt_size(bytes, &old))
        mm_crt_free(bytes); /* a mistake: it does not return */
    if (c->in_place)
        return NULL;
    void *fresh = allocate_locked(c->size, c->zero, where);
    if (!fresh)
        return NULL;
    memcpy(fresh, bytes, min_size(old, c->size));
    mm_crt_free(bytes);
    return fresh;
}

static void *resize_block(struct debug_block *b, const struct debug_change *c,
                          const struct debug_where *where)
{
    ULONG flags = c->in_place ? HEAP_REALLOC_IN_PLACE_ONLY : 0;
    struct debug_where w = as_tracked(where);
    size_t old = b->size;
    void *moved;

    (void)mm_debug_block_check(b); /* it has reported */
    if (mm_heap_resize(mm_heap_process(), flags, b, outer_size(c->size), &moved))
        return NULL;
    b = moved;
    mm_debug_block_moved(b);
    mm_debug_block_remove(b);
    mm_debug_block_add(b, c->size, &w);
    if (c->size > old)
        memset((char *)bytes_of(b) + old, c->zero ? 0 : NEW_FILL, c->size - old);
    return bytes_of(b);
}

void *mm_debug_resize(void *bytes, const struct debug_change *c, const struct debug_where *where)
{
    struct debug_block *b;
    void *fresh = NULL;

    mm_debug_lock();
    b = bytes ? mm_debug_block_of(bytes) : NULL;
    if (!may_allocate(bytes ? HOOK_REALLOC : HOOK_ALLOC, bytes, c->size, where))
        fresh = NULL; /* as it is */
    else if (b && use_of(b->use) == DEBUG_FREE)
        tell_mistake("Error: a freed block is resized: ", bytes);
    else if (b)
        fresh = resize_block(b, c, where);
    else if (bytes)
        fresh = adopt(bytes, c, where);
    else
        fresh = allocate_locked(c->size, c->zero, where);
    mm_debug_unlock();
    return fresh;
}

/* ---- asking --------------------------------------------------------------------------------------------------- */

NTSTATUS mm_debug_size(void *bytes, size_t *ret_size)
{
    struct debug_known known;

    if (!mm_debug_known(bytes, &known))
        return mm_crt_size(bytes, ret_size);
    *ret_size = known.size;
    return STATUS_SUCCESS;
}

bool mm_debug_known(const void *bytes, struct debug_known *ret_known)
{
    mm_debug_lock();
    const struct debug_block *b = mm_debug_block_of(bytes);
    bool known = b && use_of(b->use) != DEBUG_FREE;
    if (known)
        *ret_known = (struct debug_known){b->size, b->use, b->request, b->file, b->line};
    mm_debug_unlock();
    return known;
}
