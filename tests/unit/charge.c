/*
 * charge.c - the commit limit, alone.
 */
#include <pthread.h>
#include <stdlib.h>

#include <ntstatus.h>

#include "stats/counters.h"
#include "test.h"
#include "vm/vm.h"

static void a_charge_is_taken_up_to_the_limit_and_not_past_it(void)
{
    struct charge c = {.limit = 10};
    check(mm_charge_take(&c, 11) == STATUS_COMMITMENT_LIMIT && c.used == 0, "used %zu", c.used);
    check(mm_charge_take(&c, 10) == STATUS_SUCCESS, "the whole limit");
    check(mm_charge_take(&c, 1) == STATUS_COMMITMENT_LIMIT && c.used == 10, "used %zu", c.used);
    mm_charge_give(&c, 4);
    check(mm_charge_take(&c, 4) == STATUS_SUCCESS && c.used == 10, "used %zu", c.used);
}

static void huge_charges_do_not_wrap(void)
{
    struct charge c = {.limit = SIZE_MAX};
    check(mm_charge_take(&c, 5) == STATUS_SUCCESS, "five");
    check(mm_charge_take(&c, SIZE_MAX) == STATUS_COMMITMENT_LIMIT, "wrapped");
    check(mm_charge_take(&c, SIZE_MAX - 5) == STATUS_SUCCESS, "all the rest");
    check(mm_charge_take(&c, 1) == STATUS_COMMITMENT_LIMIT, "past the end of numbers");
}

static void a_limit_below_what_is_used_refuses_all_that_is_new(void)
{
    struct charge c = {.limit = 10};
    check(mm_charge_take(&c, 10) == STATUS_SUCCESS, "ten");
    mm_charge_set_limit(&c, 5);
    check(mm_charge_take(&c, 1) == STATUS_COMMITMENT_LIMIT, "used 10 of 5");
    check(mm_charge_take(&c, 0) == STATUS_SUCCESS, "nothing is always had");
    mm_charge_give(&c, 6);
    check(mm_charge_take(&c, 1) == STATUS_SUCCESS, "used 4 of 5");
}

static void the_peak_is_the_most_there_ever_was(void)
{
    struct charge c = {.limit = 100};
    check(!mm_charge_take(&c, 30) && !mm_charge_take(&c, 40), "70");
    mm_charge_give(&c, 60);
    check(!mm_charge_take(&c, 20) && c.peak == 70, "peak %zu", c.peak);
}

static void the_nth_commit_fails_and_only_that_one(void)
{
    struct charge c = {.limit = 100, .fail_at = 3};
    check(!mm_charge_take(&c, 1) && !mm_charge_take(&c, 1), "the first two");
    check(!mm_charge_take(&c, 0), "nothing is no commit");
    check(mm_charge_take(&c, 1) == STATUS_COMMITMENT_LIMIT && c.used == 2, "the third");
    check(!mm_charge_take(&c, 1) && c.used == 3, "the fourth");
}

static void what_is_promised_is_published(void)
{
    struct charge c = {.limit = 100};
    uint64_t before = mm_counted(NTMM_COMMITTED);
    uint64_t failures = mm_counted(NTMM_COMMIT_FAILURES);
    mm_charge_set_limit(&c, 50);
    check(mm_counted(NTMM_COMMIT_LIMIT) == 50 * PAGE_BYTES, "the limit in bytes");
    check(!mm_charge_take(&c, 7), "seven");
    check(mm_counted(NTMM_COMMITTED) == before + 7 * PAGE_BYTES, "seven more");
    check(mm_counted(NTMM_COMMITTED_PEAK) >= before + 7 * PAGE_BYTES, "the peak");
    mm_charge_give(&c, 7);
    check(mm_counted(NTMM_COMMITTED) == before, "as before");
    check(mm_charge_take(&c, 51) && mm_counted(NTMM_COMMIT_FAILURES) == failures + 1, "a failure");
}

static struct charge shared = {.limit = 1000};
static atomic_bool passed;

static void *take_and_give(void *unused)
{
    (void)unused;
    for (int i = 0; i < 200000; i++) {
        size_t pages = 1 + (size_t)i % 400;
        if (mm_charge_take(&shared, pages))
            continue;
        if (shared.used > 1000)
            passed = true;
        mm_charge_give(&shared, pages);
    }
    return NULL;
}

static void threads_never_pass_the_limit_together(void)
{
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        check(!pthread_create(&threads[i], NULL, take_and_give, NULL), "thread %d", i);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    check(!passed && shared.peak <= 1000, "peak %zu", shared.peak);
    check(shared.used == 0, "used %zu", shared.used);
}

static const struct test tests[] = {
    TEST(a_charge_is_taken_up_to_the_limit_and_not_past_it, ""),
    TEST(huge_charges_do_not_wrap, ""),
    TEST(a_limit_below_what_is_used_refuses_all_that_is_new, ""),
    TEST(the_peak_is_the_most_there_ever_was, ""),
    TEST(the_nth_commit_fails_and_only_that_one, ""),
    TEST(what_is_promised_is_published, ""),
    TEST(threads_never_pass_the_limit_together, ""),
};

int main(int argc, char **argv)
{
    return test_main(tests, TEST_COUNT(tests), argc, argv);
}
