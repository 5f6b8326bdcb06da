/*
 * edges.c - malloc's family at the edges of its arguments: nothing, too much, products, alignments.
 *
 * Run under LD_PRELOAD; malloc_family.c holds what programs do every day.
 */
#include <errno.h>
#include <malloc.h>
#include <stdint.h>

#include "../test.h"
#include "use_heap.h"

/* Arguments that the compiler must not know. */
static volatile size_t nothing = 0;
static void *volatile sink;

static const size_t too_much[] = {
    PTRDIFF_MAX,      (size_t)PTRDIFF_MAX + 1, SIZE_MAX,        SIZE_MAX - 15,   SIZE_MAX - 4095,
    SIZE_MAX - 65535, SIZE_MAX / 2 - 64,       (size_t)1 << 48, (size_t)1 << 63,
};

/* An expression that must be NULL, with ENOMEM. */
#define refused(expression) \
    (errno = 0, check((sink = (expression)) == NULL && errno == ENOMEM, "errno %d", errno))

static void no_call_gives_more_than_there_is(void)
{
    for (size_t i = 0; i < TEST_COUNT(too_much); i++) {
        volatile size_t size = too_much[i];
        refused(malloc(size));
        refused(calloc(1, size));
        refused(calloc(size, 1));
        refused(realloc(NULL, size));
        refused(reallocarray(NULL, 1, size));
        refused(memalign(64, size));
        refused(memalign(1 << 20, size));
        refused(aligned_alloc(4096, size));
        refused(valloc(size));
        refused(pvalloc(size));
    }
}

static void products_are_taken_exactly(void)
{
    static const size_t factors[][2] = {
        {SIZE_MAX, 2},           {2, SIZE_MAX},         {(size_t)1 << 32, (size_t)1 << 32},
        {SIZE_MAX / 16 + 2, 16}, {SIZE_MAX / 3 + 1, 3},
    };
    for (size_t i = 0; i < TEST_COUNT(factors); i++) {
        volatile size_t a = factors[i][0], b = factors[i][1];
        void *volatile p = memset(malloc(50), 3, 50);
        refused(calloc(a, b));
        refused(reallocarray(NULL, a, b));
        refused(reallocarray(p, a, b));
        check(is_filled(p, 50, 3), "a refused reallocarray changed the block");
        free(p);
    }
    unsigned char *p = calloc(1000, 77);
    check(p && malloc_usable_size(p) >= 77000 && is_filled(p, 77000, 0), "1000 times 77");
    p = reallocarray(p, 77, 2000);
    check(p && malloc_usable_size(p) >= 154000 && is_filled(p, 77000, 0), "77 times 2000");
    free(p);
}

static void nothing_is_a_block_of_its_own(void)
{
    void *p[8] = {malloc(nothing),        calloc(nothing, 8),    calloc(8, nothing),
                  realloc(NULL, nothing), memalign(64, nothing), aligned_alloc(64, nothing),
                  valloc(nothing)};
    check(posix_memalign(&p[7], 64, nothing) == 0, "posix_memalign");
    for (int i = 0; i < 8; i++)
        for (int j = 0; j < i; j++)
            check(p[i] && p[i] != p[j], "call %d gave %p, call %d %p", i, p[i], j, p[j]);
    for (int i = 0; i < 8; i++)
        free(p[i]);
}

static void realloc_of_nothing_and_to_nothing(void)
{
    void *p = realloc(NULL, 100);
    check(p, "realloc(NULL) is malloc");
    size_t before = mallinfo2().uordblks;
    check(realloc(p, nothing) == NULL, "realloc to 0 frees, as in glibc");
    check(mallinfo2().uordblks < before, "%zu, then %zu in use", before, mallinfo2().uordblks);
}

static void calls_that_succeed_leave_errno_alone(void)
{
    errno = 1234;
    void *p = malloc(100), *q = calloc(10, 100000), *r = memalign(4096, 100), *s = NULL;
    p = realloc(p, 200000);
    check(posix_memalign(&s, 64, 10) == 0, "posix_memalign");
    check(malloc_usable_size(q) >= 1000000, "usable size");
    malloc_trim(0);
    free(p);
    free(q);
    free(r);
    free(s);
    check(errno == 1234, "errno %d", errno);
}

static void posix_memalign_says_its_error_by_its_result_alone(void)
{
    static const size_t bad[] = {0, 1, 2, 3, 4, 7, 12, 24, 48, 100, 4095, SIZE_MAX, SIZE_MAX - 7};
    void *p = (void *)1;

    errno = 1234;
    for (size_t i = 0; i < TEST_COUNT(bad); i++)
        check(posix_memalign(&p, bad[i], 8) == EINVAL, "alignment %zu", bad[i]);
    for (size_t i = 0; i < TEST_COUNT(too_much); i++)
        check(posix_memalign(&p, 64, too_much[i]) == ENOMEM, "size %zx", too_much[i]);
    check(posix_memalign(&p, (size_t)1 << 62, 8) == ENOMEM, "an alignment beyond memory");
    check(p == (void *)1 && errno == 1234, "%p, errno %d", p, errno);
}

static void odd_alignments_count_as_the_next_power_of_two(void)
{
    static const size_t odd[][2] = {{0, 16}, {1, 16}, {3, 16}, {17, 32}, {48, 64}, {5000, 8192}};
    for (size_t i = 0; i < TEST_COUNT(odd); i++) {
        void *p = memalign(odd[i][0], 100);
        check(p && (uintptr_t)p % odd[i][1] == 0, "memalign(%zu) at %p", odd[i][0], p);
        free(p);
    }
}

static void aligned_blocks_can_be_resized_and_measured(void)
{
    for (size_t alignment = 32; alignment <= 2 * MIB; alignment *= 4) {
        unsigned char *p = memalign(alignment, 3000);
        check(p && malloc_usable_size(p) >= 3000, "alignment %zu", alignment);
        memset(p, 7, 3000);
        p = realloc(p, 100000);
        check(p && is_filled(p, 3000, 7), "grown from alignment %zu", alignment);
        p = realloc(p, 10);
        check(p && is_filled(p, 10, 7), "shrunk again");
        free(p);
    }
}

static void all_of_the_usable_size_may_be_used(void)
{
    static unsigned char *p[2000];
    for (int i = 0; i < 2000; i++) {
        p[i] = malloc((size_t)i * 31 % 9000);
        memset(p[i], i, malloc_usable_size(p[i]));
    }
    for (int i = 0; i < 2000; i++) {
        size_t usable = malloc_usable_size(p[i]);
        check(is_filled(p[i], usable, i), "block %d of %zu bytes", i, usable);
        p[i] = realloc(p[i], usable + 1);
        check(is_filled(p[i], usable, i), "realloc keeps all %zu usable bytes", usable);
        free(p[i]);
    }
}

static void trimming_is_harmless_at_any_time(void)
{
    unsigned char *p[300];
    for (int i = 0; i < 300; i++) {
        p[i] = memset(malloc((size_t)i * 300 + 1), i, (size_t)i * 300 + 1);
        if (i % 3 == 0) {
            free(p[i]);
            p[i] = NULL;
        }
        malloc_trim(i % 2 ? 0 : SIZE_MAX);
    }
    for (int i = 0; i < 300; i++) {
        check(!p[i] || is_filled(p[i], (size_t)i * 300 + 1, i), "block %d", i);
        free(p[i]);
    }
    check(use_heap(9), "the heap after it");
}

static void memory_that_was_given_back_can_be_had_and_written_again(void)
{
    static void *p[6000]; /* enough for several groups of units */
    for (int round = 0; round < 6; round++) {
        for (int i = 0; i < 6000; i++)
            p[i] = memset(malloc(1000), round, 1000);
        for (int i = 0; i < 6000; i++) {
            check(is_filled(p[i], 1000, round), "round %d, block %d", round, i);
            free(p[i]);
        }
        malloc_trim(0);
    }
}

static void mallinfo_adds_up(void)
{
    struct mallinfo2 before = mallinfo2();
    void *p[500];
    for (int i = 0; i < 500; i++)
        p[i] = malloc(i % 50 ? 120 : 300000);
    struct mallinfo2 full = mallinfo2();
    check(full.uordblks - before.uordblks >= 10 * 300000 + 490 * 120, "%zu in use", full.uordblks);
    check(full.hblks - before.hblks == 10, "%zu large blocks", full.hblks);
    check(full.arena + full.hblkhd == full.uordblks + full.fordblks, "%zu + %zu, %zu + %zu",
          full.arena, full.hblkhd, full.uordblks, full.fordblks);
    for (int i = 0; i < 500; i++)
        free(p[i]);
    struct mallinfo2 after = mallinfo2();
    check(after.uordblks == before.uordblks, "%zu, then %zu", before.uordblks, after.uordblks);
}

static const struct test tests[] = {
    TEST(no_call_gives_more_than_there_is, ""),
    TEST(products_are_taken_exactly, ""),
    TEST(nothing_is_a_block_of_its_own, ""),
    TEST(realloc_of_nothing_and_to_nothing, ""),
    TEST(calls_that_succeed_leave_errno_alone, ""),
    TEST(posix_memalign_says_its_error_by_its_result_alone, ""),
    TEST(odd_alignments_count_as_the_next_power_of_two, ""),
    TEST(aligned_blocks_can_be_resized_and_measured, ""),
    TEST(all_of_the_usable_size_may_be_used, ""),
    TEST(trimming_is_harmless_at_any_time, ""),
    TEST(memory_that_was_given_back_can_be_had_and_written_again, ""),
    TEST(mallinfo_adds_up, ""),
};

int main(int argc, char **argv)
{
    return test_main(tests, TEST_COUNT(tests), argc, argv);
}
