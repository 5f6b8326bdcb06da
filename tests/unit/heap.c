/*
 * heap.c - the heap against a model: sizes, contents, walks and sums after random calls, alone and
 * with threads, and the invariants of its README after each.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <ntstatus.h>

#include "../chance.h"
#include "../test.h"

#include "heap/heap.h"
#include "process/process.h"

#define SEED 20261127u
#define BLOCKS 2000

struct block {
    unsigned char *at;
    size_t size;
    unsigned char fill;
};

struct model {
    struct heap *heap;
    struct block blocks[BLOCKS];
    uint64_t state;
    size_t live;
    size_t bytes;
};

static uint64_t any(uint64_t *seed)
{
    return chance(seed, 1u << 30);
}

static size_t random_size(struct model *m)
{
    uint64_t kind = chance(&m->state, 100);
    if (kind < 5)
        return chance(&m->state, 3);
    return chance(&m->state, kind < 80 ? 600 : kind < 97 ? 33000 : 300000);
}

static bool is_intact(const struct block *b)
{
    for (size_t i = 0; i<b->size; i += b->size> 4096 ? 509 : 1)
        if (b->at[i] != b->fill)
            return false;
    return true;
}

static void fill(struct model *m, struct block *b, unsigned char *at, size_t size)
{
    m->bytes += size - b->size;
    b->at = at;
    b->size = size;
    b->fill = (unsigned char)any(&m->state);
    memset(at, b->fill, size);
}

static void make(struct model *m, struct block *b)
{
    size_t size = random_size(m);
    bool zero = any(&m->state) % 4 == 0;
    unsigned char *at = mm_heap_allocate(m->heap, zero ? HEAP_ZERO_MEMORY : 0, size);
    check(at && ((uintptr_t)at & 15) == 0, "%p for %zu", (void *)at, size);
    for (size_t i = 0; zero && i < size; i++)
        check(at[i] == 0, "byte %zu of %zu is %d", i, size, at[i]);
    b->size = 0;
    fill(m, b, at, size);
    m->live++;
}

static void end(struct model *m, struct block *b)
{
    size_t size;
    check(mm_heap_size(m->heap, b->at, &size) == STATUS_SUCCESS && size == b->size, "%zu for %zu",
          size, b->size);
    check(is_intact(b), "block of %zu bytes at %p", b->size, (void *)b->at);
    mm_heap_free(m->heap, b->at);
    m->bytes -= b->size;
    m->live--;
    *b = (struct block){0};
}

static void resize(struct model *m, struct block *b)
{
    size_t size = random_size(m);
    void *at = b->at;
    ULONG flags = (ULONG)(any(&m->state) % 2 ? HEAP_ZERO_MEMORY : 0) |
                  (ULONG)(any(&m->state) % 8 ? 0 : HEAP_REALLOC_IN_PLACE_ONLY);
    check(is_intact(b), "block of %zu bytes", b->size);
    NTSTATUS status = mm_heap_resize(m->heap, flags, b->at, size, &at);
    if (status) {
        check(flags & HEAP_REALLOC_IN_PLACE_ONLY && is_intact(b), "status %#x", (unsigned)status);
        return;
    }
    struct block kept = {at, b->size < size ? b->size : size, b->fill};
    check(is_intact(&kept), "%zu to %zu bytes", b->size, size);
    for (size_t i = b->size; flags & HEAP_ZERO_MEMORY && i < size; i++)
        check(((unsigned char *)at)[i] == 0, "byte %zu of %zu, was %zu", i, size, b->size);
    fill(m, b, at, size);
}

static void step(struct model *m)
{
    struct block *b = &m->blocks[any(&m->state) % BLOCKS];
    if (!b->at)
        make(m, b);
    else if (any(&m->state) % 3)
        end(m, b);
    else
        resize(m, b);
}

/* Every block in use is met once, with its size, and nothing else is. */
static void check_walk(struct model *m)
{
    struct heap_entry e = {0};
    size_t busy = 0, bytes = 0, regions = 0;
    NTSTATUS status;
    while ((status = mm_heap_walk(m->heap, &e)) == STATUS_SUCCESS) {
        regions += e.kind == HEAP_ENTRY_REGION;
        busy += e.kind == HEAP_ENTRY_BUSY;
        bytes += e.kind == HEAP_ENTRY_BUSY ? e.size : 0;
    }
    check(status == STATUS_NO_MORE_ENTRIES, "%#x", (unsigned)status);
    check(busy == m->live && bytes == m->bytes && regions > 0,
          "%zu of %zu blocks, %zu of %zu bytes", busy, m->live, bytes, m->bytes);
}

static void check_sums(struct model *m)
{
    struct heap_summary sum;
    mm_heap_summarize(m->heap, &sum);
    check(sum.blocks == m->live && sum.allocated == m->bytes, "%zu of %zu blocks, %zu of %zu bytes",
          sum.blocks, m->live, sum.allocated, m->bytes);
    check(sum.committed >= sum.allocated && sum.reserved >= sum.committed, "%zu, %zu, %zu",
          sum.allocated, sum.committed, sum.reserved);
    check(mm_heap_validate(m->heap, NULL), "the heap is not valid");
}

static void end_all(struct model *m)
{
    for (int i = 0; i < BLOCKS; i++)
        if (m->blocks[i].at)
            end(m, &m->blocks[i]);
}

static void random_calls_agree_with_a_model(void)
{
    static struct model m;
    m = (struct model){.state = SEED};
    check(mm_heap_create(0, 0, 0, &m.heap) == STATUS_SUCCESS, "no heap");
    for (int i = 0; i < 60000; i++) {
        step(&m);
        if (i % 3000 == 0) {
            check_walk(&m);
            check_sums(&m);
        }
    }
    end_all(&m);
    check_walk(&m);
    (void)mm_heap_compact(m.heap);
    check_sums(&m);
    struct heap_summary sum;
    mm_heap_summarize(m.heap, &sum);
    check(sum.committed == 0, "%zu bytes are left", sum.committed);
    check(mm_heap_destroy(m.heap) == STATUS_SUCCESS, "not destroyed");
}

static void a_destroyed_heap_gives_everything_back(void)
{
    struct heap *h;
    void *handles[4];
    size_t before = mm_heap_list(handles, 4);
    for (int i = 0; i < 200; i++) {
        check(mm_heap_create(0, 0, 0, &h) == STATUS_SUCCESS, "heap %d", i);
        void *handle = mm_heap_handle(h);
        check(mm_heap_of_handle(handle) == h && ((uintptr_t)handle & 0xffff) == 0, "%p", handle);
        for (size_t size = 1; size < 200000; size = size * 3 / 2 + 1)
            memset(mm_heap_allocate(h, 0, size), 1, size);
        check(mm_heap_destroy(h) == STATUS_SUCCESS, "not destroyed");
        check(mm_heap_of_handle(handle) == NULL, "the handle still means a heap");
    }
    check(mm_heap_list(handles, 4) == before, "%zu heaps", mm_heap_list(handles, 4));
}

static void a_fixed_heap_never_passes_its_maximum(void)
{
    struct heap *h;
    void *block[64];
    int got = 0;
    check(mm_heap_create(0, 0, 128 << 10, &h) == STATUS_SUCCESS, "no heap");
    while (got < 64 && (block[got] = mm_heap_allocate(h, 0, 4096)))
        got++;
    check(got == 31, "%d blocks of 4 KiB in 128 KiB", got);
    mm_heap_free(h, block[0]);
    check((block[0] = mm_heap_allocate(h, 0, 4096)) != NULL, "no room for what was freed");
    void *same;
    check(mm_heap_resize(h, 0, block[0], 9000, &same) == STATUS_NO_MEMORY, "grew past the maximum");
    check(mm_heap_resize(h, 0, block[0], 100, &block[0]) == STATUS_SUCCESS, "does not shrink");
    check(mm_heap_allocate(h, 0, 3900) != NULL, "no room for what a shrinking block left");
    (void)mm_heap_destroy(h);
}

/* ---- threads ------------------------------------------------------------------------------------ */

#define THREADS 4
#define BOX 512

static struct heap *shared;
static struct block *_Atomic box[BOX];

/* Blocks wander between threads: each frees what another has made. */
static void *wander(void *argument)
{
    struct model m = {.heap = shared, .state = (uint64_t)(uintptr_t)argument};
    for (int i = 0; i < 60000; i++) {
        struct block *b = mm_heap_allocate(shared, 0, sizeof *b);
        *b = (struct block){0};
        make(&m, b);
        b = atomic_exchange(&box[any(&m.state) % BOX], b);
        if (b) {
            if (any(&m.state) % 4 == 0)
                resize(&m, b);
            end(&m, b);
            mm_heap_free(shared, b);
        }
    }
    return NULL;
}

static void *lock_and_look(void *argument)
{
    (void)argument;
    for (int i = 0; i < 200; i++) {
        struct heap_summary first, second;
        (void)mm_heap_lock(shared);
        mm_heap_summarize(shared, &first);
        bool valid = mm_heap_validate(shared, NULL);
        mm_heap_summarize(shared, &second);
        (void)mm_heap_unlock(shared);
        check(valid, "not valid in round %d", i);
        check(first.blocks == second.blocks && first.allocated == second.allocated,
              "%zu, then %zu blocks in a locked heap", first.blocks, second.blocks);
    }
    return NULL;
}

static void threads_share_a_heap_that_others_lock(void)
{
    pthread_t thread[THREADS + 1];
    check(mm_heap_create(0, 0, 0, &shared) == STATUS_SUCCESS, "no heap");
    for (int round = 0; round < 3; round++) {
        for (uintptr_t i = 0; i < THREADS; i++)
            pthread_create(&thread[i], NULL, wander, (void *)(SEED + i));
        pthread_create(&thread[THREADS], NULL, lock_and_look, NULL);
        for (int i = 0; i <= THREADS; i++)
            pthread_join(thread[i], NULL);
    }
    struct model m = {.heap = shared};
    for (int i = 0; i < BOX; i++) {
        if (box[i]) {
            end(&m, box[i]);
            mm_heap_free(shared, box[i]);
        }
        box[i] = NULL;
    }
    m = (struct model){.heap = shared};
    check_walk(&m);
    check_sums(&m);
    (void)mm_heap_destroy(shared);
}

static void *make_in(void *where)
{
    for (int i = 0; i < 20000; i++)
        ((void **)where)[i] = mm_heap_allocate(shared, 0, 500);
    return NULL;
}

static void what_an_ended_thread_left_is_freed_and_goes(void)
{
    static void *block[20000];
    struct heap_summary sum;
    pthread_t thread;
    check(mm_heap_create(0, 0, 0, &shared) == STATUS_SUCCESS, "no heap");
    for (int round = 0; round < 5; round++) {
        pthread_create(&thread, NULL, make_in, block);
        pthread_join(thread, NULL);
        for (int i = 0; i < 20000; i++)
            mm_heap_free(shared, block[i]);
        if (getenv("NTMM_HEAP"))
            (void)mm_heap_compact(shared); /* what is in quarantine */
        mm_heap_summarize(shared, &sum);
        check(sum.blocks == 0 && sum.committed == 0, "%zu blocks, %zu bytes", sum.blocks,
              sum.committed);
    }
    (void)mm_heap_destroy(shared);
}

static const struct test tests[] = {
    TEST(random_calls_agree_with_a_model, ""),
    TEST(a_destroyed_heap_gives_everything_back, ""),
    TEST(a_fixed_heap_never_passes_its_maximum, ""),
    TEST(threads_share_a_heap_that_others_lock, ""),
    TEST(what_an_ended_thread_left_is_freed_and_goes, ""),
};

int main(int argc, char **argv)
{
    mm_process_start();
    return test_main(tests, TEST_COUNT(tests), argc, argv);
}
