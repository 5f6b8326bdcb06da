/*
 * virtual_protect.c - VirtualProtect: who may read, write and execute.
 */
#include "fault.h"
#include "memory.h"

static void pages_of_different_protection_change_together(void)
{
    char *p = commit(5 * PAGE);
    protect(p + 2 * PAGE, PAGE, PAGE_READONLY);
    DWORD old = protect(p + PAGE, 3 * PAGE, PAGE_EXECUTE_READ);
    check(old == PAGE_READWRITE, "old is %#x", (unsigned)old);
    check_run(p, PAGE, MEM_COMMIT, PAGE_READWRITE);
    check_run(p + PAGE, 3 * PAGE, MEM_COMMIT, PAGE_EXECUTE_READ);
    check_run(p + 4 * PAGE, PAGE, MEM_COMMIT, PAGE_READWRITE);
    release(p);
}

static void the_old_protection_needs_a_place_to_go(void)
{
    char *p = commit(PAGE);
    check_fails(VirtualProtect(p, PAGE, PAGE_READONLY, NULL), ERROR_NOACCESS);
    check_run(p, PAGE, MEM_COMMIT, PAGE_READWRITE);
    release(p);
}

static void the_old_protection_needs_a_place_that_can_be_written(void)
{
    char *p = commit(PAGE);
    char *unwritable = commit(PAGE);
    protect(unwritable, PAGE, PAGE_READONLY);
    check_fails(VirtualProtect(p, PAGE, PAGE_READONLY, (DWORD *)unwritable), ERROR_NOACCESS);
    check_fails(VirtualProtect(p, PAGE, PAGE_READONLY, (DWORD *)16), ERROR_NOACCESS);
    check_run(p, PAGE, MEM_COMMIT, PAGE_READWRITE);
    release(p);
    release(unwritable);
}

static void one_page_that_is_only_reserved_fails_them_all(void)
{
    char *p = reserve(4 * PAGE);
    check_works(VirtualAlloc(p, 2 * PAGE, MEM_COMMIT, PAGE_READWRITE) == p);
    DWORD old = UNTOUCHED;
    check_fails(VirtualProtect(p, 3 * PAGE, PAGE_READONLY, &old), ERROR_INVALID_ADDRESS);
    check(old == UNTOUCHED, "old is %#x", (unsigned)old);
    check_run(p, 2 * PAGE, MEM_COMMIT, PAGE_READWRITE);
    release(p);
}

static void two_allocations_cannot_be_protected_at_once(void)
{
    char *p = free_place(2 * GRANULE);
    DWORD old;
    check_works(VirtualAlloc(p, GRANULE, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE) == p);
    check_works(VirtualAlloc(p + GRANULE, GRANULE, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE) ==
                p + GRANULE);
    check_fails(VirtualProtect(p + GRANULE - PAGE, 2 * PAGE, PAGE_READONLY, &old),
                ERROR_INVALID_ADDRESS);
    check_run(p, GRANULE, MEM_COMMIT, PAGE_READWRITE);
    check_run(p + GRANULE, GRANULE, MEM_COMMIT, PAGE_READWRITE);
    release(p);
    release(p + GRANULE);
}

static void free_memory_has_no_protection(void)
{
    char *p = free_place(GRANULE);
    DWORD old;
    check_fails(VirtualProtect(p, PAGE, PAGE_READONLY, &old), ERROR_INVALID_ADDRESS);
}

static void size_0_is_refused(void)
{
    char *p = commit(PAGE);
    DWORD old;
    check_fails(VirtualProtect(p, 0, PAGE_READONLY, &old), ERROR_INVALID_PARAMETER);
    check_run(p, PAGE, MEM_COMMIT, PAGE_READWRITE);
    release(p);
}

static void wrong_protections_are_refused(void)
{
    static const DWORD wrong[] = {0, 3, 0xff, PAGE_GUARD, PAGE_WRITECOPY, PAGE_EXECUTE_WRITECOPY};
    char *p = commit(PAGE);
    DWORD old;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        check_fails(VirtualProtect(p, PAGE, wrong[i], &old), ERROR_INVALID_PARAMETER);
    check_run(p, PAGE, MEM_COMMIT, PAGE_READWRITE);
    release(p);
}

static void unknown_bits_in_a_protection_are_refused(void)
{
    char *p = commit(PAGE);
    DWORD old;
    check_fails(VirtualProtect(p, PAGE, PAGE_READWRITE | 0x80000, &old), ERROR_INVALID_PARAMETER);
    release(p);
}

static void no_access_with_a_guard_is_refused(void)
{
    char *p = commit(PAGE);
    DWORD old;
    check_fails(VirtualProtect(p, PAGE, PAGE_NOACCESS | PAGE_GUARD, &old), ERROR_INVALID_PARAMETER);
    release(p);
}

static void caching_belongs_to_the_allocation(void)
{
    char *p = commit(PAGE);
    check(protect(p, PAGE, PAGE_READWRITE | PAGE_NOCACHE) == PAGE_READWRITE, "old protection");
    check_run(p, PAGE, MEM_COMMIT, PAGE_READWRITE);
    release(p);
}

static void contents_survive_no_access(void)
{
    char *p = commit(4 * PAGE);
    memset(p, 'x', 4 * PAGE);
    protect(p, 4 * PAGE, PAGE_NOACCESS);
    check(!can_read(p) && !can_read(p + 4 * PAGE - 1), "it can still be read");
    check(protect(p, 4 * PAGE, PAGE_READWRITE) == PAGE_NOACCESS, "old protection");
    for (SIZE_T i = 0; i < 4 * PAGE; i++)
        check(p[i] == 'x', "byte %u is %d", (unsigned)i, p[i]);
    release(p);
}

static void the_allocation_remembers_its_first_protection(void)
{
    char *p = commit(2 * PAGE);
    protect(p, PAGE, PAGE_EXECUTE_READ);
    check(info_of(p).AllocationProtect == PAGE_READWRITE, "%#x",
          (unsigned)info_of(p).AllocationProtect);
    check(info_of(p + PAGE).AllocationProtect == PAGE_READWRITE, "the second page changed");
    release(p);
}

static void two_bytes_across_a_page_border_protect_both_pages(void)
{
    char *p = commit(4 * PAGE);
    protect(p + 2 * PAGE - 1, 2, PAGE_READONLY);
    check_run(p, PAGE, MEM_COMMIT, PAGE_READWRITE);
    check_run(p + PAGE, 2 * PAGE, MEM_COMMIT, PAGE_READONLY);
    check_run(p + 3 * PAGE, PAGE, MEM_COMMIT, PAGE_READWRITE);
    release(p);
}

static void protections_hold(void)
{
    static const struct {
        DWORD protect;
        bool read, write, execute;
    } each[] = {
        {PAGE_NOACCESS, false, false, false},       {PAGE_READONLY, true, false, false},
        {PAGE_READWRITE, true, true, false},        {PAGE_EXECUTE_READ, true, false, true},
        {PAGE_EXECUTE_READWRITE, true, true, true},
    };
    char *p = commit(PAGE);
    memcpy(p, do_nothing, sizeof(do_nothing));
    for (size_t i = 0; i < sizeof(each) / sizeof(each[0]); i++) {
        protect(p, PAGE, each[i].protect);
        check(can_read(p) == each[i].read, "reading under %#x", (unsigned)each[i].protect);
        check(can_write(p + 8, 1) == each[i].write, "writing under %#x", (unsigned)each[i].protect);
        check(can_call(p) == each[i].execute, "executing under %#x", (unsigned)each[i].protect);
    }
    release(p);
}

static void the_place_for_the_old_protection_may_be_protected_away(void)
{
    char *p = commit(PAGE);
    check_works(VirtualProtect(p, PAGE, PAGE_NOACCESS, (DWORD *)p));
    check_run(p, PAGE, MEM_COMMIT, PAGE_NOACCESS);
    release(p);
}

static const struct test tests[] = {
    TEST(pages_of_different_protection_change_together, "S053"),
    TEST(the_old_protection_needs_a_place_to_go, "S055"),
    TEST(the_old_protection_needs_a_place_that_can_be_written, ""),
    TEST(one_page_that_is_only_reserved_fails_them_all, "S056"),
    TEST(two_allocations_cannot_be_protected_at_once, "S057"),
    TEST(free_memory_has_no_protection, "S058"),
    TEST(size_0_is_refused, "S059"),
    TEST(wrong_protections_are_refused, ""),
    TEST(unknown_bits_in_a_protection_are_refused, ""),
    TEST(no_access_with_a_guard_is_refused, "S061"),
    TEST(caching_belongs_to_the_allocation, "S062"),
    TEST(contents_survive_no_access, "S064"),
    TEST(the_allocation_remembers_its_first_protection, "S070"),
    TEST(two_bytes_across_a_page_border_protect_both_pages, ""),
    TEST(protections_hold, ""),
    TEST(the_place_for_the_old_protection_may_be_protected_away, ""),
};

int main(int argc, char **argv)
{
    return test_main(tests, TEST_COUNT(tests), argc, argv);
}
