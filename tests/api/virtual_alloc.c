/*
 * virtual_alloc.c - VirtualAlloc: reserving, committing, protections, resetting.
 */
#include "fault.h"
#include "memory.h"

/* ---- reserving ------------------------------------------------------------------------------- */

static void a_reservation_of_one_byte_is_one_page_at_a_64_kib_border(void)
{
    SetLastError(UNTOUCHED);
    char *p = VirtualAlloc(NULL, 1, MEM_RESERVE, PAGE_READWRITE);
    check(p, "error %u", (unsigned)GetLastError());
    check(GetLastError() == UNTOUCHED, "error %u", (unsigned)GetLastError());
    check((ULONG_PTR)p % GRANULE == 0, "at %p", p);
    check_run(p, PAGE, MEM_RESERVE, 0);
    MEMORY_BASIC_INFORMATION info = info_of(p);
    check(info.AllocationProtect == PAGE_READWRITE, "%#x", (unsigned)info.AllocationProtect);
    check(info.Type == MEM_PRIVATE, "%#x", (unsigned)info.Type);
    release(p);
}

static void a_reserving_address_is_rounded_down_to_64_kib_and_the_end_up_to_a_page(void)
{
    char *a = free_place(4 * GRANULE);
    char *p = VirtualAlloc(a + 0x12345, 0x1000, MEM_RESERVE, PAGE_READWRITE);
    check(p == a + GRANULE, "at %p of %p", p, a);
    check_run(p, 0x4000, MEM_RESERVE, 0);
    release(p);
}

static void the_rest_of_a_64_kib_granule_is_free_but_cannot_be_reserved(void)
{
    char *p = reserve(PAGE);
    check(info_of(p + PAGE).State == MEM_FREE, "%#x", (unsigned)info_of(p + PAGE).State);
    check_fails(VirtualAlloc(p + PAGE, PAGE, MEM_RESERVE, PAGE_READWRITE), ERROR_INVALID_ADDRESS);
    release(p);
}

static void what_is_reserved_cannot_be_reserved_again(void)
{
    char *p = reserve(4 * GRANULE);
    check_fails(VirtualAlloc(p, PAGE, MEM_RESERVE, PAGE_READWRITE), ERROR_INVALID_ADDRESS);
    check_fails(VirtualAlloc(p + GRANULE, PAGE, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE),
                ERROR_INVALID_ADDRESS);
    check_run(p, 4 * GRANULE, MEM_RESERVE, 0);
    release(p);
}

static void reserving_64_tib_costs_no_commit(void)
{
    void *p = VirtualAlloc(NULL, 64 * TIB, MEM_RESERVE, PAGE_NOACCESS);
    check(p, "error %u", (unsigned)GetLastError());
    check_run(p, 64 * TIB, MEM_RESERVE, 0);
    release(p);
}

static void top_down_memory_lies_above_other_memory(void)
{
    char *low = reserve(GRANULE);
    char *high = VirtualAlloc(NULL, GRANULE, MEM_RESERVE | MEM_TOP_DOWN, PAGE_READWRITE);
    check(high, "error %u", (unsigned)GetLastError());
    check(high > low, "%p is not above %p", high, low);
    release(low);
    release(high);
}

/* ---- committing ------------------------------------------------------------------------------ */

static void committing_anywhere_reserves_as_well(void)
{
    char *p = VirtualAlloc(NULL, 3 * PAGE, MEM_COMMIT, PAGE_READWRITE);
    check(p, "error %u", (unsigned)GetLastError());
    check((ULONG_PTR)p % GRANULE == 0, "at %p", p);
    check_run(p, 3 * PAGE, MEM_COMMIT, PAGE_READWRITE);
    check(info_of(p).AllocationBase == p, "%p", info_of(p).AllocationBase);
    release(p);
}

static void free_addresses_cannot_be_committed(void)
{
    char *p = free_place(GRANULE);
    check_fails(VirtualAlloc(p, PAGE, MEM_COMMIT, PAGE_READWRITE), ERROR_INVALID_ADDRESS);
    check(info_of(p).State == MEM_FREE, "%#x", (unsigned)info_of(p).State);
}

static void a_commit_past_the_end_of_its_reservation_commits_nothing(void)
{
    char *p = reserve(4 * PAGE);
    check_fails(VirtualAlloc(p + 2 * PAGE, 3 * PAGE, MEM_COMMIT, PAGE_READWRITE),
                ERROR_INVALID_ADDRESS);
    check_run(p, 4 * PAGE, MEM_RESERVE, 0);
    release(p);
}

static void a_commit_across_two_reservations_commits_nothing(void)
{
    char *p = free_place(2 * GRANULE);
    check_works(VirtualAlloc(p, GRANULE, MEM_RESERVE, PAGE_READWRITE) == p);
    check_works(VirtualAlloc(p + GRANULE, GRANULE, MEM_RESERVE, PAGE_READWRITE) == p + GRANULE);
    check_fails(VirtualAlloc(p + GRANULE - PAGE, 2 * PAGE, MEM_COMMIT, PAGE_READWRITE),
                ERROR_INVALID_ADDRESS);
    check_run(p, GRANULE, MEM_RESERVE, 0);
    check_run(p + GRANULE, GRANULE, MEM_RESERVE, 0);
    release(p);
    release(p + GRANULE);
}

static void a_commit_over_committed_and_reserved_pages_gives_all_the_new_protection(void)
{
    char *p = reserve(4 * PAGE);
    check_works(VirtualAlloc(p + PAGE, PAGE, MEM_COMMIT, PAGE_READWRITE) == p + PAGE);
    p[PAGE] = 'x';
    check_works(VirtualAlloc(p, 4 * PAGE, MEM_COMMIT, PAGE_READONLY) == p);
    check_run(p, 4 * PAGE, MEM_COMMIT, PAGE_READONLY);
    check(p[PAGE] == 'x' && p[0] == 0, "found %d and %d", p[PAGE], p[0]);
    release(p);
}

static void a_commit_acts_on_every_page_that_holds_one_of_its_bytes(void)
{
    char *p = reserve(4 * PAGE);
    check_works(VirtualAlloc(p + 2 * PAGE - 1, 2, MEM_COMMIT, PAGE_READWRITE) == p + PAGE);
    check_run(p, PAGE, MEM_RESERVE, 0);
    check_run(p + PAGE, 2 * PAGE, MEM_COMMIT, PAGE_READWRITE);
    check_run(p + 3 * PAGE, PAGE, MEM_RESERVE, 0);
    release(p);
}

static void committed_pages_are_zero(void)
{
    char *p = commit(64 * PAGE);
    for (SIZE_T i = 0; i < 64 * PAGE; i++)
        check(p[i] == 0, "byte %u is %d", (unsigned)i, p[i]);
    release(p);
}

static void decommitted_pages_read_as_zero_when_committed_again(void)
{
    char *p = commit(4 * PAGE);
    memset(p, 'x', 4 * PAGE);
    check_works(VirtualFree(p + PAGE, PAGE, MEM_DECOMMIT));
    check_works(VirtualAlloc(p + PAGE, PAGE, MEM_COMMIT, PAGE_READWRITE) == p + PAGE);
    for (SIZE_T i = 0; i < PAGE; i++)
        check(p[PAGE + i] == 0, "byte %u is %d", (unsigned)i, p[PAGE + i]);
    check(p[0] == 'x' && p[2 * PAGE] == 'x', "the neighbours changed");
    release(p);
}

static void committing_far_more_than_there_is_fails_with_the_commit_limit(void)
{
    check_fails(VirtualAlloc(NULL, 16 * TIB, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE),
                ERROR_COMMITMENT_LIMIT);
}

/* ---- arguments ------------------------------------------------------------------------------- */

static void size_0_is_refused(void)
{
    check_fails(VirtualAlloc(NULL, 0, MEM_RESERVE, PAGE_READWRITE), ERROR_INVALID_PARAMETER);
    check_fails(VirtualAlloc(NULL, 0, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE),
                ERROR_INVALID_PARAMETER);
}

static void sizes_beyond_the_user_addresses_are_refused(void)
{
    check_fails(VirtualAlloc(NULL, (SIZE_T)1 << 47, MEM_RESERVE, PAGE_READWRITE),
                ERROR_INVALID_PARAMETER);
    check_fails(VirtualAlloc(NULL, (SIZE_T)-1, MEM_RESERVE, PAGE_READWRITE),
                ERROR_INVALID_PARAMETER);
    check_fails(VirtualAlloc(NULL, (SIZE_T)-4096, MEM_RESERVE, PAGE_READWRITE),
                ERROR_INVALID_PARAMETER);
}

static void types_that_neither_reserve_nor_commit_nor_reset_are_refused(void)
{
    static const DWORD types[] = {0, MEM_TOP_DOWN, MEM_WRITE_WATCH, 0x8, MEM_RESERVE | MEM_RELEASE};
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        check_fails(VirtualAlloc(NULL, PAGE, types[i], PAGE_READWRITE), ERROR_INVALID_PARAMETER);
}

static void the_bit_that_rounds_to_a_page_is_refused(void)
{
    check_fails(VirtualAlloc(NULL, PAGE, MEM_RESERVE | 0x40000000, PAGE_READWRITE),
                ERROR_INVALID_PARAMETER);
}

static void each_is_refused(const DWORD *protections, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        check_fails(VirtualAlloc(NULL, PAGE, MEM_RESERVE, protections[i]), ERROR_INVALID_PARAMETER);
        check_fails(VirtualAlloc(NULL, PAGE, MEM_RESERVE | MEM_COMMIT, protections[i]),
                    ERROR_INVALID_PARAMETER);
    }
}

static void a_protection_is_one_base_value(void)
{
    static const DWORD wrong[] = {0, 3, 0x18, 0xff, PAGE_GUARD};
    each_is_refused(wrong, sizeof(wrong) / sizeof(wrong[0]));
}

static void copy_on_write_is_not_for_private_memory(void)
{
    static const DWORD wrong[] = {PAGE_WRITECOPY, PAGE_EXECUTE_WRITECOPY};
    each_is_refused(wrong, 2);
}

static void no_access_with_a_guard_is_refused(void)
{
    static const DWORD wrong[] = {PAGE_NOACCESS | PAGE_GUARD};
    each_is_refused(wrong, 1);
}

static void modifiers_that_contradict_are_refused(void)
{
    static const DWORD wrong[] = {PAGE_NOACCESS | PAGE_NOCACHE,
                                  PAGE_READWRITE | PAGE_GUARD | PAGE_NOCACHE,
                                  PAGE_READWRITE | PAGE_NOCACHE | PAGE_WRITECOMBINE};
    each_is_refused(wrong, 3);
}

static void every_base_protection_is_told_as_it_was_given(void)
{
    static const DWORD each[] = {PAGE_NOACCESS, PAGE_READONLY,     PAGE_READWRITE,
                                 PAGE_EXECUTE,  PAGE_EXECUTE_READ, PAGE_EXECUTE_READWRITE};
    for (size_t i = 0; i < sizeof(each) / sizeof(each[0]); i++) {
        void *p = VirtualAlloc(NULL, PAGE, MEM_RESERVE | MEM_COMMIT, each[i]);
        check(p, "%#x: error %u", (unsigned)each[i], (unsigned)GetLastError());
        check_run(p, PAGE, MEM_COMMIT, each[i]);
        check(info_of(p).AllocationProtect == each[i], "%#x", (unsigned)each[i]);
        release(p);
    }
}

static void uncached_memory_says_so(void)
{
    DWORD wish = PAGE_READWRITE | PAGE_NOCACHE;
    void *p = VirtualAlloc(NULL, PAGE, MEM_RESERVE | MEM_COMMIT, wish);
    check(p, "error %u", (unsigned)GetLastError());
    check_run(p, PAGE, MEM_COMMIT, wish);
    check(info_of(p).AllocationProtect == wish, "%#x", (unsigned)info_of(p).AllocationProtect);
    release(p);
}

static void write_combined_memory_says_so(void)
{
    DWORD wish = PAGE_READWRITE | PAGE_WRITECOMBINE;
    void *p = VirtualAlloc(NULL, PAGE, MEM_RESERVE | MEM_COMMIT, wish);
    check(p, "error %u", (unsigned)GetLastError());
    check_run(p, PAGE, MEM_COMMIT, wish);
    release(p);
}

static void large_pages_need_a_privilege(void)
{
    check_fails(
        VirtualAlloc(NULL, 2 << 20, MEM_RESERVE | MEM_COMMIT | MEM_LARGE_PAGES, PAGE_READWRITE),
        ERROR_PRIVILEGE_NOT_HELD);
}

static void large_pages_are_committed_at_once_and_whole(void)
{
    check_fails(VirtualAlloc(NULL, 2 << 20, MEM_RESERVE | MEM_LARGE_PAGES, PAGE_READWRITE),
                ERROR_INVALID_PARAMETER);
    check_fails(VirtualAlloc(NULL, (2 << 20) + PAGE, MEM_RESERVE | MEM_COMMIT | MEM_LARGE_PAGES,
                             PAGE_READWRITE),
                ERROR_INVALID_PARAMETER);
}

static void a_window_for_physical_pages_is_not_committed(void)
{
    check_fails(
        VirtualAlloc(NULL, GRANULE, MEM_PHYSICAL | MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE),
        ERROR_INVALID_PARAMETER);
}

static void another_process_is_named_by_a_handle(void)
{
    check_fails(VirtualAllocEx(NULL, NULL, PAGE, MEM_RESERVE, PAGE_READWRITE),
                ERROR_INVALID_HANDLE);
    void *p = VirtualAllocEx(GetCurrentProcess(), NULL, PAGE, MEM_RESERVE, PAGE_READWRITE);
    check(p, "error %u", (unsigned)GetLastError());
    release(p);
}

/* ---- resetting ------------------------------------------------------------------------------- */

static void reset_pages_stay_committed_and_hold_old_bytes_or_zero(void)
{
    char *p = commit(4 * PAGE);
    memset(p, 'x', 4 * PAGE);
    check_works(VirtualAlloc(p, 4 * PAGE, MEM_RESET, PAGE_NOACCESS) == p);
    check_run(p, 4 * PAGE, MEM_COMMIT, PAGE_READWRITE);
    for (SIZE_T i = 0; i < 4 * PAGE; i++)
        check(p[i] == 'x' || p[i] == 0, "byte %u is %d", (unsigned)i, p[i]);
    release(p);
}

static void a_reset_comes_alone(void)
{
    char *p = commit(PAGE);
    check_fails(VirtualAlloc(p, PAGE, MEM_RESET | MEM_COMMIT, PAGE_READWRITE),
                ERROR_INVALID_PARAMETER);
    release(p);
}

static void a_reset_needs_a_valid_protection(void)
{
    char *p = commit(PAGE);
    check_fails(VirtualAlloc(p, PAGE, MEM_RESET, 0), ERROR_INVALID_PARAMETER);
    release(p);
}

static void pages_that_are_only_reserved_can_be_reset(void)
{
    char *p = reserve(2 * PAGE);
    check_works(VirtualAlloc(p, 2 * PAGE, MEM_RESET, PAGE_NOACCESS) == p);
    check_run(p, 2 * PAGE, MEM_RESERVE, 0);
    release(p);
}

static void a_reset_past_the_end_of_the_reservation_fails(void)
{
    char *p = commit(2 * PAGE);
    memset(p, 'x', 2 * PAGE);
    check_fails(VirtualAlloc(p, 3 * PAGE, MEM_RESET, PAGE_NOACCESS), ERROR_INVALID_ADDRESS);
    check(p[0] == 'x' && p[2 * PAGE - 1] == 'x', "contents were lost");
    release(p);
}

static void undoing_a_reset_tells_whether_the_bytes_are_still_there(void)
{
    char *p = commit(4 * PAGE);
    memset(p, 'x', 4 * PAGE);
    check_works(VirtualAlloc(p, 4 * PAGE, MEM_RESET, PAGE_NOACCESS) == p);
    SetLastError(UNTOUCHED);
    bool kept = VirtualAlloc(p, 4 * PAGE, MEM_RESET_UNDO, PAGE_NOACCESS) == p;
    for (SIZE_T i = 0; kept && i < 4 * PAGE; i++)
        check(p[i] == 'x', "byte %u is %d", (unsigned)i, p[i]);
    check(kept || GetLastError() != ERROR_INVALID_PARAMETER, "it does not know the call");
    release(p);
}

static const struct test tests[] = {
    TEST(a_reservation_of_one_byte_is_one_page_at_a_64_kib_border, "S001"),
    TEST(a_reserving_address_is_rounded_down_to_64_kib_and_the_end_up_to_a_page, "S002"),
    TEST(the_rest_of_a_64_kib_granule_is_free_but_cannot_be_reserved, "S003"),
    TEST(what_is_reserved_cannot_be_reserved_again, ""),
    TEST(reserving_64_tib_costs_no_commit, "S034"),
    TEST(top_down_memory_lies_above_other_memory, "S036"),
    TEST(committing_anywhere_reserves_as_well, "S005"),
    TEST(free_addresses_cannot_be_committed, "S006"),
    TEST(a_commit_past_the_end_of_its_reservation_commits_nothing, "S007"),
    TEST(a_commit_across_two_reservations_commits_nothing, "S008"),
    TEST(a_commit_over_committed_and_reserved_pages_gives_all_the_new_protection, "S010"),
    TEST(a_commit_acts_on_every_page_that_holds_one_of_its_bytes, ""),
    TEST(committed_pages_are_zero, "S021"),
    TEST(decommitted_pages_read_as_zero_when_committed_again, "S021"),
    TEST(committing_far_more_than_there_is_fails_with_the_commit_limit, "S035"),
    TEST(size_0_is_refused, "S012"),
    TEST(sizes_beyond_the_user_addresses_are_refused, "S033"),
    TEST(types_that_neither_reserve_nor_commit_nor_reset_are_refused, "S013"),
    TEST(the_bit_that_rounds_to_a_page_is_refused, "S014"),
    TEST(a_protection_is_one_base_value, "S015"),
    TEST(copy_on_write_is_not_for_private_memory, "S016"),
    TEST(no_access_with_a_guard_is_refused, "S017"),
    TEST(modifiers_that_contradict_are_refused, "S018"),
    TEST(every_base_protection_is_told_as_it_was_given, ""),
    TEST(uncached_memory_says_so, "S019"),
    TEST(write_combined_memory_says_so, "S020"),
    TEST(large_pages_need_a_privilege, "S030"),
    TEST(large_pages_are_committed_at_once_and_whole, "S031"),
    TEST(a_window_for_physical_pages_is_not_committed, "S037"),
    TEST(another_process_is_named_by_a_handle, "S038"),
    TEST(reset_pages_stay_committed_and_hold_old_bytes_or_zero, "S025"),
    TEST(a_reset_comes_alone, "S023"),
    TEST(a_reset_needs_a_valid_protection, "S024"),
    TEST(pages_that_are_only_reserved_can_be_reset, "S025"),
    TEST(a_reset_past_the_end_of_the_reservation_fails, "S026"),
    TEST(undoing_a_reset_tells_whether_the_bytes_are_still_there, "S029"),
};

int main(int argc, char **argv)
{
    return test_main(tests, TEST_COUNT(tests), argc, argv);
}
