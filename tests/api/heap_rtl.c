/*
 * heap_rtl.c - the calls on heaps under the names of the native library.
 */
#include "heap_blocks.h"

#include <winternl.h>
#include <ntstatus.h>

#ifdef _WIN32
/* mingw's headers leave these out. */
NTSYSAPI PVOID NTAPI RtlReAllocateHeap(PVOID, ULONG, PVOID, SIZE_T);
NTSYSAPI SIZE_T NTAPI RtlSizeHeap(PVOID, ULONG, PVOID);
NTSYSAPI BOOLEAN NTAPI RtlValidateHeap(PVOID, ULONG, PVOID);
NTSYSAPI SIZE_T NTAPI RtlCompactHeap(PVOID, ULONG);
NTSYSAPI BOOLEAN NTAPI RtlLockHeap(PVOID);
NTSYSAPI BOOLEAN NTAPI RtlUnlockHeap(PVOID);
NTSYSAPI ULONG NTAPI RtlGetProcessHeaps(ULONG, PVOID *);
#endif

static PVOID heap; /* of the running test */

static PVOID new_rtl_heap(ULONG flags, SIZE_T reserve, SIZE_T commit)
{
    PVOID h = RtlCreateHeap(flags, NULL, reserve, commit, NULL, NULL);
    check(h, "no heap");
    return h;
}

static void a_heap_is_the_same_under_both_names(void)
{
    heap = new_rtl_heap(HEAP_GROWABLE, 0, 0);
    char *a = RtlAllocateHeap(heap, HEAP_ZERO_MEMORY, 100);
    char *b = HeapAlloc(heap, 0, 200);
    check(a && b && is_filled(a, 0, 100, 0), "%p, %p", a, b);
    check(HeapSize(heap, 0, a) == 100 && RtlSizeHeap(heap, 0, b) == 200, "sizes");
    a = RtlReAllocateHeap(heap, HEAP_ZERO_MEMORY, a, 5000);
    check(a && RtlSizeHeap(heap, 0, a) == 5000 && is_filled(a, 0, 5000, 0), "resized");
    check(RtlValidateHeap(heap, 0, a) == TRUE && RtlValidateHeap(heap, 0, NULL) == TRUE, "valid");
    check(RtlFreeHeap(heap, 0, b) == TRUE && HeapFree(heap, 0, a), "freed");
    check(RtlDestroyHeap(heap) == NULL, "destroyed");
}

static void destroying_gives_nothing_or_the_heap_that_stays(void)
{
    heap = new_rtl_heap(HEAP_GROWABLE, 0, 0);
    RtlAllocateHeap(heap, 0, 100);
    check(RtlDestroyHeap(heap) == NULL, "a heap with a block");
    check(RtlDestroyHeap(GetProcessHeap()) == GetProcessHeap(), "the process heap");
    check(RtlDestroyHeap(NULL) == NULL, "NULL");
}

static int blocks_of_4_KiB(void)
{
    int blocks = 0;
    while (blocks < 1000 && RtlAllocateHeap(heap, 0, 4096))
        blocks++;
    RtlDestroyHeap(heap);
    return blocks;
}

static void a_growable_heap_passes_what_it_reserves(void)
{
    heap = new_rtl_heap(HEAP_GROWABLE, 128 * KIB, 0);
    int blocks = blocks_of_4_KiB();
    check(blocks == 1000, "%d blocks", blocks);
}

static void another_heap_does_not(void)
{
    heap = new_rtl_heap(0, 128 * KIB, 0);
    int blocks = blocks_of_4_KiB();
    check(blocks > 16 && blocks < 32, "%d blocks", blocks);
}

static void a_commit_above_the_reserve_is_no_error(void)
{
    heap = new_rtl_heap(0, 128 * KIB, MIB);
    check(RtlAllocateHeap(heap, 0, 1000), "no block");
    RtlDestroyHeap(heap);
}

static void a_heap_that_reserves_nothing_has_64_pages(void)
{
    heap = new_rtl_heap(0, 0, 0);
    int blocks = blocks_of_4_KiB();
    check(blocks > 40 && blocks < 64, "%d blocks", blocks);
}

static void a_heap_that_only_commits_reserves_that_in_steps_of_16_pages(void)
{
    heap = new_rtl_heap(0, 0, 100 * KIB);
    int blocks = blocks_of_4_KiB();
    check(blocks > 16 && blocks < 32, "%d blocks", blocks);
}

static void hints_are_accepted(void)
{
    RTL_HEAP_PARAMETERS hints;
    memset(&hints, 0, sizeof(hints));
    hints.Length = sizeof(hints);
    heap = RtlCreateHeap(HEAP_GROWABLE, NULL, 0, 0, NULL, &hints);
    check(heap && RtlAllocateHeap(heap, 0, 1000), "no heap");
    RtlDestroyHeap(heap);
}

static void sizes_and_errors_are_those_of_the_other_names(void)
{
    heap = new_rtl_heap(HEAP_GROWABLE, 0, 0);
    char *block = RtlAllocateHeap(heap, 0, 100);
    check_fails(RtlAllocateHeap(heap, 0, IMPOSSIBLE), ERROR_NOT_ENOUGH_MEMORY);
    check_fails(RtlReAllocateHeap(heap, 0, block, IMPOSSIBLE), ERROR_NOT_ENOUGH_MEMORY);
    check_fails(RtlAllocateHeap(NULL, 0, 100), ERROR_INVALID_HANDLE);
    check(RtlReAllocateHeap(heap, 0, NULL, 100) == NULL, "a block of nothing");
    check_works(RtlFreeHeap(heap, 0, NULL));
    check_works(RtlFreeHeap(heap, 0, block));
    check(RtlSizeHeap(heap, 0, block) == NO_SIZE, "a freed block has a size");
    check(!RtlValidateHeap(heap, 0, block), "a freed block is valid");
    RtlDestroyHeap(heap);
}

static void a_heap_can_be_locked(void)
{
    heap = new_rtl_heap(HEAP_GROWABLE, 0, 0);
    check(RtlLockHeap(heap) == TRUE && RtlLockHeap(heap) == TRUE, "lock");
    check(RtlAllocateHeap(heap, 0, 100), "allocate");
    check(RtlUnlockHeap(heap) == TRUE && RtlUnlockHeap(heap) == TRUE, "unlock");
    RtlDestroyHeap(heap);
}

static void a_heap_that_is_not_locked_cannot_be_unlocked(void)
{
    heap = new_rtl_heap(HEAP_GROWABLE, 0, 0);
    check(RtlUnlockHeap(heap) == FALSE, "unlocked");
    RtlDestroyHeap(heap);
}

static void all_heaps_are_listed(void)
{
    PVOID list[200];
    heap = new_rtl_heap(HEAP_GROWABLE, 0, 0);
    ULONG count = RtlGetProcessHeaps(200, list);
    bool found = false;
    check(count >= 2 && count < 200 && list[0] == GetProcessHeap(), "%u heaps", (unsigned)count);
    for (ULONG i = 0; i < count; i++)
        found = found || list[i] == heap;
    check(found, "it is not listed");
    check(RtlGetProcessHeaps(0, NULL) == count, "another count");
    RtlDestroyHeap(heap);
}

static void compacting_tells_the_largest_free_block(void)
{
    char *blocks[100];
    heap = new_rtl_heap(HEAP_GROWABLE, 0, 0);
    for (int i = 0; i < 100; i++)
        blocks[i] = RtlAllocateHeap(heap, 0, 100);
    for (int i = 0; i < 100; i += 2)
        RtlFreeHeap(heap, 0, blocks[i]);
    SIZE_T largest = RtlCompactHeap(heap, 0);
    check(largest >= 100, "%zu bytes", (size_t)largest);
    RtlDestroyHeap(heap);
}

#define check_status(call, expected)                                      \
    do {                                                                  \
        NTSTATUS status_ = (NTSTATUS)(call);                              \
        check(status_ == (NTSTATUS)(expected), "%#x", (unsigned)status_); \
    } while (0)

static void information_comes_with_a_status(void)
{
    ULONG value = 99;
    SIZE_T length = 0;
    heap = GetProcessHeap();
    SetLastError(UNTOUCHED);
    check_status(RtlQueryHeapInformation(heap, 0, &value, sizeof(value), &length), STATUS_SUCCESS);
    check(length == 4 && value != 99, "%zu bytes, %u", (size_t)length, (unsigned)value);
    check_status(RtlQueryHeapInformation(heap, 0, &value, 3, &length), STATUS_BUFFER_TOO_SMALL);
    check_status(RtlSetHeapInformation(NULL, HeapEnableTerminationOnCorruption, NULL, 0),
                 STATUS_SUCCESS);
    check(GetLastError() == UNTOUCHED, "error %u", (unsigned)GetLastError());
}

static void information_tells_what_is_wrong(void)
{
    ULONG zero = 0;
    SIZE_T length;
    heap = GetProcessHeap();
    SetLastError(UNTOUCHED);
    check_status(RtlQueryHeapInformation(heap, 99, &zero, 4, &length), STATUS_INVALID_INFO_CLASS);
    check_status(RtlQueryHeapInformation(NULL, 0, &zero, 4, &length), STATUS_INVALID_HANDLE);
    check_status(RtlSetHeapInformation(heap, 99, &zero, 4), STATUS_INVALID_INFO_CLASS);
    check_status(RtlSetHeapInformation(NULL, 0, &zero, 4), STATUS_INVALID_HANDLE);
    check_status(RtlSetHeapInformation(heap, 0, &zero, 3), STATUS_BUFFER_TOO_SMALL);
    check_status(RtlSetHeapInformation(heap, 0, NULL, 4), STATUS_ACCESS_VIOLATION);
    check_status(RtlSetHeapInformation(heap, 0, &zero, 4), STATUS_UNSUCCESSFUL);
    check(GetLastError() == UNTOUCHED, "error %u", (unsigned)GetLastError());
}

static void memory_of_the_callers_cannot_become_a_heap(void)
{
    RTL_HEAP_PARAMETERS hints;
    char *mine = commit(64 * PAGE);
    memset(&hints, 0, sizeof(hints));
    check(!RtlCreateHeap(0, mine, 64 * PAGE, PAGE, NULL, NULL), "base");
    check(!RtlCreateHeap(HEAP_GROWABLE, NULL, 0, 0, mine, NULL), "lock");
    check(!RtlCreateHeap(HEAP_GROWABLE, NULL, 0, 0, NULL, &hints), "hints without length");
    hints.Length = sizeof(hints);
    hints.CommitRoutine = (void *)mine;
    check(!RtlCreateHeap(HEAP_GROWABLE, NULL, 0, 0, NULL, &hints), "commit routine");
    check(!RtlCreateHeap(HEAP_GROWABLE, NULL, 0, 0, NULL, (void *)8), "hints nowhere");
    release(mine);
}

static const struct test tests[] = {
    TEST(a_heap_is_the_same_under_both_names, ""),
    TEST(destroying_gives_nothing_or_the_heap_that_stays, ""),
    TEST(a_growable_heap_passes_what_it_reserves, ""),
    TEST(another_heap_does_not, ""),
    TEST(a_commit_above_the_reserve_is_no_error, "S266"),
    TEST(a_heap_that_reserves_nothing_has_64_pages, ""),
    TEST(a_heap_that_only_commits_reserves_that_in_steps_of_16_pages, ""),
    TEST(hints_are_accepted, ""),
    TEST(sizes_and_errors_are_those_of_the_other_names, ""),
    TEST(a_heap_can_be_locked, ""),
    TEST(a_heap_that_is_not_locked_cannot_be_unlocked, ""),
    TEST(all_heaps_are_listed, ""),
    TEST(compacting_tells_the_largest_free_block, "S292"),
    TEST(information_comes_with_a_status, ""),
    TEST(information_tells_what_is_wrong, ""),
    TEST(memory_of_the_callers_cannot_become_a_heap, ""),
};

int main(int argc, char **argv)
{
    return test_main(tests, TEST_COUNT(tests), argc, argv);
}
