/*
 * bad_input.c - every call with everything that is wrong: the documented error, never a crash.
 *
 * The addresses are of five sorts: none of ours and nobody's (NULL, low, not canonical, the
 * kernel's), foreign but mapped (code, globals, the stack, malloc), and freed.
 */
#include "memory.h"

#include <psapi.h>
#include <stdlib.h>

static int global;

/* Addresses where nobody has anything. */
static void *const nowhere[] = {
    NULL,
    (void *)1,
    (void *)0xfff,
    (void *)0x7FFFFFFF0000,
    (void *)0x0000800000000000,
    (void *)0x8000000000000000,
    (void *)0xffff800000000000,
    (void *)0xffffffffff600000,
    (void *)(LONG_PTR)-4096,
    (void *)(LONG_PTR)-1,
};
enum { NOWHERE = sizeof(nowhere) / sizeof(nowhere[0]) };

static const SIZE_T sizes[] = {
    0,         1, 4095, 4096, 65537, (SIZE_T)1 << 47, (SIZE_T)1 << 63, (SIZE_T)-4096, (SIZE_T)-4095,
    (SIZE_T)-1};
enum { SIZES = sizeof(sizes) / sizeof(sizes[0]) };

static const DWORD junk[] = {0,          1,          2,          0x10,       0x800,    0x8001,
                             0x40000000, 0x80000000, 0xffffffff, 0xdeadbeef, 0x3000f0, 0x7fffffff};
enum { JUNK = sizeof(junk) / sizeof(junk[0]) };

static bool is_one_of(DWORD error, const DWORD *allowed, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (error == allowed[i])
            return true;
    return false;
}

/* The call failed for one of the reasons that its page lists. */
#define check_refused(call, ...)                                                           \
    do {                                                                                   \
        const DWORD allowed_[] = {__VA_ARGS__};                                            \
        SetLastError(UNTOUCHED);                                                           \
        check(!(call), "it should fail");                                                  \
        check(is_one_of(GetLastError(), allowed_, sizeof(allowed_) / sizeof(allowed_[0])), \
              "error %u", (unsigned)GetLastError());                                       \
    } while (0)

static void nobodys_addresses_cannot_be_freed(void)
{
    for (int i = 0; i < NOWHERE; i++)
        for (int s = 0; s < SIZES; s++) {
            check_refused(VirtualFree(nowhere[i], sizes[s], MEM_DECOMMIT), ERROR_INVALID_PARAMETER,
                          ERROR_INVALID_ADDRESS);
            check_refused(VirtualFree(nowhere[i], sizes[s], MEM_RELEASE), ERROR_INVALID_PARAMETER,
                          ERROR_INVALID_ADDRESS);
        }
}

static void nobodys_addresses_cannot_be_protected(void)
{
    DWORD old = UNTOUCHED;
    for (int i = 0; i < NOWHERE; i++)
        for (int s = 1; s < SIZES; s++)
            check_refused(VirtualProtect(nowhere[i], sizes[s], PAGE_READWRITE, &old),
                          ERROR_INVALID_PARAMETER, ERROR_INVALID_ADDRESS);
    check(old == UNTOUCHED, "old is %#x", (unsigned)old);
}

static void nobodys_addresses_cannot_be_committed_or_reset(void)
{
    for (int i = 1; i < NOWHERE; i++)
        for (int s = 0; s < SIZES; s++) {
            check_refused(VirtualAlloc(nowhere[i], sizes[s], MEM_COMMIT, PAGE_READWRITE),
                          ERROR_INVALID_PARAMETER, ERROR_INVALID_ADDRESS);
            check_refused(VirtualAlloc(nowhere[i], sizes[s], MEM_RESET, PAGE_READWRITE),
                          ERROR_INVALID_PARAMETER, ERROR_INVALID_ADDRESS);
        }
}

static void addresses_outside_the_user_range_cannot_be_reserved(void)
{
    for (int i = 1; i < NOWHERE; i++)
        check_refused(VirtualAlloc(nowhere[i], PAGE, MEM_RESERVE, PAGE_READWRITE),
                      ERROR_INVALID_PARAMETER, ERROR_INVALID_ADDRESS);
}

static void a_range_that_wraps_is_refused(void)
{
    char *p = commit(4 * PAGE);
    DWORD old;
    for (SIZE_T size = (SIZE_T)-3 * PAGE; size != 0; size += PAGE) {
        check_refused(VirtualAlloc(p, size, MEM_COMMIT, PAGE_READWRITE), ERROR_INVALID_PARAMETER);
        check_refused(VirtualFree(p, size, MEM_DECOMMIT), ERROR_INVALID_PARAMETER);
        check_refused(VirtualProtect(p, size, PAGE_READONLY, &old), ERROR_INVALID_PARAMETER,
                      ERROR_INVALID_ADDRESS);
    }
    check_run(p, 4 * PAGE, MEM_COMMIT, PAGE_READWRITE);
    release(p);
}

static void junk_types_are_refused_or_harmless(void)
{
    char *p = commit(4 * PAGE);
    for (int i = 0; i < JUNK; i++) {
        void *q = VirtualAlloc(NULL, PAGE, junk[i], PAGE_READWRITE);
        if (q)
            release(q);
        check_refused(VirtualFree(p, PAGE, junk[i]), ERROR_INVALID_PARAMETER);
    }
    check_run(p, 4 * PAGE, MEM_COMMIT, PAGE_READWRITE);
    release(p);
}

static void junk_protections_change_nothing(void)
{
    char *p = commit(4 * PAGE);
    DWORD old = UNTOUCHED;
    for (int i = 3; i < JUNK; i++) {
        if (junk[i] == PAGE_EXECUTE)
            continue;
        check_refused(VirtualProtect(p, PAGE, junk[i], &old), ERROR_INVALID_PARAMETER);
        check_refused(VirtualAlloc(p, PAGE, MEM_COMMIT, junk[i]), ERROR_INVALID_PARAMETER);
    }
    check(old == UNTOUCHED, "old is %#x", (unsigned)old);
    check_run(p, 4 * PAGE, MEM_COMMIT, PAGE_READWRITE);
    release(p);
}

static void out_parameters_that_cannot_be_written_are_told(void)
{
    char *p = commit(PAGE);
    HANDLE me = GetCurrentProcess();
    SIZE_T size;
    for (int i = 0; i < NOWHERE; i++) {
        void *bad = nowhere[i];
        check_fails(VirtualProtect(p, PAGE, PAGE_READONLY, bad), ERROR_NOACCESS);
        check_fails(VirtualQuery(p, bad, sizeof(MEMORY_BASIC_INFORMATION)), ERROR_NOACCESS);
        check_fails(GetProcessWorkingSetSize(me, bad, &size), ERROR_NOACCESS);
        check_fails(GetProcessWorkingSetSize(me, &size, bad), ERROR_NOACCESS);
        check_fails(GetProcessWorkingSetSizeEx(me, &size, &size, bad), ERROR_NOACCESS);
        check_fails(GetProcessMemoryInfo(me, bad, sizeof(PROCESS_MEMORY_COUNTERS)), ERROR_NOACCESS);
        check_fails(GetPerformanceInfo(bad, sizeof(PERFORMANCE_INFORMATION)), ERROR_NOACCESS);
        check_fails(GlobalMemoryStatusEx(bad), ERROR_NOACCESS);
        check_fails(QueryPerformanceCounter(bad), ERROR_NOACCESS);
        GetSystemInfo(bad);
        GlobalMemoryStatus(bad);
    }
    release(p);
}

static void an_out_parameter_in_memory_that_was_freed_is_told(void)
{
    char *p = commit(PAGE);
    char *gone = commit(PAGE);
    check_works(
        VirtualQuery(p, (MEMORY_BASIC_INFORMATION *)gone, sizeof(MEMORY_BASIC_INFORMATION)));
    release(gone);
    check_fails(VirtualQuery(p, (MEMORY_BASIC_INFORMATION *)gone, sizeof(MEMORY_BASIC_INFORMATION)),
                ERROR_NOACCESS);
    check_fails(VirtualProtect(p, PAGE, PAGE_READONLY, (DWORD *)gone), ERROR_NOACCESS);
    release(p);
}

static void an_out_parameter_across_the_end_of_memory_is_told(void)
{
    char *p = reserve(2 * PAGE);
    check_works(VirtualAlloc(p, PAGE, MEM_COMMIT, PAGE_READWRITE));
    void *across = p + PAGE - 8;
    check_fails(VirtualQuery(p, across, sizeof(MEMORY_BASIC_INFORMATION)), ERROR_NOACCESS);
    check_fails(VirtualProtect(p, PAGE, PAGE_READONLY, (DWORD *)(p + PAGE - 2)), ERROR_NOACCESS);
    check_run(p, PAGE, MEM_COMMIT, PAGE_READWRITE);
    release(p);
}

#ifdef _WIN32
#define c_library puts /* a block of its heap may be VirtualAlloc's own, and then it can be freed */
#else
#define c_library heap_block()
static void *heap_block(void)
{
    static void *block;
    if (!block)
        block = malloc(1 << 20);
    return block;
}
#endif

/* Memory that others have: it can be asked about, and not freed. */
static void foreign_memory_can_be_queried_but_not_freed(void)
{
    int local = 5;
    void *foreign[] = {&local, &global, (void *)c_library,
                       (void *)(ULONG_PTR)foreign_memory_can_be_queried_but_not_freed};
    for (int i = 0; i < 4; i++) {
        check(info_of(foreign[i]).State == MEM_COMMIT, "%d: %#x", i,
              (unsigned)info_of(foreign[i]).State);
        check_refused(VirtualFree(foreign[i], 0, MEM_RELEASE), ERROR_INVALID_PARAMETER,
                      ERROR_INVALID_ADDRESS);
    }
    check(local == 5 && global == 0, "it changed");
}

static void foreign_addresses_cannot_be_reserved(void)
{
    int local = 5;
    check_refused(VirtualAlloc(&local, PAGE, MEM_RESERVE, PAGE_READWRITE), ERROR_INVALID_ADDRESS);
    check_refused(VirtualAlloc(&global, PAGE, MEM_RESERVE, PAGE_READWRITE), ERROR_INVALID_ADDRESS);
    check(local == 5, "it changed");
}

static void freed_memory_is_gone_for_every_call(void)
{
    char *p = commit(4 * PAGE);
    DWORD old;
    release(p);
    check_refused(VirtualFree(p, 0, MEM_RELEASE), ERROR_INVALID_ADDRESS, ERROR_INVALID_PARAMETER);
    check_refused(VirtualFree(p, PAGE, MEM_DECOMMIT), ERROR_INVALID_ADDRESS,
                  ERROR_INVALID_PARAMETER);
    check_refused(VirtualProtect(p, PAGE, PAGE_READONLY, &old), ERROR_INVALID_ADDRESS,
                  ERROR_INVALID_PARAMETER);
    check_refused(VirtualAlloc(p, PAGE, MEM_COMMIT, PAGE_READWRITE), ERROR_INVALID_ADDRESS);
    check_refused(VirtualAlloc(p, PAGE, MEM_RESET, PAGE_READWRITE), ERROR_INVALID_ADDRESS);
}

static void handles_that_are_no_process_are_refused(void)
{
    static const LONG_PTR wrong[] = {0, 3, 0x1234567, -3, -1000};
    MEMORY_BASIC_INFORMATION info;
    DWORD old;
    char *p = commit(PAGE);
    for (int i = 0; i < 5; i++) {
        HANDLE h = (HANDLE)wrong[i];
        check_fails(VirtualAllocEx(h, NULL, PAGE, MEM_RESERVE, PAGE_READWRITE),
                    ERROR_INVALID_HANDLE);
        check_fails(VirtualFreeEx(h, p, 0, MEM_RELEASE), ERROR_INVALID_HANDLE);
        check_fails(VirtualProtectEx(h, p, PAGE, PAGE_READONLY, &old), ERROR_INVALID_HANDLE);
        check_fails(VirtualQueryEx(h, p, &info, sizeof(info)), ERROR_INVALID_HANDLE);
    }
    check_run(p, PAGE, MEM_COMMIT, PAGE_READWRITE);
    release(p);
}

static void handlers_that_are_none_cannot_be_removed(void)
{
    int local = 0;
    check(!RemoveVectoredExceptionHandler(NULL), "NULL");
    check(!RemoveVectoredExceptionHandler(&local), "a local variable");
    check(!RemoveVectoredExceptionHandler((void *)(LONG_PTR)-1), "all ones");
    check(!RemoveVectoredContinueHandler(&local), "a local variable");
}

static const struct test tests[] = {
    TEST(nobodys_addresses_cannot_be_freed, ""),
    TEST(nobodys_addresses_cannot_be_protected, ""),
    TEST(nobodys_addresses_cannot_be_committed_or_reset, ""),
    TEST(addresses_outside_the_user_range_cannot_be_reserved, ""),
    TEST(a_range_that_wraps_is_refused, ""),
    TEST(junk_types_are_refused_or_harmless, ""),
    TEST(junk_protections_change_nothing, ""),
    TEST(out_parameters_that_cannot_be_written_are_told, ""),
    TEST(an_out_parameter_in_memory_that_was_freed_is_told, ""),
    TEST(an_out_parameter_across_the_end_of_memory_is_told, ""),
    TEST(foreign_memory_can_be_queried_but_not_freed, ""),
    TEST(foreign_addresses_cannot_be_reserved, ""),
    TEST(freed_memory_is_gone_for_every_call, ""),
    TEST(handles_that_are_no_process_are_refused, ""),
    TEST(handlers_that_are_none_cannot_be_removed, ""),
};

int main(int argc, char **argv)
{
    return test_main(tests, TEST_COUNT(tests), argc, argv);
}
