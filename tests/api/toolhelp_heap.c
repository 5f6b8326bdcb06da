/*
 * toolhelp_heap.c - snapshots of the heaps of this process.
 */
#include "heap_blocks.h"

#include <tlhelp32.h>

static HANDLE heap;     /* of the running test */
static HANDLE snapshot; /* of the running test */

static void snap(void)
{
    snapshot = CreateToolhelp32Snapshot(TH32CS_SNAPHEAPLIST, 0);
    check(snapshot != INVALID_HANDLE_VALUE, "error %u", (unsigned)GetLastError());
}

static void close_it(void)
{
    check_works(CloseHandle(snapshot));
}

#define check_no_snapshot(flags, process, error)                                               \
    do {                                                                                       \
        SetLastError(UNTOUCHED);                                                               \
        check(CreateToolhelp32Snapshot(flags, process) == INVALID_HANDLE_VALUE, "a snapshot"); \
        check(GetLastError() == (error), "error %u", (unsigned)GetLastError());                \
    } while (0)

/* ---- heaps --------------------------------------------------------------------------------------- */

/* How often a heap is in the snapshot; every entry is complete. */
static int times_listed(HANDLE h)
{
    HEAPLIST32 list = {.dwSize = sizeof(list)};
    int times = 0;
    for (BOOL more = Heap32ListFirst(snapshot, &list); more;
         more = Heap32ListNext(snapshot, &list)) {
        check(list.dwSize == sizeof(list), "%zu bytes", (size_t)list.dwSize);
        check(list.th32ProcessID == GetCurrentProcessId(), "process %u",
              (unsigned)list.th32ProcessID);
        check(list.dwFlags == (list.th32HeapID == (ULONG_PTR)GetProcessHeap() ? HF32_DEFAULT : 0),
              "flags %#x", (unsigned)list.dwFlags);
        times += list.th32HeapID == (ULONG_PTR)h;
    }
    check(GetLastError() == ERROR_NO_MORE_FILES, "error %u", (unsigned)GetLastError());
    return times;
}

static void a_snapshot_lists_every_heap_once(void)
{
    heap = new_heap(0, 0, 0);
    snap();
    check(times_listed(heap) == 1 && times_listed(GetProcessHeap()) == 1, "a heap");
    close_it();
    destroy(heap);
}

static void a_snapshot_is_of_one_moment(void)
{
    HANDLE older = new_heap(0, 0, 0);
    snap();
    heap = new_heap(0, 0, 0);
    destroy(older);
    check(times_listed(older) == 1, "the older heap");
    if (older != heap)
        check(times_listed(heap) == 0, "the newer heap");
    close_it();
    destroy(heap);
}

static void the_end_of_the_list_is_told_again_and_again(void)
{
    HEAPLIST32 list = {.dwSize = sizeof(list)};
    snap();
    check_works(Heap32ListFirst(snapshot, &list));
    while (Heap32ListNext(snapshot, &list))
        ;
    check_fails(Heap32ListNext(snapshot, &list), ERROR_NO_MORE_FILES);
    check_fails(Heap32ListNext(snapshot, &list), ERROR_NO_MORE_FILES);
    check_works(Heap32ListFirst(snapshot, &list));
    close_it();
}

static void the_size_of_the_structure_is_needed_and_told(void)
{
    struct {
        HEAPLIST32 list;
        char more[8];
    } longer = {.list.dwSize = sizeof(longer)};
    HEAPLIST32 list = {.dwSize = 0};
    snap();
    for (SIZE_T size = 0; size < sizeof(list); size += 8) {
        list.dwSize = size;
        check_fails(Heap32ListFirst(snapshot, &list), ERROR_BAD_LENGTH);
        check_fails(Heap32ListNext(snapshot, &list), ERROR_BAD_LENGTH);
    }
    check_works(Heap32ListFirst(snapshot, &longer.list));
    check(longer.list.dwSize == sizeof(list), "%zu bytes", (size_t)longer.list.dwSize);
    close_it();
}

static void the_process_may_be_named_by_its_number(void)
{
    snapshot = CreateToolhelp32Snapshot(TH32CS_SNAPHEAPLIST, GetCurrentProcessId());
    check(snapshot != INVALID_HANDLE_VALUE, "error %u", (unsigned)GetLastError());
    check(times_listed(GetProcessHeap()) == 1, "the process heap");
    close_it();
}

static void snapshots_do_not_disturb_each_other(void)
{
    HEAPLIST32 list = {.dwSize = sizeof(list)};
    HEAPLIST32 other = {.dwSize = sizeof(other)};
    heap = new_heap(0, 0, 0);
    snap();
    HANDLE second = CreateToolhelp32Snapshot(TH32CS_SNAPHEAPLIST, 0);
    check(second != INVALID_HANDLE_VALUE && second != snapshot, "%p", second);
    check_works(Heap32ListFirst(snapshot, &list));
    check_works(Heap32ListFirst(second, &other));
    check_works(Heap32ListNext(snapshot, &list));
    check_works(Heap32ListNext(second, &other));
    check(list.th32HeapID == other.th32HeapID, "they differ");
    check_works(CloseHandle(second));
    check(times_listed(heap) == 1, "the other was closed");
    close_it();
    destroy(heap);
}

static void a_closed_snapshot_is_none(void)
{
    HEAPLIST32 list = {.dwSize = sizeof(list)};
    snap();
    HANDLE closed = snapshot;
    close_it();
    check_fails(CloseHandle(closed), ERROR_INVALID_HANDLE);
    snap();
    check(snapshot != closed, "the same handle again");
    check_fails(Heap32ListFirst(closed, &list), ERROR_INVALID_HANDLE);
    check_fails(Heap32ListNext(closed, &list), ERROR_INVALID_HANDLE);
    check_fails(CloseHandle(closed), ERROR_INVALID_HANDLE);
    close_it();
}

static void many_snapshots_can_be_open(void)
{
    enum { OPEN = 500 };
    static HANDLE open[OPEN];
    for (int i = 0; i < OPEN; i++) {
        snap();
        open[i] = snapshot;
    }
    for (int i = 0; i < OPEN; i++) {
        snapshot = open[i];
        check(times_listed(GetProcessHeap()) == 1, "snapshot %d", i);
        close_it();
    }
}

static void too_many_snapshots_are_refused(void)
{
    enum { TOO_MANY = 1100 };
    static HANDLE open[TOO_MANY];
    int count = 0;
    SetLastError(UNTOUCHED);
    while (count < TOO_MANY &&
           (open[count] = CreateToolhelp32Snapshot(TH32CS_SNAPHEAPLIST, 0)) != INVALID_HANDLE_VALUE)
        count++;
    DWORD error = GetLastError();
    for (int i = 0; i < count; i++)
        CloseHandle(open[i]);
    check(count > 500 && count < TOO_MANY && error == ERROR_NO_SYSTEM_RESOURCES,
          "%d snapshots, error %u", count, (unsigned)error);
    snap();
    close_it();
}

/* ---- what a snapshot can be of ------------------------------------------------------------------- */

static void a_snapshot_needs_known_flags(void)
{
    static const DWORD junk[] = {0,          0x20,       0x40,       0x80,       0x100,
                                 0x1000,     0x10000,    0x01000000, 0x40000000, 0xffffffff,
                                 0x7fffffff, 0xdeadbeef, 0x21,       0x41,       0x101,
                                 0x80000000, 0x80000020, 0x40000001, 0xC0000001, 0x3f};
    for (int i = 0; i < 20; i++)
        check_no_snapshot(junk[i], 0, ERROR_INVALID_PARAMETER);
}

static void lists_that_are_not_there_yet_are_refused(void)
{
    check_no_snapshot(TH32CS_SNAPPROCESS, 0, ERROR_NOT_SUPPORTED);
    check_no_snapshot(TH32CS_SNAPTHREAD, 0, ERROR_NOT_SUPPORTED);
    check_no_snapshot(TH32CS_SNAPMODULE, 0, ERROR_NOT_SUPPORTED);
    check_no_snapshot(TH32CS_SNAPMODULE32, 0, ERROR_NOT_SUPPORTED);
}

static void all_lists_together_are_those_that_are_there(void)
{
    snapshot = CreateToolhelp32Snapshot(TH32CS_SNAPALL | TH32CS_INHERIT, 0);
    check(snapshot != INVALID_HANDLE_VALUE, "error %u", (unsigned)GetLastError());
    check(times_listed(GetProcessHeap()) == 1, "the process heap");
    close_it();
}

static void a_process_that_is_not_there_has_no_snapshot(void)
{
    static const DWORD nobody[] = {0x7fffffff, 0x80000000, 0xffffffff, 0xfffffffe, 0x40000000};
    for (int i = 0; i < 5; i++)
        check_no_snapshot(TH32CS_SNAPHEAPLIST, nobody[i], ERROR_INVALID_PARAMETER);
}

static void another_process_is_refused(void)
{
    HEAPENTRY32 e = {.dwSize = sizeof(e)};
    char byte;
    check_no_snapshot(TH32CS_SNAPHEAPLIST, 1, ERROR_ACCESS_DENIED);
    check_fails(Heap32First(&e, 1, (ULONG_PTR)GetProcessHeap()), ERROR_ACCESS_DENIED);
    check_fails(Toolhelp32ReadProcessMemory(1, &e, &byte, 1, NULL), ERROR_ACCESS_DENIED);
}

/* ---- blocks -------------------------------------------------------------------------------------- */

static void every_block_is_told_once(void)
{
    enum { BLOCKS = 200 };
    char *blocks[BLOCKS];
    int met[BLOCKS] = {0};
    HEAPENTRY32 e = {.dwSize = sizeof(e)};
    DWORD me = GetCurrentProcessId();
    heap = new_heap(0, 0, 0);
    for (int i = 0; i < BLOCKS; i++)
        blocks[i] = take(heap, 0, (SIZE_T)i * 1001);
    give(heap, blocks[7]);
    for (BOOL more = Heap32First(&e, me, (ULONG_PTR)heap); more; more = Heap32Next(&e)) {
        check(e.dwSize == sizeof(e) && e.th32ProcessID == me && e.th32HeapID == (ULONG_PTR)heap,
              "entry at %p", (void *)e.dwAddress);
        check((e.dwFlags == LF32_FIXED || e.dwFlags == LF32_FREE) && e.dwLockCount == 0,
              "flags %#x", (unsigned)e.dwFlags);
        for (int i = 0; i < BLOCKS; i++)
            if (e.dwFlags == LF32_FIXED && e.dwAddress == (ULONG_PTR)blocks[i]) {
                check(e.dwBlockSize == (SIZE_T)i * 1001 && e.hHandle == blocks[i],
                      "block %d: %zu bytes", i, (size_t)e.dwBlockSize);
                met[i]++;
            }
    }
    check(GetLastError() == ERROR_NO_MORE_FILES, "error %u", (unsigned)GetLastError());
    for (int i = 0; i < BLOCKS; i++)
        check(met[i] == (i != 7), "block %d: %d times", i, met[i]);
    destroy(heap);
}

static void a_block_larger_than_4_GiB_has_its_size(void)
{
    HEAPENTRY32 e = {.dwSize = sizeof(e)};
    SIZE_T size = ((SIZE_T)4 << 30) + 12345;
    heap = new_heap(0, 0, 0);
    char *block = HeapAlloc(heap, 0, size);
    if (!block) {
        destroy(heap);
        skip("there is no commit charge for 4 GiB");
    }
    check_works(Heap32First(&e, 0, (ULONG_PTR)heap));
    while (e.dwAddress != (ULONG_PTR)block)
        check_works(Heap32Next(&e));
    check(e.dwBlockSize == size, "%zu bytes", (size_t)e.dwBlockSize);
    PROCESS_HEAP_ENTRY narrow = {.lpData = NULL};
    while (narrow.lpData != block || !(narrow.wFlags & PROCESS_HEAP_ENTRY_BUSY))
        check_works(HeapWalk(heap, &narrow));
    check(narrow.cbData == 0xffffffff, "%#x", (unsigned)narrow.cbData);
    destroy(heap);
}

static void no_heap_has_no_blocks(void)
{
    HEAPENTRY32 e = {.dwSize = sizeof(e)};
    int local = 0;
    const ULONG_PTR wrong[] = {0,
                               1,
                               8,
                               0x10000,
                               (ULONG_PTR)&local,
                               (ULONG_PTR)GetProcessHeap() + 16,
                               (ULONG_PTR)-1,
                               (ULONG_PTR)-65536,
                               (ULONG_PTR)1 << 63};
    heap = new_heap(0, 0, 0);
    destroy(heap);
    for (int i = 0; i < 9; i++)
        check_fails(Heap32First(&e, 0, wrong[i]), ERROR_NO_MORE_FILES);
    check_fails(Heap32First(&e, 0, (ULONG_PTR)heap), ERROR_NO_MORE_FILES);
}

static void a_block_that_is_gone_leads_nowhere(void)
{
    HEAPENTRY32 e = {.dwSize = sizeof(e)};
    static const ULONG_PTR wrong[] = {0,       1,          8,          0x10000,    0x12345678,
                                      1 << 30, 0x7fffffff, 1ULL << 47, 1ULL << 63, (ULONG_PTR)-16};
    heap = new_heap(0, 0, 0);
    take(heap, 0, 100);
    check_works(Heap32First(&e, 0, (ULONG_PTR)heap));
    for (int i = 0; i < 10; i++) {
        e.dwAddress = wrong[i];
        check_fails(Heap32Next(&e), ERROR_INVALID_DATA);
        check(e.dwAddress == wrong[i], "it changed");
    }
    destroy(heap);
    check_fails(Heap32Next(&e), ERROR_NO_MORE_FILES);
}

static void the_size_of_an_entry_is_needed(void)
{
    HEAPENTRY32 e = {.dwSize = 0};
    for (SIZE_T size = 0; size < sizeof(e); size += 8) {
        e.dwSize = size;
        check_fails(Heap32First(&e, 0, (ULONG_PTR)GetProcessHeap()), ERROR_BAD_LENGTH);
        check_fails(Heap32Next(&e), ERROR_BAD_LENGTH);
    }
}

/* ---- memory -------------------------------------------------------------------------------------- */

static void memory_of_this_process_can_be_read(void)
{
    char *from = commit(2 * PAGE);
    char to[100];
    SIZE_T got = 0;
    memset(from, 'x', 2 * PAGE);
    check_works(Toolhelp32ReadProcessMemory(0, from + PAGE - 50, to, 100, &got));
    check(got == 100 && is_filled(to, 0, 100, 'x'), "%zu bytes", (size_t)got);
    to[0] = 'y';
    check_works(Toolhelp32ReadProcessMemory(GetCurrentProcessId(), from, to, 1, NULL));
    check(to[0] == 'x', "%c", to[0]);
    check_works(Toolhelp32ReadProcessMemory(0, from, to, 0, &got));
    check(got == 0, "%zu bytes", (size_t)got);
    release(from);
}

static void memory_that_is_not_all_there_is_not_read(void)
{
    char *from = reserve(2 * PAGE);
    char to[200] = "before";
    SIZE_T got = 99;
    check_works(VirtualAlloc(from, PAGE, MEM_COMMIT, PAGE_READWRITE));
    check_fails(Toolhelp32ReadProcessMemory(0, from + PAGE - 50, to, 100, &got),
                ERROR_PARTIAL_COPY);
    check_fails(Toolhelp32ReadProcessMemory(0, from + PAGE, to, 1, &got), ERROR_PARTIAL_COPY);
    check_fails(Toolhelp32ReadProcessMemory(0, NULL, to, 1, &got), ERROR_PARTIAL_COPY);
    check_fails(Toolhelp32ReadProcessMemory(0, from, to, (SIZE_T)-1, &got), ERROR_PARTIAL_COPY);
    check_fails(Toolhelp32ReadProcessMemory(0, from, to, (SIZE_T)1 << 63, &got),
                ERROR_PARTIAL_COPY);
    check(strcmp(to, "before") == 0 && got == 99, "something was written");
    check_fails(Toolhelp32ReadProcessMemory(0x7fffffff, from, to, 1, &got),
                ERROR_INVALID_PARAMETER);
    release(from);
}

static void pointers_that_cannot_be_written_are_told(void)
{
    static void *const wrong[] = {NULL,
                                  (void *)1,
                                  (void *)8,
                                  (void *)0xfff,
                                  (void *)(1ULL << 47),
                                  (void *)(1ULL << 63),
                                  (void *)(LONG_PTR)-1,
                                  (void *)(LONG_PTR)-4096};
    char byte = 0;
    HEAPENTRY32 *entry;
    snap();
    for (int i = 0; i < 8; i++) {
        entry = wrong[i];
        check_fails(Heap32ListFirst(snapshot, wrong[i]), ERROR_NOACCESS);
        check_fails(Heap32ListNext(snapshot, wrong[i]), ERROR_NOACCESS);
        check_fails(Heap32First(entry, 0, (ULONG_PTR)GetProcessHeap()), ERROR_NOACCESS);
        check_fails(Heap32Next(entry), ERROR_NOACCESS);
        check_fails(Toolhelp32ReadProcessMemory(0, &byte, wrong[i], 1, NULL), ERROR_NOACCESS);
        if (i)
            check_fails(Toolhelp32ReadProcessMemory(0, &byte, &byte, 1, wrong[i]), ERROR_NOACCESS);
    }
    close_it();
}

static void handles_that_are_no_snapshot_are_told(void)
{
    HEAPLIST32 list = {.dwSize = sizeof(list)};
    snap();
    const ULONG_PTR wrong[] = {0,
                               1,
                               2,
                               3,
                               4,
                               5,
                               0x1000,
                               0x1004,
                               0x12345678,
                               (ULONG_PTR)&list,
                               (ULONG_PTR)GetProcessHeap(),
                               (ULONG_PTR)snapshot + 1,
                               (ULONG_PTR)snapshot + 4,
                               (ULONG_PTR)snapshot - 4,
                               (ULONG_PTR)snapshot ^ 0x1000,
                               (ULONG_PTR)snapshot | 1ULL << 32,
                               (ULONG_PTR)snapshot | 1ULL << 63,
                               1ULL << 63,
                               (ULONG_PTR)-3,
                               (ULONG_PTR)-4096};
    for (int i = 0; i < 20; i++) {
        HANDLE h = (HANDLE)wrong[i];
        check_fails(Heap32ListFirst(h, &list), ERROR_INVALID_HANDLE);
        check_fails(Heap32ListNext(h, &list), ERROR_INVALID_HANDLE);
        check_fails(CloseHandle(h), ERROR_INVALID_HANDLE);
    }
    check_fails(Heap32ListFirst(INVALID_HANDLE_VALUE, &list), ERROR_INVALID_HANDLE);
    check(times_listed(GetProcessHeap()) == 1, "the snapshot was closed");
    close_it();
}

static void closing_what_means_this_process_does_nothing(void)
{
    check_works(CloseHandle(GetCurrentProcess()));
    check_works(CloseHandle((HANDLE)(LONG_PTR)-2));
    check_fails(CloseHandle(NULL), ERROR_INVALID_HANDLE);
    check_fails(CloseHandle((HANDLE)0x1234567), ERROR_INVALID_HANDLE);
    check_fails(CloseHandle(GetProcessHeap()), ERROR_INVALID_HANDLE);
}

static const struct test tests[] = {
    TEST(closing_what_means_this_process_does_nothing, ""),
    TEST(a_snapshot_lists_every_heap_once, "S372"),
    TEST(a_snapshot_is_of_one_moment, ""),
    TEST(the_end_of_the_list_is_told_again_and_again, "S372"),
    TEST(the_size_of_the_structure_is_needed_and_told, "S373"),
    TEST(the_process_may_be_named_by_its_number, ""),
    TEST(snapshots_do_not_disturb_each_other, ""),
    TEST(a_closed_snapshot_is_none, ""),
    TEST(many_snapshots_can_be_open, ""),
    TEST(too_many_snapshots_are_refused, ""),
    TEST(a_snapshot_needs_known_flags, ""),
    TEST(lists_that_are_not_there_yet_are_refused, ""),
    TEST(all_lists_together_are_those_that_are_there, ""),
    TEST(a_process_that_is_not_there_has_no_snapshot, ""),
    TEST(pointers_that_cannot_be_written_are_told, ""),
    TEST(handles_that_are_no_snapshot_are_told, ""),
    TEST(another_process_is_refused, ""),
    /* Wine has none of these, and ends. */
    TEST(every_block_is_told_once, ""),
    TEST(a_block_larger_than_4_GiB_has_its_size, ""),
    TEST(no_heap_has_no_blocks, ""),
    TEST(a_block_that_is_gone_leads_nowhere, ""),
    TEST(the_size_of_an_entry_is_needed, ""),
    TEST(memory_of_this_process_can_be_read, ""),
    TEST(memory_that_is_not_all_there_is_not_read, ""),
};

int main(int argc, char **argv)
{
    return test_main(tests, TEST_COUNT(tests), argc, argv);
}
