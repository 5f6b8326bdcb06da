/*
 * heap_bad_input.c - every call on heaps with everything that is wrong: the documented error, never
 * a crash.  A wrong block to free or resize ends the process, as it should.
 */
#include "heap_blocks.h"
#include "raised.h"

#include <stdlib.h>

#ifndef _WIN32
#include "again.h"
#endif

static int global;

static const DWORD junk[] = {0,          1,          2,          0x10,       0x20,       0x40,
                             0x80,       0x100,      0x200,      0x800,      0x8000,     0x10000,
                             0x20000,    0x100000,   0x40000000, 0x80000000, 0xffffffe3, 0xdeadbee2,
                             0x7fffffe3, 0x12345602, 0xfff00000, 0x55555540};
enum { JUNK = sizeof(junk) / sizeof(junk[0]) };

/* From the largest that nobody has, upwards. */
static const SIZE_T sizes[] = {
    (SIZE_T)1 << 47,    (SIZE_T)1 << 48,    (SIZE_T)1 << 49,    (SIZE_T)1 << 50,
    (SIZE_T)1 << 52,    (SIZE_T)1 << 55,    (SIZE_T)1 << 58,    (SIZE_T)1 << 60,
    (SIZE_T)1 << 61,    (SIZE_T)1 << 62,    (SIZE_T)1 << 63,    (SIZE_T)-1 << 47,
    (SIZE_T)-1 << 32,   (SIZE_T)-1 << 20,   (SIZE_T)-65537,     (SIZE_T)-65536,
    (SIZE_T)-65535,     (SIZE_T)-4097,      (SIZE_T)-4096,      (SIZE_T)-4095,
    (SIZE_T)-17,        (SIZE_T)-16,        (SIZE_T)-15,        (SIZE_T)-1,
    0x7fffffffffffffff, 0x7ffffffffffffff0, 0x7fffffffffff0000, 0xdeadbeefdeadbeef,
};
enum { SIZES = sizeof(sizes) / sizeof(sizes[0]) };

/* ---- what Wine can be asked too ------------------------------------------------------------------ */

static void sizes_that_nobody_has_are_refused(void)
{
    HANDLE heap = new_heap(0, 0, 0);
    HANDLE fixed = new_heap(0, 0, MIB);
    char *block = take(heap, 0, 100);
    for (int i = 0; i < SIZES; i++) {
        check_fails(HeapAlloc(heap, 0, sizes[i]), ERROR_NOT_ENOUGH_MEMORY);
        check_fails(HeapAlloc(heap, HEAP_ZERO_MEMORY, sizes[i]), ERROR_NOT_ENOUGH_MEMORY);
        check_fails(HeapAlloc(fixed, 0, sizes[i]), ERROR_NOT_ENOUGH_MEMORY);
        check_fails(HeapReAlloc(heap, 0, block, sizes[i]), ERROR_NOT_ENOUGH_MEMORY);
        check_fails(
            HeapReAlloc(heap, HEAP_ZERO_MEMORY | HEAP_REALLOC_IN_PLACE_ONLY, block, sizes[i]),
            ERROR_NOT_ENOUGH_MEMORY);
    }
    check(HeapSize(heap, 0, block) == 100 && HeapValidate(heap, 0, NULL), "the heap changed");
    destroy(fixed);
    destroy(heap);
}

static void junk_flags_of_calls_do_no_harm(void)
{
    HANDLE heap = new_heap(0, 0, 0);
    for (int i = 0; i < JUNK; i++) {
        DWORD flags = junk[i] & ~(DWORD)(HEAP_GENERATE_EXCEPTIONS | HEAP_REALLOC_IN_PLACE_ONLY);
        char *block = take(heap, flags, 100);
        block = HeapReAlloc(heap, flags, block, 5000);
        check(block && HeapSize(heap, flags, block) == 5000, "flags %#x", (unsigned)flags);
        check(HeapValidate(heap, flags, block), "flags %#x", (unsigned)flags);
        check_works(HeapFree(heap, flags, block));
        HeapCompact(heap, flags);
    }
    destroy(heap);
}

static void junk_options_make_a_heap(void)
{
    for (int i = 0; i < JUNK; i++) {
        HANDLE heap = new_heap(junk[i] & ~(DWORD)HEAP_GENERATE_EXCEPTIONS, 0, 0);
        char *block = take(heap, 0, 1000);
        memset(block, 'x', 1000);
        give(heap, block);
        destroy(heap);
    }
}

static void lists_of_no_length_or_of_any_are_filled(void)
{
    HANDLE list[100];
    static const DWORD lengths[] = {0,          1,          2,          3,          10,
                                    99,         100,        101,        1000,       0xffff,
                                    0x10000,    0x7fffffff, 0x80000000, 0xfffffff0, 0xffffffff,
                                    0x1fffffff, 0x20000000, 0x20000001, 0x40000000, 0xdeadbeef};
    DWORD count = GetProcessHeaps(0, NULL);
    check(count > 0 && count < 100, "%u heaps", (unsigned)count);
    for (int i = 0; i < 20; i++) {
        memset(list, 0xee, sizeof(list));
        check(GetProcessHeaps(lengths[i], list) == count, "length %#x", (unsigned)lengths[i]);
        check(lengths[i] < count || list[count - 1], "length %#x", (unsigned)lengths[i]);
        check(list[count] == (HANDLE)(LONG_PTR)0xeeeeeeeeeeeeeeee, "written past the end");
    }
}

/* ---- sizes of heaps ------------------------------------------------------------------------------ */

static void heaps_that_nobody_has_room_for_are_refused(void)
{
    for (int i = 0; i < SIZES; i++) {
        check_fails(HeapCreate(0, sizes[i], 0), ERROR_NOT_ENOUGH_MEMORY);
        check_fails(HeapCreate(0, 0, sizes[i]), ERROR_NOT_ENOUGH_MEMORY);
        check_fails(HeapCreate(HEAP_NO_SERIALIZE, sizes[i], sizes[i]), ERROR_NOT_ENOUGH_MEMORY);
    }
}

static void an_initial_size_past_the_commit_limit_is_refused(void)
{
    DWORD heaps = GetProcessHeaps(0, NULL);
    SetLastError(UNTOUCHED);
    check(!HeapCreate(0, 32 * TIB, 0), "a heap");
    DWORD error = GetLastError();
    check(error == ERROR_COMMITMENT_LIMIT || error == ERROR_NOT_ENOUGH_MEMORY, "error %u",
          (unsigned)error);
    check(GetProcessHeaps(0, NULL) == heaps, "something is left of it");
}

static void small_maxima_make_a_heap_that_holds_little(void)
{
    for (SIZE_T maximum = 1; maximum < 100000; maximum += 1 + maximum / 2) {
        HANDLE heap = new_heap(0, 0, maximum);
        for (int blocks = 0; HeapAlloc(heap, 0, 1000); blocks++)
            check(blocks < 1000, "a maximum of %zu bytes", (size_t)maximum);
        check(HeapValidate(heap, 0, NULL), "not valid");
        destroy(heap);
    }
}

/* ---- handles ------------------------------------------------------------------------------------- */

enum { HANDLES = 30 };
static HANDLE wrong_handles[HANDLES];

/* Nobody's, foreign, the inside of a heap, blocks, memory that looks like a heap, destroyed. */
static void make_wrong_handles(void)
{
    static const ULONG_PTR nobodys[] = {0,
                                        1,
                                        8,
                                        0xfff,
                                        0x10000,
                                        0x12345,
                                        0x7fff0000,
                                        0x7FFFFFFF0000,
                                        1ULL << 47,
                                        1ULL << 63,
                                        0xffff800000000000,
                                        (ULONG_PTR)-1,
                                        (ULONG_PTR)-2,
                                        (ULONG_PTR)-65536};
    HANDLE heap = GetProcessHeap();
    char *p = heap;
    int n = 0;
    for (int i = 0; i < 14; i++)
        wrong_handles[n++] = (HANDLE)nobodys[i];
    static const LONG_PTR beside[] = {1, 8, 16, 4096, 32768, -4096, -16, 65535};
    for (int i = 0; i < 8; i++)
        wrong_handles[n++] = p + beside[i];
    wrong_handles[n++] = &n;
    wrong_handles[n++] = &global;
    wrong_handles[n++] = (HANDLE)(ULONG_PTR)make_wrong_handles;
    wrong_handles[n++] = take(heap, HEAP_ZERO_MEMORY, 100000);
    wrong_handles[n++] = malloc(100);
    wrong_handles[n++] = commit(GRANULE);
    wrong_handles[n++] = free_place(GRANULE);
    HANDLE destroyed = new_heap(0, 0, 0);
    destroy(destroyed);
    wrong_handles[n++] = destroyed;
    check(n == HANDLES, "%d", n);
}

#define for_wrong_handles(h) \
    make_wrong_handles();    \
    for (HANDLE *at_ = wrong_handles, h; at_ < wrong_handles + HANDLES && (h = *at_, true); at_++)

static void handles_that_are_no_heap_have_no_blocks(void)
{
    for_wrong_handles(h)
    {
        check_fails(HeapAlloc(h, 0, 100), ERROR_INVALID_HANDLE);
        check_fails(HeapReAlloc(h, 0, NULL, 100), ERROR_INVALID_HANDLE);
        check_fails(HeapReAlloc(h, 0, &global, 100), ERROR_INVALID_HANDLE);
        check_fails(HeapFree(h, 0, NULL), ERROR_INVALID_HANDLE);
        check_fails(HeapFree(h, 0, &global), ERROR_INVALID_HANDLE);
        check_fails(HeapSize(h, 0, &global) != NO_SIZE, UNTOUCHED);
        check_fails(HeapSize(h, 0, NULL) != NO_SIZE, UNTOUCHED);
    }
}

static void handles_that_are_no_heap_raise_where_the_call_says_so(void)
{
    for_wrong_handles(h)
        check_raises(STATUS_ACCESS_VIOLATION, h, HEAP_GENERATE_EXCEPTIONS, FALSE, NULL, 10);
}

static void handles_that_are_no_heap_have_nothing_inside(void)
{
    PROCESS_HEAP_ENTRY e = {.lpData = NULL};
    for_wrong_handles(h)
    {
        check_fails(HeapDestroy(h), ERROR_INVALID_HANDLE);
        check_fails(HeapLock(h), ERROR_INVALID_HANDLE);
        check_fails(HeapUnlock(h), ERROR_INVALID_HANDLE);
        check_fails(HeapWalk(h, &e), ERROR_INVALID_HANDLE);
        check_fails(HeapCompact(h, 0), ERROR_INVALID_HANDLE);
        check_fails(HeapValidate(h, 0, NULL), UNTOUCHED);
        check_fails(HeapValidate(h, 0, &global), UNTOUCHED);
    }
    check(!e.lpData, "the entry changed");
}

static void handles_that_are_no_heap_have_no_information(void)
{
    ULONG value = 2;
    DWORD how[2] = {1, 0};
    for_wrong_handles(h)
    {
        check_fails(HeapQueryInformation(h, HeapCompatibilityInformation, &value, 4, NULL),
                    ERROR_INVALID_HANDLE);
        check_fails(HeapSetInformation(h, HeapCompatibilityInformation, &value, 4),
                    ERROR_INVALID_HANDLE);
        if (!h) /* all heaps */
            continue;
        check_fails(HeapSetInformation(h, HeapEnableTerminationOnCorruption, NULL, 0),
                    ERROR_INVALID_HANDLE);
        check_fails(HeapSetInformation(h, 3, how, sizeof(how)), ERROR_INVALID_HANDLE);
    }
}

#ifndef _WIN32
static void handles_that_are_no_heap_have_no_summary(void)
{
    HEAP_SUMMARY s = {.cb = sizeof(s)};
    for_wrong_handles(h) check_fails(HeapSummary(h, 0, &s), ERROR_INVALID_HANDLE);
    for (int i = 1; i < JUNK; i++)
        check_fails(HeapSummary(GetProcessHeap(), junk[i], &s), ERROR_INVALID_PARAMETER);
    for (int i = 0; i < JUNK; i++) {
        s.cb = junk[i];
        check_fails(HeapSummary(GetProcessHeap(), 0, &s), ERROR_INVALID_PARAMETER);
    }
}
#endif

/* ---- blocks -------------------------------------------------------------------------------------- */

enum { BLOCKS = 32 };
static void *wrong_blocks[BLOCKS];
static HANDLE heap_of_blocks;

static void make_wrong_blocks(void)
{
    static const ULONG_PTR nobodys[] = {1,
                                        8,
                                        16,
                                        0xfff,
                                        0x10000,
                                        0x7fff0000,
                                        0x7FFFFFFF0000,
                                        1ULL << 47,
                                        1ULL << 63,
                                        0xffff800000000000,
                                        (ULONG_PTR)-1,
                                        (ULONG_PTR)-16};
    static const int inside[] = {1, 2, 7, 8, 15, 16, 17, 32, 64, 99, -1, -16};
    HANDLE heap = new_heap(0, 0, 0);
    HANDLE other = new_heap(0, 0, 0);
    int n = 0;
    char *freed = take(heap, 0, 200);
    char *block = take(heap, 0, 100);
    give(heap, freed);
    for (int i = 0; i < 12; i++)
        wrong_blocks[n++] = (void *)nobodys[i];
    for (int i = 0; i < 12; i++)
        wrong_blocks[n++] = block + inside[i];
    wrong_blocks[n++] = freed;
    wrong_blocks[n++] = take(other, 0, 100);
    wrong_blocks[n++] = heap;
    wrong_blocks[n++] = &global;
    wrong_blocks[n++] = &n;
    wrong_blocks[n++] = malloc(100);
    wrong_blocks[n++] = commit(GRANULE);
    wrong_blocks[n++] = free_place(GRANULE);
    heap_of_blocks = heap;
    check(n == BLOCKS, "%d", n);
}

static void what_is_no_block_has_no_size_and_is_not_valid(void)
{
    make_wrong_blocks();
    for (int i = 0; i < BLOCKS; i++) {
        check_fails(HeapSize(heap_of_blocks, 0, wrong_blocks[i]) != NO_SIZE, UNTOUCHED);
        check_fails(HeapValidate(heap_of_blocks, 0, wrong_blocks[i]), UNTOUCHED);
    }
    check(HeapValidate(heap_of_blocks, 0, NULL), "the heap changed");
}

#ifndef _WIN32

static int do_what_ends(void)
{
    make_wrong_blocks();
    void *wrong = wrong_blocks[again.number];
    if (strcmp(again.deed, "free") == 0)
        HeapFree(heap_of_blocks, 0, wrong);
    else
        HeapReAlloc(heap_of_blocks, 0, wrong, 50);
    return 0;
}

static void what_is_no_block_cannot_be_freed(void)
{
    for (int i = 0; i < BLOCKS; i++)
        check(run_again_ends_by(SIGABRT, "free", i), "block %d: %#x", i, (unsigned)again.status);
}

static void what_is_no_block_cannot_be_resized(void)
{
    for (int i = 0; i < BLOCKS; i++)
        check(run_again_ends_by(SIGABRT, "resize", i), "block %d: %#x", i, (unsigned)again.status);
}

#endif

/* ---- entries ------------------------------------------------------------------------------------- */

static void a_walk_goes_on_from_entries_alone(void)
{
    static const WORD flags[] = {0,     1,      2,      4,      8,      3,      5,      6,
                                 7,     0x10,   0x14,   0x20,   0x24,   0x34,   0x40,   0x80,
                                 0x100, 0x8000, 0xffff, 0x7fff, 0xfffb, 0xfffe, 0x1234, 12};
    make_wrong_blocks();
    for (int i = 0; i < BLOCKS; i++) {
        if (wrong_blocks[i] == heap_of_blocks)
            continue; /* where its first region may be */
        for (int f = 0; f < 24; f++) {
            PROCESS_HEAP_ENTRY e = {.lpData = wrong_blocks[i],
                                    .cbData = junk[f % JUNK],
                                    .iRegionIndex = (BYTE)(f * 11),
                                    .wFlags = flags[f]};
            SetLastError(UNTOUCHED);
            BOOL more = HeapWalk(heap_of_blocks, &e);
            DWORD error = GetLastError();
            check(more || error == ERROR_INVALID_PARAMETER || error == ERROR_NO_MORE_ITEMS,
                  "block %d, flags %#x: error %u", i, flags[f], (unsigned)error);
        }
    }
    check(HeapValidate(heap_of_blocks, 0, NULL), "the heap changed");
}

/* ---- pointers ------------------------------------------------------------------------------------ */

static void pointers_that_cannot_be_written_are_told(void)
{
    static const ULONG_PTR wrong[] = {0,
                                      1,
                                      2,
                                      8,
                                      0xff8,
                                      0xfff,
                                      0x1000,
                                      0xfff8,
                                      0xffff,
                                      0x7FFFFFFF0000,
                                      0x7fffffffffff,
                                      1ULL << 47,
                                      1ULL << 48,
                                      1ULL << 63,
                                      0xffff800000000000,
                                      0xffffffffff600000,
                                      (ULONG_PTR)-65536,
                                      (ULONG_PTR)-4096,
                                      (ULONG_PTR)-8,
                                      (ULONG_PTR)-1};
    HANDLE heap = GetProcessHeap();
    ULONG value = 99;
    for (int i = 0; i < 20; i++) {
        void *bad = (void *)wrong[i];
        check_fails(HeapWalk(heap, bad), ERROR_NOACCESS);
        check_fails(GetProcessHeaps(100, bad), ERROR_NOACCESS);
        check_fails(HeapQueryInformation(heap, HeapCompatibilityInformation, bad, 4, NULL),
                    ERROR_NOACCESS);
        check_fails(HeapSetInformation(heap, HeapCompatibilityInformation, bad, 4), ERROR_NOACCESS);
        check_fails(HeapSetInformation(heap, 3, bad, 8), ERROR_NOACCESS);
        if (bad)
            check_fails(HeapQueryInformation(heap, HeapCompatibilityInformation, &value, 4, bad),
                        ERROR_NOACCESS);
#ifndef _WIN32
        check_fails(HeapSummary(heap, 0, bad), ERROR_NOACCESS);
#endif
    }
    check(value == 99, "%u", (unsigned)value);
}

static const struct test tests[] = {
    TEST(sizes_that_nobody_has_are_refused, ""),
    TEST(junk_flags_of_calls_do_no_harm, ""),
    TEST(junk_options_make_a_heap, ""),
    TEST(lists_of_no_length_or_of_any_are_filled, ""),
    TEST(small_maxima_make_a_heap_that_holds_little, ""),
    TEST(heaps_that_nobody_has_room_for_are_refused, ""),
    TEST(an_initial_size_past_the_commit_limit_is_refused, ""),
    /* Wine takes what it is given for a heap or a block, and faults. */
    TEST(what_is_no_block_has_no_size_and_is_not_valid, ""),
    TEST(a_walk_goes_on_from_entries_alone, ""),
    TEST(handles_that_are_no_heap_have_no_blocks, ""),
    TEST(handles_that_are_no_heap_raise_where_the_call_says_so, ""),
    TEST(handles_that_are_no_heap_have_nothing_inside, ""),
    TEST(handles_that_are_no_heap_have_no_information, ""),
    TEST(pointers_that_cannot_be_written_are_told, ""),
#ifndef _WIN32
    TEST(handles_that_are_no_heap_have_no_summary, ""),
    TEST(what_is_no_block_cannot_be_freed, ""),
    TEST(what_is_no_block_cannot_be_resized, ""),
#endif
};

int main(int argc, char **argv)
{
#ifndef _WIN32
    if (is_run_again(argc, argv))
        return do_what_ends();
#endif
    return test_main(tests, TEST_COUNT(tests), argc, argv);
}
