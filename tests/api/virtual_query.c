/*
 * virtual_query.c - VirtualQuery: the region table is the truth.
 */
#include "memory.h"

static void free_addresses_tell_that_they_are_free(void)
{
    char *p = free_place(GRANULE);
    MEMORY_BASIC_INFORMATION info = info_of(p + 100);
    check(info.BaseAddress == p, "base %p of %p", info.BaseAddress, p);
    check(info.AllocationBase == NULL, "%p", info.AllocationBase);
    check(info.AllocationProtect == 0, "%#x", (unsigned)info.AllocationProtect);
    check(info.State == MEM_FREE, "%#x", (unsigned)info.State);
    check(info.Protect == PAGE_NOACCESS, "%#x", (unsigned)info.Protect);
    check(info.Type == 0, "%#x", (unsigned)info.Type);
}

static void reserved_pages_have_no_protection(void)
{
    char *p = reserve(2 * PAGE);
    check_run(p, 2 * PAGE, MEM_RESERVE, 0);
    check(info_of(p).Type == MEM_PRIVATE, "%#x", (unsigned)info_of(p).Type);
    release(p);
}

static void a_run_is_told_from_the_page_asked_about_to_its_end(void)
{
    char *p = commit(8 * PAGE);
    protect(p + 5 * PAGE, PAGE, PAGE_READONLY);
    MEMORY_BASIC_INFORMATION info = info_of(p + 2 * PAGE + 123);
    check(info.BaseAddress == p + 2 * PAGE, "%p of %p", info.BaseAddress, p);
    check(info.AllocationBase == p, "%p of %p", info.AllocationBase, p);
    check(info.RegionSize == 3 * PAGE, "%#zx", (size_t)info.RegionSize);
    check_run(p + 5 * PAGE, PAGE, MEM_COMMIT, PAGE_READONLY);
    check_run(p + 6 * PAGE, 2 * PAGE, MEM_COMMIT, PAGE_READWRITE);
    release(p);
}

static void runs_that_tell_the_same_again_are_one(void)
{
    char *p = commit(8 * PAGE);
    protect(p + 3 * PAGE, PAGE, PAGE_READONLY);
    check_run(p, 3 * PAGE, MEM_COMMIT, PAGE_READWRITE);
    protect(p + 3 * PAGE, PAGE, PAGE_READWRITE);
    check_run(p, 8 * PAGE, MEM_COMMIT, PAGE_READWRITE);
    check_works(VirtualFree(p + PAGE, PAGE, MEM_DECOMMIT));
    check_works(VirtualAlloc(p + PAGE, PAGE, MEM_COMMIT, PAGE_READWRITE));
    check_run(p, 8 * PAGE, MEM_COMMIT, PAGE_READWRITE);
    release(p);
}

static void neighbouring_allocations_never_merge(void)
{
    char *p = free_place(2 * GRANULE);
    check_works(VirtualAlloc(p, GRANULE, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE) == p);
    check_works(VirtualAlloc(p + GRANULE, GRANULE, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE) ==
                p + GRANULE);
    check_run(p, GRANULE, MEM_COMMIT, PAGE_READWRITE);
    check_run(p + GRANULE, GRANULE, MEM_COMMIT, PAGE_READWRITE);
    check(info_of(p + GRANULE).AllocationBase == p + GRANULE, "the second is not its own");
    release(p);
    release(p + GRANULE);
}

static void address_0_is_free(void)
{
    MEMORY_BASIC_INFORMATION info = info_of(NULL);
    check(info.State == MEM_FREE, "%#x", (unsigned)info.State);
    check(info.BaseAddress == NULL, "%p", info.BaseAddress);
    check(info.RegionSize >= GRANULE, "%#zx", (size_t)info.RegionSize);
}

static void nothing_is_told_above_the_user_addresses(void)
{
    MEMORY_BASIC_INFORMATION info;
    SYSTEM_INFO system;
    GetSystemInfo(&system);
    char *above = (char *)system.lpMaximumApplicationAddress + GRANULE + 1;
    check_fails(VirtualQuery(above, &info, sizeof(info)), ERROR_INVALID_PARAMETER);
    check_fails(VirtualQuery((void *)0xffff800000000000, &info, sizeof(info)),
                ERROR_INVALID_PARAMETER);
    check_fails(VirtualQuery((void *)(LONG_PTR)-1, &info, sizeof(info)), ERROR_INVALID_PARAMETER);
}

static void a_short_buffer_is_refused(void)
{
    MEMORY_BASIC_INFORMATION info;
    char *p = reserve(PAGE);
    check_fails(VirtualQuery(p, &info, sizeof(info) - 1), ERROR_BAD_LENGTH);
    check_fails(VirtualQuery(p, &info, 0), ERROR_BAD_LENGTH);
    release(p);
}

static void a_longer_buffer_is_filled_as_far_as_the_structure_goes(void)
{
    char buffer[256];
    char *p = reserve(PAGE);
    memset(buffer, 'x', sizeof(buffer));
    SIZE_T got = VirtualQuery(p, (MEMORY_BASIC_INFORMATION *)buffer, sizeof(buffer));
    check(got == 48, "%u bytes", (unsigned)got);
    check(buffer[48] == 'x', "it wrote on");
    release(p);
}

static void a_buffer_is_needed(void)
{
    char *p = commit(PAGE);
    MEMORY_BASIC_INFORMATION *unwritable = (MEMORY_BASIC_INFORMATION *)commit(PAGE);
    protect(unwritable, PAGE, PAGE_READONLY);
    check_fails(VirtualQuery(p, NULL, sizeof(*unwritable)), ERROR_NOACCESS);
    check_fails(VirtualQuery(p, unwritable, sizeof(*unwritable)), ERROR_NOACCESS);
    release(unwritable);
    release(p);
}

static void the_program_itself_is_an_image(void)
{
    MEMORY_BASIC_INFORMATION info = info_of((void *)(ULONG_PTR)the_program_itself_is_an_image);
    check(info.State == MEM_COMMIT, "%#x", (unsigned)info.State);
    check(info.Protect == PAGE_EXECUTE_READ, "%#x", (unsigned)info.Protect);
    check(info.Type == MEM_IMAGE, "%#x", (unsigned)info.Type);
}

static void the_stack_can_be_written(void)
{
    int here = 0;
    MEMORY_BASIC_INFORMATION info = info_of(&here);
    check(info.State == MEM_COMMIT, "%#x", (unsigned)info.State);
    check(info.Protect == PAGE_READWRITE, "%#x", (unsigned)info.Protect);
    check(info.Type == MEM_PRIVATE, "%#x", (unsigned)info.Type);
}

static void a_walk_meets_every_address_once(void)
{
    SYSTEM_INFO system;
    char *at = NULL;
    int runs = 0;
    GetSystemInfo(&system);
    while (at < (char *)system.lpMaximumApplicationAddress) {
        MEMORY_BASIC_INFORMATION info = info_of(at);
        check(info.BaseAddress == at, "%p of %p", info.BaseAddress, at);
        check(info.RegionSize >= PAGE && info.RegionSize % PAGE == 0, "at %p: %#zx", at,
              (size_t)info.RegionSize);
        check(info.State == MEM_FREE || info.AllocationBase != NULL, "at %p: owned by nobody", at);
        at += info.RegionSize;
        runs++;
    }
    check(runs > 3, "only %d runs", runs);
}

static const struct test tests[] = {
    TEST(free_addresses_tell_that_they_are_free, "S071"),
    TEST(reserved_pages_have_no_protection, "S072"),
    TEST(a_run_is_told_from_the_page_asked_about_to_its_end, "S073"),
    TEST(runs_that_tell_the_same_again_are_one, "S073"),
    TEST(neighbouring_allocations_never_merge, "S075"),
    TEST(address_0_is_free, "S076"),
    TEST(nothing_is_told_above_the_user_addresses, "S077"),
    TEST(a_short_buffer_is_refused, "S078"),
    TEST(a_longer_buffer_is_filled_as_far_as_the_structure_goes, "S079"),
    TEST(a_buffer_is_needed, "S080"),
    TEST(the_program_itself_is_an_image, ""),
    TEST(the_stack_can_be_written, ""),
    TEST(a_walk_meets_every_address_once, ""),
};

int main(int argc, char **argv)
{
    return test_main(tests, TEST_COUNT(tests), argc, argv);
}
