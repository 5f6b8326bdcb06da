/*
 * aligned.c - blocks at an alignment, or with an alignment somewhere inside.
 *
 * A block with offset 0 is a block of the process heap like any other.  One with an offset starts
 * where the heap would never put a block, so it lies within a larger one and has a note before it.
 *
 * A1  an aligned block is a block in use of the process heap; or it is none, and has a note before
 *     it that names one in use, of this address and no other (`seal`)
 *
 * A note is the program's to overwrite, so what it says is believed only as far as A1 can be proven.
 */
#include <string.h>

#include <ntstatus.h>
#include <winnt.h>

#include "base/page.h"
#include "crt/crt.h"
#include "heap/heap.h"
#include "os/os.h"

#define LEAST_ALIGNMENT 16

static uintptr_t seal_of(const struct crt_note *n, const void *block)
{
    uintptr_t mix = (uintptr_t)n->outer * 0x9E3779B97F4A7C15ull + n->size;
    return (mix ^ (uintptr_t)block) * 0xD6E8FEB86659FD93ull;
}

bool mm_crt_note_read(const void *block, struct crt_note *ret_note)
{
    struct crt_note n;

    const void *note = (const void *)((uintptr_t)block - sizeof n); /* block may be any number */
    if (!mm_os_peek(&n, note, sizeof n) || n.seal != seal_of(&n, block))
        return false;
    *ret_note = n;
    return true;
}

static void write_note(void *block, void *outer, size_t size)
{
    struct crt_note n = {outer, size, 0};
    n.seal = seal_of(&n, block);
    memcpy((char *)block - sizeof n, &n, sizeof n); /* at any address */
}

bool mm_crt_note_room(const struct crt_alignment *a, size_t size, size_t *ret_size)
{
    size_t more = a->alignment - 1 + sizeof(struct crt_note);

    if (a->alignment > PTRDIFF_MAX || size > PTRDIFF_MAX - more)
        return false;
    *ret_size = size + more;
    return true;
}

void *mm_crt_note_place(void *outer, const struct crt_alignment *a, size_t size)
{
    uintptr_t first = (uintptr_t)outer + sizeof(struct crt_note) + a->offset;
    char *block = (char *)(align_up(first, a->alignment) - a->offset);

    write_note(block, outer, size);
    return block;
}

/* The note of a block that has one (A1). */
static bool find_note(const void *block, struct crt_note *ret_note)
{
    struct crt_note n;

    if (!mm_crt_note_read(block, &n) || mm_heap_of_block(n.outer) != mm_heap_process())
        return false;
    *ret_note = n;
    return true;
}

bool mm_crt_alignment_is_valid(const struct crt_alignment *a, size_t size)
{
    return a->alignment && !(a->alignment & (a->alignment - 1)) && (!a->offset || a->offset < size);
}

static bool is_at_alignment(const void *block, const struct crt_alignment *a)
{
    return is_aligned((uintptr_t)block + a->offset, a->alignment);
}

static void *allocate_with_note(const struct crt_alignment *a, size_t size, ULONG flags)
{
    size_t outer_size;
    if (!mm_crt_note_room(a, size, &outer_size))
        return NULL;

    void *outer = mm_heap_allocate(mm_heap_process(), flags, outer_size);
    return outer ? mm_crt_note_place(outer, a, size) : NULL;
}

void *mm_crt_aligned_allocate(const struct crt_alignment *a, size_t size, bool zero)
{
    ULONG flags = zero ? HEAP_ZERO_MEMORY : 0;
    size_t alignment = max_size(a->alignment, LEAST_ALIGNMENT);

    if (a->offset & (a->alignment - 1))
        return allocate_with_note(a, size, flags);
    if (size > PTRDIFF_MAX || alignment > PTRDIFF_MAX - size)
        return NULL;
    return mm_heap_allocate_aligned(mm_heap_process(), flags, alignment, size);
}

NTSTATUS mm_crt_aligned_size(const void *block, size_t *ret_size)
{
    struct crt_note n;

    if (mm_heap_size(mm_heap_process(), block, ret_size) == STATUS_SUCCESS)
        return STATUS_SUCCESS;
    if (!find_note(block, &n))
        return STATUS_INVALID_PARAMETER;
    *ret_size = n.size;
    return STATUS_SUCCESS;
}

/* Without moving: whether that could be done. */
static bool resize_in_place(void *block, const struct crt_alignment *a, size_t size, bool zero)
{
    ULONG flags = HEAP_REALLOC_IN_PLACE_ONLY | (zero ? HEAP_ZERO_MEMORY : 0);
    struct crt_note n;
    void *same;

    if (!is_at_alignment(block, a))
        return false;
    if (mm_heap_of_block(block))
        return !mm_heap_resize(mm_heap_process(), flags, block, size, &same);
    if (!find_note(block, &n) || size > n.size)
        return false;
    write_note(block, n.outer, size);
    return true;
}

void *mm_crt_aligned_resize(void *block, const struct crt_alignment *a, size_t size, bool zero)
{
    size_t old = 0;

    if (mm_crt_aligned_size(block, &old))
        mm_heap_free(mm_heap_process(), block); /* a mistake: it does not return */
    if (resize_in_place(block, a, size, zero))
        return block;
    void *fresh = mm_crt_aligned_allocate(a, size, zero);
    if (!fresh)
        return NULL;
    memcpy(fresh, block, min_size(old, size));
    mm_crt_aligned_free(block);
    return fresh;
}

void mm_crt_aligned_free(void *block)
{
    struct crt_note n;

    if (block && !mm_heap_of_block(block) && find_note(block, &n))
        block = n.outer;
    mm_heap_free(mm_heap_process(), block);
}
