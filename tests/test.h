/*
 * test.h - the whole test framework.
 *
 * A test is a function whose name is a sentence.  A table lists the tests with the rows of the
 * semantics table that they prove; the output is TAP, and the last line counts:
 *
 *     ok 1 - decommitted pages read as zero when committed again [S021]
 *     not ok 2 - ...
 *     # virtual_free.c:31: p[0] == 0: found 120
 *     ok 3 - ... # SKIP why
 *     1 passed, 1 failed, 1 skipped
 *
 * check() ends the test at the first thing that is wrong; in a thread that a test has started it
 * records and goes on.  Arguments name tests to run: a part of a sentence, or a row.
 * The exit status is 1 when a test failed, and 77 when all were skipped.
 *
 * The file also builds with mingw, as part of a Windows program.
 */
#ifndef NTMM_TESTS_TEST_H
#define NTMM_TESTS_TEST_H

#if defined(_WIN32) && !defined(__USE_MINGW_ANSI_STDIO)
#define __USE_MINGW_ANSI_STDIO 1
#endif

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct test {
    void (*run)(void);
    const char *name; /* the function's name; underscores are printed as spaces */
    const char *rows; /* rows of the semantics table: "S001 S002", or "" */
};

#define TEST(function, rows)      \
    {                             \
        function, #function, rows \
    }
#define TEST_COUNT(tests) (sizeof(tests) / sizeof((tests)[0]))

enum test_outcome { TEST_PASSED, TEST_FAILED, TEST_SKIPPED };

/* What the running test has come to.  `escape` is set in the thread that runs tests, alone. */
static struct {
    volatile enum test_outcome outcome;
    const char *volatile why; /* skipped */
    const char *file;         /* of the check that failed */
    int line;
    char text[512];
} test_now __attribute__((unused));
static __thread jmp_buf *test_escape __attribute__((unused));

/* Go on only if `condition` holds; otherwise the test has failed, with this message. */
#define check(condition, ...) \
    ((condition) ? (void)0 : test_fail(__FILE__, __LINE__, #condition, __VA_ARGS__))

/* End the test as one that cannot be run here. */
#define skip(reason) test_skip(reason)

static void test_leave(void)
{
    if (test_escape)
        longjmp(*test_escape, 1);
}

__attribute__((unused, format(printf, 4, 5))) static void test_fail(const char *file, int line,
                                                                    const char *condition,
                                                                    const char *format, ...)
{
    int n = snprintf(test_now.text, sizeof(test_now.text), "%s: ", condition);
    if (n > 0 && n < (int)sizeof(test_now.text)) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(test_now.text + n, sizeof(test_now.text) - (size_t)n, format, arguments);
        va_end(arguments);
    }
    test_now.file = file;
    test_now.line = line;
    test_now.outcome = TEST_FAILED;
    test_leave();
}

__attribute__((unused)) static void test_skip(const char *reason)
{
    if (test_now.outcome != TEST_FAILED) {
        test_now.why = reason;
        test_now.outcome = TEST_SKIPPED;
    }
    test_leave();
}

/* Run one test from a clean slate. */
__attribute__((noinline)) static enum test_outcome test_run(const struct test *t)
{
    jmp_buf escape;

    test_now.outcome = TEST_PASSED;
    if (setjmp(escape) == 0) {
        test_escape = &escape;
        t->run();
    }
    test_escape = NULL;
    return test_now.outcome;
}

static void test_print_sentence(const struct test *t)
{
    for (const char *c = t->name; *c; c++)
        putchar(*c == '_' ? ' ' : *c);
    if (t->rows[0])
        printf(" [%s]", t->rows);
}

static void test_print(const struct test *t, int number, enum test_outcome outcome)
{
    const char *file = test_now.file;

    printf("%s %d - ", outcome == TEST_FAILED ? "not ok" : "ok", number);
    test_print_sentence(t);
    if (outcome == TEST_SKIPPED)
        printf(" # SKIP %s", test_now.why);
    putchar('\n');
    if (outcome == TEST_FAILED) {
        const char *slash = strrchr(file, '/');
        printf("# %s:%d: %s\n", slash ? slash + 1 : file, test_now.line, test_now.text);
    }
    fflush(stdout);
}

/* Whether the arguments ask for this test. */
static bool test_is_wanted(const struct test *t, int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (strstr(t->name, argv[i]) || strstr(t->rows, argv[i]))
            return true;
    return argc < 2;
}

static int test_finish(const int counts[3])
{
    printf("%d passed, %d failed, %d skipped\n", counts[TEST_PASSED], counts[TEST_FAILED],
           counts[TEST_SKIPPED]);
    fflush(stdout);
    if (counts[TEST_FAILED])
        return 1;
    return counts[TEST_SKIPPED] && !counts[TEST_PASSED] ? 77 : 0;
}

/* Run the table; the result is main's. */
__attribute__((unused)) static int test_main(const struct test *tests, size_t count, int argc,
                                             char **argv)
{
    int counts[3] = {0, 0, 0};

    for (size_t i = 0; i < count; i++) {
        if (!test_is_wanted(&tests[i], argc, argv))
            continue;
        enum test_outcome outcome = test_run(&tests[i]);
        counts[outcome]++;
        test_print(&tests[i], (int)i + 1, outcome);
    }
    return test_finish(counts);
}

#endif
