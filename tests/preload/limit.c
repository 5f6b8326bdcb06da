/*
 * limit.c - malloc and mmap at a commit limit of 64 MiB: refused, and nothing lost.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "../test.h"

#define MIB ((size_t)1 << 20)

struct link {
    struct link *next;
    size_t number;
    char rest[];
};

/* Allocate until there is no more; the chain of blocks. */
static struct link *exhaust(size_t size, size_t *ret_count)
{
    struct link *chain = NULL;
    size_t count = 0;

    for (struct link *l; (l = malloc(size)); chain = l, count++) {
        memset(l, 0x5a, size);
        l->next = chain;
        l->number = count;
    }
    *ret_count = count;
    return chain;
}

/* Free the chain; the number of blocks that were not as they were left. */
static size_t release(struct link *chain, size_t count, size_t size)
{
    size_t wrong = 0;
    while (chain) {
        struct link *next = chain->next;
        wrong += chain->number != --count || chain->rest[size - sizeof *chain - 1] != 0x5a;
        free(chain);
        chain = next;
    }
    return wrong + count;
}

static void exhaust_and_recover(size_t size)
{
    for (int round = 0; round < 3; round++) {
        size_t count;
        errno = 0;
        struct link *chain = exhaust(size, &count);
        int error = errno;
        size_t total = count * size;
        size_t wrong = release(chain, count, size);
        check(error == ENOMEM, "size %zu: errno %d", size, error);
        check(!wrong, "size %zu: %zu blocks are wrong", size, wrong);
        check(total > 40 * MIB && total <= 64 * MIB, "size %zu, round %d: %zu bytes", size, round,
              total);
    }
}

static void malloc_says_ENOMEM_at_the_limit_and_goes_on_after_free(void)
{
    exhaust_and_recover(64);
    exhaust_and_recover(1000);
    exhaust_and_recover(20000);
    exhaust_and_recover(100000);
    exhaust_and_recover(3 * MIB);
}

static void a_block_survives_a_realloc_that_fails(void)
{
    char *p = malloc(40 * MIB);
    check(p, "errno %d", errno);
    memset(p, 7, 40 * MIB);
    errno = 0;
    check(!realloc(p, 80 * MIB) && errno == ENOMEM, "errno %d", errno);
    int whole = p[0] == 7 && p[40 * MIB - 1] == 7;
    free(p);
    check(whole, "contents");
}

static void a_reservation_is_free_and_making_it_writable_is_not(void)
{
    size_t huge = MIB << 20;
    char *p = mmap(NULL, huge, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    check(p != MAP_FAILED, "errno %d", errno);
    check(mprotect(p + (huge >> 1), 30 * MIB, PROT_READ | PROT_WRITE) == 0, "errno %d", errno);
    p[huge >> 1] = 5;
    errno = 0;
    check(mprotect(p, 60 * MIB, PROT_READ | PROT_WRITE) == -1 && errno == ENOMEM, "errno %d",
          errno);
    check(p[huge >> 1] == 5, "contents");
    check(munmap(p, huge) == 0, "errno %d", errno);
}

static void mmap_says_ENOMEM_at_the_limit(void)
{
    int kind = MAP_PRIVATE | MAP_ANONYMOUS;
    char *p = mmap(NULL, 40 * MIB, PROT_READ | PROT_WRITE, kind, -1, 0);
    check(p != MAP_FAILED, "errno %d", errno);
    errno = 0;
    check(mmap(NULL, 40 * MIB, PROT_READ | PROT_WRITE, kind, -1, 0) == MAP_FAILED, "no limit");
    check(errno == ENOMEM, "errno %d", errno);
    errno = 0;
    check(mmap(NULL, 40 * MIB, PROT_READ | PROT_WRITE, kind | MAP_NORESERVE, -1, 0) == MAP_FAILED,
          "no limit for MAP_NORESERVE");
    check(mremap(p, 40 * MIB, 80 * MIB, MREMAP_MAYMOVE) == MAP_FAILED && errno == ENOMEM,
          "errno %d", errno);
    check(munmap(p, 40 * MIB) == 0, "errno %d", errno);
    p = mmap(NULL, 40 * MIB, PROT_READ | PROT_WRITE, kind, -1, 0);
    check(p != MAP_FAILED, "what was unmapped can be had again: errno %d", errno);
    munmap(p, 40 * MIB);
}

static const struct test tests[] = {
    TEST(malloc_says_ENOMEM_at_the_limit_and_goes_on_after_free, ""),
    TEST(a_block_survives_a_realloc_that_fails, ""),
    TEST(a_reservation_is_free_and_making_it_writable_is_not, ""),
    TEST(mmap_says_ENOMEM_at_the_limit, ""),
};

int main(int argc, char **argv)
{
    return test_main(tests, TEST_COUNT(tests), argc, argv);
}
