/*
 * refused.c - commits that fail: an allocation says so, and nothing else breaks.
 *
 * Each test runs this program again, as a child that does one piece of work under NTMM_FAIL_COMMIT=N
 * (the N-th commit fails, once) or NTMM_COMMIT_LIMIT (all fail from there on), for many N.
 */
#include <errno.h>
#include <malloc.h>
#include <spawn.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../test.h"
#include "use_heap.h"

#define BLOCKS 96

extern char **environ;

/* What a child says: it found nothing wrong, and whether anything was refused to it. */
enum { ALL_GIVEN = 40, SOME_REFUSED = 41, BAD_ERRNO = 50, BAD_CONTENTS, BAD_AFTERWARDS };

static unsigned char *blocks[BLOCKS];
static size_t sizes[BLOCKS];
static int refused;
static bool bad_errno;

/* Small ones, page-sized ones and large ones in turns; the seed of a block is its number. */
static size_t size_of(int i)
{
    static const size_t kinds[] = {24, 200, 1500, 9000, 20000, 40000, 70000, 700};
    return kinds[i % 8] + (size_t)i;
}

static void *judge(void *p)
{
    if (!p) {
        refused++;
        bad_errno = bad_errno || errno != ENOMEM;
    }
    return p;
}

static void *take(int i, size_t size)
{
    void *p = NULL;

    errno = 0;
    switch (i / 8 % 4) {
    case 0: return judge(malloc(size));
    case 1: return judge(calloc(1, size));
    case 2: return judge(memalign(256, size));
    default:
        if (posix_memalign(&p, 64, size) == ENOMEM)
            errno = ENOMEM;
        return judge(p);
    }
}

static void take_all(void)
{
    for (int i = 0; i < BLOCKS; i++) {
        sizes[i] = size_of(i);
        blocks[i] = take(i, sizes[i]);
        if (blocks[i])
            memset(blocks[i], i, sizes[i]);
    }
}

static void resize_some(void)
{
    for (int i = 0; i < BLOCKS; i += 3) {
        errno = 0;
        size_t size = sizes[i] * 3 / 2 + 100;
        unsigned char *p = judge(blocks[i] ? realloc(blocks[i], size) : malloc(size));
        if (!p)
            continue;
        blocks[i] = p;
        memset(p, i, size);
        sizes[i] = size;
    }
}

/* mmap goes to the kernel's errno by another way. */
static void map_some(void)
{
    for (int i = 0; i < 20; i++) {
        errno = 0;
        void *p = mmap(NULL, 128 * KIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (judge(p == MAP_FAILED ? NULL : p)) {
            memset(p, 1, 128 * KIB);
            munmap(p, 128 * KIB);
        }
    }
}

static bool free_all(void)
{
    bool good = true;
    for (int i = 0; i < BLOCKS; i++) {
        good = good && (!blocks[i] || is_filled(blocks[i], sizes[i], i));
        free(blocks[i]);
    }
    return good;
}

static int work(void)
{
    alarm(60);
    take_all();
    map_some();
    resize_some();
    if (!free_all())
        return BAD_CONTENTS;
    if (bad_errno)
        return BAD_ERRNO;
    malloc_trim(0);
    if (!use_heap(3) && !use_heap(5)) /* the commit that fails may be in the first */
        return BAD_AFTERWARDS;
    return refused ? SOME_REFUSED : ALL_GIVEN;
}

/* ---- the children -------------------------------------------------------------------------------- */

static int run_child(const char *name, unsigned long value)
{
    char number[24];
    char *argv[] = {"refused", "--work", NULL};
    pid_t child;

    snprintf(number, sizeof number, "%lu", value);
    setenv(name, number, 1);
    int error = posix_spawn(&child, "/proc/self/exe", NULL, NULL, argv, environ);
    unsetenv(name);
    return error ? -1 : status_of(child);
}

static void nothing_breaks_when_one_commit_fails(void)
{
    int some = 0;
    for (unsigned long n = 1; n <= 200; n++) {
        int status = run_child("NTMM_FAIL_COMMIT", n);
        check(status == ALL_GIVEN || status == SOME_REFUSED, "commit %lu fails: %d", n, status);
        some += status == SOME_REFUSED;
    }
    check(some > 0, "nothing was ever refused: NTMM_FAIL_COMMIT does nothing");
    check(run_child("NTMM_FAIL_COMMIT", 1000000) == ALL_GIVEN, "and none when none fails");
}

static void nothing_breaks_when_all_commits_fail_from_some_point_on(void)
{
    int some = 0;
    for (unsigned long limit = 3 * MIB; limit < 6 * MIB; limit += 53 * KIB) {
        int status = run_child("NTMM_COMMIT_LIMIT", limit & ~(4 * KIB - 1));
        check(status == ALL_GIVEN || status == SOME_REFUSED, "limit %lu: %d", limit, status);
        some += status == SOME_REFUSED;
    }
    check(some > 10, "refused in %d runs: the limit does nothing", some);
}

static const struct test tests[] = {
    TEST(nothing_breaks_when_one_commit_fails, ""),
    TEST(nothing_breaks_when_all_commits_fail_from_some_point_on, ""),
};

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--work") == 0)
        return work();
    return test_main(tests, TEST_COUNT(tests), argc, argv);
}
