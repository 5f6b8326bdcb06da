/*
 * guard_and_faults.c - guard pages, access violations, raised exceptions and their handlers.
 */
#include "fault.h"
#include "memory.h"

/* The last touch faulted as an access violation of that kind at that address. */
#define check_violation(kind, address)                                                     \
    do {                                                                                   \
        const EXCEPTION_RECORD *r_ = &fault.record;                                        \
        check(r_->ExceptionCode == EXCEPTION_ACCESS_VIOLATION, "%#x",                      \
              (unsigned)r_->ExceptionCode);                                                \
        check(r_->NumberParameters == 2, "%u parameters", (unsigned)r_->NumberParameters); \
        check(r_->ExceptionInformation[0] == (kind), "kind %u",                            \
              (unsigned)r_->ExceptionInformation[0]);                                      \
        check(r_->ExceptionInformation[1] == (ULONG_PTR)(address), "at %#zx",              \
              (size_t)r_->ExceptionInformation[1]);                                        \
    } while (0)

/* ---- guard pages ----------------------------------------------------------------------------- */

static char *guarded(DWORD protection)
{
    char *p = commit(3 * PAGE);
    protect(p + PAGE, PAGE, protection | PAGE_GUARD);
    return p;
}

static void the_first_touch_of_a_guard_page_is_told(void)
{
    char *p = guarded(PAGE_READWRITE);
    check(!can_read(p + PAGE + 5), "no exception");
    check(fault.record.ExceptionCode == STATUS_GUARD_PAGE_VIOLATION, "%#x",
          (unsigned)fault.record.ExceptionCode);
    check(fault.record.ExceptionFlags == 0, "flags %#x", (unsigned)fault.record.ExceptionFlags);
    check(fault.record.NumberParameters == 2, "%u", (unsigned)fault.record.NumberParameters);
    check(fault.record.ExceptionInformation[0] == EXCEPTION_READ_FAULT, "kind");
    check(fault.record.ExceptionInformation[1] == (ULONG_PTR)(p + PAGE + 5), "address");
    release(p);
}

static void a_write_to_a_guard_page_is_told_as_a_write(void)
{
    char *p = guarded(PAGE_READWRITE);
    check(!can_write(p + PAGE, 1), "no exception");
    check(fault.record.ExceptionCode == STATUS_GUARD_PAGE_VIOLATION, "%#x",
          (unsigned)fault.record.ExceptionCode);
    check(fault.record.ExceptionInformation[0] == EXCEPTION_WRITE_FAULT, "kind");
    check(p[PAGE] == 0, "the write was done");
    release(p);
}

static void the_second_touch_of_a_guard_page_goes_through(void)
{
    char *p = guarded(PAGE_READWRITE);
    check_run(p + PAGE, PAGE, MEM_COMMIT, PAGE_READWRITE | PAGE_GUARD);
    check(!can_read(p + PAGE), "no exception at the first");
    check(can_read(p + PAGE), "%#x at the second", (unsigned)fault.record.ExceptionCode);
    check_run(p, 3 * PAGE, MEM_COMMIT, PAGE_READWRITE);
    release(p);
}

static void a_guard_leaves_the_protection_beneath(void)
{
    char *p = guarded(PAGE_READONLY);
    check(!can_read(p + PAGE), "no exception at the first");
    check(can_read(p + PAGE), "%#x at the second", (unsigned)fault.record.ExceptionCode);
    check(!can_write(p + PAGE, 1), "a read-only page was written");
    check_violation(EXCEPTION_WRITE_FAULT, p + PAGE);
    release(p);
}

static void each_guard_page_of_a_run_has_its_own_guard(void)
{
    char *p = VirtualAlloc(NULL, 4 * PAGE, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE | PAGE_GUARD);
    check(p, "error %u", (unsigned)GetLastError());
    check(!can_read(p + PAGE), "no exception");
    check_run(p, PAGE, MEM_COMMIT, PAGE_READWRITE | PAGE_GUARD);
    check_run(p + PAGE, PAGE, MEM_COMMIT, PAGE_READWRITE);
    check(!can_read(p), "no exception");
    check(!can_read(p + 2 * PAGE), "no exception");
    check_run(p, 3 * PAGE, MEM_COMMIT, PAGE_READWRITE);
    release(p);
}

/* ---- access violations ----------------------------------------------------------------------- */

static void a_write_to_a_read_only_page_tells_the_exact_address(void)
{
    char *p = commit(PAGE);
    protect(p, PAGE, PAGE_READONLY);
    check(!can_write(p + 123, 1), "no exception");
    check_violation(EXCEPTION_WRITE_FAULT, p + 123);
    release(p);
}

static void reading_what_cannot_be_read_tells_the_exact_address(void)
{
    char *p = reserve(2 * PAGE);
    check_works(VirtualAlloc(p, PAGE, MEM_COMMIT, PAGE_NOACCESS) == p);
    check(!can_read(p + 7), "no access");
    check_violation(EXCEPTION_READ_FAULT, p + 7);
    check(!can_read(p + PAGE + 7), "reserved");
    check_violation(EXCEPTION_READ_FAULT, p + PAGE + 7);
    release(p);
    check(!can_read(p + 7), "free");
    check_violation(EXCEPTION_READ_FAULT, p + 7);
}

static void executing_what_is_not_code_is_told_as_such(void)
{
    char *p = commit(PAGE);
    memcpy(p, do_nothing, sizeof(do_nothing));
    check(!can_call(p), "data was executed");
    check_violation(EXCEPTION_EXECUTE_FAULT, p);
    check(fault.record.ExceptionAddress == p, "at %p", fault.record.ExceptionAddress);
    release(p);
}

static void an_execute_page_can_be_read_and_called(void)
{
    char *p = commit(PAGE);
    memcpy(p, do_nothing, sizeof(do_nothing));
    protect(p, PAGE, PAGE_EXECUTE);
    check(can_read(p), "%#x", (unsigned)fault.record.ExceptionCode);
    check(can_call(p), "%#x", (unsigned)fault.record.ExceptionCode);
    release(p);
}

static void an_address_that_cannot_be_is_told_as_all_ones(void)
{
#if !defined(__x86_64__)
    skip("only x86-64 has such addresses");
#endif
    check(!can_read((void *)0x8000000000000000), "no exception");
    check_violation(EXCEPTION_READ_FAULT, (ULONG_PTR)-1);
}

static void a_null_pointer_faults_at_0(void)
{
    check(!can_read(NULL), "no exception");
    check_violation(EXCEPTION_READ_FAULT, 0);
    check(!can_write((char *)16, 1), "no exception");
    check_violation(EXCEPTION_WRITE_FAULT, 16);
}

static void a_store_across_the_end_of_committed_memory_tells_the_page_that_failed(void)
{
    char *p = reserve(2 * PAGE);
    check_works(VirtualAlloc(p, PAGE, MEM_COMMIT, PAGE_READWRITE) == p);
    check(!can_write_eight(p + PAGE - 4, ~(ULONG64)0), "no exception");
    check_violation(EXCEPTION_WRITE_FAULT, p + PAGE);
    for (int i = 0; i < 4; i++)
        check(p[PAGE - 4 + i] == 0, "half of the store was done");
    release(p);
}

/* The address the handler is told is the instruction's. */
static LONG CALLBACK commit_the_page(EXCEPTION_POINTERS *pointers)
{
    ULONG_PTR at = pointers->ExceptionRecord->ExceptionInformation[1];
    if (pointers->ExceptionRecord->ExceptionCode != EXCEPTION_ACCESS_VIOLATION)
        return EXCEPTION_CONTINUE_SEARCH;
    if (!VirtualAlloc((void *)at, 1, MEM_COMMIT, PAGE_READWRITE))
        return EXCEPTION_CONTINUE_SEARCH;
    return EXCEPTION_CONTINUE_EXECUTION;
}

static void a_handler_may_commit_the_page_and_let_the_instruction_run_again(void)
{
    volatile char *p = reserve(64 * PAGE);
    void *handler = AddVectoredExceptionHandler(1, commit_the_page);
    for (int i = 0; i < 64; i++)
        p[i * PAGE] = (char)(i + 1);
    RemoveVectoredExceptionHandler(handler);
    for (int i = 0; i < 64; i++)
        check(p[i * PAGE] == (char)(i + 1), "page %d holds %d", i, p[i * PAGE]);
    release((char *)p);
}

/* ---- raised exceptions ----------------------------------------------------------------------- */

#define OURS 0xE0001234u

static EXCEPTION_RECORD raised;

static LONG CALLBACK keep_record(EXCEPTION_POINTERS *pointers)
{
    if (pointers->ExceptionRecord->ExceptionCode != OURS)
        return EXCEPTION_CONTINUE_SEARCH;
    raised = *pointers->ExceptionRecord;
    return EXCEPTION_CONTINUE_EXECUTION;
}

static void raise_and_keep(DWORD flags, DWORD count, const ULONG_PTR *arguments)
{
    void *handler = AddVectoredExceptionHandler(1, keep_record);
    memset(&raised, 0, sizeof(raised));
    RaiseException(OURS, flags, count, arguments);
    RemoveVectoredExceptionHandler(handler);
    check(raised.ExceptionCode == OURS, "%#x", (unsigned)raised.ExceptionCode);
}

static void a_raised_exception_carries_its_arguments(void)
{
    ULONG_PTR arguments[3] = {11, 22, 33};
    raise_and_keep(0, 3, arguments);
    check(raised.NumberParameters == 3, "%u", (unsigned)raised.NumberParameters);
    check(raised.ExceptionInformation[2] == 33, "%u", (unsigned)raised.ExceptionInformation[2]);
    check(raised.ExceptionFlags == 0, "%#x", (unsigned)raised.ExceptionFlags);
    check(raised.ExceptionAddress != NULL, "no address");
}

static void at_most_15_arguments_are_carried(void)
{
    ULONG_PTR arguments[20];
    for (int i = 0; i < 20; i++)
        arguments[i] = (ULONG_PTR)i + 100;
    raise_and_keep(0, 20, arguments);
    check(raised.NumberParameters == EXCEPTION_MAXIMUM_PARAMETERS, "%u",
          (unsigned)raised.NumberParameters);
    check(raised.ExceptionInformation[14] == 114, "%u", (unsigned)raised.ExceptionInformation[14]);
}

static void no_array_means_no_arguments(void)
{
    raise_and_keep(0, 5, NULL);
    check(raised.NumberParameters == 0, "%u", (unsigned)raised.NumberParameters);
}

static void only_the_flag_that_forbids_continuing_survives(void)
{
    raise_and_keep(0xfffffffe, 0, NULL);
    check(raised.ExceptionFlags == 0, "%#x", (unsigned)raised.ExceptionFlags);
}

/* ---- the list of handlers -------------------------------------------------------------------- */

static char called[8];

static LONG CALLBACK first_handler(EXCEPTION_POINTERS *pointers)
{
    (void)pointers;
    strcat(called, "1");
    return EXCEPTION_CONTINUE_SEARCH;
}

static LONG CALLBACK second_handler(EXCEPTION_POINTERS *pointers)
{
    (void)pointers;
    strcat(called, "2");
    return EXCEPTION_CONTINUE_SEARCH;
}

static LONG CALLBACK third_handler(EXCEPTION_POINTERS *pointers)
{
    (void)pointers;
    strcat(called, "3");
    return EXCEPTION_CONTINUE_EXECUTION;
}

static LONG CALLBACK fourth_handler(EXCEPTION_POINTERS *pointers)
{
    (void)pointers;
    strcat(called, "4");
    return EXCEPTION_CONTINUE_SEARCH;
}

static void handlers_run_in_order_until_one_continues(void)
{
    void *handlers[4];
    handlers[2] = AddVectoredExceptionHandler(1, third_handler);
    handlers[1] = AddVectoredExceptionHandler(1, second_handler);
    handlers[0] = AddVectoredExceptionHandler(1, first_handler);
    handlers[3] = AddVectoredExceptionHandler(0, fourth_handler);
    called[0] = 0;
    RaiseException(OURS, 0, 0, NULL);
    for (int i = 0; i < 4; i++)
        RemoveVectoredExceptionHandler(handlers[i]);
    check(strcmp(called, "123") == 0, "called %s", called);
}

static void continue_handlers_run_after_a_handler_continues(void)
{
    void *handler = AddVectoredExceptionHandler(1, third_handler);
    void *later = AddVectoredContinueHandler(1, fourth_handler);
    called[0] = 0;
    RaiseException(OURS, 0, 0, NULL);
    RemoveVectoredExceptionHandler(handler);
    check(RemoveVectoredContinueHandler(later), "it is not on the list");
    check(strcmp(called, "34") == 0, "called %s", called);
    check(!RemoveVectoredContinueHandler(later), "it is still on the list");
}

static void a_handler_is_removed_once(void)
{
    void *handler = AddVectoredExceptionHandler(0, first_handler);
    check(handler, "error %u", (unsigned)GetLastError());
    check(RemoveVectoredExceptionHandler(handler), "the first time");
    check(!RemoveVectoredExceptionHandler(handler), "the second time");
}

static LONG CALLBACK a_filter(EXCEPTION_POINTERS *pointers)
{
    (void)pointers;
    return EXCEPTION_CONTINUE_SEARCH;
}

static LONG CALLBACK another_filter(EXCEPTION_POINTERS *pointers)
{
    (void)pointers;
    return EXCEPTION_CONTINUE_SEARCH;
}

static void setting_a_filter_returns_the_one_before(void)
{
    LPTOP_LEVEL_EXCEPTION_FILTER before = SetUnhandledExceptionFilter(a_filter);
    check(SetUnhandledExceptionFilter(another_filter) == a_filter, "not the first filter");
    check(SetUnhandledExceptionFilter(before) == another_filter, "not the second filter");
}

static const struct test tests[] = {
    TEST(the_first_touch_of_a_guard_page_is_told, "S087"),
    TEST(a_write_to_a_guard_page_is_told_as_a_write, "S087"),
    TEST(the_second_touch_of_a_guard_page_goes_through, "S088"),
    TEST(a_guard_leaves_the_protection_beneath, "S088"),
    TEST(each_guard_page_of_a_run_has_its_own_guard, "S088"),
    TEST(a_write_to_a_read_only_page_tells_the_exact_address, "S093"),
    TEST(reading_what_cannot_be_read_tells_the_exact_address, "S094"),
    TEST(executing_what_is_not_code_is_told_as_such, "S095"),
    TEST(an_execute_page_can_be_read_and_called, "S096"),
    TEST(an_address_that_cannot_be_is_told_as_all_ones, "S097"),
    TEST(a_null_pointer_faults_at_0, "S094"),
    TEST(a_store_across_the_end_of_committed_memory_tells_the_page_that_failed, "S098"),
    TEST(a_handler_may_commit_the_page_and_let_the_instruction_run_again, ""),
    TEST(a_raised_exception_carries_its_arguments, ""),
    TEST(at_most_15_arguments_are_carried, "S103"),
    TEST(no_array_means_no_arguments, "S104"),
    TEST(only_the_flag_that_forbids_continuing_survives, "S105"),
    TEST(handlers_run_in_order_until_one_continues, "S106"),
    TEST(continue_handlers_run_after_a_handler_continues, ""),
    TEST(a_handler_is_removed_once, "S107"),
    TEST(setting_a_filter_returns_the_one_before, "S108"),
};

int main(int argc, char **argv)
{
    return test_main(tests, TEST_COUNT(tests), argc, argv);
}
