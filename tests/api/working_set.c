/*
 * working_set.c - the working set's limits; what a process and the system use.
 */
#include "memory.h"

#include <psapi.h>

#define MIB ((SIZE_T)1 << 20)

#define HARD_MIN QUOTA_LIMITS_HARDWS_MIN_ENABLE
#define SOFT_MIN QUOTA_LIMITS_HARDWS_MIN_DISABLE
#define HARD_MAX QUOTA_LIMITS_HARDWS_MAX_ENABLE
#define SOFT_MAX QUOTA_LIMITS_HARDWS_MAX_DISABLE

/* ---- limits ---------------------------------------------------------------------------------- */

static void a_fresh_process_may_have_50_to_345_pages(void)
{
    SIZE_T minimum = 0;
    SIZE_T maximum = 0;
    DWORD flags = 0;
    check_works(GetProcessWorkingSetSizeEx(GetCurrentProcess(), &minimum, &maximum, &flags));
    check(minimum == 50 * PAGE, "minimum %zu", (size_t)minimum);
    check(maximum == 345 * PAGE, "maximum %zu", (size_t)maximum);
    check(flags == (SOFT_MIN | SOFT_MAX), "flags %#x", (unsigned)flags);
}

static void minus_1_twice_trims_and_keeps_contents(void)
{
    char *p = commit(64 * PAGE);
    memset(p, 'x', 64 * PAGE);
    check_works(SetProcessWorkingSetSize(GetCurrentProcess(), (SIZE_T)-1, (SIZE_T)-1));
    check_works(EmptyWorkingSet(GetCurrentProcess()));
    for (SIZE_T i = 0; i < 64 * PAGE; i++)
        check(p[i] == 'x', "byte %u is %d", (unsigned)i, p[i]);
    release(p);
}

static void limits_that_make_no_sense_are_refused(void)
{
    HANDLE me = GetCurrentProcess();
    check_fails(SetProcessWorkingSetSize(me, 200 * PAGE, 100 * PAGE), ERROR_INVALID_PARAMETER);
    check_fails(SetProcessWorkingSetSize(me, 0, 100 * PAGE), ERROR_INVALID_PARAMETER);
    check_fails(SetProcessWorkingSetSize(me, PAGE, 12 * PAGE), ERROR_INVALID_PARAMETER);
}

static void limits_are_kept(void)
{
    SIZE_T minimum;
    SIZE_T maximum;
    HANDLE me = GetCurrentProcess();
    check_works(SetProcessWorkingSetSize(me, 100 * PAGE, 4000 * PAGE));
    check_works(GetProcessWorkingSetSize(me, &minimum, &maximum));
    check(minimum == 100 * PAGE, "minimum %zu", (size_t)minimum);
    check(maximum == 4000 * PAGE, "maximum %zu", (size_t)maximum);
}

static void a_minimum_below_20_pages_counts_as_20(void)
{
    SIZE_T minimum;
    SIZE_T maximum;
    HANDLE me = GetCurrentProcess();
    check_works(SetProcessWorkingSetSize(me, PAGE, 4000 * PAGE));
    check_works(GetProcessWorkingSetSize(me, &minimum, &maximum));
    check(minimum == 20 * PAGE, "minimum %zu", (size_t)minimum);
    check(maximum == 4000 * PAGE, "maximum %zu", (size_t)maximum);
}

static void a_limit_is_not_hard_and_soft_at_once(void)
{
    HANDLE me = GetCurrentProcess();
    check_fails(SetProcessWorkingSetSizeEx(me, 100 * PAGE, 4000 * PAGE, HARD_MIN | SOFT_MIN),
                ERROR_INVALID_PARAMETER);
    check_fails(SetProcessWorkingSetSizeEx(me, 100 * PAGE, 4000 * PAGE, HARD_MAX | SOFT_MAX),
                ERROR_INVALID_PARAMETER);
    check_fails(SetProcessWorkingSetSizeEx(me, 100 * PAGE, 4000 * PAGE, 0x80),
                ERROR_INVALID_PARAMETER);
}

static void a_hard_minimum_stays_until_it_is_made_soft(void)
{
    SIZE_T minimum;
    SIZE_T maximum;
    DWORD flags;
    HANDLE me = GetCurrentProcess();
    check_works(SetProcessWorkingSetSizeEx(me, 100 * PAGE, 4000 * PAGE, HARD_MIN));
    check_works(SetProcessWorkingSetSize(me, 100 * PAGE, 4000 * PAGE));
    check_works(GetProcessWorkingSetSizeEx(me, &minimum, &maximum, &flags));
    check(flags == (HARD_MIN | SOFT_MAX), "flags %#x", (unsigned)flags);
    check_works(SetProcessWorkingSetSizeEx(me, 100 * PAGE, 4000 * PAGE, SOFT_MIN));
    check_works(GetProcessWorkingSetSizeEx(me, &minimum, &maximum, &flags));
    check(flags == (SOFT_MIN | SOFT_MAX), "flags %#x", (unsigned)flags);
}

static void no_handle_is_no_process(void)
{
    SIZE_T size;
    DWORD flags;
    PROCESS_MEMORY_COUNTERS counters;
    check_fails(GetProcessWorkingSetSizeEx(NULL, &size, &size, &flags), ERROR_INVALID_HANDLE);
    check_fails(SetProcessWorkingSetSize(NULL, (SIZE_T)-1, (SIZE_T)-1), ERROR_INVALID_HANDLE);
    check_fails(EmptyWorkingSet(NULL), ERROR_INVALID_HANDLE);
    check_fails(GetProcessMemoryInfo(NULL, &counters, sizeof(counters)), ERROR_INVALID_HANDLE);
}

/* ---- use ------------------------------------------------------------------------------------- */

static PROCESS_MEMORY_COUNTERS usage(void)
{
    PROCESS_MEMORY_COUNTERS c;
    check(GetProcessMemoryInfo(GetCurrentProcess(), &c, sizeof(c)), "error %u",
          (unsigned)GetLastError());
    return c;
}

static void committing_is_charged_and_touching_is_not(void)
{
    SIZE_T size = 64 * MIB;
    PROCESS_MEMORY_COUNTERS at_first = usage();
    char *p = commit(size);
    PROCESS_MEMORY_COUNTERS committed = usage();
    for (SIZE_T i = 0; i < size; i += PAGE)
        p[i] = 1;
    PROCESS_MEMORY_COUNTERS touched = usage();
    release(p);

    check(committed.PagefileUsage - at_first.PagefileUsage == size, "commit charged %zu",
          (size_t)(committed.PagefileUsage - at_first.PagefileUsage));
    check(touched.PagefileUsage == committed.PagefileUsage, "touching charged %zd",
          (size_t)(touched.PagefileUsage - committed.PagefileUsage));
    check(usage().PagefileUsage == at_first.PagefileUsage, "releasing gave back too little");
    check(touched.PeakPagefileUsage >= touched.PagefileUsage, "the peak is below");
}

static void touching_fills_the_working_set(void)
{
    SIZE_T size = 4 * MIB;
    char *p = commit(size);
    PROCESS_MEMORY_COUNTERS committed = usage();
    for (SIZE_T i = 0; i < size; i += PAGE)
        p[i] = 1;
    PROCESS_MEMORY_COUNTERS touched = usage();
    release(p);

    SIZE_T grown = touched.WorkingSetSize - committed.WorkingSetSize;
    check(grown >= size - MIB && grown <= size + 2 * MIB, "grown by %zu", (size_t)grown);
    check(touched.PeakWorkingSetSize >= touched.WorkingSetSize, "the peak is below");
}

static void touching_is_counted_in_faults(void)
{
    SIZE_T size = 16 * MIB;
    char *p = commit(size);
    PROCESS_MEMORY_COUNTERS committed = usage();
    for (SIZE_T i = 0; i < size; i += PAGE)
        p[i] = 1;
    PROCESS_MEMORY_COUNTERS touched = usage();
    release(p);

    /* One fault brings a page, or as many as the kernel gives at once: never more than 2 MiB. */
    DWORD faults = touched.PageFaultCount - committed.PageFaultCount;
    check(faults >= size / (2 * MIB), "%u faults", (unsigned)faults);
}

static void a_buffer_one_byte_short_is_refused(void)
{
    PROCESS_MEMORY_COUNTERS c;
    PERFORMANCE_INFORMATION p;
    check_fails(GetProcessMemoryInfo(GetCurrentProcess(), &c, sizeof(c) - 1),
                ERROR_INSUFFICIENT_BUFFER);
    check_fails(GetProcessMemoryInfo(GetCurrentProcess(), &c, 0), ERROR_INSUFFICIENT_BUFFER);
    check_fails(GetPerformanceInfo(&p, sizeof(p) - 1), ERROR_BAD_LENGTH);
}

/* Bytes that the call wrote of a buffer of `size`. */
static SIZE_T filled(DWORD size)
{
    unsigned char buffer[128];
    SIZE_T last = 0;
    memset(buffer, 0xee, sizeof(buffer));
    check(GetProcessMemoryInfo(GetCurrentProcess(), (PROCESS_MEMORY_COUNTERS *)buffer, size),
          "size %u: error %u", (unsigned)size, (unsigned)GetLastError());
    for (SIZE_T i = 0; i < sizeof(buffer); i++)
        if (buffer[i] != 0xee)
            last = i + 1;
    return last;
}

static void the_shortest_form_ends_at_72_bytes(void)
{
    check(filled(72) == 72, "%u bytes", (unsigned)filled(72));
    check(filled(79) == 72, "%u bytes", (unsigned)filled(79));
    check(usage().cb == 72, "cb %u", (unsigned)usage().cb);
}

static void the_longer_forms_are_filled_as_far_as_they_go(void)
{
    PROCESS_MEMORY_COUNTERS_EX c;
    check(filled(80) == 80, "%u bytes", (unsigned)filled(80));
    check(filled(96) == 96, "%u bytes", (unsigned)filled(96));
    char *p = commit(MIB);
    check_works(
        GetProcessMemoryInfo(GetCurrentProcess(), (PROCESS_MEMORY_COUNTERS *)&c, sizeof(c)));
    release(p);
    check(c.cb == sizeof(c), "cb %u", (unsigned)c.cb);
    check(c.PrivateUsage == c.PagefileUsage, "%zu and %zu", (size_t)c.PrivateUsage,
          (size_t)c.PagefileUsage);
    check(c.PrivateUsage >= MIB, "%zu", (size_t)c.PrivateUsage);
}

static void the_system_has_more_than_it_uses(void)
{
    PERFORMANCE_INFORMATION p;
    check_works(GetPerformanceInfo(&p, sizeof(p)));
    check(p.cb == sizeof(p), "cb %u", (unsigned)p.cb);
    check(p.PageSize == PAGE, "page %zu", (size_t)p.PageSize);
    check(p.PhysicalTotal > 0 && p.PhysicalAvailable <= p.PhysicalTotal, "RAM %zu of %zu",
          (size_t)p.PhysicalAvailable, (size_t)p.PhysicalTotal);
    check(p.CommitTotal <= p.CommitLimit, "%zu of %zu", (size_t)p.CommitTotal,
          (size_t)p.CommitLimit);
    check(p.ProcessCount > 0 && p.ThreadCount >= p.ProcessCount, "%u processes, %u threads",
          (unsigned)p.ProcessCount, (unsigned)p.ThreadCount);
}

static const struct test tests[] = {
    TEST(a_fresh_process_may_have_50_to_345_pages, "S114"),
    TEST(minus_1_twice_trims_and_keeps_contents, "S115"),
    TEST(limits_that_make_no_sense_are_refused, "S116"),
    TEST(limits_are_kept, ""),
    TEST(a_minimum_below_20_pages_counts_as_20, "S117"),
    TEST(a_limit_is_not_hard_and_soft_at_once, "S118"),
    TEST(a_hard_minimum_stays_until_it_is_made_soft, ""),
    TEST(no_handle_is_no_process, ""),
    TEST(touching_fills_the_working_set, "S121"),
    TEST(committing_is_charged_and_touching_is_not, "S121"),
    TEST(touching_is_counted_in_faults, "S121"),
    TEST(a_buffer_one_byte_short_is_refused, "S122 S124"),
    TEST(the_shortest_form_ends_at_72_bytes, "S123"),
    TEST(the_longer_forms_are_filled_as_far_as_they_go, "S123"),
    TEST(the_system_has_more_than_it_uses, ""),
};

int main(int argc, char **argv)
{
    return test_main(tests, TEST_COUNT(tests), argc, argv);
}
