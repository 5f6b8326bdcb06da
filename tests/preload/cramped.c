/*
 * cramped.c - address space and mappings that run out: clean errors, and everything goes on.
 *
 * Each piece of work runs in a child of its own, as this program run again under the limit that is
 * tested: the heap must start in what there is.
 */
#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../test.h"
#include "use_heap.h"

#define MAPPINGS_MOST 200000

/* What a child says. */
enum { GOOD = 40, NEVER_REFUSED, BAD_ERRNO, TOO_FEW, BAD_CONTENTS, BAD_AFTERWARDS, NOT_POSSIBLE };

struct link {
    struct link *next;
    size_t number;
};

/* Take blocks until there are no more, or `most`. */
static struct link *exhaust(size_t size, size_t most, size_t *ret_count)
{
    struct link *chain = NULL;
    size_t count = 0;

    errno = 0;
    for (struct link *l; count < most && (l = malloc(size)); chain = l) {
        l->next = chain;
        l->number = count++;
    }
    *ret_count = count;
    return chain;
}

/* Free every block, or every second and then the others; false: one was not as it was left. */
static bool release(struct link *chain, size_t count, bool in_two_goes)
{
    struct link *others = NULL;
    bool good = true;

    while (chain) {
        struct link *next = chain->next;
        good = good && chain->number == --count;
        if (in_two_goes && count % 2) {
            chain->next = others;
            others = chain;
        } else {
            free(chain);
        }
        chain = next;
    }
    while (others) {
        struct link *next = others->next;
        good = good && others->number % 2 == 1;
        free(others);
        others = next;
    }
    return good && count == 0;
}

/* ---- address space ------------------------------------------------------------------------------ */

/* Exhaust it three times with blocks of a size; at least `least` bytes must be had each time. */
static int exhaust_space(size_t size, size_t least)
{
    for (int round = 0; round < 3; round++) {
        size_t count;
        struct link *chain = exhaust(size, (size_t)1 << 22, &count);
        int error = errno;
        if (count == (size_t)1 << 22)
            return NEVER_REFUSED;
        if (!release(chain, count, round == 1))
            return BAD_CONTENTS;
        if (error != ENOMEM)
            return BAD_ERRNO;
        if (count * size < least)
            return TOO_FEW;
    }
    return use_heap(3) ? GOOD : BAD_AFTERWARDS;
}

static int use_heap_often(void)
{
    for (uint64_t i = 1; i < 300; i++)
        if (!use_heap(i))
            return BAD_AFTERWARDS;
    return GOOD;
}

/* ---- mappings ------------------------------------------------------------------------------------ */

static void *map_page_of_its_own(int i)
{
    /* Neighbours that allow the same become one mapping. */
    long at = syscall(SYS_mmap, NULL, 4096, i % 2 ? PROT_READ : PROT_NONE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return at == -1 ? NULL : (void *)at;
}

/* Have the kernel refuse any further mapping, but for `left`. */
static int use_up_mappings(int left)
{
    static void *at[MAPPINGS_MOST];
    int count = 0;

    while (count < MAPPINGS_MOST && (at[count] = map_page_of_its_own(count)))
        count++;
    for (int i = 0; i < left && i < count; i++)
        syscall(SYS_munmap, at[count - 1 - i], 4096);
    return count;
}

static int exhaust_mappings(size_t size)
{
    size_t count;
    struct link *chain = exhaust(size, 150000, &count);
    int error = errno;

    if (count < 100)
        return TOO_FEW;
    if (count < 150000 && error != ENOMEM)
        return BAD_ERRNO;
    /* Giving back what lies between others takes new mappings, too. */
    if (!release(chain, count, true))
        return BAD_CONTENTS;
    chain = exhaust(size, 1000, &count);
    if (count < 100)
        return BAD_AFTERWARDS;
    return release(chain, count, true) ? GOOD : BAD_CONTENTS;
}

/* Whatever is refused, contents stay, errors are ENOMEM, and freeing works. */
static int go_on_without_mappings(int left)
{
    enum { COUNT = 600 };
    static unsigned char *p[COUNT];
    bool good = true, bad_errno = false;

    for (int i = 0; i < COUNT; i += 2)
        if ((p[i] = malloc((size_t)100 << i % 12)))
            memset(p[i], i, (size_t)100 << i % 12);
    if (use_up_mappings(left) == MAPPINGS_MOST)
        return NOT_POSSIBLE;
    for (int i = 1; i < COUNT; i += 2) {
        errno = 0;
        p[i] = i % 4 == 1 ? malloc((size_t)100 << i % 12) : memalign(4096, (size_t)100 << i % 12);
        bad_errno = bad_errno || (!p[i] && errno != ENOMEM);
        if (p[i])
            memset(p[i], i, (size_t)100 << i % 12);
    }
    for (int i = 0; i < COUNT; i += 3) {
        errno = 0;
        unsigned char *q = p[i] ? realloc(p[i], (size_t)200 << i % 12) : NULL;
        bad_errno = bad_errno || (p[i] && !q && errno != ENOMEM);
        p[i] = q ? q : p[i];
    }
    malloc_trim(0);
    for (int i = 0; i < COUNT; i++) {
        good = good && (!p[i] || is_filled(p[i], (size_t)100 << i % 12, i));
        free(p[i]);
    }
    return !good ? BAD_CONTENTS : bad_errno ? BAD_ERRNO : GOOD;
}

/* ---- the children ---------------------------------------------------------------------------------- */

static int work(const char *what, size_t size)
{
    if (strcmp(what, "space") == 0)
        return exhaust_space(size, 40 * MIB);
    if (strcmp(what, "mappings") == 0)
        return exhaust_mappings(size);
    if (strcmp(what, "without") == 0)
        return go_on_without_mappings((int)size);
    return use_heap_often();
}

/* Run this program again with `space` bytes of address space (0: no limit). */
static int run_child(size_t space, const char *what, size_t size)
{
    char number[24];
    struct rlimit limit = {space, space};
    pid_t child = fork();

    if (child == 0) {
        snprintf(number, sizeof number, "%zu", size);
        alarm(100);
        if (space && setrlimit(RLIMIT_AS, &limit) != 0)
            _exit(98);
        execl("/proc/self/exe", "cramped", "--work", what, number, (char *)NULL);
        _exit(99);
    }
    return status_of(child);
}

static void expect_good(size_t space, const char *what, size_t size)
{
    int status = run_child(space, what, size);
    if (status == NOT_POSSIBLE)
        skip("this machine has no limit on mappings");
    check(status == GOOD, "%s, %zu: %d", what, size, status);
}

static void the_heap_works_in_1_GiB_of_address_space(void)
{
    expect_good(1024 * MIB, "use", 0);
}

static void the_heap_works_in_300_MiB_of_address_space(void)
{
    expect_good(300 * MIB, "use", 0);
}

static void the_heap_works_in_100_MiB_of_address_space(void)
{
    expect_good(100 * MIB, "use", 0);
}

static void address_space_that_runs_out_is_ENOMEM(void)
{
    expect_good(200 * MIB, "space", 2000);
    expect_good(200 * MIB, "space", 30000);
    expect_good(300 * MIB, "space", 200000);
    expect_good(1024 * MIB, "space", 5 * MIB);
}

static void large_blocks_can_use_up_all_mappings(void)
{
    expect_good(0, "mappings", 40 * KIB);
    expect_good(0, "mappings", 1200 * KIB);
}

static void the_heap_goes_on_where_the_kernel_makes_no_mapping_any_more(void)
{
    expect_good(0, "without", 0);
    expect_good(0, "without", 1);
    expect_good(0, "without", 7);
    expect_good(0, "without", 40);
}

static const struct test tests[] = {
    TEST(the_heap_works_in_1_GiB_of_address_space, ""),
    TEST(the_heap_works_in_300_MiB_of_address_space, ""),
    TEST(the_heap_works_in_100_MiB_of_address_space, ""),
    TEST(address_space_that_runs_out_is_ENOMEM, ""),
    TEST(large_blocks_can_use_up_all_mappings, ""),
    TEST(the_heap_goes_on_where_the_kernel_makes_no_mapping_any_more, ""),
};

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "--work") == 0)
        return work(argv[2], strtoul(argv[3], NULL, 10));
    return test_main(tests, TEST_COUNT(tests), argc, argv);
}
