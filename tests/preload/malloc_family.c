/*
 * malloc_family.c - malloc and its family as POSIX, C and glibc promise them, on our heap.
 *
 * Run under LD_PRELOAD.  The first test proves that it is; the others hold for any good malloc.
 */
#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../test.h"

#define KIB ((size_t)1024)
#define MIB (1024 * KIB)

/* The compiler knows malloc and may remove calls that have no effect it can see. */
static void *volatile sink;

static void fill(void *block, size_t size, unsigned char seed)
{
    unsigned char *p = block;
    for (size_t i = 0; i < size; i++)
        p[i] = (unsigned char)(seed + i * 31);
}

static bool holds(const void *block, size_t size, unsigned char seed)
{
    const unsigned char *p = block;
    for (size_t i = 0; i < size; i++)
        if (p[i] != (unsigned char)(seed + i * 31))
            return false;
    return true;
}

static bool is_zero(const void *block, size_t size)
{
    const unsigned char *p = block;
    for (size_t i = 0; i < size; i++)
        if (p[i])
            return false;
    return true;
}

static void malloc_is_ours(void)
{
    Dl_info info;
    void *address = dlsym(RTLD_DEFAULT, "malloc");
    check(address && dladdr(address, &info), "no malloc");
    check(strstr(info.dli_fname, "libntmm-preload"), "malloc comes from %s", info.dli_fname);
}

static void blocks_of_every_size_are_aligned_and_hold_what_was_written(void)
{
    for (size_t size = 0; size <= 300 * KIB; size += size < 5000 ? 1 : 997) {
        void *p = malloc(size);
        check(p, "size %zu, errno %d", size, errno);
        check((uintptr_t)p % 16 == 0, "size %zu at %p", size, p);
        check(malloc_usable_size(p) >= size, "usable %zu of %zu", malloc_usable_size(p), size);
        fill(p, malloc_usable_size(p), (unsigned char)size);
        check(holds(p, malloc_usable_size(p), (unsigned char)size), "size %zu", size);
        free(p);
    }
}

static void blocks_do_not_overlap(void)
{
    enum { COUNT = 5000 };
    static struct {
        unsigned char *p;
        size_t size;
    } block[COUNT];

    for (int i = 0; i < COUNT; i++) {
        block[i].size = (size_t)(i * 7919) % (i % 50 ? 2000 : 100000);
        block[i].p = malloc(block[i].size);
        check(block[i].p, "errno %d", errno);
        fill(block[i].p, block[i].size, (unsigned char)i);
    }
    for (int i = 0; i < COUNT; i++) {
        check(holds(block[i].p, block[i].size, (unsigned char)i), "block %d", i);
        free(block[i].p);
    }
}

static void two_empty_blocks_are_not_the_same(void)
{
    void *a = malloc(0);
    void *b = malloc(0);
    check(a && b && a != b, "%p %p", a, b);
    free(a);
    free(b);
}

static void freeing_nothing_is_fine(void)
{
    free(sink);
    sink = NULL;
    free(sink);
    check(malloc_usable_size(NULL) == 0, "usable size of nothing");
}

static void free_keeps_errno(void)
{
    void *small = malloc(10);
    void *big = malloc(3 * MIB);
    errno = 1234;
    free(small);
    free(big);
    check(errno == 1234, "errno %d", errno);
}

static void calloc_is_zero_also_where_memory_was_used(void)
{
    static const size_t sizes[] = {1, 48, 1000, 5000, 32768, 40000, 200000, 3000000};

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        for (int round = 0; round < 20; round++) {
            void *p = calloc(1, sizes[i]);
            check(p && is_zero(p, sizes[i]), "size %zu round %d", sizes[i], round);
            memset(p, 0xee, sizes[i]);
            free(p);
        }
    }
}

static void products_that_overflow_are_refused(void)
{
    volatile size_t half = SIZE_MAX / 2 + 2;
    errno = 0;
    check(!calloc(half, 2) && errno == ENOMEM, "errno %d", errno);
    errno = 0;
    check(!reallocarray(NULL, half, 2) && errno == ENOMEM, "errno %d", errno);
    void *p = reallocarray(NULL, 100, 10);
    check(p && malloc_usable_size(p) >= 1000, "reallocarray");
    free(p);
}

static void impossible_sizes_are_refused(void)
{
    static const size_t sizes[] = {SIZE_MAX, SIZE_MAX - 4096, PTRDIFF_MAX, (size_t)1 << 60,
                                   (size_t)1 << 47};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        volatile size_t size = sizes[i];
        void *other;
        errno = 0;
        check(!malloc(size) && errno == ENOMEM, "%zx: errno %d", size, errno);
        errno = 0;
        check(!calloc(1, size) && errno == ENOMEM, "%zx: errno %d", size, errno);
        errno = 0;
        check(!memalign(64, size) && errno == ENOMEM, "%zx: errno %d", size, errno);
        check(posix_memalign(&other, 64, size) == ENOMEM, "%zx", size);
        void *p = malloc(100);
        fill(p, 100, 1);
        errno = 0;
        check(!realloc(p, size) && errno == ENOMEM, "%zx: errno %d", size, errno);
        check(holds(p, 100, 1), "a failed realloc leaves the block as it was");
        free(p);
    }
}

static void realloc_keeps_the_contents(void)
{
    static const size_t steps[] = {1,       16,    17,    100,   2000, 33000, 70000, 500000,
                                   3000000, 80000, 32769, 32768, 5000, 700,   16,    1};
    size_t old = 1;
    unsigned char *p = realloc(NULL, 1);
    fill(p, 1, 9);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        p = realloc(p, steps[i]);
        check(p, "errno %d", errno);
        check(holds(p, old < steps[i] ? old : steps[i], 9), "%zu to %zu", old, steps[i]);
        fill(p, steps[i], 9);
        old = steps[i];
    }
    check(realloc(p, 0) == NULL, "realloc to nothing frees");
}

static void a_large_block_that_grows_to_twice_its_size_is_not_moved(void)
{
    char *p = malloc(MIB);
    char *q = p;
    for (size_t size = MIB; size < 2 * MIB; size += 10000) {
        q = realloc(q, size);
        check(q == p, "moved at %zu", size);
        q[size - 1] = 1;
    }
    free(q);
}

static void a_block_that_grows_bit_by_bit_is_seldom_moved(void)
{
    char *p = malloc(1);
    uintptr_t before = (uintptr_t)p;
    int moves = 0;
    for (size_t size = 64 * KIB; size < 64 * MIB; size += 64 * KIB) {
        p = realloc(p, size);
        check(p, "errno %d", errno);
        moves += (uintptr_t)p != before;
        before = (uintptr_t)p;
        p[size - 1] = (char)(size >> 16);
    }
    for (size_t size = 64 * KIB; size < 64 * MIB; size += 64 * KIB)
        check(p[size - 1] == (char)(size >> 16), "lost at %zu", size);
    free(p);
    check(moves <= 12, "%d moves", moves);
}

static void aligned_blocks_are_aligned(void)
{
    for (size_t alignment = 16; alignment <= 4 * MIB; alignment *= 2) {
        for (size_t size = 0; size <= 3 * 65536; size = size * 2 + 1) {
            void *p;
            check(posix_memalign(&p, alignment, size) == 0, "%zu %zu", alignment, size);
            check((uintptr_t)p % alignment == 0, "%p at %zu", p, alignment);
            check(malloc_usable_size(p) >= size, "%zu of %zu", malloc_usable_size(p), size);
            fill(p, size, 3);
            void *q = aligned_alloc(alignment, size);
            check(q && (uintptr_t)q % alignment == 0, "%p at %zu", q, alignment);
            fill(q, size, 4);
            check(holds(p, size, 3), "overlap at %zu %zu", alignment, size);
            p = realloc(p, size + 100);
            check(p && holds(p, size, 3), "realloc of an aligned block");
            free(p);
            free(q);
        }
    }
}

static void bad_alignments_are_refused(void)
{
    void *p = (void *)1;
    check(posix_memalign(&p, 0, 10) == EINVAL, "0");
    check(posix_memalign(&p, 4, 10) == EINVAL, "4");
    check(posix_memalign(&p, 24, 10) == EINVAL, "24");
    check(p == (void *)1, "untouched on failure");
    errno = 0;
    volatile size_t alignment = SIZE_MAX;
    check(!memalign(alignment, 10) && (errno == EINVAL || errno == ENOMEM), "errno %d", errno);
}

static void page_aligned_blocks_are(void)
{
    void *p = valloc(10);
    void *q = pvalloc(5000);
    check((uintptr_t)p % 4096 == 0 && (uintptr_t)q % 4096 == 0, "%p %p", p, q);
    check(malloc_usable_size(q) >= 8192, "whole pages");
    free(p);
    free(q);
}

static void mallinfo_counts_what_is_in_use(void)
{
    struct mallinfo2 before = mallinfo2();
    void *big = malloc(5 * MIB);
    void *small[1000];
    for (int i = 0; i < 1000; i++)
        small[i] = malloc(1000);
    struct mallinfo2 after = mallinfo2();
    for (int i = 0; i < 1000; i++)
        free(small[i]);
    free(big);
    struct mallinfo2 end = mallinfo2();
    check(after.uordblks - before.uordblks >= 5 * MIB + 1000000, "%zu to %zu", before.uordblks,
          after.uordblks);
    check(after.hblks == before.hblks + 1, "%zu to %zu", before.hblks, after.hblks);
    check(end.uordblks == before.uordblks, "%zu to %zu", before.uordblks, end.uordblks);
}

static size_t resident_pages(void)
{
    size_t total = 0, resident = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (!f || fscanf(f, "%zu %zu", &total, &resident) != 2)
        resident = 0;
    if (f)
        fclose(f);
    return resident;
}

static void freed_memory_leaves_the_process(void)
{
    enum { COUNT = 200000, SIZE = 500 };
    if (getenv("NTMM_RAM"))
        skip("under a RAM budget the pager decides what is resident");
    void **block = malloc(COUNT * sizeof *block);
    size_t before = resident_pages();
    for (int i = 0; i < COUNT; i++)
        memset(block[i] = malloc(SIZE), 1, SIZE);
    size_t full = resident_pages();
    for (int i = 0; i < COUNT; i++)
        free(block[i]);
    size_t after = resident_pages();
    free(block);
    check(full - before > 20000, "%zu to %zu pages", before, full);
    check(after < before + 1500, "%zu, %zu, then %zu pages", before, full, after);
}

/* More than the kernel has mappings for, if each took two. */
static void sixty_thousand_large_blocks_are_possible(void)
{
    enum { COUNT = 60000, SIZE = 40000 };
    if (getenv("NTMM_RAM") || getenv("NTMM_HEAP"))
        skip("each block is written to, or has mappings of its own");
    static char *block[COUNT];
    size_t made = 0;
    for (; made < COUNT && (block[made] = malloc(SIZE)); made++)
        block[made][0] = (char)made;
    check(made == COUNT, "%zu blocks", made);
    FILE *f = fopen("/proc/self/maps", "r");
    check(f != NULL, "no mapping is left for others");
    if (f)
        fclose(f);
    for (size_t i = 0; i < made; i++) {
        check(block[i][0] == (char)i, "block %zu", i);
        free(block[i]);
    }
}

/* Fill and free so much; => pages resident after. */
static size_t fill_and_free(void **block, int count, size_t size)
{
    for (int i = 0; i < count; i++)
        memset(block[i] = malloc(size), 1, size);
    for (int i = 0; i < count; i++)
        free(block[i]);
    return resident_pages();
}

static void memory_that_is_wanted_again_stays_until_it_is_trimmed(void)
{
    enum { COUNT = 64000, SIZE = 500, PAGES = COUNT * SIZE / 4096 };
    if (getenv("NTMM_RAM") || getenv("NTMM_HEAP"))
        skip("in this mode the pager, or nobody, keeps freed memory");
    static void *block[COUNT];
    memset(block, 1, sizeof block);
    size_t before = resident_pages();
    for (int turn = 0; turn < 8; turn++)
        (void)fill_and_free(block, COUNT, SIZE);
    size_t often = resident_pages();
    check(often > before + PAGES / 2, "%zu, then %zu pages", before, often);
    (void)fill_and_free(block, 4 * 1024, 16 * 1024); /* other sizes use it as well */
    check(resident_pages() < before + 64 * MIB / 4096 + PAGES / 4, "%zu pages", resident_pages());
    malloc_trim(0);
    check(resident_pages() < before + PAGES / 8, "%zu, then %zu pages", before, resident_pages());
}

/* Within a page or a few blocks the order is random, on purpose. */
static void blocks_of_one_size_come_nearly_in_the_order_of_their_addresses(void)
{
    enum { COUNT = 10000, NEAR = 16 };
    int backwards = 0, next = 0;
    char **block = malloc(COUNT * sizeof *block);
    for (int i = 0; i < COUNT; i++) {
        block[i] = malloc(752);
        backwards += i >= NEAR && block[i] < block[i - NEAR];
        next += i > 0 && block[i] == block[i - 1] + 768;
    }
    for (int i = 0; i < COUNT; i++)
        free(block[i]);
    free(block);
    check(backwards < 20 * NEAR, "%d of %d below the one %d before", backwards, COUNT, NEAR);
    check(next < COUNT * 3 / 4, "%d of %d right behind the one before", next, COUNT);
}

/* ---- threads ------------------------------------------------------------------------------------ */

static void *free_it(void *block)
{
    free(block);
    return NULL;
}

static void a_block_can_be_freed_by_another_thread(void)
{
    for (int i = 0; i < 200; i++) {
        pthread_t thread;
        void *p = malloc((size_t)i * 777);
        check(pthread_create(&thread, NULL, free_it, p) == 0, "no thread");
        pthread_join(thread, NULL);
    }
}

/* ---- misuse: the process must stop ----------------------------------------------------------------- */

/* Run `misuse` in a child; its standard error, and how it ended. */
static int outcome_of(void (*misuse)(void), char *message, size_t capacity)
{
    int ends[2];
    int status = 0;
    if (pipe(ends) != 0)
        return 0;
    pid_t child = fork();
    if (child == 0) {
        struct rlimit none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
        dup2(ends[1], 2);
        misuse();
        _exit(0);
    }
    close(ends[1]);
    ssize_t n = read(ends[0], message, capacity - 1);
    message[n > 0 ? n : 0] = 0;
    close(ends[0]);
    waitpid(child, &status, 0);
    return status;
}

static void must_abort(void (*misuse)(void), const char *says)
{
    char message[300];
    int status = outcome_of(misuse, message, sizeof message);
    check(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "status %x: %s", status, message);
    check(strstr(message, says), "it said: %s", message);
}

static void free_small_twice(void)
{
    sink = malloc(100);
    free(sink);
    free(sink);
}

static void free_small_twice_later(void)
{
    static void *blocks[3000];
    for (int i = 0; i < 3000; i++)
        blocks[i] = malloc(100);
    for (int i = 0; i < 3000; i++)
        free(blocks[i]);
    sink = blocks[1500];
    free(sink);
}

static void free_large_twice(void)
{
    sink = malloc(MIB);
    free(sink);
    free(sink);
}

static void free_inside(void)
{
    sink = (char *)malloc(1000) + 16;
    free(sink);
}

static void free_inside_large(void)
{
    sink = (char *)malloc(MIB) + 65536;
    free(sink);
}

static void free_stack(void)
{
    int local;
    sink = &local;
    free(sink);
}

static void resize_freed(void)
{
    sink = malloc(100);
    free(sink);
    sink = realloc(sink, 200);
}

static void resize_freed_large(void)
{
    sink = malloc(MIB);
    free(sink);
    sink = realloc(sink, 2 * MIB);
}

static void a_block_freed_twice_stops_the_process(void)
{
    must_abort(free_small_twice, "freed twice");
    must_abort(free_small_twice_later, "freed twice");
    must_abort(free_large_twice, "freed twice");
}

static void an_address_inside_a_block_cannot_be_freed(void)
{
    must_abort(free_inside, "inside a block");
    must_abort(free_inside_large, "not a block in use");
}

static void memory_that_malloc_did_not_give_cannot_be_freed(void)
{
    must_abort(free_stack, "not a block in use");
}

static void a_freed_block_cannot_be_resized(void)
{
    must_abort(resize_freed, "not in use");
    must_abort(resize_freed_large, "not a block in use");
}

static const struct test tests[] = {
    TEST(malloc_is_ours, ""),
    TEST(freed_memory_leaves_the_process, ""), /* before others have freed and wanted much */
    TEST(memory_that_is_wanted_again_stays_until_it_is_trimmed, ""),
    TEST(blocks_of_every_size_are_aligned_and_hold_what_was_written, ""),
    TEST(blocks_do_not_overlap, ""),
    TEST(two_empty_blocks_are_not_the_same, ""),
    TEST(freeing_nothing_is_fine, ""),
    TEST(free_keeps_errno, ""),
    TEST(calloc_is_zero_also_where_memory_was_used, ""),
    TEST(products_that_overflow_are_refused, ""),
    TEST(impossible_sizes_are_refused, ""),
    TEST(realloc_keeps_the_contents, ""),
    TEST(a_large_block_that_grows_to_twice_its_size_is_not_moved, ""),
    TEST(a_block_that_grows_bit_by_bit_is_seldom_moved, ""),
    TEST(aligned_blocks_are_aligned, ""),
    TEST(bad_alignments_are_refused, ""),
    TEST(page_aligned_blocks_are, ""),
    TEST(mallinfo_counts_what_is_in_use, ""),
    TEST(sixty_thousand_large_blocks_are_possible, ""),
    TEST(blocks_of_one_size_come_nearly_in_the_order_of_their_addresses, ""),
    TEST(a_block_can_be_freed_by_another_thread, ""),
    TEST(a_block_freed_twice_stops_the_process, ""),
    TEST(an_address_inside_a_block_cannot_be_freed, ""),
    TEST(memory_that_malloc_did_not_give_cannot_be_freed, ""),
    TEST(a_freed_block_cannot_be_resized, ""),
};

int main(int argc, char **argv)
{
    return test_main(tests, TEST_COUNT(tests), argc, argv);
}
