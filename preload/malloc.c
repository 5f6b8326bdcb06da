/*
 * malloc.c - malloc and its family, as POSIX, C and glibc have them, on the process heap.
 *
 * Thin: the way of a small block is inline (heap/fast.h), everything else is the heap's slow calls.
 * A call that comes while the library itself starts is served from early memory (start.c).
 */
#include "preload.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include <ntstatus.h>

#include "heap/heap.h"

static void *no_memory(void)
{
    errno = ENOMEM;
    return NULL;
}

static __attribute__((noinline)) void *allocate_slowly(ULONG flags, size_t alignment, size_t size)
{
    if (!mm_preload_ready())
        return mm_preload_early_memory(size, alignment); /* zero, and used once */
    void *block = mm_heap_allocate_aligned(mm_heap_process(), flags, alignment, size);
    return block ? block : no_memory();
}

static inline void *allocate(size_t size)
{
    struct heap_cache *c = mm_heap_mine;

    if (likely(size <= SMALL_MAX)) {
        void *block = heap_take(c, mm_heap_class_of[(size + 15) >> 4], size, NULL);
        if (likely(block != NULL))
            return block;
    }
    return allocate_slowly(0, 16, size);
}

static __attribute__((noinline)) void free_slowly(void *block)
{
    if (block && !mm_heap_give_elsewhere(mm_heap_mine, block) && !mm_preload_is_early(block))
        mm_heap_free_slowly(block);
}

MM_EXPORT void *malloc(size_t size)
{
    return allocate(size);
}

MM_EXPORT void free(void *block)
{
    struct heap_cache *c = mm_heap_mine;

    if (unlikely(!heap_give(c, block)))
        free_slowly(block);
}

MM_EXPORT void *calloc(size_t count, size_t size)
{
    struct heap_cache *c = mm_heap_mine;
    bool fresh;
    size_t bytes;

    if (__builtin_mul_overflow(count, size, &bytes))
        return no_memory();
    if (bytes <= SMALL_MAX) {
        void *block = heap_take(c, mm_heap_class_of[(bytes + 15) >> 4], bytes, &fresh);
        if (likely(block != NULL))
            return fresh ? block : memset(block, 0, bytes);
    }
    return allocate_slowly(HEAP_ZERO_MEMORY, 16, bytes);
}

/* Early blocks do not know their size: copy what can be copied, which is at least what they hold. */
static void *resize_early(void *block, size_t size)
{
    void *fresh = allocate(size);
    if (fresh)
        memcpy(fresh, block, min_size(size, mm_preload_early_left(block)));
    return fresh;
}

MM_EXPORT void *realloc(void *block, size_t size)
{
    void *resized;

    if (!block)
        return allocate(size);
    if (size == 0) {
        free(block);
        return NULL;
    }
    if (likely(heap_resize_inside(mm_heap_mine, block, size)))
        return block;
    if (unlikely(mm_preload_is_early(block)))
        return resize_early(block, size);
    if (mm_heap_resize_for("realloc", mm_heap_process(), 0, block, size, &resized))
        return no_memory();
    return resized;
}

MM_EXPORT void *reallocarray(void *block, size_t count, size_t size)
{
    size_t bytes;
    return __builtin_mul_overflow(count, size, &bytes) ? no_memory() : realloc(block, bytes);
}

/* => alignment is a power of two */
static void *allocate_aligned(size_t alignment, size_t size)
{
    return allocate_slowly(0, max_size(alignment, 16), size);
}

MM_EXPORT int posix_memalign(void **ret_block, size_t alignment, size_t size)
{
    int before = errno;

    if (alignment < sizeof(void *) || alignment & (alignment - 1))
        return EINVAL;
    void *block = allocate_aligned(alignment, size);
    errno = before;
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
    return allocate_aligned(power, size);
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

/*
 * What glibc promises is that this many bytes may be used, and some programs do: the size is made
 * what is told, so that it stays exact.
 */
MM_EXPORT size_t malloc_usable_size(void *block)
{
    struct heap *h = mm_heap_process();
    size_t capacity = heap_use_whole(mm_heap_mine, block);
    void *same;

    if (likely(capacity))
        return capacity;
    if (!block || mm_preload_is_early(block))
        return 0;
    if (mm_heap_capacity(h, block, &capacity))
        mm_heap_mistake("malloc_usable_size", block);
    (void)mm_heap_resize_for("malloc_usable_size", h, HEAP_REALLOC_IN_PLACE_ONLY, block, capacity,
                             &same); /* the capacity always fits */
    return capacity;
}

MM_EXPORT int malloc_trim(size_t pad)
{
    (void)pad; /* glibc's way to keep some: we keep what is in use */
    if (mm_preload_ready())
        (void)mm_heap_compact(mm_heap_process());
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
    struct heap_summary sum = {0};
    struct mallinfo2 info = {0};

    if (mm_preload_ready())
        mm_heap_summarize(mm_heap_process(), &sum);
    info.arena = sum.committed - sum.large_committed;
    info.hblks = sum.large_blocks;
    info.hblkhd = sum.large_committed;
    info.uordblks = sum.allocated;
    info.fordblks = sum.committed - sum.allocated;
    return info;
}
