/*
 * debugheap_internal.h - the block of the debug heap, and its list.
 */
#ifndef NTMM_DEBUGHEAP_INTERNAL_H
#define NTMM_DEBUGHEAP_INTERNAL_H

#include "debugheap/debugheap.h"
#include "os/os.h"

#define GUARD_BYTES 4
#define GUARD_FILL 0xFD
#define NEW_FILL 0xCD
#define FREED_FILL 0xDD

/* What stands before the program's bytes, in a block of the process heap; 4 guards follow them. */
struct debug_block {
    struct debug_block *older;
    struct debug_block *newer;
    const char *file;
    size_t size; /* the program's bytes */
    long request;
    uintptr_t seal; /* D1 */
    int line;
    int use; /* enum debug_use, and a subtype */
    char unused[4];
    unsigned char guard[GUARD_BYTES];
};

_Static_assert(sizeof(struct debug_block) == 64, "blocks are 16-byte aligned");

/* All guarded by the lock. */
struct debug_list {
    struct debug_block *newest;
    struct debug_block *oldest;
    long request; /* of the next block */
    size_t bytes; /* in use */
    size_t high;
    size_t total;
    unsigned calls; /* since the heap was checked */
};
extern struct debug_list mm_debug_list;

void mm_debug_lock(void);
void mm_debug_unlock(void);

static inline int use_of(int use)
{
    return use & 0xffff;
}

static inline void *bytes_of(const struct debug_block *b)
{
    return (void *)(b + 1);
}

/* Stop as at a breakpoint. */
static inline void stop_here(void)
{
#if defined(__x86_64__)
    __asm__ volatile("int3");
#else
    __asm__ volatile("brk #0");
#endif
}

/* The block whose bytes start there; NULL: none of ours in use or kept freed.  Never faults. */
struct debug_block *mm_debug_block_of(const void *bytes);

/* Whether that is a block (D1). */
bool mm_debug_is_block(const struct debug_block *b);

/*
 * Fill in a new block but for its bytes, and put it in front; take one off; or tell its neighbours
 * that the heap has put it elsewhere, with all that it holds.
 */
void mm_debug_block_add(struct debug_block *b, size_t size, const struct debug_where *where);
void mm_debug_block_remove(struct debug_block *b);
void mm_debug_block_moved(struct debug_block *b);

/* Report what is wrong with a block: whether nothing is. */
bool mm_debug_block_check(const struct debug_block *b);

const char *mm_debug_use_name(int use);

/* "0x" and 16 upper-case digits, as Windows prints pointers; "FILE(LINE)", of a file that may be gone. */
void mm_debug_text_pointer(struct os_text *t, const void *pointer);
void mm_debug_text_place(struct os_text *t, const char *file, int line);

#endif
