/*
 * malloc.c - malloc and its family, as POSIX, C and glibc have them.
 *
 * Thin: check, choose small or large, set errno.  A block up to 32 KiB is found by its span, a
 * larger one by its address; anything else that is freed or resized stops the process.
 */
#include "preload.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

static void *no_memory(void)
{
    errno = ENOMEM;
    return NULL;
}

static void *allocate(size_t size)
{
    void *block = likely(size <= SMALL_MAX) ? mm_preload_small_allocate(mm_preload_class_of(size))
                                            : mm_preload_large_allocate(size, 16, false);
    return likely(block != NULL) ? block : no_memory();
}

static void *allocate_aligned(size_t alignment, size_t size)
{
    void *block = NULL;

    if (size > PTRDIFF_MAX)
        return NULL;
    if (alignment <= SMALL_MAX && size <= SMALL_MAX) {
        unsigned class = mm_preload_class_of(align_up(size, alignment));
        while (class < CLASS_COUNT && mm_preload_classes[class].size & (alignment - 1))
            class ++;
        if (class < CLASS_COUNT)
            return mm_preload_small_allocate(class);
    }
    block = mm_preload_large_allocate(max_size(size, SMALL_MAX + 1), alignment, false);
    return block;
}

MM_EXPORT void *malloc(size_t size)
{
    return allocate(size);
}

MM_EXPORT void free(void *block)
{
    if (unlikely(!block))
        return;
    struct span *span = mm_preload_span_of(block);
    if (likely(span != NULL))
        mm_preload_small_free(span, block);
    else if (!mm_preload_large_free(block) && !mm_preload_is_early(block))
        mm_preload_stop("free", "this address is not a block in use (freed twice?):", block);
}

MM_EXPORT void *calloc(size_t count, size_t size)
{
    size_t bytes;

    if (__builtin_mul_overflow(count, size, &bytes))
        return no_memory();
    if (bytes > SMALL_MAX) {
        void *block = mm_preload_large_allocate(bytes, 16, true);
        return block ? block : no_memory();
    }
    void *block = allocate(bytes);
    return block ? memset(block, 0, bytes) : NULL;
}

/* The bytes that a block holds; stops where it is not a block. */
static size_t usable_size(const void *block, const char *call)
{
    size_t usable;
    struct span *span = mm_preload_span_of(block);

    if (likely(span != NULL))
        return mm_preload_small_size(span, block, call);
    if (mm_preload_large_size(block, &usable))
        return usable;
    if (!mm_preload_is_early(block))
        mm_preload_stop(call, "this address is not a block in use:", block);
    return 0;
}

/* Early blocks do not know their size: copy what can be copied, which is at least what they hold. */
static void *resize_early(void *block, size_t size)
{
    void *fresh = allocate(size);
    if (fresh)
        memcpy(fresh, block, min_size(size, mm_preload_early_left(block)));
    return fresh;
}

static void *resize_by_copy(void *block, size_t old, size_t size)
{
    void *fresh = allocate(size);
    if (fresh) {
        memcpy(fresh, block, min_size(old, size));
        free(block);
    }
    return fresh;
}

MM_EXPORT void *realloc(void *block, size_t size)
{
    if (!block)
        return allocate(size);
    if (size == 0) {
        free(block);
        return NULL;
    }
    if (unlikely(mm_preload_is_early(block)))
        return resize_early(block, size);

    size_t old = usable_size(block, "realloc");
    if (old > SMALL_MAX && size > SMALL_MAX) {
        void *same = mm_preload_large_resize(block, size);
        return same ? same : no_memory();
    }
    if (size <= old && size >= old / 2)
        return block;
    return resize_by_copy(block, old, size);
}

MM_EXPORT void *reallocarray(void *block, size_t count, size_t size)
{
    size_t bytes;
    return __builtin_mul_overflow(count, size, &bytes) ? no_memory() : realloc(block, bytes);
}

MM_EXPORT int posix_memalign(void **ret_block, size_t alignment, size_t size)
{
    if (alignment < sizeof(void *) || alignment & (alignment - 1))
        return EINVAL;
    void *block = allocate_aligned(alignment, size);
    if (!block)
        return ENOMEM;
    *ret_block = block;
    return 0;
}

/* As glibc's: an alignment that is no power of two counts as the next one that is. */
MM_EXPORT void *memalign(size_t alignment, size_t size)
{
    size_t power = 16;

    if (alignment > PTRDIFF_MAX) {
        errno = EINVAL;
        return NULL;
    }
    while (power < alignment)
        power *= 2;
    void *block = allocate_aligned(power, size);
    return block ? block : no_memory();
}

MM_EXPORT void *aligned_alloc(size_t alignment, size_t size)
{
    return memalign(alignment, size);
}

MM_EXPORT void *valloc(size_t size)
{
    return memalign(PAGE_BYTES, size);
}

MM_EXPORT void *pvalloc(size_t size)
{
    return size > PTRDIFF_MAX ? no_memory() : memalign(PAGE_BYTES, align_up(size, PAGE_BYTES));
}

MM_EXPORT size_t malloc_usable_size(void *block)
{
    return block ? usable_size(block, "malloc_usable_size") : 0;
}

MM_EXPORT int malloc_trim(size_t pad)
{
    (void)pad; /* glibc's way to keep some: we keep what is in use */
    mm_preload_large_trim();
    mm_preload_spans_trim();
    return 1;
}

/* Nothing of glibc's heap can be set on ours: say so, as glibc does for options it does not know. */
MM_EXPORT int mallopt(int option, int value)
{
    (void)option;
    (void)value;
    return 0;
}

MM_EXPORT struct mallinfo2 mallinfo2(void)
{
    struct heap_totals small, large;
    struct mallinfo2 info = {0};

    mm_preload_small_totals(&small);
    mm_preload_large_totals(&large);
    info.arena = small.committed;
    info.hblks = large.blocks;
    info.hblkhd = large.committed;
    info.uordblks = small.used + large.used;
    info.fordblks = small.committed + large.committed - info.uordblks;
    return info;
}
