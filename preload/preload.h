/*
 * preload.h - what the files of this folder share: the heap's spans and arenas, and start-up.
 *
 * See README.md beside this file for the theory.  Nothing here is used outside preload/.
 */
#ifndef NTMM_PRELOAD_PRELOAD_H
#define NTMM_PRELOAD_PRELOAD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/page.h"
#include "os/os.h"

#define MM_EXPORT __attribute__((visibility("default")))

/* Branches that decide between the fast path and everything else. */
#define likely(condition) __builtin_expect(!!(condition), 1)
#define unlikely(condition) __builtin_expect(!!(condition), 0)

/* ---- start-up (start.c) ---------------------------------------------------------------------- */

/*
 * Start the library if it has not been.
 *
 * => false: it is starting at this moment and this very thread is doing it; the caller must do
 *    without (mm_preload_early_memory)
 */
bool mm_preload_start(void);

extern atomic_int mm_preload_started; /* 0 until everything stands */

static inline bool mm_preload_ready(void)
{
    return likely(atomic_load_explicit(&mm_preload_started, memory_order_acquire)) ||
           mm_preload_start();
}

/* Memory for calls made while the library itself starts; never given back. */
void *mm_preload_early_memory(size_t size, size_t alignment);
bool mm_preload_is_early(const void *address);
size_t mm_preload_early_left(const void *address); /* bytes to the end of that memory */

/* End the process with one line that names the mistake; takes no lock, needs no memory. */
void mm_preload_stop(const char *call, const char *mistake, const void *address)
    __attribute__((noreturn));

/* Register what must happen around fork (fork.c). */
void mm_preload_watch_forks(void);

/* ---- size classes (size_class.c) ------------------------------------------------------------- */

#define SMALL_MAX (32 * KIB) /* larger blocks are allocations of their own */
#define CLASS_COUNT 84       /* 64 of 16 bytes each, then 5 doublings of 4 */

struct size_class {
    uint32_t size;   /* bytes of a block */
    uint32_t blocks; /* blocks in a span */
    uint32_t units;  /* 64 KiB units in a span: 1 or 4 */
    uint64_t magic;  /* offset * magic >> 40 == offset / size */
};
extern const struct size_class mm_preload_classes[CLASS_COUNT];

/* The smallest class that holds `size` bytes, which are at most SMALL_MAX. */
static inline unsigned mm_preload_class_of(size_t size)
{
    if (likely(size <= 1024))
        return size ? (unsigned)((size - 1) >> 4) : 0;
    unsigned doubling = 63 - (unsigned)__builtin_clzl(size - 1); /* 10 for 1025 to 2048 */
    unsigned quarter = (unsigned)((size - 1) >> (doubling - 2)) & 3;
    return 64 + (doubling - 10) * 4 + quarter;
}

/* ---- spans and the range they come from (span.c) --------------------------------------------- */

/* Where a span stands; guarded by its arena's lock. */
enum span_state {
    SPAN_CURRENT, /* the arena allocates from it */
    SPAN_FULL,    /* less than a quarter is free: on no list */
    SPAN_PARTIAL, /* on its class's list, to be used again */
};

/*
 * 64 KiB (or four times that) of blocks of one size.  The record lies in memory of our own, never
 * in the span, so that freeing a block that was paged out reads nothing back.
 *
 * (c) constant while the span is in the table  (l) the arena's lock
 *
 * I1  used == the number of bits set in live[]
 * I2  a bit of `window` is set only where the same bit of live[word] is not
 * I3  blocks are handed out in address order, but for those freed in the word at hand
 */
struct span {
    uintptr_t start;     /* (c) */
    struct arena *arena; /* (c) */
    uint64_t window;     /* (l) free blocks of live[word] that may be handed out */
    uint32_t word;       /* (l) the word of live[] at hand */
    uint32_t used;       /* (l) blocks in use */
    uint32_t blocks;     /* (c) */
    uint16_t class;      /* (c) */
    uint16_t state;      /* (l) */
    struct span *next;   /* (l) partial list; in the pool: next unused record */
    struct span *prev;   /* (l) */
    uint64_t live[];     /* (l) one bit a block: set while the program has it */
};

/*
 * The range of address space that all spans come from, and its table: a word a unit.
 * 0: never used; odd: free, with the next free unit; even: the span that holds the unit.
 */
struct span_range {
    uintptr_t start;         /* (c) 0 until started */
    size_t size;             /* (c) */
    atomic_uintptr_t *table; /* (c) the table; its words: atomic */
};
extern struct span_range mm_preload_spans;

/* Reserve the range; false: the address space has no room even for a small one. */
bool mm_preload_spans_init(void);

/*
 * A span of fresh zero memory for `class`, not yet in the table.
 *
 * => takes the unit lock, calls vm; the caller holds no lock
 * => NULL: the commit limit is reached
 */
struct span *mm_preload_span_new(struct arena *arena, unsigned class, bool touched_soon);

/* Give back an empty span that is on no list any more; its record and its units. */
void mm_preload_span_free(struct span *span);

/* Give back the units that are kept committed for the next span. */
void mm_preload_spans_trim(void);

/* Units of the range that were ever used; the unit lock is held. */
uintptr_t mm_preload_spans_used(void);

void mm_preload_spans_lock(void);
void mm_preload_spans_unlock(void);

/* The span a pointer lies in, or NULL. */
static inline struct span *mm_preload_span_of(const void *address)
{
    uintptr_t offset = (uintptr_t)address - mm_preload_spans.start;
    if (unlikely(offset >= mm_preload_spans.size))
        return NULL;
    uintptr_t word =
        atomic_load_explicit(&mm_preload_spans.table[offset >> UNIT_SHIFT], memory_order_acquire);
    return word & 1 ? NULL : (struct span *)word;
}

/* ---- blocks up to 32 KiB (small.c) ------------------------------------------------------------- */

struct heap_totals {
    size_t committed; /* bytes */
    size_t used;      /* bytes in blocks the program has */
    size_t blocks;    /* blocks the program has */
    size_t spans;
};

void *mm_preload_small_allocate(unsigned class);

/* The block goes back to its span.  Stops the process where it is not a block in use. */
void mm_preload_small_free(struct span *span, void *block);

/* Stop the process unless `block` is a block in use; its usable size. */
size_t mm_preload_small_size(struct span *span, const void *block, const char *call);

void mm_preload_small_totals(struct heap_totals *ret_totals);
void mm_preload_small_lock_all(void);
void mm_preload_small_unlock_all(void);

/* ---- larger blocks (large.c) ------------------------------------------------------------------- */

/* => alignment is a power of two; `zero`: the contents must read as zero; NULL: no memory */
void *mm_preload_large_allocate(size_t size, size_t alignment, bool zero);

/* => false: not a large block */
bool mm_preload_large_free(void *block);
bool mm_preload_large_size(const void *block, size_t *ret_usable);

/*
 * Resize in place where that is possible, else move.
 *
 * => `block` is a large block, else the process stops; size > SMALL_MAX
 * => NULL: no memory, and the block is as it was
 */
void *mm_preload_large_resize(void *block, size_t size);

/* Give back the blocks that are kept for the next call of their size. */
void mm_preload_large_trim(void);

void mm_preload_large_totals(struct heap_totals *ret_totals);
void mm_preload_large_lock(void);
void mm_preload_large_unlock(void);

/* ---- mmap and its family (mmap.c, mremap.c, madvise.c) ------------------------------------------ */

/* Raw system calls: the address or MAP_FAILED, 0 or -1, and errno (raw.c). */
void *mm_preload_raw_mmap(void *address, size_t size, int protect, int flags, int fd, off_t offset);
int mm_preload_raw_munmap(void *address, size_t size);
int mm_preload_raw_mprotect(void *address, size_t size, int protect);
int mm_preload_raw_pkey_mprotect(void *address, size_t size, int protect, int key);
int mm_preload_raw_madvise(void *address, size_t size, int advice);
void *mm_preload_raw_mremap(void *address, size_t old_size, size_t size, int flags, void *to);

/*
 * A page range as the kernel takes it: start on a page border, size rounded up to pages.
 *
 * => false: the kernel would refuse it (or there is nothing in it); ask the kernel for the error
 */
bool mm_preload_range(const void *address, size_t size, struct range *ret_range);

/* What to do with a stretch that lies wholly inside or wholly outside of our arenas: 0 or errno. */
typedef int (*part_action)(void *address, size_t size, bool ours, int argument);

/* Do it for all stretches of the range in address order, up to the first error. */
int mm_preload_each_part(struct range range, part_action action, int argument);

/* NTSTATUS of vm as the errno that Linux has for it; 0 for success. */
int mm_preload_errno(int status);

/* PROT_* as PAGE_*. */
unsigned mm_preload_protection(int protect);

/* munmap of a good range: 0 or errno. */
int mm_preload_unmap(struct range range);

#endif
