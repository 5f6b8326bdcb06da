/*
 * system_info.c - the machine, its memory and its clocks; last errors; moving memory.
 */
#include "memory.h"

#include <winternl.h>

/* ---- the machine ----------------------------------------------------------------------------- */

static void check_machine(const SYSTEM_INFO *s)
{
    check(s->dwPageSize == PAGE, "page %u", (unsigned)s->dwPageSize);
    check(s->dwAllocationGranularity == GRANULE, "%u", (unsigned)s->dwAllocationGranularity);
    check(s->lpMinimumApplicationAddress == (void *)0x10000, "%p", s->lpMinimumApplicationAddress);
    check(s->lpMaximumApplicationAddress == (void *)0x7FFFFFFEFFFF, "%p",
          s->lpMaximumApplicationAddress);
#if defined(__x86_64__)
    check(s->wProcessorArchitecture == PROCESSOR_ARCHITECTURE_AMD64, "architecture %u",
          (unsigned)s->wProcessorArchitecture);
    check(s->dwProcessorType == PROCESSOR_AMD_X8664, "type %u", (unsigned)s->dwProcessorType);
#endif
    check(s->dwNumberOfProcessors >= 1, "%u processors", (unsigned)s->dwNumberOfProcessors);
    check(s->dwActiveProcessorMask != 0, "no processor is active");
}

static void the_machine_is_told_as_on_windows(void)
{
    SYSTEM_INFO s;
    GetSystemInfo(&s);
    check_machine(&s);
}

static void a_native_program_sees_the_same_machine(void)
{
    SYSTEM_INFO s;
    GetNativeSystemInfo(&s);
    check_machine(&s);
}

static void memory_status_needs_its_length(void)
{
    MEMORYSTATUSEX m = {.dwLength = sizeof(m) - 1};
    check_fails(GlobalMemoryStatusEx(&m), ERROR_INVALID_PARAMETER);
    m.dwLength = 0;
    check_fails(GlobalMemoryStatusEx(&m), ERROR_INVALID_PARAMETER);
}

static void memory_status_adds_up(void)
{
    MEMORYSTATUSEX m = {.dwLength = sizeof(m)};
    SYSTEM_INFO s;
    GetSystemInfo(&s);
    check_works(GlobalMemoryStatusEx(&m));
    check(m.ullAvailPhys <= m.ullTotalPhys, "RAM %llu of %llu", m.ullAvailPhys, m.ullTotalPhys);
    DWORD load = (DWORD)((m.ullTotalPhys - m.ullAvailPhys) / (m.ullTotalPhys / 100));
    check(m.dwMemoryLoad == (load > 100 ? 100 : load), "load %u, not %u", (unsigned)m.dwMemoryLoad,
          (unsigned)load);
    check(m.ullTotalPageFile > 0 && m.ullAvailPageFile <= m.ullTotalPageFile, "%llu of %llu",
          m.ullAvailPageFile, m.ullTotalPageFile);
    check(m.ullTotalVirtual == (ULONG_PTR)s.lpMaximumApplicationAddress -
                                   (ULONG_PTR)s.lpMinimumApplicationAddress + 1,
          "%llu", m.ullTotalVirtual);
    check(m.ullAvailVirtual <= m.ullTotalVirtual, "%llu", m.ullAvailVirtual);
    check(m.ullAvailExtendedVirtual == 0, "%llu", m.ullAvailExtendedVirtual);
}

static void a_reservation_takes_virtual_memory(void)
{
    MEMORYSTATUSEX before = {.dwLength = sizeof(before)};
    MEMORYSTATUSEX after = {.dwLength = sizeof(after)};
    check_works(GlobalMemoryStatusEx(&before));
    char *p = reserve(TIB);
    check_works(GlobalMemoryStatusEx(&after));
    release(p);
    check(before.ullAvailVirtual - after.ullAvailVirtual == TIB, "%llu",
          before.ullAvailVirtual - after.ullAvailVirtual);
}

static void the_old_memory_status_tells_the_same(void)
{
    MEMORYSTATUS old;
    MEMORYSTATUSEX m = {.dwLength = sizeof(m)};
    check_works(GlobalMemoryStatusEx(&m));
    GlobalMemoryStatus(&old);
    check(old.dwLength == sizeof(old), "length %u", (unsigned)old.dwLength);
    check(old.dwTotalPhys == m.ullTotalPhys, "%zu", (size_t)old.dwTotalPhys);
}

/* ---- clocks, names --------------------------------------------------------------------------- */

static void sleeping_takes_its_time_on_every_clock(void)
{
    LARGE_INTEGER frequency;
    LARGE_INTEGER start;
    LARGE_INTEGER end;
    check_works(QueryPerformanceFrequency(&frequency));
    check_works(QueryPerformanceCounter(&start));
    ULONGLONG ticks = GetTickCount64();
    Sleep(50);
    check_works(QueryPerformanceCounter(&end));
    LONGLONG ms = (end.QuadPart - start.QuadPart) * 1000 / frequency.QuadPart;
    check(ms >= 49 && ms < 5000, "%d ms", (int)ms);
    check(GetTickCount64() - ticks >= 30, "%d ms", (int)(GetTickCount64() - ticks));
    check(GetTickCount64() - GetTickCount() < 1000 || GetTickCount64() >> 32, "the ticks differ");
}

static void process_and_thread_have_numbers(void)
{
    check(GetCurrentProcess() == (HANDLE)(LONG_PTR)-1, "%p", GetCurrentProcess());
    check(GetCurrentProcessId() != 0 && GetCurrentThreadId() != 0, "no number");
    check(!IsDebuggerPresent(), "nobody debugs this");
}

/* ---- errors ---------------------------------------------------------------------------------- */

static void the_last_error_is_what_was_set(void)
{
    SetLastError(12345);
    check(GetLastError() == 12345, "error %u", (unsigned)GetLastError());
    SetLastError(0);
    check(GetLastError() == 0, "error %u", (unsigned)GetLastError());
}

/* ---- memory functions ------------------------------------------------------------------------ */

static void memory_is_filled_copied_moved_and_cleared(void)
{
    char a[16];
    char b[16];
    FillMemory(a, sizeof(a), 'x');
    check(a[0] == 'x' && a[15] == 'x', "fill");
    CopyMemory(b, a, sizeof(a));
    check(RtlEqualMemory(a, b, sizeof(a)), "copy");
    memcpy(a, "0123456789abcde", 16);
    MoveMemory(a + 1, a, 8);
    check(memcmp(a, "0012345679abcde", 16) == 0, "move made %s", a);
    ZeroMemory(b, 8);
    check(b[7] == 0 && b[8] == 'x', "zero");
    check(SecureZeroMemory(b, 16) == b && b[15] == 0, "secure zero");
}

#ifdef SecureZeroMemory2
static void volatile_memory_is_filled_copied_moved_and_cleared(void)
{
    char a[16] = "0123456789abcde";
    char b[16];
    check(CopyVolatileMemory(b, a, 16) == b && memcmp(a, b, 16) == 0, "copy");
    check(MoveVolatileMemory(a + 1, a, 8) == a + 1, "move");
    check(memcmp(a, "0012345679abcde", 16) == 0, "move up made %s", a);
    check(MoveVolatileMemory(a, a + 1, 8) == a, "move");
    check(memcmp(a, "0123456779abcde", 16) == 0, "move down made %s", a);
    FillVolatileMemory(a, 4, 'x');
    check(memcmp(a, "xxxx456779abcde", 16) == 0, "fill made %s", a);
    check(ZeroVolatileMemory(a, 2) == a && a[1] == 0 && a[2] == 'x', "zero");
    check(SecureZeroMemory2(a, 16) == a && a[14] == 0, "secure zero");
}
#else
static void volatile_memory_is_filled_copied_moved_and_cleared(void)
{
    skip("these headers have no volatile forms");
}
#endif

static const struct test tests[] = {
    TEST(the_machine_is_told_as_on_windows, "S127"),
    TEST(a_native_program_sees_the_same_machine, "S127"),
    TEST(memory_status_needs_its_length, "S125"),
    TEST(memory_status_adds_up, "S126"),
    TEST(a_reservation_takes_virtual_memory, ""),
    TEST(the_old_memory_status_tells_the_same, ""),
    TEST(sleeping_takes_its_time_on_every_clock, ""),
    TEST(process_and_thread_have_numbers, ""),
    TEST(the_last_error_is_what_was_set, ""),
    TEST(memory_is_filled_copied_moved_and_cleared, ""),
    TEST(volatile_memory_is_filled_copied_moved_and_cleared, ""),
};

int main(int argc, char **argv)
{
    return test_main(tests, TEST_COUNT(tests), argc, argv);
}
