/*
 * heap_walk.c - what a heap holds: HeapWalk, HeapValidate, HeapCompact, HeapSummary, HeapLock.
 */
#include "heap_blocks.h"
#include "thread.h"

#include <stdlib.h>

#ifndef HEAP_CREATE_HARDENED /* newer than mingw */
#define HEAP_CREATE_HARDENED 0x200
#endif

static HANDLE heap; /* of the running test */

/* ---- walking ------------------------------------------------------------------------------------- */

enum { BLOCKS = 300 };
static char *blocks[BLOCKS];

static SIZE_T size_of(int i)
{
    return (SIZE_T)i * 37 % 4000;
}

static void fill_heap(void)
{
    heap = new_heap(0, 0, 0);
    for (int i = 0; i < BLOCKS; i++)
        blocks[i] = take(heap, 0, size_of(i));
}

/* How often the walk meets a block in use at this address, and with which size. */
static int times_met(const void *block, SIZE_T *ret_size)
{
    PROCESS_HEAP_ENTRY e = {.lpData = NULL};
    int times = 0;
    while (HeapWalk(heap, &e))
        if (e.lpData == block && e.wFlags & PROCESS_HEAP_ENTRY_BUSY) {
            times++;
            *ret_size = e.cbData;
        }
    return times;
}

static int count_busy(void)
{
    PROCESS_HEAP_ENTRY e = {.lpData = NULL};
    int count = 0;
    while (HeapWalk(heap, &e))
        count += (e.wFlags & PROCESS_HEAP_ENTRY_BUSY) != 0;
    return count;
}

static void a_walk_ends_with_no_more_items(void)
{
    PROCESS_HEAP_ENTRY e = {.lpData = NULL};
    int entries = 0;
    fill_heap();
    SetLastError(UNTOUCHED);
    while (HeapWalk(heap, &e))
        check(++entries < 100000 && GetLastError() == UNTOUCHED, "entry %d, error %u", entries,
              (unsigned)GetLastError());
    check(GetLastError() == ERROR_NO_MORE_ITEMS, "error %u", (unsigned)GetLastError());
    check(entries > BLOCKS, "%d entries", entries);
    destroy(heap);
}

static char *end_of(const PROCESS_HEAP_ENTRY *region)
{
    return (char *)region->lpData + region->Region.dwCommittedSize +
           region->Region.dwUnCommittedSize;
}

static void a_walk_begins_with_a_region(void)
{
    PROCESS_HEAP_ENTRY e = {.lpData = NULL};
    heap = new_heap(0, 0, 0);
    take(heap, 0, 100);
    check_works(HeapWalk(heap, &e));
    check(e.wFlags == PROCESS_HEAP_REGION, "flags %#x", e.wFlags);
    check(end_of(&e) > (char *)e.lpData, "a region of no bytes");
    check(e.Region.lpFirstBlock >= e.lpData && (char *)e.Region.lpLastBlock <= end_of(&e) &&
              e.Region.lpFirstBlock <= e.Region.lpLastBlock,
          "blocks from %p to %p in %p to %p", e.Region.lpFirstBlock, e.Region.lpLastBlock, e.lpData,
          end_of(&e));
    destroy(heap);
}

/* Free blocks have no flags; the uncommitted range of a region comes last. */
static void the_entries_of_a_region_are_in_address_order(void)
{
    PROCESS_HEAP_ENTRY e = {.lpData = NULL};
    PROCESS_HEAP_ENTRY region = {.lpData = NULL};
    char *last = NULL;
    WORD last_flags = 0;
    int uncommitted = 0;
    fill_heap();
    while (HeapWalk(heap, &e)) {
        char *at = e.lpData;
        if (e.wFlags == PROCESS_HEAP_REGION) {
            region = e;
            last = NULL;
            last_flags = 0;
            continue;
        }
        check(region.lpData, "an entry before the first region");
        check(at >= (char *)region.lpData && at + e.cbData <= end_of(&region),
              "%p is not in its region", at);
        check(e.iRegionIndex == region.iRegionIndex, "region %u", e.iRegionIndex);
        check(at > last, "%p after %p", at, last);
        check(e.wFlags == 0 || e.wFlags == PROCESS_HEAP_ENTRY_BUSY ||
                  e.wFlags == PROCESS_HEAP_UNCOMMITTED_RANGE,
              "flags %#x", e.wFlags);
        check(last_flags != PROCESS_HEAP_UNCOMMITTED_RANGE, "%p after the uncommitted range", at);
        last_flags = e.wFlags;
        uncommitted += e.wFlags == PROCESS_HEAP_UNCOMMITTED_RANGE;
        last = at;
    }
    check(uncommitted > 0, "no uncommitted range");
    destroy(heap);
}

static void a_region_tells_how_much_is_reserved(void)
{
    PROCESS_HEAP_ENTRY e = {.lpData = NULL};
    heap = new_heap(0, 0, 0);
    take(heap, 0, 100);
    check_works(HeapWalk(heap, &e));
    check(end_of(&e) == (char *)e.lpData + e.cbData, "%u and %u of %u bytes",
          (unsigned)e.Region.dwCommittedSize, (unsigned)e.Region.dwUnCommittedSize,
          (unsigned)e.cbData);
    destroy(heap);
}

static void every_block_is_met_once_with_the_size_asked_for(void)
{
    fill_heap();
    for (int i = 0; i < BLOCKS; i++) {
        SIZE_T size = NO_SIZE;
        int times = times_met(blocks[i], &size);
        check(times == 1 && size == size_of(i), "block %d: %d times, %zu bytes", i, times,
              (size_t)size);
    }
    check(count_busy() == BLOCKS, "%d blocks", count_busy());
    destroy(heap);
}

static void freed_blocks_are_not_met_any_more(void)
{
    SIZE_T size;
    fill_heap();
    for (int i = 0; i < BLOCKS; i += 2)
        give(heap, blocks[i]);
    for (int i = 0; i < BLOCKS; i++)
        check(times_met(blocks[i], &size) == i % 2, "block %d", i);
    destroy(heap);
}

static void large_blocks_are_met_too(void)
{
    static const SIZE_T sizes[] = {40000, 300000, 600000, 1 << 20, 5 << 20};
    char *large[5];
    SIZE_T size;
    heap = new_heap(0, 0, 0);
    for (int i = 0; i < 5; i++)
        large[i] = take(heap, 0, sizes[i]);
    for (int i = 0; i < 5; i++)
        check(times_met(large[i], &size) == 1 && size == sizes[i], "%zu bytes: %zu",
              (size_t)sizes[i], (size_t)size);
    check(count_busy() == 5, "%d blocks", count_busy());
    destroy(heap);
}

static void the_cost_of_a_block_is_told(void)
{
    PROCESS_HEAP_ENTRY e = {.lpData = NULL};
    heap = new_heap(0, 0, 0);
    char *block = take(heap, 0, 100);
    bool met = false;
    while (!met && HeapWalk(heap, &e)) /* the address may be its region's as well */
        met = e.lpData == block && e.wFlags == PROCESS_HEAP_ENTRY_BUSY;
    check(met, "it is not met");
    check(e.cbData == 100, "%u bytes", (unsigned)e.cbData);
    check(e.cbOverhead > 0, "100 bytes cost nothing beside");
    destroy(heap);
}

static void a_moveable_block_is_told_with_its_handle(void)
{
    PROCESS_HEAP_ENTRY e = {.lpData = NULL};
    HGLOBAL handle = GlobalAlloc(GMEM_MOVEABLE, 1234);
    void *block = GlobalLock(handle);
    int times = 0;
    while (HeapWalk(GetProcessHeap(), &e)) {
        if (e.lpData != block || !(e.wFlags & PROCESS_HEAP_ENTRY_BUSY))
            continue;
        times++;
        check(e.wFlags & PROCESS_HEAP_ENTRY_MOVEABLE, "flags %#x", e.wFlags);
        check(e.Block.hMem == handle && e.cbData == 1234, "%p for %p, %u bytes", e.Block.hMem,
              handle, (unsigned)e.cbData);
    }
    check(times == 1, "met %d times", times);
    GlobalUnlock(handle);
    GlobalFree(handle);
}

static void a_walk_from_nowhere_is_refused(void)
{
    static const WORD flags[] = {PROCESS_HEAP_ENTRY_BUSY, 0, PROCESS_HEAP_REGION,
                                 PROCESS_HEAP_UNCOMMITTED_RANGE};
    heap = new_heap(0, 0, 0);
    take(heap, 0, 100);
    for (int i = 0; i < 4; i++) {
        PROCESS_HEAP_ENTRY e = {.lpData = (void *)8, .cbData = 100, .wFlags = flags[i]};
        check_fails(HeapWalk(heap, &e), ERROR_INVALID_PARAMETER);
        check(e.lpData == (void *)8 && e.wFlags == flags[i], "the entry changed");
    }
    destroy(heap);
}

static volatile LONG stop;

static void allocate_and_free(void *unused)
{
    (void)unused;
    for (unsigned i = 0; !stop; i++) {
        char *block = HeapAlloc(heap, 0, i * 31 % 3000);
        if (block)
            HeapFree(heap, 0, block);
    }
}

static void a_locked_heap_can_be_walked_while_others_want_it(void)
{
    struct thread threads[3];
    fill_heap();
    stop = 0;
    for (int i = 0; i < 3; i++) {
        threads[i] = (struct thread){.run = allocate_and_free};
        thread_start(&threads[i]);
    }
    for (int round = 0; round < 20 && test_now.outcome == TEST_PASSED; round++) {
        HeapLock(heap);
        int first = count_busy();
        int second = count_busy();
        HeapUnlock(heap);
        if (first != second || first < BLOCKS)
            break;
    }
    HeapLock(heap);
    int count = count_busy();
    bool same = count == count_busy();
    HeapUnlock(heap);
    stop = 1;
    for (int i = 0; i < 3; i++)
        thread_join(&threads[i]);
    check(same && count >= BLOCKS && count <= BLOCKS + 3, "%d blocks", count);
    check(count_busy() == BLOCKS, "%d blocks in the end", count_busy());
    destroy(heap);
}

/* ---- validating ---------------------------------------------------------------------------------- */

static int global;

static void a_sound_heap_and_its_blocks_are_valid(void)
{
    fill_heap();
    check_works(HeapValidate(heap, 0, NULL));
    check_works(HeapValidate(GetProcessHeap(), 0, NULL));
    for (int i = 0; i < BLOCKS; i++)
        check_works(HeapValidate(heap, 0, blocks[i]));
    for (int i = 0; i < BLOCKS; i += 3)
        give(heap, blocks[i]);
    check_works(HeapValidate(heap, 0, NULL));
    destroy(heap);
}

/* Only a hardened heap looks behind its blocks; Wine's looks always, and does not know the flag. */
static void a_write_behind_a_block_makes_the_heap_invalid(void)
{
    HANDLE hardened = new_heap(HEAP_CREATE_HARDENED, 0, 0);
    char *block = take(hardened, 0, 100);
    memset(block, 1, 100);
    check(HeapValidate(hardened, 0, NULL) && HeapValidate(hardened, 0, block), "not valid before");
    memset(block, 1, 132);
    check(!HeapValidate(hardened, 0, NULL), "the heap is valid");
    /* Neither the block nor the heap can be given back any more. */
}

static void what_is_no_block_is_not_valid(void)
{
    fill_heap();
    char *other = take(GetProcessHeap(), 0, 100);
    give(heap, blocks[100]);
    check_fails(HeapValidate(heap, 0, blocks[100]), UNTOUCHED);
    check_fails(HeapValidate(heap, 0, blocks[101] + 16), UNTOUCHED);
    check_fails(HeapValidate(heap, 0, &global), UNTOUCHED);
    check_fails(HeapValidate(heap, 0, other), UNTOUCHED);
    check_works(HeapValidate(heap, 0, NULL));
    give(GetProcessHeap(), other);
    destroy(heap);
}

/* ---- compacting and summing up ------------------------------------------------------------------- */

static void compacting_tells_the_largest_free_block(void)
{
    fill_heap();
    for (int i = 0; i < BLOCKS; i += 2)
        give(heap, blocks[i]);
    SetLastError(UNTOUCHED);
    SIZE_T largest = HeapCompact(heap, 0);
    check(largest >= 16, "%zu bytes", (size_t)largest);
    check(GetLastError() == UNTOUCHED, "error %u", (unsigned)GetLastError());
    check(HeapValidate(heap, 0, NULL) && count_busy() == BLOCKS / 2, "%d blocks", count_busy());
    for (int i = 1; i < BLOCKS; i += 2)
        check(HeapSize(heap, 0, blocks[i]) == size_of(i), "block %d", i);
    destroy(heap);
}

static void compacting_gives_memory_back(void)
{
    enum { MANY = 2000 };
    static char *many[MANY];
    heap = new_heap(0, 0, 0);
    for (int i = 0; i < MANY; i++) {
        many[i] = take(heap, 0, 8000);
        memset(many[i], 'x', 8000);
    }
    for (int i = 0; i < MANY; i++)
        give(heap, many[i]);
    HeapCompact(heap, 0);
    int committed = 0;
    for (int i = 0; i < MANY; i++)
        committed += info_of(many[i]).State == MEM_COMMIT;
    check(committed < MANY / 10, "%d places of %d are committed", committed, MANY);
    destroy(heap);
}

#ifdef _WIN32
/* A program that imports it does not start where it is missing. */
static BOOL find_and_call(HANDLE h, DWORD flags, HEAP_SUMMARY *summary)
{
    BOOL(WINAPI * call)(HANDLE, DWORD, HEAP_SUMMARY *);
    call = (void *)GetProcAddress(GetModuleHandleA("kernel32"), "HeapSummary");
    check(call, "there is no HeapSummary");
    return call(h, flags, summary);
}
#define HeapSummary find_and_call
#endif

static HEAP_SUMMARY summary_of(HANDLE h)
{
    HEAP_SUMMARY s = {.cb = sizeof(s)};
    check_works(HeapSummary(h, 0, &s));
    check(s.cb == sizeof(s), "cb %u", (unsigned)s.cb);
    check(s.cbAllocated <= s.cbCommitted && s.cbCommitted <= s.cbReserved &&
              s.cbReserved <= s.cbMaxReserve,
          "%zu allocated, %zu committed, %zu reserved of %zu", (size_t)s.cbAllocated,
          (size_t)s.cbCommitted, (size_t)s.cbReserved, (size_t)s.cbMaxReserve);
    return s;
}

static void a_summary_follows_what_is_allocated(void)
{
    heap = new_heap(0, 0, 0);
    SIZE_T before = summary_of(heap).cbAllocated;
    char *small = take(heap, 0, 1000);
    char *large = take(heap, 0, 3 * MIB);
    SIZE_T more = summary_of(heap).cbAllocated - before;
    check(more >= 1000 + 3 * MIB && more < 2000 + 3 * MIB + 2 * GRANULE, "%zu more", (size_t)more);
    give(heap, small);
    give(heap, large);
    check(summary_of(heap).cbAllocated == before, "%zu are left",
          (size_t)summary_of(heap).cbAllocated);
    destroy(heap);
}

static void a_summary_tells_the_maximum_of_a_heap(void)
{
    heap = new_heap(0, 0, MIB);
    take(heap, 0, 1000);
    SIZE_T most = summary_of(heap).cbMaxReserve;
    check(most >= MIB && most < 2 * MIB, "%zu bytes", (size_t)most);
    destroy(heap);
}

static void a_summary_wants_its_size_and_no_flags(void)
{
    HEAP_SUMMARY s = {.cb = sizeof(s) - 1};
    check_fails(HeapSummary(GetProcessHeap(), 0, &s), ERROR_INVALID_PARAMETER);
    s.cb = 0;
    check_fails(HeapSummary(GetProcessHeap(), 0, &s), ERROR_INVALID_PARAMETER);
    s.cb = sizeof(s);
    check_fails(HeapSummary(GetProcessHeap(), 1, &s), ERROR_INVALID_PARAMETER);
    check(s.cbCommitted == 0, "it was written to");
}

/* ---- locking ------------------------------------------------------------------------------------- */

static volatile LONG has_allocated;

static void allocate_once(void *unused)
{
    (void)unused;
    HeapFree(heap, 0, HeapAlloc(heap, 0, 100));
    has_allocated = 1;
}

static void a_lock_keeps_other_threads_out_until_it_is_undone_as_often(void)
{
    struct thread t = {.run = allocate_once};
    heap = new_heap(0, 0, 0);
    has_allocated = 0;
    check_works(HeapLock(heap));
    check_works(HeapLock(heap));
    thread_start(&t);
    Sleep(100);
    LONG after_two = has_allocated;
    HeapUnlock(heap);
    Sleep(100);
    LONG after_one = has_allocated;
    HeapUnlock(heap);
    thread_join(&t);
    check(!after_two && !after_one && has_allocated, "%d, %d, %d", (int)after_two, (int)after_one,
          (int)has_allocated);
    destroy(heap);
}

static void who_holds_the_lock_goes_on_working(void)
{
    heap = new_heap(0, 0, 0);
    check_works(HeapLock(heap));
    char *block = take(heap, 0, 100);
    block = HeapReAlloc(heap, 0, block, 100000);
    check(block && HeapSize(heap, 0, block) == 100000, "resized");
    check(HeapValidate(heap, 0, NULL), "not valid");
    give(heap, block);
    check_works(HeapUnlock(heap));
    destroy(heap);
}

static void a_heap_without_serialization_can_be_locked(void)
{
    heap = new_heap(HEAP_NO_SERIALIZE, 0, 0);
    check_works(HeapLock(heap));
    check_works(HeapUnlock(heap));
    destroy(heap);
}

static BOOL unlocked;

static void unlock_it(void *unused)
{
    (void)unused;
    SetLastError(UNTOUCHED);
    unlocked = HeapUnlock(heap) || GetLastError() != ERROR_NOT_LOCKED;
}

static void a_lock_that_is_not_held_cannot_be_undone(void)
{
    struct thread t = {.run = unlock_it};
    heap = new_heap(0, 0, 0);
    check_fails(HeapUnlock(heap), ERROR_NOT_LOCKED);
    check_works(HeapLock(heap));
    thread_start(&t);
    thread_join(&t);
    check(!unlocked, "another thread undid the lock");
    check_works(HeapUnlock(heap));
    check_fails(HeapUnlock(heap), ERROR_NOT_LOCKED);
    destroy(heap);
}

static const struct test tests[] = {
    TEST(a_walk_ends_with_no_more_items, "S280"),
    TEST(a_walk_begins_with_a_region, "S281"),
    TEST(the_entries_of_a_region_are_in_address_order, "S281"),
    TEST(a_region_tells_how_much_is_reserved, ""),
    TEST(every_block_is_met_once_with_the_size_asked_for, "S282"),
    TEST(freed_blocks_are_not_met_any_more, ""),
    TEST(large_blocks_are_met_too, ""),
    TEST(the_cost_of_a_block_is_told, "S282"),
    TEST(a_moveable_block_is_told_with_its_handle, "S283"),
    TEST(a_walk_from_nowhere_is_refused, "S284"),
    TEST(a_locked_heap_can_be_walked_while_others_want_it, ""),
    TEST(a_sound_heap_and_its_blocks_are_valid, "S277"),
    TEST(a_write_behind_a_block_makes_the_heap_invalid, "S279"),
    TEST(what_is_no_block_is_not_valid, "S278"),
    TEST(compacting_tells_the_largest_free_block, "S292"),
    TEST(compacting_gives_memory_back, ""),
    TEST(a_lock_keeps_other_threads_out_until_it_is_undone_as_often, ""),
    TEST(who_holds_the_lock_goes_on_working, ""),
    TEST(a_heap_without_serialization_can_be_locked, "S276"),
    TEST(a_lock_that_is_not_held_cannot_be_undone, ""),
    TEST(a_summary_follows_what_is_allocated, "S294"),
    TEST(a_summary_tells_the_maximum_of_a_heap, "S294"),
    TEST(a_summary_wants_its_size_and_no_flags, ""),
};

int main(int argc, char **argv)
{
    return test_main(tests, TEST_COUNT(tests), argc, argv);
}
