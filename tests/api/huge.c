/*
 * huge.c - reservations of a TiB, and tables of many regions: still the truth.
 */
#include "fault.h"
#include "memory.h"

static void a_tib_is_reserved_committed_in_spots_and_released(void)
{
    char *p = reserve(TIB);
    for (SIZE_T at = 0; at < TIB; at += 64 * GIB) {
        check_works(VirtualAlloc(p + at + 3 * PAGE, PAGE, MEM_COMMIT, PAGE_READWRITE));
        p[at + 3 * PAGE] = 'x';
    }
    for (SIZE_T at = 0; at < TIB; at += 64 * GIB) {
        check_run(p + at, 3 * PAGE, MEM_RESERVE, 0);
        check_run(p + at + 3 * PAGE, PAGE, MEM_COMMIT, PAGE_READWRITE);
        check_run(p + at + 4 * PAGE, 64 * GIB - 4 * PAGE + (at + 64 * GIB < TIB ? 3 * PAGE : 0),
                  MEM_RESERVE, 0);
        check(p[at + 3 * PAGE] == 'x', "at %#zx: %d", (size_t)at, p[at + 3 * PAGE]);
    }
    check(!can_read(p + TIB - 1), "the end can be read");
    release(p);
    check(info_of(p).State == MEM_FREE, "%#x", (unsigned)info_of(p).State);
}

static void a_whole_tib_is_decommitted_at_once(void)
{
    char *p = reserve(TIB);
    check_works(VirtualAlloc(p + TIB / 2, 16 * PAGE, MEM_COMMIT, PAGE_READWRITE));
    p[TIB / 2] = 'x';
    check_works(VirtualFree(p, TIB, MEM_DECOMMIT));
    check_run(p, TIB, MEM_RESERVE, 0);
    check_works(VirtualAlloc(p + TIB / 2, PAGE, MEM_COMMIT, PAGE_READWRITE));
    check(p[TIB / 2] == 0, "found %d", p[TIB / 2]);
    release(p);
}

static void many_reservations_of_a_tib_live_together(void)
{
    char *p[16];
    for (int i = 0; i < 16; i++)
        p[i] = reserve(TIB);
    for (int i = 0; i < 16; i++)
        check_run(p[i], TIB, MEM_RESERVE, 0);
    for (int i = 0; i < 16; i++)
        release(p[i]);
}

static void nothing_larger_than_the_user_addresses_is_reserved(void)
{
    check_fails(VirtualAlloc(NULL, 127 * TIB + 1023 * GIB, MEM_RESERVE, PAGE_READWRITE),
                ERROR_NOT_ENOUGH_MEMORY);
}

/* ---- the table against a plain array --------------------------------------------------------- */

enum { PAGES = 256, STEPS = 4000 };

static const DWORD protections[] = {PAGE_NOACCESS, PAGE_READONLY, PAGE_READWRITE};

/* 0: reserved, else PAGE_* */
static DWORD model[PAGES];

static unsigned long long seed = 88172645463325252ull;

static unsigned draw(unsigned below)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (unsigned)(seed >> 33) % below;
}

static bool all_committed(unsigned from, unsigned count)
{
    for (unsigned i = from; i < from + count; i++)
        if (!model[i])
            return false;
    return true;
}

static void paint(unsigned from, unsigned count, DWORD now)
{
    for (unsigned i = from; i < from + count; i++)
        model[i] = now;
}

static void step(char *p)
{
    unsigned from = draw(PAGES);
    unsigned count = 1 + draw(PAGES - from);
    DWORD now = protections[draw(3)];
    char *at = p + (SIZE_T)from * PAGE;
    DWORD old;

    switch (draw(3)) {
    case 0:
        check(VirtualAlloc(at, count * PAGE, MEM_COMMIT, now) == at, "error %u",
              (unsigned)GetLastError());
        paint(from, count, now);
        break;
    case 1:
        check(VirtualFree(at, count * PAGE, MEM_DECOMMIT), "error %u", (unsigned)GetLastError());
        paint(from, count, 0);
        break;
    default:
        if (VirtualProtect(at, count * PAGE, now, &old) != all_committed(from, count))
            check(false, "protecting pages %u to %u went wrong", from, from + count);
        if (all_committed(from, count))
            paint(from, count, now);
    }
}

/* Walk the table and compare every run with the array. */
static void compare(char *p)
{
    for (unsigned i = 0; i < PAGES;) {
        MEMORY_BASIC_INFORMATION info = info_of(p + (SIZE_T)i * PAGE);
        unsigned end = i + (unsigned)(info.RegionSize / PAGE);
        check(end <= PAGES && end > i, "page %u: size %#zx", i, (size_t)info.RegionSize);
        for (unsigned n = i; n < end; n++)
            check(model[n] == info.Protect, "page %u is %#x, told %#x", n, (unsigned)model[n],
                  (unsigned)info.Protect);
        check(end == PAGES || model[end] != model[i], "page %u: the run goes on", end);
        check(info.State == (model[i] ? MEM_COMMIT : MEM_RESERVE), "page %u", i);
        check(info.AllocationBase == p, "page %u: base %p", i, info.AllocationBase);
        i = end;
    }
}

static void the_table_follows_thousands_of_random_changes(void)
{
    char *p = reserve((SIZE_T)PAGES * PAGE);
    memset(model, 0, sizeof(model));
    for (int i = 0; i < STEPS; i++) {
        step(p);
        compare(p);
    }
    release(p);
}

static void thousands_of_regions_are_told_apart(void)
{
    enum { COUNT = 4096 };
    char *p = commit((SIZE_T)COUNT * PAGE);
    for (SIZE_T i = 0; i < COUNT; i += 2)
        protect(p + i * PAGE, PAGE, PAGE_READONLY);
    for (SIZE_T i = 0; i < COUNT; i++)
        check_run(p + i * PAGE, PAGE, MEM_COMMIT, i % 2 ? PAGE_READWRITE : PAGE_READONLY);
    protect(p, (SIZE_T)COUNT * PAGE, PAGE_READWRITE);
    check_run(p, (SIZE_T)COUNT * PAGE, MEM_COMMIT, PAGE_READWRITE);
    release(p);
}

static const struct test tests[] = {
    TEST(a_tib_is_reserved_committed_in_spots_and_released, "S034"),
    TEST(a_whole_tib_is_decommitted_at_once, ""),
    TEST(many_reservations_of_a_tib_live_together, ""),
    TEST(nothing_larger_than_the_user_addresses_is_reserved, ""),
    TEST(the_table_follows_thousands_of_random_changes, ""),
    TEST(thousands_of_regions_are_told_apart, ""),
};

int main(int argc, char **argv)
{
    return test_main(tests, TEST_COUNT(tests), argc, argv);
}
