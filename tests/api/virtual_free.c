/*
 * virtual_free.c - VirtualFree: decommitting pages, releasing addresses.
 */
#include "fault.h"
#include "memory.h"

static void released_addresses_are_free_and_fault(void)
{
    char *p = commit(2 * PAGE);
    p[0] = 'x';
    check_works(VirtualFree(p, 0, MEM_RELEASE));
    check(info_of(p).State == MEM_FREE, "%#x", (unsigned)info_of(p).State);
    check(!can_read(p), "released memory can be read");
}

static void a_region_is_released_from_its_base_only(void)
{
    char *p = commit(4 * PAGE);
    check_fails(VirtualFree(p + PAGE, 0, MEM_RELEASE), ERROR_INVALID_ADDRESS);
    check_run(p, 4 * PAGE, MEM_COMMIT, PAGE_READWRITE);
    release(p);
}

static void any_address_in_the_first_page_names_the_base(void)
{
    char *p = commit(4 * PAGE);
    check_works(VirtualFree(p + 100, 0, MEM_RELEASE));
    check(info_of(p).State == MEM_FREE, "%#x", (unsigned)info_of(p).State);
}

static void releasing_takes_no_size(void)
{
    char *p = commit(4 * PAGE);
    check_fails(VirtualFree(p, 4 * PAGE, MEM_RELEASE), ERROR_INVALID_PARAMETER);
    check_fails(VirtualFree(p, PAGE, MEM_RELEASE), ERROR_INVALID_PARAMETER);
    check_run(p, 4 * PAGE, MEM_COMMIT, PAGE_READWRITE);
    release(p);
}

static void two_bytes_across_a_page_border_decommit_both_pages(void)
{
    char *p = commit(4 * PAGE);
    memset(p, 'x', 4 * PAGE);
    check_works(VirtualFree(p + 2 * PAGE - 1, 2, MEM_DECOMMIT));
    check_run(p, PAGE, MEM_COMMIT, PAGE_READWRITE);
    check_run(p + PAGE, 2 * PAGE, MEM_RESERVE, 0);
    check_run(p + 3 * PAGE, PAGE, MEM_COMMIT, PAGE_READWRITE);
    check(!can_read(p + PAGE) && !can_read(p + 3 * PAGE - 1), "decommitted pages can be read");
    check_works(VirtualAlloc(p + PAGE, 2 * PAGE, MEM_COMMIT, PAGE_READWRITE) == p + PAGE);
    check(p[PAGE] == 0 && p[3 * PAGE - 1] == 0, "found %d and %d", p[PAGE], p[3 * PAGE - 1]);
    release(p);
}

static void reserved_pages_can_be_decommitted(void)
{
    char *p = reserve(4 * PAGE);
    check_works(VirtualFree(p + PAGE, PAGE, MEM_DECOMMIT));
    check_run(p, 4 * PAGE, MEM_RESERVE, 0);
    release(p);
}

static void decommitting_size_0_at_the_base_takes_the_whole_region(void)
{
    char *p = commit(4 * PAGE);
    check_works(VirtualFree(p, 0, MEM_DECOMMIT));
    check_run(p, 4 * PAGE, MEM_RESERVE, 0);
    check_works(VirtualAlloc(p, 4 * PAGE, MEM_COMMIT, PAGE_READWRITE) == p);
    check_works(VirtualFree(p + 100, 0, MEM_DECOMMIT));
    check_run(p, 4 * PAGE, MEM_RESERVE, 0);
    release(p);
}

static void decommitting_size_0_elsewhere_fails(void)
{
    char *p = commit(4 * PAGE);
    check_fails(VirtualFree(p + PAGE, 0, MEM_DECOMMIT), ERROR_INVALID_ADDRESS);
    check_run(p, 4 * PAGE, MEM_COMMIT, PAGE_READWRITE);
    release(p);
}

static void decommitting_past_the_end_decommits_nothing(void)
{
    char *p = commit(4 * PAGE);
    check_fails(VirtualFree(p + 3 * PAGE, 2 * PAGE, MEM_DECOMMIT), ERROR_INVALID_PARAMETER);
    check_run(p, 4 * PAGE, MEM_COMMIT, PAGE_READWRITE);
    release(p);
}

static void decommitting_across_two_allocations_decommits_nothing(void)
{
    char *p = free_place(2 * GRANULE);
    check_works(VirtualAlloc(p, GRANULE, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE) == p);
    check_works(VirtualAlloc(p + GRANULE, GRANULE, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE) ==
                p + GRANULE);
    check_fails(VirtualFree(p + GRANULE - PAGE, 2 * PAGE, MEM_DECOMMIT), ERROR_INVALID_PARAMETER);
    check_run(p, GRANULE, MEM_COMMIT, PAGE_READWRITE);
    check_run(p + GRANULE, GRANULE, MEM_COMMIT, PAGE_READWRITE);
    release(p);
    release(p + GRANULE);
}

static void what_is_free_cannot_be_freed(void)
{
    char *p = commit(4 * PAGE);
    release(p);
    check_fails(VirtualFree(p, 0, MEM_RELEASE), ERROR_INVALID_ADDRESS);
}

static void what_is_free_cannot_be_decommitted(void)
{
    char *p = free_place(GRANULE);
    check_fails(VirtualFree(p, PAGE, MEM_DECOMMIT), ERROR_INVALID_ADDRESS);
}

static void null_cannot_be_freed(void)
{
    check_fails(VirtualFree(NULL, 0, MEM_RELEASE), ERROR_INVALID_PARAMETER);
}

static void the_type_is_one_of_two(void)
{
    char *p = commit(PAGE);
    static const DWORD wrong[] = {0, MEM_DECOMMIT | MEM_RELEASE, MEM_COMMIT, 0x10, ~(DWORD)0};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        check_fails(VirtualFree(p, 0, wrong[i]), ERROR_INVALID_PARAMETER);
    check_run(p, PAGE, MEM_COMMIT, PAGE_READWRITE);
    release(p);
}

static void memory_of_this_process_is_freed_through_its_handle(void)
{
    char *p = commit(PAGE);
    check_fails(VirtualFreeEx(NULL, p, 0, MEM_RELEASE), ERROR_INVALID_HANDLE);
    check_works(VirtualFreeEx(GetCurrentProcess(), p, 0, MEM_RELEASE));
}

static void released_addresses_can_be_had_again(void)
{
    char *p = commit(16 * GRANULE);
    memset(p, 'x', 16 * GRANULE);
    release(p);
    check(VirtualAlloc(p, 16 * GRANULE, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE) == p, "error %u",
          (unsigned)GetLastError());
    for (SIZE_T i = 0; i < 16 * GRANULE; i += PAGE)
        check(p[i] == 0, "byte %u is %d", (unsigned)i, p[i]);
    release(p);
}

static const struct test tests[] = {
    TEST(released_addresses_are_free_and_fault, "S094"),
    TEST(a_region_is_released_from_its_base_only, "S042"),
    TEST(any_address_in_the_first_page_names_the_base, "S043"),
    TEST(releasing_takes_no_size, ""),
    TEST(two_bytes_across_a_page_border_decommit_both_pages, "S045"),
    TEST(reserved_pages_can_be_decommitted, "S046"),
    TEST(decommitting_size_0_at_the_base_takes_the_whole_region, "S047"),
    TEST(decommitting_size_0_elsewhere_fails, "S048"),
    TEST(decommitting_past_the_end_decommits_nothing, "S049"),
    TEST(decommitting_across_two_allocations_decommits_nothing, "S049"),
    TEST(what_is_free_cannot_be_freed, "S050"),
    TEST(what_is_free_cannot_be_decommitted, ""),
    TEST(null_cannot_be_freed, "S051"),
    TEST(the_type_is_one_of_two, ""),
    TEST(memory_of_this_process_is_freed_through_its_handle, ""),
    TEST(released_addresses_can_be_had_again, ""),
};

int main(int argc, char **argv)
{
    return test_main(tests, TEST_COUNT(tests), argc, argv);
}
