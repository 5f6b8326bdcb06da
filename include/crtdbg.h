/*
 * crtdbg.h - the debug heap of the C run-time: leaks by file and line, writes past the end.
 *
 * Active with _DEBUG alone; without it every call here vanishes, and the _dbg forms are the plain
 * functions.  With _CRTDBG_MAP_ALLOC too, malloc and its kin become the _dbg forms with the file and
 * the line they are called at.  Include this header after all others: names like free are macros
 * then.
 *
 * A block has 64 bytes before it that tell who asked for it, and 4 bytes of 0xFD on either side.  New
 * bytes are 0xCD, freed ones 0xDD.  Blocks of malloc's own (those that strdup and other functions of
 * libraries return) may be given to the _dbg forms; the plain free does not know blocks of these.
 *
 * Functions that fail set errno.
 */
#ifndef _INC_CRTDBG
#define _INC_CRTDBG

/* Whatever declares what may become a macro below. */
#include <malloc.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ntdef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef void *_HFILE;

/* Kinds of reports. */
#define _CRT_WARN 0
#define _CRT_ERROR 1
#define _CRT_ASSERT 2
#define _CRT_ERRCNT 3

/* Where reports go: to a file, the debugger, a window; the last two mean standard error here. */
#define _CRTDBG_MODE_FILE 0x1
#define _CRTDBG_MODE_DEBUG 0x2
#define _CRTDBG_MODE_WNDW 0x4
#define _CRTDBG_REPORT_MODE (-1)

/* Files; a small number, as a pointer, is a file descriptor. */
#define _CRTDBG_INVALID_HFILE ((_HFILE)(intptr_t)-1)
#define _CRTDBG_HFILE_ERROR ((_HFILE)(intptr_t)-2)
#define _CRTDBG_FILE_STDOUT ((_HFILE)(intptr_t)-4)
#define _CRTDBG_FILE_STDERR ((_HFILE)(intptr_t)-5)
#define _CRTDBG_REPORT_FILE ((_HFILE)(intptr_t)-6)

#define _CRT_RPTHOOK_INSTALL 0
#define _CRT_RPTHOOK_REMOVE 1

/* What an allocation hook hears of. */
#define _HOOK_ALLOC 1
#define _HOOK_REALLOC 2
#define _HOOK_FREE 3

/* Flags of _CrtSetDbgFlag. */
#define _CRTDBG_ALLOC_MEM_DF 0x01      /* blocks are tracked; else they are of type _IGNORE_BLOCK */
#define _CRTDBG_DELAY_FREE_MEM_DF 0x02 /* freed blocks are kept, and watched */
#define _CRTDBG_CHECK_ALWAYS_DF 0x04   /* _CrtCheckMemory at every call */
#define _CRTDBG_RESERVED_DF 0x08
#define _CRTDBG_CHECK_CRT_DF 0x10  /* blocks of type _CRT_BLOCK count as leaks */
#define _CRTDBG_LEAK_CHECK_DF 0x20 /* leaks are reported at the end of the program */
#define _CRTDBG_CHECK_EVERY_16_DF 0x00100000
#define _CRTDBG_CHECK_EVERY_128_DF 0x00800000
#define _CRTDBG_CHECK_EVERY_1024_DF 0x04000000
#define _CRTDBG_CHECK_DEFAULT_DF 0
#define _CRTDBG_REPORT_FLAG (-1)

/* Types of blocks, in the low 16 bits; above them a client block has a subtype. */
#define _BLOCK_TYPE(block) ((block)&0xFFFF)
#define _BLOCK_SUBTYPE(block) ((block) >> 16 & 0xFFFF)
#define _FREE_BLOCK 0
#define _NORMAL_BLOCK 1
#define _CRT_BLOCK 2
#define _IGNORE_BLOCK 3
#define _CLIENT_BLOCK 4
#define _MAX_BLOCKS 5

struct _CrtMemBlockHeader;

/* The debug heap at some moment. */
typedef struct _CrtMemState {
    struct _CrtMemBlockHeader *pBlockHeader; /* the newest block: not to be followed */
    size_t lCounts[_MAX_BLOCKS];             /* blocks by type */
    size_t lSizes[_MAX_BLOCKS];              /* bytes by type */
    size_t lHighCount;                       /* most bytes at a time */
    size_t lTotalCount;                      /* bytes ever allocated */
} _CrtMemState;

/* Hears of a request before it is served; 0: it is to fail. */
typedef int(__cdecl *_CRT_ALLOC_HOOK)(int kind, void *block, size_t size, int type, long request,
                                      const unsigned char *file, int line);

/* Hears of a report before anyone else; not 0: nobody else hears of it, and *value is the result. */
typedef int(__cdecl *_CRT_REPORT_HOOK)(int kind, char *text, int *value);

/* Describes a client block in a dump. */
typedef void(__cdecl *_CRT_DUMP_CLIENT)(void *block, size_t size);

#ifdef _DEBUG

/* ---- allocating ---------------------------------------------------------------------------------- */

/*
 * malloc, calloc, realloc, _recalloc, _expand, free, _msize, strdup on the debug heap.
 *
 * type  _NORMAL_BLOCK or _CLIENT_BLOCK, a client block's with a subtype in the high 16 bits
 * file  __FILE__, or NULL; kept, not copied
 * line  __LINE__, or 0
 *
 * Results and errors are those of the plain functions; also NULL (ENOMEM) where the allocation hook
 * says so.  A block that is written past, freed twice or of another type is reported as _CRT_ERROR.
 * What is no block at all ends the process.
 */
void *__cdecl _malloc_dbg(size_t size, int type, const char *file, int line);
void *__cdecl _calloc_dbg(size_t count, size_t size, int type, const char *file, int line);
void *__cdecl _realloc_dbg(void *block, size_t size, int type, const char *file, int line);
void *__cdecl _recalloc_dbg(void *block, size_t count, size_t size, int type, const char *file,
                            int line);
void *__cdecl _expand_dbg(void *block, size_t size, int type, const char *file, int line);
void __cdecl _free_dbg(void *block, int type);
size_t __cdecl _msize_dbg(void *block, int type);
char *__cdecl _strdup_dbg(const char *text, int type, const char *file, int line);

/* The aligned forms of malloc.h on the debug heap. */
void *__cdecl _aligned_malloc_dbg(size_t size, size_t alignment, const char *file, int line);
void *__cdecl _aligned_offset_malloc_dbg(size_t size, size_t alignment, size_t offset,
                                         const char *file, int line);
void *__cdecl _aligned_realloc_dbg(void *block, size_t size, size_t alignment, const char *file,
                                   int line);
void *__cdecl _aligned_offset_realloc_dbg(void *block, size_t size, size_t alignment, size_t offset,
                                          const char *file, int line);
void *__cdecl _aligned_recalloc_dbg(void *block, size_t count, size_t size, size_t alignment,
                                    const char *file, int line);
void *__cdecl _aligned_offset_recalloc_dbg(void *block, size_t count, size_t size, size_t alignment,
                                           size_t offset, const char *file, int line);
size_t __cdecl _aligned_msize_dbg(void *block, size_t alignment, size_t offset);
void __cdecl _aligned_free_dbg(void *block);

/* ---- watching ------------------------------------------------------------------------------------ */

/*
 * Set the flags, or tell them with _CRTDBG_REPORT_FLAG.
 *
 * Returns the flags before; with bits that there are none of, nothing is set (EINVAL).
 */
int __cdecl _CrtSetDbgFlag(int flags);

/* Stop, as at a breakpoint, at the allocation of that number; -1: at none.  The number before. */
long __cdecl _CrtSetBreakAlloc(long request);

long *__cdecl __p__crtBreakAlloc(void);
#define _crtBreakAlloc (*__p__crtBreakAlloc())
int *__cdecl __p__crtDbgFlag(void);
#define _crtDbgFlag (*__p__crtDbgFlag())

/* Set the allocation hook, or the function that describes client blocks; NULL: none.  The one before. */
_CRT_ALLOC_HOOK __cdecl _CrtSetAllocHook(_CRT_ALLOC_HOOK hook);
_CRT_ALLOC_HOOK __cdecl _CrtGetAllocHook(void);
_CRT_DUMP_CLIENT __cdecl _CrtSetDumpClient(_CRT_DUMP_CLIENT dump);
_CRT_DUMP_CLIENT __cdecl _CrtGetDumpClient(void);

/* Check all blocks and report what is wrong: TRUE when nothing is, or blocks are not tracked. */
int __cdecl _CrtCheckMemory(void);

/*
 * Take a snapshot; tell what one has and an older one had not, and whether it matters; report either.
 * NULL sets errno to EINVAL.
 */
void __cdecl _CrtMemCheckpoint(_CrtMemState *state);
int __cdecl _CrtMemDifference(_CrtMemState *difference, const _CrtMemState *older,
                              const _CrtMemState *newer);
void __cdecl _CrtMemDumpStatistics(const _CrtMemState *state);

/* Report all blocks, or those newer than a snapshot. */
void __cdecl _CrtMemDumpAllObjectsSince(const _CrtMemState *state);

/* Report what is still allocated: TRUE when anything is. */
int __cdecl _CrtDumpMemoryLeaks(void);

/* Call a function with every client block.  NULL as function sets errno to EINVAL. */
void __cdecl _CrtDoForAllClientObjects(void(__cdecl *each)(void *block, void *context),
                                       void *context);

/* TRUE when the pointer is not NULL; the others are not looked at, as in Windows since 2010. */
int __cdecl _CrtIsValidPointer(const void *address, unsigned size, int write);

/* TRUE when the pointer is to a block of the debug heap. */
int __cdecl _CrtIsValidHeapPointer(const void *block);

/* TRUE when it is one of that size; request, file and line, where not NULL, get what is known of it. */
int __cdecl _CrtIsMemoryBlock(const void *block, unsigned size, long *request, char **file,
                              int *line);

/* Type and subtype of a block of the debug heap; -1: it is none. */
int __cdecl _CrtReportBlockType(const void *block);

/* ---- reporting ------------------------------------------------------------------------------------ */

/*
 * Set where reports of a kind go, or tell it with _CRTDBG_REPORT_MODE or _CRTDBG_REPORT_FILE.
 *
 * kind  _CRT_WARN, _CRT_ERROR, _CRT_ASSERT
 * mode  _CRTDBG_MODE_*, combined; 0: nowhere
 * file  _CRTDBG_FILE_STDOUT, _CRTDBG_FILE_STDERR, or a file descriptor as a pointer
 *
 * Returns the mode or file before; -1 or _CRTDBG_HFILE_ERROR: there is no such kind or mode (EINVAL).
 * Warnings go to the debugger at first, errors and assertions to a window.
 */
int __cdecl _CrtSetReportMode(int kind, int mode);
_HFILE __cdecl _CrtSetReportFile(int kind, _HFILE file);

/* Set the hook that hears of reports after those of _CrtSetReportHook2; NULL: none.  The one before. */
_CRT_REPORT_HOOK __cdecl _CrtSetReportHook(_CRT_REPORT_HOOK hook);
_CRT_REPORT_HOOK __cdecl _CrtGetReportHook(void);

/*
 * Add a hook in front of others (_CRT_RPTHOOK_INSTALL), or take one off (_CRT_RPTHOOK_REMOVE).
 *
 * Returns how often it is there now; -1: it is not there, or hook or mode is wrong (EINVAL), or there
 * are 16 of them (ENOMEM).
 */
int __cdecl _CrtSetReportHook2(int mode, _CRT_REPORT_HOOK hook);

/* The end of _CrtDbgReport: a text as it is. */
int __cdecl __ntmm_crt_report(int kind, const char *file, int line, const char *module,
                              const char *text);

/*
 * Report.
 *
 * kind        _CRT_WARN, _CRT_ERROR, _CRT_ASSERT
 * file, line  the place, or NULL
 * module      not shown
 * format      as of printf; NULL: no text
 *
 * Returns 0; 1: the program is to stop in its debugger; what a hook said; -1: it could not be written,
 * or there is no such kind (EINVAL).
 */
__attribute__((__unused__, __format__(__printf__, 5, 6))) static int _CrtDbgReport(
    int kind, const char *file, int line, const char *module, const char *format, ...)
{
    char text[4000] = "";
    va_list arguments;

    va_start(arguments, format);
    if (format)
        (void)vsnprintf(text, sizeof text, format, arguments); /* too long: cut */
    va_end(arguments);
    return __ntmm_crt_report(kind, file, line, module, format ? text : (char *)0);
}

#if defined(__x86_64__)
#define _CrtDbgBreak() __asm__ __volatile__("int3")
#else
#define _CrtDbgBreak() __asm__ __volatile__("brk #0")
#endif

#define __NTMM_STOP_IF_ASKED(report) \
    do {                             \
        if ((report) == 1)           \
            _CrtDbgBreak();          \
    } while (0)
#define _ASSERT_EXPR(condition, text)                                                            \
    do {                                                                                         \
        if (!(condition))                                                                        \
            __NTMM_STOP_IF_ASKED(_CrtDbgReport(_CRT_ASSERT, __FILE__, __LINE__, (char *)0, "%s", \
                                               (const char *)(text)));                           \
    } while (0)
#define _ASSERT(condition)                                                                 \
    do {                                                                                   \
        if (!(condition))                                                                  \
            __NTMM_STOP_IF_ASKED(                                                          \
                __ntmm_crt_report(_CRT_ASSERT, __FILE__, __LINE__, (char *)0, (char *)0)); \
    } while (0)
#define _ASSERTE(condition) _ASSERT_EXPR(condition, #condition)

#define _RPT_BASE(kind, ...) \
    __NTMM_STOP_IF_ASKED(_CrtDbgReport(kind, (char *)0, 0, (char *)0, __VA_ARGS__))
#define _RPTF_BASE(kind, ...) \
    __NTMM_STOP_IF_ASKED(_CrtDbgReport(kind, __FILE__, __LINE__, (char *)0, __VA_ARGS__))

#ifdef _CRTDBG_MAP_ALLOC
#define malloc(size) _malloc_dbg(size, _NORMAL_BLOCK, __FILE__, __LINE__)
#define calloc(count, size) _calloc_dbg(count, size, _NORMAL_BLOCK, __FILE__, __LINE__)
#define realloc(block, size) _realloc_dbg(block, size, _NORMAL_BLOCK, __FILE__, __LINE__)
#define _recalloc(block, count, size) \
    _recalloc_dbg(block, count, size, _NORMAL_BLOCK, __FILE__, __LINE__)
#define _expand(block, size) _expand_dbg(block, size, _NORMAL_BLOCK, __FILE__, __LINE__)
#define free(block) _free_dbg(block, _NORMAL_BLOCK)
#define _msize(block) _msize_dbg(block, _NORMAL_BLOCK)
#define _strdup(text) _strdup_dbg(text, _NORMAL_BLOCK, __FILE__, __LINE__)
#undef strdup
#define strdup(text) _strdup_dbg(text, _NORMAL_BLOCK, __FILE__, __LINE__)
#define _aligned_malloc(size, alignment) _aligned_malloc_dbg(size, alignment, __FILE__, __LINE__)
#define _aligned_offset_malloc(size, alignment, offset) \
    _aligned_offset_malloc_dbg(size, alignment, offset, __FILE__, __LINE__)
#define _aligned_realloc(block, size, alignment) \
    _aligned_realloc_dbg(block, size, alignment, __FILE__, __LINE__)
#define _aligned_offset_realloc(block, size, alignment, offset) \
    _aligned_offset_realloc_dbg(block, size, alignment, offset, __FILE__, __LINE__)
#define _aligned_recalloc(block, count, size, alignment) \
    _aligned_recalloc_dbg(block, count, size, alignment, __FILE__, __LINE__)
#define _aligned_offset_recalloc(block, count, size, alignment, offset) \
    _aligned_offset_recalloc_dbg(block, count, size, alignment, offset, __FILE__, __LINE__)
#define _aligned_msize(block, alignment, offset) _aligned_msize_dbg(block, alignment, offset)
#define _aligned_free(block) _aligned_free_dbg(block)
#endif

#else /* !_DEBUG */

#define _malloc_dbg(size, type, file, line) malloc(size)
#define _calloc_dbg(count, size, type, file, line) calloc(count, size)
#define _realloc_dbg(block, size, type, file, line) realloc(block, size)
#define _recalloc_dbg(block, count, size, type, file, line) _recalloc(block, count, size)
#define _expand_dbg(block, size, type, file, line) _expand(block, size)
#define _free_dbg(block, type) free(block)
#define _msize_dbg(block, type) _msize(block)
#define _strdup_dbg(text, type, file, line) strdup(text)
#define _aligned_malloc_dbg(size, alignment, file, line) _aligned_malloc(size, alignment)
#define _aligned_offset_malloc_dbg(size, alignment, offset, file, line) \
    _aligned_offset_malloc(size, alignment, offset)
#define _aligned_realloc_dbg(block, size, alignment, file, line) \
    _aligned_realloc(block, size, alignment)
#define _aligned_offset_realloc_dbg(block, size, alignment, offset, file, line) \
    _aligned_offset_realloc(block, size, alignment, offset)
#define _aligned_recalloc_dbg(block, count, size, alignment, file, line) \
    _aligned_recalloc(block, count, size, alignment)
#define _aligned_offset_recalloc_dbg(block, count, size, alignment, offset, file, line) \
    _aligned_offset_recalloc(block, count, size, alignment, offset)
#define _aligned_msize_dbg(block, alignment, offset) _aligned_msize(block, alignment, offset)
#define _aligned_free_dbg(block) _aligned_free(block)

#define _CrtSetDbgFlag(flags) ((int)0)
#define _CrtSetBreakAlloc(request) ((long)0)
#define _CrtSetAllocHook(hook) ((_CRT_ALLOC_HOOK)0)
#define _CrtGetAllocHook() ((_CRT_ALLOC_HOOK)0)
#define _CrtSetDumpClient(dump) ((_CRT_DUMP_CLIENT)0)
#define _CrtGetDumpClient() ((_CRT_DUMP_CLIENT)0)
#define _CrtCheckMemory() ((int)1)
#define _CrtMemCheckpoint(state) ((void)0)
#define _CrtMemDifference(difference, older, newer) ((int)0)
#define _CrtMemDumpStatistics(state) ((void)0)
#define _CrtMemDumpAllObjectsSince(state) ((void)0)
#define _CrtDumpMemoryLeaks() ((int)0)
#define _CrtDoForAllClientObjects(each, context) ((void)0)
#define _CrtIsValidPointer(address, size, write) ((int)1)
#define _CrtIsValidHeapPointer(block) ((int)1)
#define _CrtIsMemoryBlock(block, size, request, file, line) ((int)1)
#define _CrtReportBlockType(block) ((int)-1)
#define _CrtSetReportMode(kind, mode) ((int)0)
#define _CrtSetReportFile(kind, file) ((_HFILE)0)
#define _CrtSetReportHook(hook) ((_CRT_REPORT_HOOK)0)
#define _CrtGetReportHook() ((_CRT_REPORT_HOOK)0)
#define _CrtSetReportHook2(mode, hook) ((int)0)
#define _CrtDbgReport(...) ((int)0)
#define _CrtDbgBreak() ((void)0)
#define _ASSERT(condition) ((void)0)
#define _ASSERTE(condition) ((void)0)
#define _ASSERT_EXPR(condition, text) ((void)0)
#define _RPT_BASE(kind, ...) ((void)0)
#define _RPTF_BASE(kind, ...) ((void)0)

#endif

#define _RPT0(kind, text) _RPT_BASE(kind, "%s", text)
#define _RPT1(kind, format, a) _RPT_BASE(kind, format, a)
#define _RPT2(kind, format, a, b) _RPT_BASE(kind, format, a, b)
#define _RPT3(kind, format, a, b, c) _RPT_BASE(kind, format, a, b, c)
#define _RPT4(kind, format, a, b, c, d) _RPT_BASE(kind, format, a, b, c, d)
#define _RPT5(kind, format, a, b, c, d, e) _RPT_BASE(kind, format, a, b, c, d, e)
#define _RPTN(kind, ...) _RPT_BASE(kind, __VA_ARGS__)
#define _RPTF0(kind, text) _RPTF_BASE(kind, "%s", text)
#define _RPTF1(kind, format, a) _RPTF_BASE(kind, format, a)
#define _RPTF2(kind, format, a, b) _RPTF_BASE(kind, format, a, b)
#define _RPTF3(kind, format, a, b, c) _RPTF_BASE(kind, format, a, b, c)
#define _RPTF4(kind, format, a, b, c, d) _RPTF_BASE(kind, format, a, b, c, d)
#define _RPTF5(kind, format, a, b, c, d, e) _RPTF_BASE(kind, format, a, b, c, d, e)
#define _RPTFN(kind, ...) _RPTF_BASE(kind, __VA_ARGS__)

#ifdef __cplusplus
}
#endif

#endif
