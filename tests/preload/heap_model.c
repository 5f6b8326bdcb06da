/*
 * heap_model.c - the heap against a table of what it holds: random calls, many threads, forks.
 *
 * Every block is filled with a pattern of its own and looked at before it is resized or freed, so
 * two blocks that overlap, or one that loses its contents, are seen.  HEAP_MODEL_CALLS sets how
 * many calls each test makes (300,000); a campaign sets more.
 */
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../test.h"

#define BLOCKS 600

struct block {
    unsigned char *at;
    size_t size;
    unsigned char seed;
};

struct model {
    struct block blocks[BLOCKS];
    uint64_t state;
    long calls;
    const char *wrong; /* what did not hold */
};

static uint32_t next(struct model *m)
{
    m->state ^= m->state << 13;
    m->state ^= m->state >> 7;
    m->state ^= m->state << 17;
    return (uint32_t)(m->state >> 32);
}

/* Mostly small, sometimes of any class, seldom large. */
static size_t some_size(struct model *m)
{
    uint32_t kind = next(m) % 100;
    if (kind < 80)
        return next(m) % 600;
    if (kind < 98)
        return next(m) % 40000;
    return next(m) % 700000;
}

/* Both ends and a few bytes between: whole blocks would make the test slow. */
static void mark(struct block *b)
{
    size_t step = b->size < 256 ? 1 : b->size / 64;
    for (size_t i = 0; i < b->size; i += step)
        b->at[i] = (unsigned char)(b->seed + i);
    if (b->size)
        b->at[b->size - 1] = b->seed;
}

static bool is_marked(const struct block *b, size_t size, size_t step)
{
    for (size_t i = 0; i + 1 < size; i += step)
        if (b->at[i] != (unsigned char)(b->seed + i))
            return false;
    return size < b->size || !size || b->at[size - 1] == b->seed;
}

static size_t step_of(const struct block *b)
{
    return b->size < 256 ? 1 : b->size / 64;
}

static void drop(struct model *m, struct block *b)
{
    if (!is_marked(b, b->size, step_of(b)))
        m->wrong = "a block lost its contents";
    free(b->at);
    b->at = NULL;
}

static void make(struct model *m, struct block *b)
{
    b->size = some_size(m);
    b->seed = (unsigned char)next(m);
    uint32_t kind = next(m) % 10;
    size_t alignment = (size_t)16 << next(m) % 10;
    void *aligned = NULL;

    if (kind == 0) {
        b->at = calloc(1, b->size);
        for (size_t i = 0; b->at && i < b->size; i += 97)
            if (b->at[i])
                m->wrong = "calloc gave memory that is not zero";
    } else if (kind == 1) {
        if (posix_memalign(&aligned, alignment, b->size) != 0 || (uintptr_t)aligned % alignment)
            m->wrong = "posix_memalign failed";
        b->at = aligned;
    } else {
        b->at = malloc(b->size);
    }
    if (!b->at)
        m->wrong = "no memory";
    else
        mark(b);
}

static void resize(struct model *m, struct block *b)
{
    size_t size = some_size(m) + 1;
    size_t kept = size < b->size ? size : b->size;
    unsigned char *at = realloc(b->at, size);
    struct block moved = {at, b->size, b->seed};

    if (!at) {
        m->wrong = "no memory to resize";
        return;
    }
    if (!is_marked(&moved, kept, step_of(b)))
        m->wrong = "realloc lost contents";
    *b = (struct block){at, size, b->seed};
    mark(b);
}

static void step(struct model *m)
{
    struct block *b = &m->blocks[next(m) % BLOCKS];
    if (!b->at)
        make(m, b);
    else if (next(m) % 4 == 0)
        resize(m, b);
    else
        drop(m, b);
}

static void run_model(struct model *m)
{
    for (long i = 0; i < m->calls && !m->wrong; i++)
        step(m);
    for (int i = 0; i < BLOCKS; i++)
        if (m->blocks[i].at)
            drop(m, &m->blocks[i]);
}

static void *run_model_thread(void *model)
{
    run_model(model);
    return NULL;
}

static long calls(void)
{
    const char *wanted = getenv("HEAP_MODEL_CALLS");
    return wanted ? atol(wanted) : 300000;
}

static void random_calls_never_overlap_or_lose_anything(void)
{
    static struct model m;
    m.state = 88172645463325252ull;
    m.calls = calls();
    run_model(&m);
    check(!m.wrong, "%s", m.wrong);
}

static void four_threads_do_not_disturb_each_other(void)
{
    static struct model m[4];
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) {
        m[i].state = 99194853094755497ull * (uint64_t)(i + 1);
        m[i].calls = calls() / 4;
        check(pthread_create(&threads[i], NULL, run_model_thread, &m[i]) == 0, "no thread");
    }
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < 4; i++)
        check(!m[i].wrong, "thread %d: %s", i, m[i].wrong);
}

static void more_threads_than_arenas_come_and_go(void)
{
    enum { AT_ONCE = 24 };
    static struct model m[AT_ONCE];
    pthread_t threads[AT_ONCE];

    for (int round = 0; round < 5; round++) {
        memset(m, 0, sizeof m);
        for (int i = 0; i < AT_ONCE; i++) {
            m[i].state = 7046029254386353131ull + (uint64_t)(i * 100 + round);
            m[i].calls = calls() / 300;
            check(pthread_create(&threads[i], NULL, run_model_thread, &m[i]) == 0, "no thread");
        }
        for (int i = 0; i < AT_ONCE; i++)
            pthread_join(threads[i], NULL);
        for (int i = 0; i < AT_ONCE; i++)
            check(!m[i].wrong, "round %d, thread %d: %s", round, i, m[i].wrong);
    }
}

/* ---- one thread makes, another frees ------------------------------------------------------------- */

#define RING 256

static struct {
    _Atomic(struct block *) slots[RING];
    atomic_int wrong;
} ring;

static void *produce(void *count)
{
    struct model m = {.state = 1234567891011ull};
    for (long i = 0; i < (long)count; i++) {
        struct block *b = malloc(sizeof *b);
        b->size = some_size(&m);
        b->seed = (unsigned char)i;
        b->at = malloc(b->size);
        mark(b);
        while (atomic_load(&ring.slots[i % RING]))
            sched_yield();
        atomic_store(&ring.slots[i % RING], b);
    }
    return NULL;
}

static void *consume(void *count)
{
    for (long i = 0; i < (long)count; i++) {
        struct block *b;
        while (!(b = atomic_load(&ring.slots[i % RING])))
            sched_yield();
        atomic_store(&ring.slots[i % RING], NULL);
        if (!is_marked(b, b->size, step_of(b)))
            atomic_store(&ring.wrong, 1);
        free(b->at);
        free(b);
    }
    return NULL;
}

static void blocks_made_by_one_thread_are_freed_by_another(void)
{
    pthread_t producer, consumer;
    size_t before = mallinfo2().uordblks;
    void *count = (void *)(calls() / 6);

    check(pthread_create(&producer, NULL, produce, count) == 0, "no thread");
    check(pthread_create(&consumer, NULL, consume, count) == 0, "no thread");
    pthread_join(producer, NULL);
    pthread_join(consumer, NULL);
    size_t after = mallinfo2().uordblks;
    check(!atomic_load(&ring.wrong), "a block lost its contents");
    check(after <= before + 4096, "%zu bytes in use before, %zu after", before, after);
}

/* ---- fork ----------------------------------------------------------------------------------------- */

static atomic_bool stop;

static void *allocate_until_told(void *model)
{
    struct model *m = model;
    while (!atomic_load(&stop) && !m->wrong)
        step(m);
    m->calls = 0;
    run_model(m); /* drops what is left */
    return NULL;
}

/* In the child: what was there is there, and the heap goes on, in new threads too. */
static int use_heap_in_child(struct model *m)
{
    static struct model fresh;
    pthread_t thread;

    m->calls = 2000;
    run_model(m);
    fresh.state = 4101842887655102017ull;
    fresh.calls = 2000;
    if (pthread_create(&thread, NULL, run_model_thread, &fresh) != 0)
        return 3;
    pthread_join(thread, NULL);
    return m->wrong ? 1 : fresh.wrong ? 2 : 0;
}

static int exit_status_of(pid_t child)
{
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child)
        return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void a_process_of_many_threads_forks_and_both_go_on(void)
{
    static struct model others[3], mine;
    pthread_t threads[3];
    int statuses[20];

    atomic_store(&stop, false);
    for (int i = 0; i < 3; i++) {
        others[i].state = 2685821657736338717ull + (uint64_t)i;
        check(pthread_create(&threads[i], NULL, allocate_until_told, &others[i]) == 0, "thread");
    }
    mine.state = 1181783497276652981ull;
    for (int i = 0; i < 20; i++) {
        for (int n = 0; n < 500; n++)
            step(&mine);
        pid_t child = fork();
        if (child == 0) {
            alarm(60);
            _exit(use_heap_in_child(&mine));
        }
        statuses[i] = exit_status_of(child);
    }
    atomic_store(&stop, true);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    mine.calls = 0;
    run_model(&mine);
    for (int i = 0; i < 20; i++)
        check(statuses[i] == 0, "child %d: %d", i, statuses[i]);
    for (int i = 0; i < 3; i++)
        check(!others[i].wrong, "thread %d: %s", i, others[i].wrong);
    check(!mine.wrong, "%s", mine.wrong);
}

static void a_child_does_not_see_what_its_parent_writes_later(void)
{
    enum { SIZE = 4000000 };
    int ends[2];
    char byte = 0;
    unsigned char *p = malloc(SIZE);
    memset(p, 1, SIZE);
    check(pipe(ends) == 0, "no pipe");

    pid_t child = fork();
    if (child == 0) {
        if (read(ends[0], &byte, 1) != 1)
            _exit(9);
        for (size_t i = 0; i < SIZE; i++)
            if (p[i] != 1)
                _exit(1);
        memset(p, 3, SIZE);
        _exit(0);
    }
    memset(p, 2, SIZE);
    check(write(ends[1], "x", 1) == 1, "no pipe");
    int status = exit_status_of(child);
    check(status == 0, "the child ended with %d", status);
    for (size_t i = 0; i < SIZE; i++)
        check(p[i] == 2, "byte %zu is %d", i, p[i]);
    free(p);
    close(ends[0]);
    close(ends[1]);
}

enum { HEIRLOOMS = 3000 };
static struct block heirlooms[HEIRLOOMS];

static int count_damaged(void)
{
    int damaged = 0;
    for (int i = 0; i < HEIRLOOMS; i++)
        damaged += !is_marked(&heirlooms[i], 1000, step_of(&heirlooms[i]));
    return damaged;
}

static int look_in_grandchild(void)
{
    pid_t grandchild = fork();
    if (grandchild == 0)
        _exit(count_damaged() ? 4 : 5);
    return exit_status_of(grandchild);
}

static void a_child_of_a_child_has_all_of_it(void)
{
    for (int i = 0; i < HEIRLOOMS; i++) {
        heirlooms[i] = (struct block){malloc(1000), 1000, (unsigned char)i};
        mark(&heirlooms[i]);
    }
    pid_t child = fork();
    if (child == 0)
        _exit(look_in_grandchild());
    int status = exit_status_of(child);
    int damaged = count_damaged();
    for (int i = 0; i < HEIRLOOMS; i++)
        free(heirlooms[i].at);
    check(status == 5 && !damaged, "%d, %d damaged here", status, damaged);
}

static pid_t fork_without_handlers(void)
{
    return _Fork();
}

static void fork_without_handlers_leaves_a_heap_that_works(void)
{
    static struct model m;
    m.state = 5ull << 40;
    for (int i = 0; i < 2000; i++)
        step(&m);
    pid_t child = fork_without_handlers();
    if (child == 0) {
        m.calls = 1000;
        run_model(&m);
        _exit(m.wrong ? 1 : 0);
    }
    int status = exit_status_of(child);
    m.calls = 1000;
    run_model(&m);
    check(status == 0 && !m.wrong, "child %d, parent %s", status, m.wrong ? m.wrong : "fine");
}

static const struct test tests[] = {
    TEST(random_calls_never_overlap_or_lose_anything, ""),
    TEST(four_threads_do_not_disturb_each_other, ""),
    TEST(more_threads_than_arenas_come_and_go, ""),
    TEST(blocks_made_by_one_thread_are_freed_by_another, ""),
    TEST(a_process_of_many_threads_forks_and_both_go_on, ""),
    TEST(a_child_does_not_see_what_its_parent_writes_later, ""),
    TEST(a_child_of_a_child_has_all_of_it, ""),
    TEST(fork_without_handlers_leaves_a_heap_that_works, ""),
};

int main(int argc, char **argv)
{
    return test_main(tests, TEST_COUNT(tests), argc, argv);
}
