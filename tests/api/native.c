/*
 * native.c - the native forms: statuses instead of last errors, ranges rounded in place.
 */
#include "memory.h"

#include <winternl.h>
#include <ntstatus.h>

#ifdef _WIN32
/* mingw's winternl.h leaves these out. */
NTSTATUS NTAPI NtAllocateVirtualMemory(HANDLE, PVOID *, ULONG_PTR, PSIZE_T, ULONG, ULONG);
NTSTATUS NTAPI NtFreeVirtualMemory(HANDLE, PVOID *, PSIZE_T, ULONG);
NTSTATUS NTAPI NtProtectVirtualMemory(HANDLE, PVOID *, PSIZE_T, ULONG, PULONG);
NTSTATUS NTAPI NtQueryVirtualMemory(HANDLE, PVOID, int, PVOID, SIZE_T, PSIZE_T);
#define MemoryBasicInformation 0
#define MemoryImageInformation 6
#endif

#define ME ((HANDLE)(LONG_PTR)-1)

#define check_status(call, expected)                                      \
    do {                                                                  \
        NTSTATUS status_ = (call);                                        \
        check(status_ == (NTSTATUS)(expected), "%#x", (unsigned)status_); \
    } while (0)

static void *nt_allocate(SIZE_T size, ULONG type)
{
    void *base = NULL;
    check_status(NtAllocateVirtualMemory(ME, &base, 0, &size, type, PAGE_READWRITE),
                 STATUS_SUCCESS);
    return base;
}

static void nt_release(void *base)
{
    SIZE_T size = 0;
    check_status(NtFreeVirtualMemory(ME, &base, &size, MEM_RELEASE), STATUS_SUCCESS);
}

static void allocating_rounds_base_and_size_in_place(void)
{
    char *place = free_place(4 * GRANULE);
    void *base = place + 0x12345;
    SIZE_T size = 0x1000;
    SetLastError(UNTOUCHED);
    check_status(NtAllocateVirtualMemory(ME, &base, 0, &size, MEM_RESERVE, PAGE_READWRITE),
                 STATUS_SUCCESS);
    check(base == place + GRANULE, "base %p of %p", base, place);
    check(size == 0x4000, "size %#zx", (size_t)size);
    check(GetLastError() == UNTOUCHED, "native calls have no last error");
    nt_release(base);
}

static void a_failing_allocation_leaves_base_and_size(void)
{
    char *place = nt_allocate(PAGE, MEM_RESERVE);
    void *base = place + 5;
    SIZE_T size = 5;
    check_status(NtAllocateVirtualMemory(ME, &base, 0, &size, MEM_RESERVE, PAGE_READWRITE),
                 STATUS_CONFLICTING_ADDRESSES);
    check(base == place + 5 && size == 5, "base %p, size %zu", base, (size_t)size);
    nt_release(place);
}

static void allocating_tells_what_is_wrong(void)
{
    void *base = NULL;
    SIZE_T size = PAGE;
    check_status(NtAllocateVirtualMemory(NULL, &base, 0, &size, MEM_RESERVE, PAGE_READWRITE),
                 STATUS_INVALID_HANDLE);
    check_status(NtAllocateVirtualMemory(ME, &base, 0, &size, MEM_RESERVE, 0),
                 STATUS_INVALID_PAGE_PROTECTION);
    check_status(NtAllocateVirtualMemory(ME, &base, 0, &size, 0, PAGE_READWRITE),
                 STATUS_INVALID_PARAMETER_5);
    check_status(NtAllocateVirtualMemory(ME, &base, 25, &size, MEM_RESERVE, PAGE_READWRITE),
                 STATUS_INVALID_PARAMETER_3);
    check(base == NULL && size == PAGE, "base %p, size %zu", base, (size_t)size);
    size = 0;
    check_status(NtAllocateVirtualMemory(ME, &base, 0, &size, MEM_RESERVE, PAGE_READWRITE),
                 STATUS_INVALID_PARAMETER_4);
}

static void committing_too_much_tells_the_commit_limit(void)
{
    void *base = NULL;
    SIZE_T size = 16 * TIB;
    check_status(
        NtAllocateVirtualMemory(ME, &base, 0, &size, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE),
        STATUS_COMMITMENT_LIMIT);
}

static void freeing_rounds_base_and_size_in_place(void)
{
    char *p = nt_allocate(4 * PAGE, MEM_RESERVE | MEM_COMMIT);
    void *base = p + 2 * PAGE - 1;
    SIZE_T size = 2;
    check_status(NtFreeVirtualMemory(ME, &base, &size, MEM_DECOMMIT), STATUS_SUCCESS);
    check(base == p + PAGE && size == 2 * PAGE, "base %p of %p, size %zu", base, p, (size_t)size);
    base = p;
    size = 0;
    check_status(NtFreeVirtualMemory(ME, &base, &size, MEM_RELEASE), STATUS_SUCCESS);
    check(base == p && size == 4 * PAGE, "base %p, size %zu", base, (size_t)size);
}

static void freeing_tells_what_is_wrong(void)
{
    char *p = nt_allocate(4 * PAGE, MEM_RESERVE | MEM_COMMIT);
    void *base = p;
    SIZE_T size = 0;
    check_status(NtFreeVirtualMemory(NULL, &base, &size, MEM_RELEASE), STATUS_INVALID_HANDLE);
    check_status(NtFreeVirtualMemory(ME, &base, &size, 0), STATUS_INVALID_PARAMETER_4);
    base = p + PAGE;
    check_status(NtFreeVirtualMemory(ME, &base, &size, MEM_RELEASE), STATUS_FREE_VM_NOT_AT_BASE);
    base = p + 3 * PAGE;
    size = 2 * PAGE;
    check_status(NtFreeVirtualMemory(ME, &base, &size, MEM_DECOMMIT), STATUS_UNABLE_TO_FREE_VM);
    nt_release(p);
}

static void freeing_free_memory_tells_that_nothing_is_there(void)
{
    void *base = free_place(PAGE);
    SIZE_T size = 0;
    check_status(NtFreeVirtualMemory(ME, &base, &size, MEM_RELEASE), STATUS_MEMORY_NOT_ALLOCATED);
}

static void protecting_rounds_base_and_size_in_place(void)
{
    char *p = nt_allocate(4 * PAGE, MEM_RESERVE | MEM_COMMIT);
    void *base = p + 2 * PAGE - 1;
    SIZE_T size = 2;
    ULONG old = 0;
    check_status(NtProtectVirtualMemory(ME, &base, &size, PAGE_READONLY, &old), STATUS_SUCCESS);
    check(base == p + PAGE && size == 2 * PAGE, "base %p of %p, size %zu", base, p, (size_t)size);
    check(old == PAGE_READWRITE, "old %#x", (unsigned)old);
    nt_release(p);
}

static void protecting_tells_what_is_wrong(void)
{
    char *p = nt_allocate(4 * PAGE, MEM_RESERVE);
    void *base = p;
    SIZE_T size = PAGE;
    ULONG old;
    check_status(NtProtectVirtualMemory(NULL, &base, &size, PAGE_READONLY, &old),
                 STATUS_INVALID_HANDLE);
    check_status(NtProtectVirtualMemory(ME, &base, &size, PAGE_READONLY, &old),
                 STATUS_NOT_COMMITTED);
    check_status(NtProtectVirtualMemory(ME, &base, &size, PAGE_READONLY, NULL),
                 STATUS_ACCESS_VIOLATION);
    check(base == p && size == PAGE, "base %p, size %zu", base, (size_t)size);
    nt_release(p);
}

static void querying_tells_the_length_of_the_answer(void)
{
    MEMORY_BASIC_INFORMATION info;
    SIZE_T got = 0;
    char *p = nt_allocate(4 * PAGE, MEM_RESERVE);
    check_status(
        NtQueryVirtualMemory(ME, p + PAGE, MemoryBasicInformation, &info, sizeof(info), &got),
        STATUS_SUCCESS);
    check(got == sizeof(info), "%zu bytes", (size_t)got);
    check(info.AllocationBase == p && info.RegionSize == 3 * PAGE, "%p, %#zx", info.AllocationBase,
          (size_t)info.RegionSize);
    check_status(NtQueryVirtualMemory(ME, p, MemoryBasicInformation, &info, sizeof(info), NULL),
                 STATUS_SUCCESS);
    nt_release(p);
}

static void querying_tells_what_is_wrong(void)
{
    MEMORY_BASIC_INFORMATION info;
    char *p = nt_allocate(PAGE, MEM_RESERVE);
    check_status(NtQueryVirtualMemory(NULL, p, MemoryBasicInformation, &info, sizeof(info), NULL),
                 STATUS_INVALID_HANDLE);
    check_status(NtQueryVirtualMemory(ME, p, MemoryBasicInformation, &info, 47, NULL),
                 STATUS_INFO_LENGTH_MISMATCH);
    check_status(NtQueryVirtualMemory(ME, p, 999, &info, sizeof(info), NULL),
                 STATUS_INVALID_INFO_CLASS);
    check_status(NtQueryVirtualMemory(ME, p, MemoryBasicInformation, NULL, sizeof(info), NULL),
                 STATUS_ACCESS_VIOLATION);
    check_status(NtQueryVirtualMemory(ME, (void *)(LONG_PTR)-1, MemoryBasicInformation, &info,
                                      sizeof(info), NULL),
                 STATUS_INVALID_PARAMETER);
    nt_release(p);
}

static void every_status_of_memory_has_its_error(void)
{
    static const struct {
        DWORD status;
        ULONG error;
    } table[] = {
        {0x00000000, 0},    {0x00000103, 997},  {0x80000001, 0x80000001}, {0x80000005, 234},
        {0xC0000001, 31},   {0xC0000002, 1},    {0xC0000003, 87},         {0xC0000004, 24},
        {0xC0000005, 998},  {0xC0000006, 999},  {0xC0000008, 6},          {0xC000000D, 87},
        {0xC0000017, 8},    {0xC0000018, 487},  {0xC0000019, 487},        {0xC000001A, 87},
        {0xC000001B, 87},   {0xC0000022, 5},    {0xC0000023, 122},        {0xC000002A, 158},
        {0xC000002D, 487},  {0xC0000045, 87},   {0xC000004E, 87},         {0xC0000061, 1314},
        {0xC000007F, 112},  {0xC000009A, 1450}, {0xC000009F, 487},        {0xC00000A0, 487},
        {0xC00000A1, 1453}, {0xC00000BB, 50},   {0xC00000F1, 87},         {0xC00000FD, 1001},
        {0xC000012D, 1455}, {0xC0070057, 87},   {0x80070005, 5},          {0xC0999999, 317},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        ULONG error = RtlNtStatusToDosError((NTSTATUS)table[i].status);
        check(error == table[i].error, "%#x is error %u, not %u", (unsigned)table[i].status,
              (unsigned)error, (unsigned)table[i].error);
    }
}

static const struct test tests[] = {
    TEST(allocating_rounds_base_and_size_in_place, "S002"),
    TEST(a_failing_allocation_leaves_base_and_size, ""),
    TEST(allocating_tells_what_is_wrong, ""),
    TEST(committing_too_much_tells_the_commit_limit, "S035"),
    TEST(freeing_rounds_base_and_size_in_place, "S045"),
    TEST(freeing_tells_what_is_wrong, ""),
    TEST(freeing_free_memory_tells_that_nothing_is_there, "S050"),
    TEST(protecting_rounds_base_and_size_in_place, ""),
    TEST(protecting_tells_what_is_wrong, ""),
    TEST(querying_tells_the_length_of_the_answer, ""),
    TEST(querying_tells_what_is_wrong, ""),
    TEST(every_status_of_memory_has_its_error, ""),
};

int main(int argc, char **argv)
{
    return test_main(tests, TEST_COUNT(tests), argc, argv);
}
