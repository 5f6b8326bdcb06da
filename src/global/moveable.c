/*
 * moveable.c - moveable objects: begin, resize, discard, free.
 *
 * Whoever changes an object pins it.  The heap is asked while the object is only pinned, so that
 * others may lock it meanwhile; it is sealed when everything is there that the change needs, and
 * only as long as it takes to put the new block in the old one's place.  What the change leaves over
 * is freed after the pin.  Two exceptions hold the heap's lock before they seal, and may thus call the
 * heap with the object sealed: a large block that must move (the heap can move pages instead of
 * copying bytes), and compaction.
 */
#include <string.h>

#include <ntstatus.h>

#include "base/page.h"
#include "global/fixed.h"
#include "global/global_internal.h"
#include "heap/heap.h"

/* From here on to let the heap move a block is cheaper than to copy it. */
#define LARGE (256 * KIB)

static ULONG heap_flags(ULONG attributes)
{
    return attributes & MOVEABLE_ZEROED ? HEAP_ZERO_MEMORY : 0;
}

/* ---- beginning ---------------------------------------------------------------------------------- */

/* Make an object of a block of the heap, or a discarded one of NULL. */
static NTSTATUS begin(ULONG attributes, void *block, void **ret_handle)
{
    uint32_t slot = mm_slot_take();

    if (slot == NO_SLOT)
        return STATUS_NO_MEMORY;
    mm_entry_begin(mm_slot_entry(slot), attributes, block);
    *ret_handle = mm_slot_handle(mm_slot_entry(slot));
    return STATUS_SUCCESS;
}

static NTSTATUS allocate(ULONG attributes, size_t size, void **ret_handle)
{
    void *block = NULL;

    if (size)
        block = mm_heap_allocate(mm_heap_process(), heap_flags(attributes), size);
    if (size && !block)
        return STATUS_NO_MEMORY;
    NTSTATUS status = begin(attributes, block, ret_handle);
    if (status)
        mm_heap_free(mm_heap_process(), block);
    return status;
}

NTSTATUS mm_global_allocate(ULONG attributes, size_t size, void **ret_handle)
{
    if (attributes & MOVEABLE)
        return allocate(attributes, size, ret_handle);
    return mm_fixed_allocate(attributes, size, ret_handle);
}

/* ---- which object a value names -------------------------------------------------------------------- */

/* Bit 3 tells handles from addresses of blocks. */
static bool is_like_a_handle(const void *handle)
{
    return (uintptr_t)handle & 8;
}

/* The entry of a handle, or of the address of a moveable block; NULL: neither. */
static struct entry *entry_of(const void *handle)
{
    return is_like_a_handle(handle) ? mm_slot_of_handle(handle) : mm_index_find(handle);
}

/* ---- ends of a pin ----------------------------------------------------------------------------------- */

static NTSTATUS unpin(struct entry *e, NTSTATUS status)
{
    mm_entry_unpin(e, 0, 0);
    return status;
}

/* Put `block` in the place of a sealed object's, and free that. */
static NTSTATUS replace_block(struct entry *e, void *block, unsigned set)
{
    void *old = mm_entry_block(e);

    mm_entry_set_block(e, block);
    mm_entry_unpin(e, set, 0);
    mm_heap_free(mm_heap_process(), old);
    return STATUS_SUCCESS;
}

/* ---- resizing ------------------------------------------------------------------------------------------ */

NTSTATUS mm_global_discard_pinned(struct entry *e)
{
    if (!mm_entry_seal(e, false))
        return unpin(e, STATUS_INVALID_PARAMETER);
    return replace_block(e, NULL, WORD_DISCARDED);
}

static NTSTATUS revive_pinned(struct entry *e, size_t size, ULONG attributes)
{
    void *block = mm_heap_allocate(mm_heap_process(), heap_flags(attributes), size);

    if (!block)
        return unpin(e, STATUS_NO_MEMORY);
    mm_entry_set_block(e, block);
    mm_entry_unpin(e, 0, WORD_DISCARDED);
    return STATUS_SUCCESS;
}

/* Through the heap, which may move pages; nobody else is in the heap meanwhile. */
static NTSTATUS move_large_pinned(struct entry *e, size_t size, ULONG attributes)
{
    struct heap *heap = mm_heap_process();
    void *block;

    NTSTATUS status = mm_heap_lock(heap);
    if (status)
        return unpin(e, status);
    if (mm_entry_seal(e, attributes & MOVEABLE))
        status = mm_heap_resize(heap, heap_flags(attributes), mm_entry_block(e), size, &block);
    else
        status = STATUS_NO_MEMORY;
    if (!status)
        mm_entry_set_block(e, block);
    (void)mm_heap_unlock(heap); /* held */
    return unpin(e, status);
}

/* Through a second block. */
static NTSTATUS move_pinned(struct entry *e, size_t old_size, size_t size, ULONG attributes)
{
    struct heap *heap = mm_heap_process();
    char *block = mm_heap_allocate(heap, 0, size);

    if (!block || !mm_entry_seal(e, attributes & MOVEABLE)) {
        mm_heap_free(heap, block);
        return unpin(e, STATUS_NO_MEMORY);
    }
    memcpy(block, mm_entry_block(e), min_size(old_size, size));
    if (size > old_size && attributes & MOVEABLE_ZEROED)
        memset(block + old_size, 0, size - old_size);
    return replace_block(e, block, 0);
}

static bool is_locked(const struct entry *e)
{
    return mm_entry_word(e) & WORD_COUNT;
}

static NTSTATUS resize_block_pinned(struct entry *e, size_t size, ULONG attributes)
{
    struct heap *heap = mm_heap_process();
    void *block = mm_entry_block(e);
    size_t old_size;

    ULONG in_place = heap_flags(attributes) | HEAP_REALLOC_IN_PLACE_ONLY;
    if (!mm_heap_resize(heap, in_place, block, size, &block))
        return unpin(e, STATUS_SUCCESS);
    if (is_locked(e) && !(attributes & MOVEABLE))
        return unpin(e, STATUS_NO_MEMORY);
    NTSTATUS status = mm_heap_size(heap, block, &old_size);
    if (status)
        return unpin(e, status);
    return old_size < LARGE ? move_pinned(e, old_size, size, attributes)
                            : move_large_pinned(e, size, attributes);
}

static NTSTATUS resize_pinned(struct entry *e, size_t size, ULONG attributes)
{
    bool discarded = mm_entry_word(e) & WORD_DISCARDED;

    if (!size && !(attributes & MOVEABLE))
        return unpin(e, STATUS_INVALID_PARAMETER);
    if (!size)
        return discarded ? unpin(e, STATUS_SUCCESS) : mm_global_discard_pinned(e);
    return discarded ? revive_pinned(e, size, attributes)
                     : resize_block_pinned(e, size, attributes);
}

/* Who named an object by its address gets the address back, while it has one. */
static void *named_alike(struct entry *e, const void *handle)
{
    void *block = mm_entry_block(e);
    return is_like_a_handle(handle) || !block ? mm_slot_handle(e) : block;
}

NTSTATUS mm_global_resize(void *handle, size_t size, ULONG attributes, void **ret_handle)
{
    struct entry *e = entry_of(handle);

    if (attributes & MOVEABLE_DISCARDABLE)
        return STATUS_INVALID_PARAMETER;
    if (!e && !is_like_a_handle(handle))
        return mm_fixed_resize(handle, size, attributes, ret_handle);
    NTSTATUS status = e ? mm_entry_pin(e) : STATUS_INVALID_HANDLE;
    if (!status)
        status = resize_pinned(e, size, attributes);
    if (!status)
        *ret_handle = named_alike(e, handle);
    return status;
}

/* ---- attributes ------------------------------------------------------------------------------------------ */

/* A fixed block becomes moveable where it is. */
static NTSTATUS modify_fixed(void *block, ULONG attributes, void **ret_handle)
{
    size_t size;

    NTSTATUS status = mm_fixed_size(block, &size);
    if (status)
        return status;
    if (attributes & MOVEABLE && !(attributes & MOVEABLE_LOCAL))
        return begin(attributes, block, ret_handle);
    *ret_handle = block;
    return STATUS_SUCCESS;
}

NTSTATUS mm_global_modify(void *handle, ULONG attributes, void **ret_handle)
{
    struct entry *e = entry_of(handle);

    if (!e && !is_like_a_handle(handle))
        return modify_fixed(handle, attributes, ret_handle);
    NTSTATUS status = e ? mm_entry_pin(e) : STATUS_INVALID_HANDLE;
    if (status)
        return status;
    mm_entry_unpin(e, attributes & MOVEABLE_DISCARDABLE, 0);
    *ret_handle = attributes & MOVEABLE_LOCAL ? handle : mm_slot_handle(e);
    return STATUS_SUCCESS;
}

/* ---- the end ------------------------------------------------------------------------------------------------ */

static NTSTATUS free_entry(struct entry *e)
{
    NTSTATUS status = mm_entry_pin(e);
    if (status)
        return status;
    (void)mm_entry_seal(e, true); /* even if it is locked: always */
    void *block = mm_entry_block(e);
    mm_entry_end(e);
    mm_slot_give(mm_slot_of(e));
    mm_heap_free(mm_heap_process(), block);
    return STATUS_SUCCESS;
}

NTSTATUS mm_global_free(void *handle)
{
    struct entry *e = entry_of(handle);

    if (!handle)
        return STATUS_SUCCESS;
    if (e)
        return free_entry(e);
    return is_like_a_handle(handle) ? STATUS_INVALID_HANDLE : mm_fixed_free(handle);
}

/* ---- locks and questions -------------------------------------------------------------------------------------- */

/*
 * A pair of these is to cost no more than its two compare-exchanges: the first try stands here, and
 * what is not an unlocked or locked plain object is for the slow ones.
 */
static __attribute__((noinline)) NTSTATUS lock_slowly(void *handle, void **ret_block)
{
    if (!is_like_a_handle(handle))
        return mm_fixed_lock(handle, ret_block);
    struct entry *e = mm_slot_of_handle(handle);
    return e ? mm_entry_lock(e, ret_block) : STATUS_INVALID_HANDLE;
}

NTSTATUS mm_global_lock(void *handle, void **ret_block)
{
    struct entry *e = mm_slot_of_handle(handle);

    if (!e || !mm_entry_lock_once(e))
        return lock_slowly(handle, ret_block);
    *ret_block = mm_entry_block(e);
    return STATUS_SUCCESS;
}

static __attribute__((noinline)) NTSTATUS unlock_slowly(void *handle, unsigned *ret_left)
{
    if (!is_like_a_handle(handle))
        return mm_fixed_unlock(handle, ret_left);
    struct entry *e = mm_slot_of_handle(handle);
    return e ? mm_entry_unlock(e, ret_left) : STATUS_INVALID_HANDLE;
}

NTSTATUS mm_global_unlock(void *handle, unsigned *ret_left)
{
    struct entry *e = mm_slot_of_handle(handle);

    return e && mm_entry_unlock_once(e, ret_left) ? STATUS_SUCCESS
                                                  : unlock_slowly(handle, ret_left);
}

NTSTATUS mm_global_size(const void *handle, size_t *ret_size)
{
    if (!is_like_a_handle(handle))
        return mm_fixed_size(handle, ret_size);
    struct entry *e = mm_slot_of_handle(handle);
    return e ? mm_entry_size(e, ret_size) : STATUS_INVALID_HANDLE;
}

NTSTATUS mm_global_flags(const void *handle, ULONG *ret_flags)
{
    struct entry *e = mm_slot_of_handle(handle);
    unsigned word = e ? mm_entry_word(e) : 0;
    size_t size;

    if (is_like_a_handle(handle) && !(word & WORD_LIVE))
        return STATUS_INVALID_HANDLE;
    *ret_flags = word & (WORD_COUNT | WORD_ATTRIBUTES | WORD_DISCARDED);
    return is_like_a_handle(handle) ? STATUS_SUCCESS : mm_fixed_size(handle, &size);
}

NTSTATUS mm_global_handle(const void *block, void **ret_handle)
{
    struct entry *e = is_like_a_handle(block) ? NULL : mm_index_find(block);
    size_t size;

    if (!block)
        return STATUS_INVALID_PARAMETER;
    if (!e && mm_fixed_size(block, &size))
        return STATUS_INVALID_HANDLE;
    *ret_handle = e ? mm_slot_handle(e) : (void *)block;
    return STATUS_SUCCESS;
}
