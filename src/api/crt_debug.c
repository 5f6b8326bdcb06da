/*
 * crt_debug.c - the debug heap's blocks: allocating, watching.
 */
#define _DEBUG
#include <crtdbg.h>
#include <errno.h>

#include "api/api_internal.h"
#include "crt/crt.h"
#include "debugheap/debugheap.h"

_Static_assert(_CLIENT_BLOCK == (int)DEBUG_CLIENT && _FREE_BLOCK == (int)DEBUG_FREE, "one table");
_Static_assert(_CRTDBG_LEAK_CHECK_DF == (int)DEBUG_LEAK_CHECK, "one table");
_Static_assert(sizeof(_CrtMemState) == sizeof(struct debug_state), "one layout");

#define ALL_FLAGS 0x37
#define HIGH_HALF (~0xffff) /* how often to check */

static void *or_no_memory(void *block)
{
    if (!block)
        errno = ENOMEM;
    return block;
}

/* ---- allocating ---------------------------------------------------------------------------------- */

void *__cdecl _malloc_dbg(size_t size, int type, const char *file, int line)
{
    api_enter();
    return or_no_memory(mm_debug_allocate(size, false, &(struct debug_where){type, file, line}));
}

void *__cdecl _calloc_dbg(size_t count, size_t size, int type, const char *file, int line)
{
    size_t bytes;

    api_enter();
    if (__builtin_mul_overflow(count, size, &bytes))
        return or_no_memory(NULL);
    return or_no_memory(mm_debug_allocate(bytes, true, &(struct debug_where){type, file, line}));
}

static void *resize(void *block, const struct debug_change *change, struct debug_where where)
{
    api_enter();
    if (block && change->size == 0 && !change->in_place) {
        mm_debug_free(block, where.use);
        return NULL;
    }
    return or_no_memory(mm_debug_resize(block, change, &where));
}

void *__cdecl _realloc_dbg(void *block, size_t size, int type, const char *file, int line)
{
    return resize(block, &(struct debug_change){.size = size},
                  (struct debug_where){type, file, line});
}

void *__cdecl _recalloc_dbg(void *block, size_t count, size_t size, int type, const char *file,
                            int line)
{
    size_t bytes;

    if (__builtin_mul_overflow(count, size, &bytes))
        return or_no_memory(NULL);
    return resize(block, &(struct debug_change){.size = bytes, .zero = true},
                  (struct debug_where){type, file, line});
}

void *__cdecl _expand_dbg(void *block, size_t size, int type, const char *file, int line)
{
    if (!block) {
        errno = EINVAL;
        return NULL;
    }
    return resize(block, &(struct debug_change){.size = size, .in_place = true},
                  (struct debug_where){type, file, line});
}

void __cdecl _free_dbg(void *block, int type)
{
    api_enter();
    mm_debug_free(block, type);
}

size_t __cdecl _msize_dbg(void *block, int type)
{
    size_t size;

    api_enter();
    if (block && !mm_debug_size(block, &size))
        return size;
    errno = EINVAL;
    return (size_t)-1;
}

char *__cdecl _strdup_dbg(const char *text, int type, const char *file, int line)
{
    if (!text)
        return NULL;
    size_t size = strlen(text) + 1;
    char *copy = _malloc_dbg(size, type, file, line);
    return copy ? memcpy(copy, text, size) : NULL;
}

/* ---- aligned blocks ---------------------------------------------------------------------------------- */

static void *resize_aligned(void *block, struct crt_alignment a, const struct debug_change *change,
                            struct debug_where where)
{
    api_enter();
    if (block && change->size == 0) {
        mm_debug_aligned_free(block);
        return NULL;
    }
    if (!mm_crt_alignment_is_valid(&a, change->size)) {
        errno = EINVAL;
        return NULL;
    }
    return or_no_memory(block ? mm_debug_aligned_resize(block, &a, change, &where)
                              : mm_debug_aligned_allocate(&a, change->size, change->zero, &where));
}

void *__cdecl _aligned_malloc_dbg(size_t size, size_t alignment, const char *file, int line)
{
    return _aligned_offset_malloc_dbg(size, alignment, 0, file, line);
}

void *__cdecl _aligned_offset_malloc_dbg(size_t size, size_t alignment, size_t offset,
                                         const char *file, int line)
{
    return resize_aligned(NULL, (struct crt_alignment){alignment, offset},
                          &(struct debug_change){.size = size},
                          (struct debug_where){DEBUG_NORMAL, file, line});
}

void *__cdecl _aligned_realloc_dbg(void *block, size_t size, size_t alignment, const char *file,
                                   int line)
{
    return _aligned_offset_realloc_dbg(block, size, alignment, 0, file, line);
}

void *__cdecl _aligned_offset_realloc_dbg(void *block, size_t size, size_t alignment, size_t offset,
                                          const char *file, int line)
{
    return resize_aligned(block, (struct crt_alignment){alignment, offset},
                          &(struct debug_change){.size = size},
                          (struct debug_where){DEBUG_NORMAL, file, line});
}

void *__cdecl _aligned_recalloc_dbg(void *block, size_t count, size_t size, size_t alignment,
                                    const char *file, int line)
{
    return _aligned_offset_recalloc_dbg(block, count, size, alignment, 0, file, line);
}

void *__cdecl _aligned_offset_recalloc_dbg(void *block, size_t count, size_t size, size_t alignment,
                                           size_t offset, const char *file, int line)
{
    size_t bytes;

    if (__builtin_mul_overflow(count, size, &bytes))
        return or_no_memory(NULL);
    return resize_aligned(block, (struct crt_alignment){alignment, offset},
                          &(struct debug_change){.size = bytes, .zero = true},
                          (struct debug_where){DEBUG_NORMAL, file, line});
}

size_t __cdecl _aligned_msize_dbg(void *block, size_t alignment, size_t offset)
{
    size_t size;

    api_enter();
    if (block && !mm_debug_aligned_size(block, &size))
        return size;
    errno = EINVAL;
    return (size_t)-1;
}

void __cdecl _aligned_free_dbg(void *block)
{
    api_enter();
    mm_debug_aligned_free(block);
}

/* ---- watching ------------------------------------------------------------------------------------ */

int __cdecl _CrtSetDbgFlag(int flags)
{
    int before = mm_debug_settings.flags;

    if (flags == _CRTDBG_REPORT_FLAG)
        return before;
    if (flags & ~(ALL_FLAGS | HIGH_HALF))
        errno = EINVAL;
    else
        mm_debug_settings.flags = flags;
    return before;
}

long __cdecl _CrtSetBreakAlloc(long request)
{
    return __atomic_exchange_n(&mm_debug_settings.break_at, request, __ATOMIC_RELAXED);
}

long *__cdecl __p__crtBreakAlloc(void)
{
    return &mm_debug_settings.break_at;
}

int *__cdecl __p__crtDbgFlag(void)
{
    return &mm_debug_settings.flags;
}

_CRT_ALLOC_HOOK __cdecl _CrtSetAllocHook(_CRT_ALLOC_HOOK hook)
{
    return __atomic_exchange_n(&mm_debug_settings.hook, hook, __ATOMIC_SEQ_CST);
}

_CRT_ALLOC_HOOK __cdecl _CrtGetAllocHook(void)
{
    return mm_debug_settings.hook;
}

_CRT_DUMP_CLIENT __cdecl _CrtSetDumpClient(_CRT_DUMP_CLIENT dump)
{
    return __atomic_exchange_n(&mm_debug_settings.dump, dump, __ATOMIC_SEQ_CST);
}

_CRT_DUMP_CLIENT __cdecl _CrtGetDumpClient(void)
{
    return mm_debug_settings.dump;
}

int __cdecl _CrtCheckMemory(void)
{
    api_enter();
    return mm_debug_check();
}

void __cdecl _CrtMemCheckpoint(_CrtMemState *state)
{
    api_enter();
    if (state)
        mm_debug_checkpoint((struct debug_state *)state);
    else
        errno = EINVAL;
}

int __cdecl _CrtMemDifference(_CrtMemState *difference, const _CrtMemState *older,
                              const _CrtMemState *newer)
{
    if (difference && older && newer)
        return mm_debug_difference((const struct debug_state *)older,
                                   (const struct debug_state *)newer,
                                   (struct debug_state *)difference);
    errno = EINVAL;
    return FALSE;
}

void __cdecl _CrtMemDumpStatistics(const _CrtMemState *state)
{
    api_enter();
    if (state)
        mm_debug_dump_statistics((const struct debug_state *)state);
    else
        errno = EINVAL;
}

void __cdecl _CrtMemDumpAllObjectsSince(const _CrtMemState *state)
{
    api_enter();
    mm_debug_dump_since((const struct debug_state *)state);
}

int __cdecl _CrtDumpMemoryLeaks(void)
{
    api_enter();
    return mm_debug_dump_leaks();
}

void __cdecl _CrtDoForAllClientObjects(void(__cdecl *each)(void *block, void *context),
                                       void *context)
{
    api_enter();
    if (each)
        mm_debug_for_clients(each, context);
    else
        errno = EINVAL;
}

int __cdecl _CrtIsValidPointer(const void *address, unsigned size, int write)
{
    return address != NULL;
}

int __cdecl _CrtIsValidHeapPointer(const void *block)
{
    struct debug_known known;

    api_enter();
    return block && mm_debug_known(block, &known);
}

int __cdecl _CrtIsMemoryBlock(const void *block, unsigned size, long *request, char **file,
                              int *line)
{
    struct debug_known known;

    api_enter();
    if (!block || !mm_debug_known(block, &known) || known.size != size)
        return FALSE;
    if (request)
        *request = known.request;
    if (file)
        *file = (char *)known.file;
    if (line)
        *line = known.line;
    return TRUE;
}

int __cdecl _CrtReportBlockType(const void *block)
{
    struct debug_known known;

    api_enter();
    return block && mm_debug_known(block, &known) ? known.use : -1;
}

/* The last of all: after the program's own functions for its end. */
__attribute__((destructor)) static void at_exit(void)
{
    mm_debug_at_exit();
}
