/*
 * crt_memory.c - the C run-time's memory: sizes, zeroed arrays, aligned blocks, the heap as a whole.
 */
#include "memory.h"

#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <new.h>
#include <stdint.h>
#include <stdlib.h>

#ifdef _WIN32
/* Wine's msvcrt is that of old programs; what it lacks is found at run time, or skipped. */
static FARPROC find(const char *name)
{
    HMODULE ucrt = LoadLibraryA("ucrtbase.dll");
    return ucrt ? GetProcAddress(ucrt, name) : NULL;
}
#define FROM_UCRT(result, name, parameters, arguments)               \
    static result ucrt##name parameters                              \
    {                                                                \
        return ((result(*) parameters)(void *)find(#name))arguments; \
    }
FROM_UCRT(void *, _recalloc, (void *p, size_t n, size_t s), (p, n, s))
FROM_UCRT(void *, malloc, (size_t s), (s))
FROM_UCRT(void *, calloc, (size_t n, size_t s), (n, s))
FROM_UCRT(void, free, (void *p), (p))
FROM_UCRT(size_t, _msize, (void *p), (p))
FROM_UCRT(void *, _expand, (void *p, size_t s), (p, s))
FROM_UCRT(void *, _aligned_malloc, (size_t s, size_t a), (s, a))
FROM_UCRT(void *, _aligned_offset_malloc, (size_t s, size_t a, size_t o), (s, a, o))
FROM_UCRT(void *, _aligned_realloc, (void *p, size_t s, size_t a), (p, s, a))
FROM_UCRT(void *, _aligned_offset_realloc, (void *p, size_t s, size_t a, size_t o), (p, s, a, o))
FROM_UCRT(void, _aligned_free, (void *p), (p))
FROM_UCRT(size_t, _aligned_msize, (void *p, size_t a, size_t o), (p, a, o))
FROM_UCRT(int *, _errno, (void), ())
FROM_UCRT(int, _heapchk, (void), ())
FROM_UCRT(int, _heapwalk, (_HEAPINFO * i), (i))
FROM_UCRT(int, _heapmin, (void), ())
FROM_UCRT(intptr_t, _get_heap_handle, (void), ())
FROM_UCRT(int, _set_new_mode, (int m), (m))
FROM_UCRT(int, _query_new_mode, (void), ())
#define _recalloc ucrt_recalloc
#define malloc ucrtmalloc
#define calloc ucrtcalloc
#define free ucrtfree
#define _msize ucrt_msize
#define _expand ucrt_expand
#define _aligned_malloc ucrt_aligned_malloc
#define _aligned_offset_malloc ucrt_aligned_offset_malloc
#define _aligned_realloc ucrt_aligned_realloc
#define _aligned_offset_realloc ucrt_aligned_offset_realloc
#define _aligned_free ucrt_aligned_free
#define _aligned_msize ucrt_aligned_msize
#define _heapchk ucrt_heapchk
#define _heapwalk ucrt_heapwalk
#define _heapmin ucrt_heapmin
#define _get_heap_handle ucrt_get_heap_handle
#define _set_new_mode ucrt_set_new_mode
#define _query_new_mode ucrt_query_new_mode
typedef void handler(const wchar_t *, const wchar_t *, const wchar_t *, unsigned, uintptr_t);
static void go_on(const wchar_t *expression, const wchar_t *function, const wchar_t *file,
                  unsigned line, uintptr_t reserved)
{
}
#undef errno
#define errno (*ucrt_errno())
#endif

/* The call must give `value` and set that errno. */
#define check_errno(call, value, error)                              \
    do {                                                             \
        errno = 0;                                                   \
        check((call) == (value), "it should fail");                  \
        check(errno == (error), "after " #call ": errno %d", errno); \
    } while (0)

static const size_t alignments[] = {1,     2,     4,     8,      16,     32,     64,
                                    128,   256,   512,   1024,   2048,   4096,   8192,
                                    16384, 32768, 65536, 131072, 262144, 1048576};
static const size_t sizes[] = {1,   2,    3,    7,    8,    15,    16,    17,    31,     40,
                               100, 1000, 4095, 4096, 4097, 10000, 32768, 65537, 262145, 1000001};
enum { MANY = 20 };

static bool holds(const char *p, size_t from, size_t to, char value)
{
    for (size_t i = from; i < to; i++)
        if (p[i] != value)
            return false;
    return true;
}

/* ---- blocks of malloc's ------------------------------------------------------------------------------ */

static void the_size_of_a_block_is_at_least_what_was_asked_for(void)
{
    for (int i = 0; i < MANY; i++) {
        char *p = malloc(sizes[i]);
        check(_msize(p) >= sizes[i] && _msize(p) < 2 * sizes[i] + 64, "%zu of %zu",
              (size_t)_msize(p), sizes[i]);
        memset(p, 1, _msize(p));
        free(p);
    }
}

static void an_array_grows_into_zeros(void)
{
    char *p = _recalloc(NULL, 10, 3);
    check(p && holds(p, 0, 30, 0), "it starts out zero");
    size_t last = 30;
    memset(p, 1, last);
    for (int i = 0; i < MANY; i++) {
        size_t size = 30 + 7 * sizes[i];
        p = _recalloc(p, size, 1);
        check(p && holds(p, 0, last, 1), "what it held is there at %zu", size);
        check(holds(p, last, size, 0), "what is new is zero at %zu", size);
        memset(p, 1, size);
        last = size;
    }
    free(p);
}

static void an_array_that_shrank_grows_into_zeros(void)
{
    char *p = _recalloc(NULL, 100, 10);
    memset(p, 1, 1000);
    p = _recalloc(p, 10, 1);
    p = _recalloc(p, 1000, 1);
    check(holds(p, 0, 10, 1) && holds(p, 10, 1000, 0), "zeros");
    free(p);
}

static void a_cleared_block_grows_into_zeros(void)
{
    char *p = calloc(10, 1);
    memset(p, 1, 10);
    p = _recalloc(p, 100, 1);
    check(holds(p, 0, 10, 1) && holds(p, 10, 100, 0), "zeros");
    free(p);
}

static void an_array_of_nothing_is_freed(void)
{
    errno = 0;
    check(_recalloc(malloc(10), 0, 10) == NULL, "nothing is left");
    check(_recalloc(malloc(10), 10, 0) == NULL && errno == 0, "nothing is left");
}

static void arrays_that_are_too_large_fail(void)
{
    static const size_t huge[][2] = {
        {SIZE_MAX, 2},
        {2, SIZE_MAX},
        {SIZE_MAX, SIZE_MAX},
        {SIZE_MAX / 2, 3},
        {3, SIZE_MAX / 2},
        {SIZE_MAX, 1},
        {1, SIZE_MAX},
        {SIZE_MAX / 2 + 1, 1},
        {SIZE_MAX / 4, 5},
        {SIZE_MAX / 16, 17},
        {1ull << 32, 1ull << 32},
        {1ull << 33, 1ull << 31},
        {1ull << 63, 1},
        {1ull << 63, 2},
        {1, 1ull << 63},
        {3ull << 62, 1},
        {1ull << 60, 16},
        {1ull << 40, 1ull << 24},
        {~0ull - 15, 1},
        {1, ~0ull - 4095},
    };
    char *p = malloc(10);
    memset(p, 1, 10);
    for (int i = 0; i < MANY; i++)
        check_errno(_recalloc(p, huge[i][0], huge[i][1]), NULL, ENOMEM);
    check(holds(p, 0, 10, 1), "the block is as it was");
    free(p);
}

static void a_block_can_shrink_where_it_is(void)
{
    for (int i = 0; i < MANY; i++) {
        char *p = malloc(sizes[i]);
        check(_expand(p, sizes[i]) == p, "the same size, %zu", sizes[i]);
        check(_expand(p, (sizes[i] + 1) / 2) == p, "half of %zu", sizes[i]);
        free(p);
    }
}

static void a_block_does_not_grow_where_there_is_no_room(void)
{
    char *p = malloc(100);
    check_errno(_expand(p, (size_t)1 << 50), NULL, ENOMEM);
    free(p);
}

#ifndef _WIN32
static void what_is_no_block_has_no_size(void)
{
    char *none = reserve(GRANULE);
    check_errno(_msize(NULL), (size_t)-1, EINVAL);
    check_errno(_expand(NULL, 10), NULL, EINVAL);
    for (int i = 0; i < MANY; i++) {
        check_errno(_msize(none + i * 16), (size_t)-1, EINVAL);
        check_errno(_msize((void *)(ULONG_PTR)(1 + i * 333)), (size_t)-1, EINVAL);
        check_errno(_expand(none + i, 1), NULL, EINVAL);
        check_errno(_aligned_msize(none + i, 16, 0), (size_t)-1, EINVAL);
        check_errno(_aligned_msize((void *)(ULONG_PTR)(1 + i * 333), 16, 0), (size_t)-1, EINVAL);
    }
    release(none);
}
#endif

/* ---- aligned blocks ------------------------------------------------------------------------------------ */

static void blocks_lie_at_their_alignment(void)
{
    for (int a = 0; a < MANY; a++)
        for (int i = 0; i < MANY; i++) {
            char *p = _aligned_malloc(sizes[i], alignments[a]);
            check(p && (ULONG_PTR)p % alignments[a] == 0, "%p at %zu", p, alignments[a]);
            memset(p, 1, sizes[i]);
            check(_aligned_msize(p, alignments[a], 0) == sizes[i], "%zu of %zu at %zu",
                  (size_t)_aligned_msize(p, alignments[a], 0), sizes[i], alignments[a]);
            _aligned_free(p);
        }
}

static void blocks_are_aligned_at_their_offset(void)
{
    for (int a = 0; a < MANY; a++)
        for (int i = 0; i < MANY; i++) {
            size_t offset = sizes[i];
            size_t size = offset + 5;
            char *p = _aligned_offset_malloc(size, alignments[a], offset);
            check(p && ((ULONG_PTR)p + offset) % alignments[a] == 0, "%p + %zu at %zu", p, offset,
                  alignments[a]);
            memset(p, 1, size);
            check(_aligned_msize(p, alignments[a], offset) == size, "%zu of %zu at %zu",
                  (size_t)_aligned_msize(p, alignments[a], offset), size, alignments[a]);
            _aligned_free(p);
        }
}

static void an_aligned_block_keeps_what_it_holds(void)
{
    char *p = _aligned_malloc(100, 64);
    size_t last = 100;
    memset(p, 1, last);
    for (int i = 0; i < MANY; i++) {
        p = _aligned_realloc(p, sizes[i], 64);
        check(p && (ULONG_PTR)p % 64 == 0, "%p", p);
        check(holds(p, 0, last < sizes[i] ? last : sizes[i], 1), "at %zu", sizes[i]);
        check(_aligned_msize(p, 64, 0) == sizes[i], "%zu", (size_t)_aligned_msize(p, 64, 0));
        memset(p, 1, sizes[i]);
        last = sizes[i];
    }
    _aligned_free(p);
}

static void a_block_at_an_offset_keeps_what_it_holds(void)
{
    char *p = _aligned_offset_malloc(100, 64, 20);
    size_t last = 100;
    memset(p, 1, last);
    for (int i = 0; i < MANY; i++) {
        size_t size = 21 + sizes[(i * 7) % MANY];
        p = _aligned_offset_realloc(p, size, 64, 20);
        check(p && ((ULONG_PTR)p + 20) % 64 == 0, "%p", p);
        check(holds(p, 0, last < size ? last : size, 1), "at %zu", size);
        check(_aligned_msize(p, 64, 20) == size, "%zu", (size_t)_aligned_msize(p, 64, 20));
        memset(p, 1, size);
        last = size;
    }
    _aligned_free(p);
}

#ifndef _WIN32
static void an_aligned_array_grows_into_zeros(void)
{
    for (size_t offset = 0; offset < 40; offset += 20) {
        char *p = _aligned_offset_recalloc(NULL, 10, 10, 64, offset);
        size_t last = 100;
        check(p && holds(p, 0, 100, 0), "it starts out zero");
        memset(p, 1, last);
        for (int i = 0; i < MANY; i++) {
            size_t size = 100 + sizes[i];
            p = _aligned_offset_recalloc(p, 1, size, 64, offset);
            check(p && ((ULONG_PTR)p + offset) % 64 == 0, "%p", p);
            check(holds(p, 0, last, 1) && holds(p, last, size, 0), "at %zu", size);
            memset(p, 1, size);
            last = size;
        }
        _aligned_free(p);
    }
    char *p = _aligned_recalloc(NULL, 3, 7, 32);
    check(p && holds(p, 0, 21, 0) && _aligned_msize(p, 32, 0) == 21, "%p", p);
    check_errno(_aligned_recalloc(p, SIZE_MAX / 2, 3, 32), NULL, ENOMEM);
    _aligned_free(p);
}
#endif

static void an_aligned_block_of_nothing_is_freed(void)
{
    check(_aligned_realloc(_aligned_malloc(10, 64), 0, 64) == NULL, "nothing is left");
    char *p = _aligned_realloc(NULL, 10, 64);
    check(p && (ULONG_PTR)p % 64 == 0, "%p", p);
    _aligned_free(p);
    _aligned_free(NULL);
}

static void alignments_are_powers_of_two(void)
{
    static const size_t wrong[] = {
        0,  3,  5,  6,   7,   9,    10,   12,         15,           17,
        24, 33, 48, 100, 127, 1000, 4097, 0x7fffffff, SIZE_MAX / 2, SIZE_MAX};
    char *p = _aligned_malloc(40, 64);
    for (int i = 0; i < MANY; i++) {
        check_errno(_aligned_malloc(40, wrong[i]), NULL, EINVAL);
        check_errno(_aligned_offset_malloc(40, wrong[i], 8), NULL, EINVAL);
        check_errno(_aligned_realloc(p, 50, wrong[i]), NULL, EINVAL);
    }
    _aligned_free(p);
}

static void an_offset_lies_within_the_block(void)
{
    for (size_t i = 0; i < MANY; i++)
        check_errno(_aligned_offset_malloc(40, 16, 40 + i * i * 1000), NULL, EINVAL);
    check_errno(_aligned_offset_malloc(40, 16, SIZE_MAX), NULL, EINVAL);
}

static void aligned_blocks_that_are_too_large_fail(void)
{
    static const size_t huge[] = {SIZE_MAX,         SIZE_MAX - 1,    SIZE_MAX - 15,   SIZE_MAX - 16,
                                  SIZE_MAX - 24,    SIZE_MAX - 63,   SIZE_MAX - 64,   SIZE_MAX - 65,
                                  SIZE_MAX - 100,   SIZE_MAX - 4095, SIZE_MAX - 4096, SIZE_MAX / 2,
                                  SIZE_MAX / 2 + 1, SIZE_MAX / 3,    SIZE_MAX / 4,    SIZE_MAX / 8,
                                  1ull << 63,       1ull << 62,      1ull << 61,      1ull << 55};
    char *p = _aligned_malloc(10, 64);
    memset(p, 1, 10);
    for (int i = 0; i < MANY; i++) {
        check_errno(_aligned_malloc(huge[i], 64), NULL, ENOMEM);
        check_errno(_aligned_offset_malloc(huge[i], 64, 8), NULL, ENOMEM);
        check_errno(_aligned_realloc(p, huge[i], 64), NULL, ENOMEM);
    }
    check(holds(p, 0, 10, 1), "the block is as it was");
    _aligned_free(p);
    check_errno(_aligned_malloc(100, (size_t)1 << 62), NULL, ENOMEM);
}

/* ---- the heap as a whole --------------------------------------------------------------------------------- */

static void the_heap_is_in_order(void)
{
    check(_heapchk() == _HEAPOK, "%d", _heapchk());
    check(_heapmin() == 0, "%d", errno);
    check(_heapchk() == _HEAPOK, "%d", _heapchk());
    check((HANDLE)_get_heap_handle() != NULL, "it has a handle");
}

static void a_walk_tells_every_block_once(void)
{
    enum { BLOCKS = 100 };
    char *blocks[BLOCKS];
    int seen[BLOCKS] = {0};
    _HEAPINFO info = {NULL, 0, 0};
    int status;

    for (int i = 0; i < BLOCKS; i++)
        blocks[i] = _aligned_malloc(1000 + (size_t)i, 16);
    while ((status = _heapwalk(&info)) == _HEAPOK)
        for (int i = 0; i < BLOCKS; i++)
            if (info._useflag == _USEDENTRY && blocks[i] >= (char *)info._pentry &&
                blocks[i] < (char *)info._pentry + info._size)
                seen[i]++;
    check(status == _HEAPEND, "%d", status);
    for (int i = 0; i < BLOCKS; i++) {
        check(seen[i] == 1, "block %d was told %d times", i, seen[i]);
        _aligned_free(blocks[i]);
    }
}

static void a_walk_needs_a_place_for_its_answer(void)
{
#ifdef _WIN32
    skip("Wine 8 writes to NULL");
#endif
    check_errno(_heapwalk(NULL), _HEAPBADPTR, EINVAL);
}

static void the_new_mode_is_0_or_1(void)
{
    check(_query_new_mode() == 0, "%d", _query_new_mode());
    check(_set_new_mode(1) == 0 && _query_new_mode() == 1, "%d", _query_new_mode());
    for (int i = 2; i < 2 + MANY; i++) {
        check_errno(_set_new_mode(i), -1, EINVAL);
        check_errno(_set_new_mode(-i), -1, EINVAL);
    }
    check(_set_new_mode(0) == 1 && _query_new_mode() == 0, "%d", _query_new_mode());
}

#ifndef _WIN32
static int asked;
static size_t asked_for;

static int give_up_the_third_time(size_t size)
{
    asked_for = size;
    return ++asked < 3;
}

static void the_new_handler_is_asked_when_there_is_no_memory(void)
{
    asked = 0;
    check(_query_new_handler() == NULL && _set_new_handler(give_up_the_third_time) == NULL, "none");
    check(_query_new_handler() == give_up_the_third_time, "it is set");
    check_errno(_aligned_malloc((size_t)1 << 55, 64), NULL, ENOMEM);
    check(asked == 0, "the mode is 0");
    _set_new_mode(1);
    check_errno(_aligned_malloc((size_t)1 << 55, 64), NULL, ENOMEM);
    check(asked == 3 && asked_for == (size_t)1 << 55, "%d times, for %zu", asked, asked_for);
    check(_callnewh(5) == 0 && asked_for == 5, "%zu", asked_for);
    _set_new_mode(0);
    check(_set_new_handler(NULL) == give_up_the_third_time && _callnewh(5) == 0, "none again");
}

static void memory_of_the_frame_is_malloced_when_it_is_large(void)
{
    for (int i = 0; i < MANY; i++) {
        char *p = _malloca(sizes[i]);
        check(p && (ULONG_PTR)p % 16 == 0, "%p of %zu", p, sizes[i]);
        memset(p, 1, sizes[i]);
        _freea(p);
    }
    _freea(NULL);
    check(_malloca(SIZE_MAX) == NULL && _malloca(SIZE_MAX - 15) == NULL, "too large");
    char *q = _alloca(100);
    memset(q, 1, 100);
}
#endif

static const struct test tests[] = {
    TEST(the_size_of_a_block_is_at_least_what_was_asked_for, ""),
    TEST(an_array_grows_into_zeros, ""),
    TEST(an_array_that_shrank_grows_into_zeros, ""),
    TEST(a_cleared_block_grows_into_zeros, ""),
    TEST(an_array_of_nothing_is_freed, ""),
    TEST(arrays_that_are_too_large_fail, ""),
    TEST(a_block_can_shrink_where_it_is, ""),
    TEST(a_block_does_not_grow_where_there_is_no_room, ""),
    TEST(blocks_lie_at_their_alignment, ""),
    TEST(blocks_are_aligned_at_their_offset, ""),
    TEST(an_aligned_block_keeps_what_it_holds, ""),
    TEST(a_block_at_an_offset_keeps_what_it_holds, ""),
    TEST(an_aligned_block_of_nothing_is_freed, ""),
    TEST(alignments_are_powers_of_two, ""),
    TEST(an_offset_lies_within_the_block, ""),
    TEST(aligned_blocks_that_are_too_large_fail, ""),
    TEST(the_heap_is_in_order, ""),
    TEST(a_walk_tells_every_block_once, ""),
    TEST(a_walk_needs_a_place_for_its_answer, ""),
    TEST(the_new_mode_is_0_or_1, ""),
#ifndef _WIN32
    TEST(what_is_no_block_has_no_size, ""),
    TEST(an_aligned_array_grows_into_zeros, ""),
    TEST(the_new_handler_is_asked_when_there_is_no_memory, ""),
    TEST(memory_of_the_frame_is_malloced_when_it_is_large, ""),
#endif
};

int main(int argc, char **argv)
{
#ifdef _WIN32
    ((handler * (*)(handler *)) find("_set_invalid_parameter_handler"))(go_on);
#endif
    return test_main(tests, TEST_COUNT(tests), argc, argv);
}
