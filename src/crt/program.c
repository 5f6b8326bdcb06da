/*
 * program.c - blocks of malloc's, whoever's malloc it is.
 *
 * The loader decides what `malloc` and its kin are in this process: libc's, preload/'s, or an
 * allocator that the program has linked.  Their addresses are taken here and nowhere else, for
 * blocks that are not ours: to grow one only the program's realloc will do, since the program will
 * give it to its own free.  Nothing of ours is allocated this way.
 *
 * libc's blocks tell how much can be used, not how much was asked for.  So that a block that was
 * cleared here grows into zeros, all that can be used is cleared.
 */
#include <stdlib.h>
#include <string.h>

#include <ntstatus.h>
#include <winnt.h>

#include "base/page.h"
#include "crt/crt.h"
#include "heap/heap.h"
#include "os/os.h"
#include "vm/vm.h"

extern size_t malloc_usable_size(void *block);

static const struct {
    void *(*resize)(void *block, size_t size);
    void (*end)(void *block);
    size_t (*usable)(void *block);
} program = {realloc, free, malloc_usable_size};

#define LIBC_HEADER 16 /* bytes before a block, which libc looks at */

/* Whether libc can be asked about a block at all. */
static bool may_be_libcs(const char *block)
{
    return is_aligned((uintptr_t)block, sizeof(void *)) && !mm_vm_touches(block, 1) &&
           mm_os_can_read(block - LIBC_HEADER, LIBC_HEADER);
}

NTSTATUS mm_crt_size(void *block, size_t *ret_size)
{
    struct heap *heap = mm_heap_of_block(block);

    if (heap)
        return mm_heap_size(heap, block, ret_size);
    if (!may_be_libcs(block))
        return STATUS_INVALID_PARAMETER;
    *ret_size = program.usable(block);
    return STATUS_SUCCESS;
}

NTSTATUS mm_crt_expand(void *block, size_t size)
{
    struct heap *heap = mm_heap_of_block(block);
    void *same;

    if (heap)
        return mm_heap_resize(heap, HEAP_REALLOC_IN_PLACE_ONLY, block, size, &same);
    if (!may_be_libcs(block))
        return STATUS_INVALID_PARAMETER;
    return size <= program.usable(block) ? STATUS_SUCCESS : STATUS_NO_MEMORY;
}

static void *resize_programs(void *block, size_t size)
{
    size_t old = block ? program.usable(block) : 0;
    char *fresh = program.resize(block, size);
    if (!fresh)
        return NULL;

    size_t usable = program.usable(fresh);
    size_t keep = min_size(old, size);
    memset(fresh + keep, 0, usable > keep ? usable - keep : 0);
    return fresh;
}

void *mm_crt_resize_zeroed(void *block, size_t size)
{
    struct heap *heap = block ? mm_heap_of_block(block) : NULL;
    void *fresh;

    if (!heap)
        return resize_programs(block, size);
    return mm_heap_resize(heap, HEAP_ZERO_MEMORY, block, size, &fresh) ? NULL : fresh;
}

void mm_crt_free(void *block)
{
    struct heap *heap = block ? mm_heap_of_block(block) : NULL;

    if (heap)
        mm_heap_free(heap, block);
    else if (block && mm_vm_touches(block, 1))
        mm_heap_free(mm_heap_process(), block); /* a mistake: it does not return */
    else
        program.end(block);
}

NTSTATUS mm_crt_next_block(struct heap_entry *entry)
{
    NTSTATUS status;

    do
        status = mm_heap_walk(mm_heap_process(), entry);
    while (!status && entry->kind != HEAP_ENTRY_BUSY && entry->kind != HEAP_ENTRY_FREE);
    return status;
}
