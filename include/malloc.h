/*
 * malloc.h - what Windows' C run-time knows of memory beyond malloc, and all of libc's own malloc.h.
 *
 * The run-time's heap is the process heap (GetProcessHeap).  malloc, calloc, realloc and free are
 * libc's, or those of `ntmm run`; their blocks may be given to _msize, _expand and _recalloc too.
 *
 * Functions that fail set errno.  Windows calls its invalid parameter handler first, where EINVAL is
 * told; here there is none.
 */
#ifndef _NTMM_MALLOC_H_
#define _NTMM_MALLOC_H_

#include_next <malloc.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <ntdef.h>

#ifdef __cplusplus
extern "C" {
#endif

#define _HEAP_MAXREQ 0xFFFFFFFFFFFFFFE0

/*
 * Tell the size of a block.
 *
 * block  a block of malloc's kin, of HeapAlloc's or of _aligned_malloc's
 * Returns bytes: those asked for; of a block of libc's own malloc those that can be used, which may
 * be more.  (size_t)-1: block is NULL or none (EINVAL).
 */
size_t __cdecl _msize(void *block);

/*
 * Make a block smaller or larger where it is.
 *
 * block  a block of malloc's kin
 * size   bytes
 * Returns block; NULL: there is no room behind it (ENOMEM), or it is NULL or none (EINVAL), and nothing
 * was changed.
 */
void *__cdecl _expand(void *block, size_t size);

/*
 * realloc of an array; what is new reads as zero.
 *
 * block        a block of malloc's kin, or NULL
 * count, size  elements, and bytes of one; if either is 0 the block is freed and NULL returned
 * Returns the block, which may have moved; NULL: there is no memory (ENOMEM), and nothing was changed.
 * Of a block of libc's own malloc only what lies beyond its usable size counts as new.
 */
void *__cdecl _recalloc(void *block, size_t count, size_t size);

/*
 * Allocate at an alignment: (block + offset) is a multiple of it.
 *
 * size       bytes; 0 is a block of its own
 * alignment  a power of two
 * offset     0, or less than size
 * Returns the block, to be freed by _aligned_free alone; NULL: no memory (ENOMEM), or alignment or
 * offset is wrong (EINVAL).
 */
void *__cdecl _aligned_malloc(size_t size, size_t alignment);
void *__cdecl _aligned_offset_malloc(size_t size, size_t alignment, size_t offset);

/*
 * Make an aligned block smaller or larger; it may move.  The recalloc forms clear what is new.
 *
 * block  an aligned block, or NULL
 * size   bytes (of one of `count` elements); 0 frees the block
 * Returns the block; NULL: it was freed; or as _aligned_offset_malloc, and nothing was changed.
 * Ends the process where block is no aligned block.
 */
void *__cdecl _aligned_realloc(void *block, size_t size, size_t alignment);
void *__cdecl _aligned_offset_realloc(void *block, size_t size, size_t alignment, size_t offset);
void *__cdecl _aligned_recalloc(void *block, size_t count, size_t size, size_t alignment);
void *__cdecl _aligned_offset_recalloc(void *block, size_t count, size_t size, size_t alignment,
                                       size_t offset);

/*
 * Tell the size of an aligned block.
 *
 * Returns bytes, as asked for; (size_t)-1: block is NULL or none (EINVAL).
 */
size_t __cdecl _aligned_msize(void *block, size_t alignment, size_t offset);

/* Free an aligned block.  NULL is fine; anything else that is none ends the process. */
void __cdecl _aligned_free(void *block);

/* ---- the heap as a whole ------------------------------------------------------------------------ */

#define _HEAPEMPTY (-1)    /* there is none */
#define _HEAPOK (-2)       /* all is well */
#define _HEAPBADBEGIN (-3) /* its beginning is wrong */
#define _HEAPBADNODE (-4)  /* something in it is wrong */
#define _HEAPEND (-5)      /* _heapwalk: there is no more */
#define _HEAPBADPTR (-6)   /* _heapwalk: there never was such an entry */

#define _FREEENTRY 0
#define _USEDENTRY 1

typedef struct _heapinfo {
    int *_pentry; /* NULL before the first call */
    size_t _size; /* bytes */
    int _useflag; /* _USEDENTRY or _FREEENTRY */
} _HEAPINFO;

/* Check the process heap: _HEAPOK or _HEAPBADNODE. */
int __cdecl _heapchk(void);

/*
 * Tell the next entry of the process heap, used or free.
 *
 * entry  what the last call told, or with _pentry NULL
 * Returns _HEAPOK; _HEAPEND: there is none; _HEAPBADPTR: entry is NULL (EINVAL), or was never told.
 * Exact while nobody else uses the heap.
 */
int __cdecl _heapwalk(_HEAPINFO *entry);

/* Give memory that is not used back to the system.  Returns 0. */
int __cdecl _heapmin(void);

/* The process heap, as a number. */
intptr_t __cdecl _get_heap_handle(void);

/* ---- when there is no memory ---------------------------------------------------------------------- */

#ifndef _PNH_DEFINED
#define _PNH_DEFINED
/* Called with the size that could not be had; returns not 0 to have it tried again. */
typedef int(__cdecl *_PNH)(size_t);
#endif

/* Whether functions of this header ask the handler (see new.h): 0 no, 1 yes.  The mode before. */
int __cdecl _set_new_mode(int mode);
int __cdecl _query_new_mode(void);

/* Call the handler of _set_new_handler: 0 when there is none, or when it gives up. */
int __cdecl _callnewh(size_t size);

/* ---- memory of the calling function ------------------------------------------------------------------ */

#define _alloca(size) __builtin_alloca(size)

#define _ALLOCA_S_THRESHOLD 1024
#define _ALLOCA_S_MARKER_SIZE 16
#define _ALLOCA_S_STACK_MARKER 0xCCCC
#define _ALLOCA_S_HEAP_MARKER 0xDDDD

static __inline__ void *_MarkAllocaS(void *block, unsigned marker)
{
    if (block) {
        *(unsigned *)block = marker;
        block = (char *)block + _ALLOCA_S_MARKER_SIZE;
    }
    return block;
}

/*
 * Memory until the function returns: of its stack frame, or of malloc's when it is large; NULL when
 * there is none.  Must be given to _freea.
 */
#define _malloca(size)                                                            \
    ((size_t)(size) <= _ALLOCA_S_THRESHOLD - _ALLOCA_S_MARKER_SIZE                \
         ? _MarkAllocaS(__builtin_alloca((size_t)(size) + _ALLOCA_S_MARKER_SIZE), \
                        _ALLOCA_S_STACK_MARKER)                                   \
         : _MarkAllocaS((size_t)(size) > _HEAP_MAXREQ - _ALLOCA_S_MARKER_SIZE     \
                            ? (void *)0                                           \
                            : (malloc)((size_t)(size) + _ALLOCA_S_MARKER_SIZE),   \
                        _ALLOCA_S_HEAP_MARKER))

/* Free what _malloca took from malloc.  NULL is fine; abort() where it is neither. */
static __inline__ void _freea(void *block)
{
    if (!block)
        return;
    block = (char *)block - _ALLOCA_S_MARKER_SIZE;
    if (*(unsigned *)block == _ALLOCA_S_HEAP_MARKER)
        (free)(block);
    else if (*(unsigned *)block != _ALLOCA_S_STACK_MARKER)
        abort();
}

#ifdef __cplusplus
}
#endif

#endif
