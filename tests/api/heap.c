/*
 * heap.c - heaps and their blocks: HeapCreate, HeapAlloc, HeapReAlloc, HeapFree, HeapSize.
 */
#include "fault.h"
#include "heap_blocks.h"
#include "raised.h"
#include "thread.h"

#include <stdlib.h>

#ifndef _WIN32
#include "again.h"
#endif

static HANDLE heap; /* of the running test */

/* ---- blocks -------------------------------------------------------------------------------------- */

static void a_block_of_no_bytes_is_a_block_like_any_other(void)
{
    heap = new_heap(0, 0, 0);
    SetLastError(UNTOUCHED);
    char *a = HeapAlloc(heap, 0, 0);
    char *b = HeapAlloc(heap, 0, 0);
    check(a && b && a != b, "%p and %p", a, b);
    check(HeapSize(heap, 0, a) == 0 && HeapSize(heap, 0, b) == 0, "sizes");
    check(GetLastError() == UNTOUCHED, "error %u", (unsigned)GetLastError());
    give(heap, a);
    give(heap, b);
    destroy(heap);
}

static void blocks_are_aligned_at_16_bytes(void)
{
    heap = new_heap(0, 0, 0);
    for (SIZE_T size = 0; size < 4 * MIB; size += 1 + size / 3)
        for (int i = 0; i < 3; i++) {
            char *block = take(heap, 0, size);
            check(((ULONG_PTR)block & 15) == 0, "%zu bytes at %p", (size_t)size, block);
        }
    destroy(heap);
}

static void the_size_is_what_was_asked_for(void)
{
    heap = new_heap(0, 0, 0);
    for (SIZE_T size = 0; size < 6 * MIB; size += size < 3000 ? 1 : size / 5) {
        char *block = take(heap, 0, size);
        SIZE_T told = HeapSize(heap, 0, block);
        check(told == size, "%zu, not %zu", (size_t)told, (size_t)size);
        memset(block, 'x', size);
        give(heap, block);
    }
    destroy(heap);
}

static void neighbours_do_not_overlap(void)
{
    enum { BLOCKS = 2000 };
    static char *blocks[BLOCKS];
    static SIZE_T sizes[BLOCKS];
    heap = new_heap(0, 0, 0);
    for (int i = 0; i < BLOCKS; i++) {
        sizes[i] = (SIZE_T)i * 7919 % (i % 50 ? 600 : 70000);
        blocks[i] = take(heap, 0, sizes[i]);
        memset(blocks[i], i, sizes[i]);
    }
    for (int i = 0; i < BLOCKS; i++)
        check(is_filled(blocks[i], 0, sizes[i], i), "block %d of %zu bytes", i, (size_t)sizes[i]);
    for (int i = 0; i < BLOCKS; i++)
        give(heap, blocks[i]);
    destroy(heap);
}

static void zeroed_blocks_are_zero_also_where_others_were(void)
{
    static const SIZE_T sizes[] = {1, 16, 100, 5000, 70000, 3 << 20};
    heap = new_heap(0, 0, 0);
    for (int i = 0; i < 6; i++)
        for (int round = 0; round < 20; round++) {
            char *block = take(heap, HEAP_ZERO_MEMORY, sizes[i]);
            check(is_filled(block, 0, sizes[i], 0), "%zu bytes, round %d", (size_t)sizes[i], round);
            memset(block, 'x', sizes[i]);
            give(heap, block);
        }
    destroy(heap);
}

static void an_impossible_size_gives_nothing(void)
{
    static const SIZE_T sizes[] = {IMPOSSIBLE,  (SIZE_T)1 << 63, (SIZE_T)-1,
                                   (SIZE_T)-16, (SIZE_T)-4096,   (SIZE_T)-65536};
    for (int i = 0; i < 6; i++)
        check_fails(HeapAlloc(GetProcessHeap(), 0, sizes[i]), ERROR_NOT_ENOUGH_MEMORY);
}

static void an_impossible_size_raises_where_the_call_says_so(void)
{
    heap = GetProcessHeap();
    char *block = take(heap, 0, 100);
    check_raises(STATUS_NO_MEMORY, heap, HEAP_GENERATE_EXCEPTIONS, FALSE, NULL, IMPOSSIBLE);
    check_raises(STATUS_NO_MEMORY, heap, HEAP_GENERATE_EXCEPTIONS, TRUE, block, IMPOSSIBLE);
    check(HeapSize(heap, 0, block) == 100, "the block changed");
    give(heap, block);
}

static void an_impossible_size_raises_where_the_heap_says_so(void)
{
    heap = new_heap(HEAP_GENERATE_EXCEPTIONS, 0, 0);
    char *block = take(heap, 0, 100);
    check_raises(STATUS_NO_MEMORY, heap, 0, FALSE, NULL, IMPOSSIBLE);
    check_raises(STATUS_NO_MEMORY, heap, 0, TRUE, block, IMPOSSIBLE);
    check(HeapSize(heap, 0, block) == 100, "the block changed");
    destroy(heap);
}

static void wrong_parameters_raise_where_the_call_says_so(void)
{
    check_raises(STATUS_ACCESS_VIOLATION, NULL, HEAP_GENERATE_EXCEPTIONS, FALSE, NULL, 10);
    check_raises(STATUS_ACCESS_VIOLATION, NULL, HEAP_GENERATE_EXCEPTIONS, TRUE, NULL, 10);
    check_raises(STATUS_ACCESS_VIOLATION, GetProcessHeap(), HEAP_GENERATE_EXCEPTIONS, TRUE, NULL,
                 10);
}

/* ---- resizing ------------------------------------------------------------------------------------ */

static void resizing_nothing_gives_nothing(void)
{
    check(!HeapReAlloc(GetProcessHeap(), 0, NULL, 10), "a block");
    check(!HeapReAlloc(GetProcessHeap(), HEAP_ZERO_MEMORY, NULL, 0), "a block");
}

static void a_block_can_be_resized_to_no_bytes(void)
{
    heap = new_heap(0, 0, 0);
    char *block = HeapReAlloc(heap, 0, take(heap, 0, 100), 0);
    check(block, "error %u", (unsigned)GetLastError());
    check(HeapSize(heap, 0, block) == 0, "%zu bytes", (size_t)HeapSize(heap, 0, block));
    destroy(heap);
}

static void a_block_shrinks_where_it_is(void)
{
    static const SIZE_T sizes[][2] = {{100, 90}, {1000, 10}, {100000, 70000}, {3 << 20, 2 << 20}};
    heap = new_heap(0, 0, 0);
    for (int i = 0; i < 4; i++) {
        char *block = take(heap, 0, sizes[i][0]);
        check(HeapReAlloc(heap, HEAP_REALLOC_IN_PLACE_ONLY, block, sizes[i][1]) == block,
              "%zu to %zu", (size_t)sizes[i][0], (size_t)sizes[i][1]);
        check(HeapSize(heap, 0, block) == sizes[i][1], "%zu", (size_t)HeapSize(heap, 0, block));
    }
    destroy(heap);
}

static void what_cannot_grow_where_it_is_stays(void)
{
    heap = new_heap(0, 0, 0);
    char *block = take(heap, 0, 100);
    memset(block, 'x', 100);
    check_fails(HeapReAlloc(heap, HEAP_REALLOC_IN_PLACE_ONLY, block, 1 << 30),
                ERROR_NOT_ENOUGH_MEMORY);
    check(HeapSize(heap, 0, block) == 100 && is_filled(block, 0, 100, 'x'), "it changed");
    destroy(heap);
}

static void an_impossible_size_leaves_the_old_block(void)
{
    static const SIZE_T sizes[] = {IMPOSSIBLE, (SIZE_T)1 << 63, (SIZE_T)-1, (SIZE_T)-16,
                                   (SIZE_T)-65536};
    heap = new_heap(0, 0, 0);
    for (SIZE_T size = 100; size < 4 * MIB; size *= 20) {
        char *block = take(heap, 0, size);
        memset(block, 'x', size);
        for (int i = 0; i < 5; i++)
            check_fails(HeapReAlloc(heap, HEAP_ZERO_MEMORY, block, sizes[i]),
                        ERROR_NOT_ENOUGH_MEMORY);
        check(HeapSize(heap, 0, block) == size && is_filled(block, 0, size, 'x'), "it changed");
    }
    destroy(heap);
}

static void contents_are_kept_across_all_sizes(void)
{
    static const SIZE_T sizes[] = {16,      17,    5000, 40000, 600 << 10, 3 << 20, 9 << 20,
                                   5 << 20, 70000, 300,  17,    1,         4 << 20, 100};
    SIZE_T kept = 1;
    heap = new_heap(0, 0, 0);
    char *block = take(heap, 0, 1);
    block[0] = 'x';
    for (int i = 0; i < 14; i++) {
        block = HeapReAlloc(heap, 0, block, sizes[i]);
        check(block && HeapSize(heap, 0, block) == sizes[i], "step %d", i);
        kept = kept < sizes[i] ? kept : sizes[i];
        check(is_filled(block, 0, kept, 'x'), "step %d: %zu bytes", i, (size_t)kept);
        memset(block, 'x', sizes[i]);
        kept = sizes[i];
    }
    destroy(heap);
}

static void growth_is_zeroed_from_the_old_size_on(void)
{
    static const SIZE_T sizes[] = {3, 14, 17, 40, 1000, 1001, 70000, 1 << 20, 3 << 20};
    SIZE_T old = 1;
    heap = new_heap(0, 0, 0);
    char *block = take(heap, 0, 16);
    memset(block, 'x', 16);
    block = HeapReAlloc(heap, 0, block, 1);
    for (int i = 0; i < 9; i++) {
        block = HeapReAlloc(heap, HEAP_ZERO_MEMORY, block, sizes[i]);
        check(block, "%zu bytes", (size_t)sizes[i]);
        check(is_filled(block, 0, old, 'x') && is_filled(block, old, sizes[i], 0), "%zu to %zu",
              (size_t)old, (size_t)sizes[i]);
        memset(block, 'x', sizes[i]);
        old = sizes[i];
    }
    destroy(heap);
}

/* ---- freeing ------------------------------------------------------------------------------------- */

static void freeing_nothing_succeeds(void)
{
    check_works(HeapFree(GetProcessHeap(), 0, NULL));
}

static char static_memory[64];

/* Free what is no block; `which` is one of the four of the table, or memory that is not there. */
static BOOL free_wrongly(int which)
{
    HANDLE mine = HeapCreate(0, 0, 0);
    char *block = HeapAlloc(mine, 0, 100);

    switch (which) {
    case 0: HeapFree(mine, 0, block); return HeapFree(mine, 0, block);
    case 1: return HeapFree(mine, 0, block + 16);
    case 2: return HeapFree(mine, 0, static_memory);
    case 3: return HeapFree(GetProcessHeap(), 0, block);
    default: return HeapFree(mine, 0, free_place(GRANULE));
    }
}

#ifdef _WIN32

static void check_wrong_free(int which)
{
    check_fails(free_wrongly(which), ERROR_INVALID_PARAMETER);
}

#else

static void check_wrong_free(int which)
{
    check(run_again_ends_by(SIGABRT, "free", which), "case %d: %#x", which, (unsigned)again.status);
}

#endif

static void freeing_what_is_no_block_is_refused_or_ends_the_process(void)
{
    for (int which = 0; which < 4; which++)
        check_wrong_free(which);
}

static void memory_that_is_not_there_has_no_size(void)
{
    check(HeapSize(GetProcessHeap(), 0, free_place(GRANULE)) == NO_SIZE, "a size");
    check_wrong_free(4);
}

static void nothing_has_no_size(void)
{
    SetLastError(UNTOUCHED);
    check(HeapSize(GetProcessHeap(), 0, NULL) == NO_SIZE, "a size");
    check(GetLastError() == UNTOUCHED, "error %u", (unsigned)GetLastError());
}

static void what_is_no_block_has_no_size_and_no_error(void)
{
    heap = new_heap(0, 0, 0);
    char *freed = take(heap, 0, 100);
    char *block = take(heap, 0, 100);
    give(heap, freed);
    SetLastError(UNTOUCHED);
    check(HeapSize(heap, 0, freed) == NO_SIZE, "a freed block");
    check(HeapSize(heap, 0, block + 16) == NO_SIZE, "the inside of a block");
    check(HeapSize(heap, 0, block + 1) == NO_SIZE, "an odd address");
    check(HeapSize(heap, 0, static_memory) == NO_SIZE, "static memory");
    check(HeapSize(GetProcessHeap(), 0, block) == NO_SIZE, "a block of another heap");
    check(GetLastError() == UNTOUCHED, "error %u", (unsigned)GetLastError());
    destroy(heap);
}

struct exchange {
    char *blocks[500];
    int count;
};

static void allocate_them(void *exchange)
{
    struct exchange *e = exchange;
    for (; e->count < 500; e->count++) {
        e->blocks[e->count] = HeapAlloc(heap, 0, (SIZE_T)e->count * 37);
        if (!e->blocks[e->count])
            return;
        memset(e->blocks[e->count], e->count, (SIZE_T)e->count * 37);
    }
}

static void blocks_of_a_thread_that_ended_are_anybodys_to_free(void)
{
    static struct exchange e;
    struct thread t = {.run = allocate_them, .argument = &e};
    heap = new_heap(0, 0, 0);
    thread_start(&t);
    thread_join(&t);
    check(e.count == 500, "%d blocks", e.count);
    for (int i = 0; i < e.count; i++) {
        check(is_filled(e.blocks[i], 0, (SIZE_T)i * 37, i), "block %d", i);
        give(heap, e.blocks[i]);
    }
    destroy(heap);
}

/* ---- heaps --------------------------------------------------------------------------------------- */

static void a_heap_with_a_maximum_never_grows(void)
{
    int blocks = 0;
    heap = new_heap(0, 0, 128 * KIB);
    char *last = NULL;
    SetLastError(UNTOUCHED);
    for (char *block; blocks < 100 && (block = HeapAlloc(heap, 0, 4096)); blocks++)
        last = block;
    check(blocks > 16 && blocks < 32, "%d blocks", blocks);
    check(GetLastError() == ERROR_NOT_ENOUGH_MEMORY, "error %u", (unsigned)GetLastError());
    give(heap, last);
    take(heap, 0, 4096);
    destroy(heap);
}

static void a_heap_with_a_maximum_has_no_large_blocks(void)
{
    heap = new_heap(0, 0, 4 * MIB);
    char *block = take(heap, 0, 0x7f000);
    give(heap, block);
    check_fails(HeapAlloc(heap, 0, MIB), ERROR_NOT_ENOUGH_MEMORY);
    check_fails(HeapAlloc(heap, 0, 2 * MIB), ERROR_NOT_ENOUGH_MEMORY);
    destroy(heap);
}

static void an_initial_size_above_the_maximum_is_no_error(void)
{
    heap = new_heap(0, MIB, 128 * KIB);
    take(heap, 0, 1000);
    destroy(heap);
}

static void an_initial_size_does_not_raise_the_maximum(void)
{
    heap = new_heap(0, MIB, 128 * KIB);
    check_fails(HeapAlloc(heap, 0, 200 * KIB), ERROR_NOT_ENOUGH_MEMORY);
    destroy(heap);
}

static void an_initial_size_is_committed_at_once(void)
{
    heap = new_heap(0, 256 * KIB, 0);
    take(heap, 0, 100 * KIB);
    destroy(heap);
}

static void a_large_block_is_a_region_that_goes_when_it_is_freed(void)
{
    static const SIZE_T sizes[] = {16 << 20, 100 << 20};
    heap = new_heap(0, 0, 0);
    for (int i = 0; i < 2; i++) {
        char *block = take(heap, 0, sizes[i]);
        block[sizes[i] - 1] = 'x';
        check(info_of(block + PAGE).State == MEM_COMMIT, "%#x", (unsigned)info_of(block).State);
        give(heap, block);
        check(info_of(block + PAGE).State == MEM_FREE, "%#x", (unsigned)info_of(block).State);
    }
    destroy(heap);
}

static void a_heap_handle_is_an_address_at_64_KiB(void)
{
    for (int i = 0; i < 10; i++) {
        HANDLE h = new_heap(i & HEAP_NO_SERIALIZE, 0, i & 2 ? MIB : 0);
        check(((ULONG_PTR)h & 0xffff) == 0, "%p", h);
        destroy(h);
    }
    check(((ULONG_PTR)GetProcessHeap() & 0xffff) == 0, "%p", GetProcessHeap());
}

static void a_heap_goes_with_its_blocks(void)
{
    heap = new_heap(0, 0, 0);
    char *small = take(heap, 0, 100);
    char *large = take(heap, 0, 20 * MIB);
    small[0] = large[0] = 'x';
    check_works(HeapDestroy(heap));
    check(info_of(large).State != MEM_COMMIT, "the large block is still there");
}

static void the_process_heap_cannot_be_destroyed(void)
{
    check_fails(HeapDestroy(GetProcessHeap()), ERROR_INVALID_HANDLE);
    char *block = take(GetProcessHeap(), 0, 100);
    give(GetProcessHeap(), block);
}

static void no_heap_cannot_be_destroyed(void)
{
    check_fails(HeapDestroy(NULL), ERROR_INVALID_HANDLE);
}

static void no_heap_has_no_blocks(void)
{
    check_fails(HeapAlloc(NULL, 0, 10), ERROR_INVALID_HANDLE);
}

static bool is_listed(HANDLE h, HANDLE *list, DWORD count)
{
    for (DWORD i = 0; i < count; i++)
        if (list[i] == h)
            return true;
    return false;
}

static void all_heaps_are_listed_the_process_heap_first(void)
{
    HANDLE list[200];
    heap = new_heap(0, 0, 0);
    SetLastError(UNTOUCHED);
    DWORD count = GetProcessHeaps(200, list);
    check(count >= 2 && count < 200, "%u heaps", (unsigned)count);
    check(list[0] == GetProcessHeap(), "%p first, not %p", list[0], GetProcessHeap());
    check(is_listed(heap, list, count), "the new heap is not listed");
    check(GetProcessHeaps(0, NULL) == count, "asked for none");
    destroy(heap);
    check(GetProcessHeaps(200, list) == count - 1, "the old heap is counted");
    check(!is_listed(heap, list, count - 1), "the old heap is listed");
    check(GetLastError() == UNTOUCHED, "error %u", (unsigned)GetLastError());
}

static void a_short_list_gets_as_many_heaps_as_fit(void)
{
    HANDLE list[2] = {NULL, (HANDLE)1};
    heap = new_heap(0, 0, 0);
    DWORD count = GetProcessHeaps(1, list);
    check(count >= 2, "%u heaps", (unsigned)count);
    check(list[0] == GetProcessHeap() && list[1] == (HANDLE)1, "%p, %p", list[0], list[1]);
    destroy(heap);
}

static void blocks_hold_code_where_the_heap_allows_it(void)
{
    heap = new_heap(HEAP_CREATE_ENABLE_EXECUTE, 0, 0);
    HANDLE plain = new_heap(0, 0, 0);
    for (SIZE_T size = 64; size < 4 * MIB; size *= 40) {
        char *code = take(heap, 0, size);
        char *data = take(plain, 0, size);
        memcpy(code, do_nothing, sizeof(do_nothing));
        memcpy(data, do_nothing, sizeof(do_nothing));
        check(can_call(code), "%zu bytes of code", (size_t)size);
        check(!can_call(data), "%zu bytes of data were executed", (size_t)size);
    }
    destroy(plain);
    destroy(heap);
}

static void a_heap_without_serialization_works_like_any(void)
{
    heap = new_heap(HEAP_NO_SERIALIZE, 0, 0);
    char *block = take(heap, HEAP_NO_SERIALIZE, 1000);
    block = HeapReAlloc(heap, HEAP_NO_SERIALIZE, block, 100000);
    check(block && HeapSize(heap, HEAP_NO_SERIALIZE, block) == 100000, "resized");
    check_works(HeapFree(heap, HEAP_NO_SERIALIZE, block));
    destroy(heap);
}

static const struct test tests[] = {
    TEST(a_block_of_no_bytes_is_a_block_like_any_other, "S245"),
    TEST(blocks_are_aligned_at_16_bytes, "S246"),
    TEST(the_size_is_what_was_asked_for, "S247"),
    TEST(neighbours_do_not_overlap, ""),
    TEST(zeroed_blocks_are_zero_also_where_others_were, ""),
    TEST(an_impossible_size_gives_nothing, ""),
    TEST(an_impossible_size_raises_where_the_call_says_so, "S250"),
    TEST(an_impossible_size_raises_where_the_heap_says_so, "S251"),
    TEST(wrong_parameters_raise_where_the_call_says_so, ""),
    TEST(resizing_nothing_gives_nothing, "S252"),
    TEST(a_block_can_be_resized_to_no_bytes, "S254"),
    TEST(a_block_shrinks_where_it_is, "S255"),
    TEST(what_cannot_grow_where_it_is_stays, "S256"),
    TEST(an_impossible_size_leaves_the_old_block, "S257"),
    TEST(contents_are_kept_across_all_sizes, "S258"),
    TEST(growth_is_zeroed_from_the_old_size_on, ""),
    TEST(freeing_nothing_succeeds, "S259"),
    TEST(freeing_what_is_no_block_is_refused_or_ends_the_process, "S260"),
    TEST(what_is_no_block_has_no_size_and_no_error, ""),
    TEST(blocks_of_a_thread_that_ended_are_anybodys_to_free, ""),
    TEST(a_heap_with_a_maximum_never_grows, "S264"),
    TEST(a_heap_with_a_maximum_has_no_large_blocks, "S265"),
    TEST(an_initial_size_above_the_maximum_is_no_error, "S266"),
    TEST(an_initial_size_does_not_raise_the_maximum, ""),
    TEST(an_initial_size_is_committed_at_once, ""),
    TEST(a_large_block_is_a_region_that_goes_when_it_is_freed, "S267"),
    TEST(a_heap_handle_is_an_address_at_64_KiB, "S269"),
    TEST(a_heap_goes_with_its_blocks, "S270"),
    TEST(the_process_heap_cannot_be_destroyed, "S271"),
    TEST(no_heap_cannot_be_destroyed, "S272"),
    TEST(all_heaps_are_listed_the_process_heap_first, ""),
    TEST(a_short_list_gets_as_many_heaps_as_fit, "S273"),
    TEST(no_heap_has_no_blocks, "S293"),
    TEST(blocks_hold_code_where_the_heap_allows_it, ""),
    TEST(a_heap_without_serialization_works_like_any, ""),
    /* Wine faults in these. */
    TEST(memory_that_is_not_there_has_no_size, "S261"),
    TEST(nothing_has_no_size, "S263"),
};

int main(int argc, char **argv)
{
#ifndef _WIN32
    if (is_run_again(argc, argv))
        return free_wrongly(again.number);
#endif
    return test_main(tests, TEST_COUNT(tests), argc, argv);
}
