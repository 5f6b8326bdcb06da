/*
 * debug_aligned.c - aligned blocks on the debug heap.
 *
 * Each lies within a block of the debug heap, behind a note of where that begins.  What a dump shows
 * is the outer one.  A plain aligned block (crt/aligned.c) may be given here too, since a program may
 * map its calls in some of its files only.
 */
#include <string.h>

#include <ntstatus.h>

#include "base/page.h"
#include "crt/crt.h"
#include "debugheap/debugheap_internal.h"

/* The note of a block of ours. */
static bool find_note(const void *block, struct crt_note *ret_note)
{
    struct debug_known outer;
    return mm_crt_note_read(block, ret_note) && mm_debug_known(ret_note->outer, &outer);
}

void *mm_debug_aligned_allocate(const struct crt_alignment *a, size_t size, bool zero,
                                const struct debug_where *where)
{
    size_t outer_size;
    if (!mm_crt_note_room(a, size, &outer_size))
        return NULL;

    void *outer = mm_debug_allocate(outer_size, zero, where);
    return outer ? mm_crt_note_place(outer, a, size) : NULL;
}

NTSTATUS mm_debug_aligned_size(const void *block, size_t *ret_size)
{
    struct crt_note note;

    if (!find_note(block, &note))
        return mm_crt_aligned_size(block, ret_size);
    *ret_size = note.size;
    return STATUS_SUCCESS;
}

void *mm_debug_aligned_resize(void *block, const struct crt_alignment *a,
                              const struct debug_change *change, const struct debug_where *where)
{
    size_t old = 0;

    if (mm_debug_aligned_size(block, &old))
        mm_crt_aligned_free(block); /* a mistake: it does not return */
    void *fresh = mm_debug_aligned_allocate(a, change->size, change->zero, where);
    if (!fresh)
        return NULL;
    memcpy(fresh, block, min_size(old, change->size));
    mm_debug_aligned_free(block);
    return fresh;
}

void mm_debug_aligned_free(void *block)
{
    struct crt_note note;

    if (block && find_note(block, &note))
        mm_debug_free(note.outer, DEBUG_NORMAL);
    else
        mm_crt_aligned_free(block);
}
