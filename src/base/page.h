/*
 * page.h - arithmetic on pages, units and ranges.
 *
 * A page is 4096 bytes; a unit is the 64 KiB at which Windows hands out address space, and the
 * piece by which the pager trims.  Ranges are [start, end).
 */
#ifndef NTMM_BASE_PAGE_H
#define NTMM_BASE_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGE_SHIFT 12
#define PAGE_BYTES ((size_t)1 << PAGE_SHIFT)
#define UNIT_SHIFT 16
#define UNIT_BYTES ((size_t)1 << UNIT_SHIFT)
#define UNIT_PAGES (UNIT_BYTES / PAGE_BYTES)

/*
 * For tables that a start does not touch: they lie apart, so that the small variables beside them,
 * which it does, share few pages.
 */
#define MM_APART __attribute__((section(".bss.apart")))

#define KIB ((size_t)1 << 10)
#define MIB ((size_t)1 << 20)
#define GIB ((size_t)1 << 30)
#define TIB ((size_t)1 << 40)

static inline uintptr_t align_down(uintptr_t value, size_t alignment)
{
    return value & ~(uintptr_t)(alignment - 1);
}

static inline uintptr_t align_up(uintptr_t value, size_t alignment)
{
    return (value + alignment - 1) & ~(uintptr_t)(alignment - 1);
}

static inline bool is_aligned(uintptr_t value, size_t alignment)
{
    return (value & (alignment - 1)) == 0;
}

static inline size_t min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

static inline size_t max_size(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* Pages that `size` bytes need; no overflow for any size up to 2^64 - 4096. */
static inline size_t pages_of(size_t size)
{
    return (size + PAGE_BYTES - 1) >> PAGE_SHIFT;
}

/* A stretch of address space.  Empty when start == end. */
struct range {
    uintptr_t start;
    uintptr_t end;
};

static inline size_t range_size(struct range r)
{
    return r.end - r.start;
}

static inline bool range_contains(struct range outer, struct range inner)
{
    return outer.start <= inner.start && inner.end <= outer.end;
}

/* What `a` and `b` share; an empty range when they share nothing. */
static inline struct range range_overlap(struct range a, struct range b)
{
    uintptr_t start = a.start > b.start ? a.start : b.start;
    uintptr_t end = a.end < b.end ? a.end : b.end;
    return (struct range){start, end > start ? end : start};
}

#endif
