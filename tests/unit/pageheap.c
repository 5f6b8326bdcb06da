/*
 * pageheap.c - the calls of the heap in page-heap mode: exact sizes, walks, sums, destruction, the
 * stories of freed blocks, and what happens when the kernel has no mapping left.
 *
 * Run with NTMM_HEAP=page in the environment, alone or with light, backwards, random=N.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ntstatus.h>

#include "../test.h"

#include "heap/heap.h"
#include "heap/pageheap.h"
#include "os/os.h"
#include "process/process.h"

#define SIZES 12

static const size_t sizes[SIZES] = {0,    1,    15,   16,    100,   4080,
                                    4096, 4097, 9000, 32768, 40000, 3000000};

static bool mode_has(const char *word)
{
    const char *mode = getenv("NTMM_HEAP");
    return mode && strstr(mode, word);
}

static bool all_full(void)
{
    return !mode_has("light") && !mode_has("random");
}

static struct heap *make(void)
{
    struct heap *h = NULL;
    check(mm_heap_create(0, 0, 0, &h) == STATUS_SUCCESS && h, "create");
    return h;
}

static void sizes_are_exact_and_every_byte_can_be_used(void)
{
    struct heap *h = make();
    size_t size;

    for (int i = 0; i < SIZES; i++) {
        unsigned char *p = mm_heap_allocate(h, HEAP_ZERO_MEMORY, sizes[i]);
        check(p && (uintptr_t)p % 16 == 0, "size %zu at %p", sizes[i], (void *)p);
        for (size_t k = 0; k < sizes[i]; k += 61)
            check(p[k] == 0, "byte %zu of %zu is %d", k, sizes[i], p[k]);
        memset(p, 0x55, sizes[i]);
        check(mm_heap_size(h, p, &size) == 0 && size == sizes[i], "%zu", sizes[i]);
        check(mm_heap_capacity(h, p, &size) == 0 && size == sizes[i], "%zu", sizes[i]);
        check(mm_heap_of_block(p) == h, "the heap of %zu", sizes[i]);
        check(mm_heap_size(h, p + 1, &size) == STATUS_INVALID_PARAMETER, "inside %zu", sizes[i]);
        check(mm_heap_validate(h, p), "valid %zu", sizes[i]);
        mm_heap_free(h, p);
        check(mm_heap_size(h, p, &size) == STATUS_INVALID_PARAMETER, "freed %zu", sizes[i]);
        check(!mm_heap_validate(h, p), "freed and valid %zu", sizes[i]);
    }
    check(mm_heap_destroy(h) == 0, "destroy");
}

static void the_page_at_a_blocks_edge_cannot_be_touched(void)
{
    struct heap *h = make();

    if (!all_full())
        skip("blocks have no guard pages in this mode");
    for (int i = 1; i < SIZES; i++) {
        char *p = mm_heap_allocate(h, 0, sizes[i]);
        char *edge = mode_has("backwards") ? p - 1 : p + ((sizes[i] + 15) & ~(size_t)15);
        check(mm_os_can_write(p, sizes[i]), "%zu", sizes[i]);
        check(!mm_os_can_read(edge, 1), "behind %zu", sizes[i]);
        mm_heap_free(h, p);
        check(!mm_os_can_read(p, 1) && !mm_os_can_read(p + sizes[i] - 1, 1), "freed %zu", sizes[i]);
    }
    check(mm_heap_destroy(h) == 0, "destroy");
}

static void aligned_blocks_are_aligned_and_exact(void)
{
    struct heap *h = make();
    size_t size;

    for (size_t alignment = 16; alignment <= 4 << 20; alignment *= 2) {
        for (int i = 0; i < SIZES - 1; i++) {
            char *p = mm_heap_allocate_aligned(h, 0, alignment, sizes[i]);
            check(p && (uintptr_t)p % alignment == 0, "%p at %zu", (void *)p, alignment);
            memset(p, 1, sizes[i]);
            check(mm_heap_size(h, p, &size) == 0 && size == sizes[i], "%zu", sizes[i]);
            mm_heap_free(h, p);
        }
    }
    check(mm_heap_destroy(h) == 0, "destroy");
}

static void a_resized_block_keeps_its_contents_and_moves(void)
{
    struct heap *h = make();
    void *block = mm_heap_allocate(h, 0, 1000);
    void *same;
    size_t size;

    memset(block, 0x5a, 1000);
    check(mm_heap_resize(h, HEAP_REALLOC_IN_PLACE_ONLY, block, 1000, &same) == 0 && same == block,
          "the same size");
    check(mm_heap_resize(h, HEAP_REALLOC_IN_PLACE_ONLY, block, 2000, &same) == STATUS_NO_MEMORY,
          "in place");
    check(mm_heap_resize(h, HEAP_ZERO_MEMORY, block, 50000, &block) == 0, "larger");
    for (int i = 0; i < 50000; i++)
        check(((char *)block)[i] == (i < 1000 ? 0x5a : 0), "byte %d", i);
    check(mm_heap_resize(h, 0, block, 10, &block) == 0, "smaller");
    check(mm_heap_size(h, block, &size) == 0 && size == 10, "%zu", size);
    check(((char *)block)[9] == 0x5a, "contents");
    check(mm_heap_destroy(h) == 0, "destroy");
}

/* Walk: how often a block is told, and all bytes of blocks in use. */
static int told(struct heap *h, const void *block, size_t wanted, size_t *ret_bytes,
                size_t *ret_blocks)
{
    struct heap_entry e = {0};
    NTSTATUS status;
    int times = 0;

    *ret_bytes = *ret_blocks = 0;
    check(mm_heap_lock(h) == 0, "lock");
    while ((status = mm_heap_walk(h, &e)) == STATUS_SUCCESS) {
        if (e.kind != HEAP_ENTRY_BUSY)
            continue;
        *ret_bytes += e.size;
        ++*ret_blocks;
        times += e.data == block && e.size == wanted;
    }
    check(mm_heap_unlock(h) == 0, "unlock");
    check(status == STATUS_NO_MORE_ENTRIES, "0x%x", (unsigned)status);
    return times;
}

static void walks_and_sums_tell_each_block_once_with_its_size(void)
{
    struct heap *h = make();
    struct heap_summary sum;
    void *blocks[SIZES];
    size_t all = 0, bytes, count;

    check(told(h, NULL, 0, &bytes, &count) == 0 && count == 0, "an empty heap has %zu", count);
    for (int i = 0; i < SIZES; i++) {
        blocks[i] = mm_heap_allocate(h, 0, sizes[i]);
        all += sizes[i];
    }
    for (int i = 0; i < SIZES; i++) {
        check(told(h, blocks[i], sizes[i], &bytes, &count) == 1, "size %zu", sizes[i]);
        check(bytes == all && count == SIZES, "%zu bytes, %zu blocks", bytes, count);
    }
    mm_heap_summarize(h, &sum);
    check(sum.allocated == all && sum.blocks == SIZES, "%zu in %zu", sum.allocated, sum.blocks);
    check(sum.committed >= all && sum.reserved >= sum.committed, "%zu", sum.committed);
    check(mm_heap_validate(h, NULL), "valid");
    for (int i = 0; i < SIZES; i++)
        mm_heap_free(h, blocks[i]);
    check(told(h, NULL, 0, &bytes, &count) == 0 && count == 0, "%zu blocks are left", count);
    check(mm_heap_destroy(h) == 0, "destroy");
}

static void damage_is_seen_when_it_is_asked_for(void)
{
    struct heap *h = make();
    char *p = mm_heap_allocate(h, 0, 100);

    check(mm_heap_validate(h, p) && mm_heap_validate(h, NULL), "untouched");
    p[100] = 1;
    check(!mm_heap_validate(h, p) && !mm_heap_validate(h, NULL), "damaged");
    check(mm_heap_destroy(h) == 0, "destroy");
}

static void a_destroyed_heap_takes_its_blocks_along(void)
{
    struct page_heap_story story;
    struct heap *h = make();
    char *p[40];
    size_t size;

    for (int i = 0; i < 40; i++)
        p[i] = mm_heap_allocate(h, 0, 2000);
    check(mm_heap_destroy(h) == 0, "destroy");
    for (int i = 0; i < 40; i++) {
        check(mm_heap_of_block(p[i]) == NULL, "block %d has a heap", i);
        check(!all_full() || !mm_os_can_read(p[i], 1), "block %d can be read", i);
        if (mm_page_heap_story_at(p[i], &story))
            check(story.freed && story.size == 2000, "block %d", i);
        else
            check(!all_full(), "block %d is not known", i);
    }
    check(mm_heap_size(mm_heap_process(), p[0], &size) == STATUS_INVALID_PARAMETER, "size");
}

static void a_story_tells_block_size_and_stacks(void)
{
    struct page_heap_story s;
    struct heap *h = make();
    char *p = mm_heap_allocate(h, 0, 64);
    char *edge = mode_has("backwards") ? p - 1 : p + 64;

    if (!all_full())
        skip("light blocks are not looked for by faults");
    check(mm_page_heap_story_at(edge, &s), "the guard page");
    check(s.address == (uintptr_t)p && s.size == 64 && !s.freed, "in use");
    check(s.allocated.count >= 2 && s.released.count == 0, "%u", s.allocated.count);
    mm_heap_free(h, p);
    check(mm_page_heap_story_at(p + 5, &s) && s.freed && s.released.count >= 2, "freed");
    check(!mm_page_heap_story_at(&s, &s), "the stack is no block");
    check(!mm_page_heap_story_at(NULL, &s), "null is no block");
    check(mm_heap_destroy(h) == 0, "destroy");
}

static void a_fixed_heap_counts_what_it_counts_without(void)
{
    struct heap *h = NULL;
    int count = 0;

    check(mm_heap_create(0, 0, 65536, &h) == 0, "create");
    while (count < 10000 && mm_heap_allocate(h, 0, 1000))
        count++;
    check(count == 65536 / (1008 + 16), "%d blocks", count);
    check(mm_heap_destroy(h) == 0, "destroy");
}

static void *free_it(void *block)
{
    mm_heap_free(mm_heap_process(), block);
    return NULL;
}

static void another_thread_may_free(void)
{
    void *p = mm_heap_allocate(mm_heap_process(), 0, 100);
    pthread_t thread;
    size_t size;

    check(pthread_create(&thread, NULL, free_it, p) == 0, "thread");
    pthread_join(thread, NULL);
    check(mm_heap_size(mm_heap_process(), p, &size) != 0, "still in use");
}

static int child(struct heap *h, char *p)
{
    size_t size;

    if (mm_heap_size(h, p, &size) || size != 100 || p[99] != 7)
        return 1;
    mm_heap_free(h, p);
    char *q = mm_heap_allocate(h, 0, 3000);
    return q && mm_heap_validate(h, NULL) ? 0 : 2;
}

static void a_forked_child_has_the_blocks(void)
{
    struct heap *h = make();
    char *p = mm_heap_allocate(h, 0, 100);
    int status = -1;

    p[99] = 7;
    pid_t pid = fork();
    if (pid == 0)
        _exit(child(h, p));
    check(waitpid(pid, &status, 0) == pid && status == 0, "status 0x%x", status);
    check(p[99] == 7 && mm_heap_validate(h, p), "the parent's");
    check(mm_heap_destroy(h) == 0, "destroy");
}

#define CROWD 4

static void *allocate_and_free(void *argument)
{
    struct heap *h = argument;
    void *blocks[32] = {0};

    for (unsigned i = 0; i < 1500; i++) {
        void **b = &blocks[i * 7 % 32];
        mm_heap_free(h, *b);
        *b = mm_heap_allocate(h, 0, i * 131 % 6000);
        memset(*b, 3, i * 131 % 6000);
    }
    for (int i = 0; i < 32; i++)
        mm_heap_free(h, blocks[i]);
    return NULL;
}

static void threads_share_a_heap(void)
{
    struct heap *h = make();
    struct heap_summary sum;
    pthread_t threads[CROWD];

    for (int i = 0; i < CROWD; i++)
        check(pthread_create(&threads[i], NULL, allocate_and_free, h) == 0, "thread %d", i);
    for (int i = 0; i < CROWD; i++)
        pthread_join(threads[i], NULL);
    mm_heap_summarize(h, &sum);
    check(sum.blocks == 0 && sum.allocated == 0, "%zu blocks are left", sum.blocks);
    check(mm_heap_validate(h, NULL), "valid");
    check(mm_heap_destroy(h) == 0, "destroy");
}

#define MANY 40000

static void without_mappings_blocks_are_light_and_work(void)
{
    static char *blocks[MANY];
    struct page_heap_story story;
    struct heap *h = make();
    int light = 0;

    if (!all_full())
        skip("takes too few mappings");
    for (int i = 0; i < MANY; i++) {
        blocks[i] = mm_heap_allocate(h, 0, 48);
        check(blocks[i] != NULL, "block %d", i);
        memset(blocks[i], i & 0xff, 48);
        light += !mm_page_heap_story_at(blocks[i], &story);
    }
    check(light > 0 && light < MANY / 2, "%d of %d are light", light, MANY);
    void *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    check(page != MAP_FAILED, "the program has mappings left");
    check(mm_heap_validate(h, NULL), "valid");
    for (int i = 0; i < MANY; i++) {
        check((unsigned char)blocks[i][47] == (i & 0xff), "block %d", i);
        mm_heap_free(h, blocks[i]);
    }
    char *p = mm_heap_allocate(h, 0, 48);
    check(mm_page_heap_story_at(p, &story), "full again");
    check(mm_heap_destroy(h) == 0, "destroy");
}

static const struct test tests[] = {
    TEST(sizes_are_exact_and_every_byte_can_be_used, ""),
    TEST(the_page_at_a_blocks_edge_cannot_be_touched, ""),
    TEST(aligned_blocks_are_aligned_and_exact, ""),
    TEST(a_resized_block_keeps_its_contents_and_moves, ""),
    TEST(walks_and_sums_tell_each_block_once_with_its_size, ""),
    TEST(damage_is_seen_when_it_is_asked_for, ""),
    TEST(a_destroyed_heap_takes_its_blocks_along, ""),
    TEST(a_story_tells_block_size_and_stacks, ""),
    TEST(a_fixed_heap_counts_what_it_counts_without, ""),
    TEST(another_thread_may_free, ""),
    TEST(a_forked_child_has_the_blocks, ""),
    TEST(threads_share_a_heap, ""),
    TEST(without_mappings_blocks_are_light_and_work, ""),
};

int main(int argc, char **argv)
{
    if (!getenv("NTMM_HEAP")) {
        fputs("set NTMM_HEAP=page\n", stderr);
        return 2;
    }
    mm_process_start();
    return test_main(tests, TEST_COUNT(tests), argc, argv);
}
