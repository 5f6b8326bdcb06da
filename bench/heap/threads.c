/*
 * threads.c - two threads, a core each: blocks that change hands, and blocks of their own.
 *
 * Times are by the wall's clock, since a thread that waits for a lock uses no CPU.  Other programs
 * disturb such slices, so the best of many short ones counts.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "tests.h"

#define RING 2048
#define BUNDLE 64      /* blocks that are handed over at once */
#define HANDED 16384   /* blocks of a slice: a millisecond or two, undisturbed now and then */
#define HANDINGS 60    /* slices */
#define SLICES 24      /* of the others */
#define PAIRS 100000   /* of a slice */
#define BATCHED 30000  /* blocks of a slice */
#define PATIENCE 20000 /* looks at the ring before the core is given away */

static cpu_set_t cores; /* that the program may use */

static void find_cores(void)
{
    if (sched_getaffinity(0, sizeof cores, &cores) || CPU_COUNT(&cores) < 2)
        give_up("two cores are needed");
}

/* Keep to the `number`-th of them. */
static void keep_to_core(int number)
{
    cpu_set_t one;
    CPU_ZERO(&one);
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (CPU_ISSET(cpu, &cores) && number-- == 0)
            CPU_SET(cpu, &one);
    }
    if (pthread_setaffinity_np(pthread_self(), sizeof one, &one))
        give_up("no affinity");
}

/* ---- blocks that change hands -------------------------------------------------------------------- */

/* One writes `head`, one `tail`, and each block between them belongs to the ring. */
static struct ring {
    _Alignas(64) atomic_size_t head; /* blocks put in */
    _Alignas(64) atomic_size_t tail; /* blocks taken out */
    _Alignas(64) void *slots[RING];
} ring;

/* Look at `place` until it is no longer `value`. */
static void await_change(atomic_size_t *place, size_t value)
{
    for (size_t n = 0; atomic_load_explicit(place, memory_order_acquire) == value; n++) {
        if (n > PATIENCE)
            sched_yield();
    }
}

static void make_bundle(size_t at, uint64_t *state)
{
    await_change(&ring.tail, at - RING);
    for (size_t i = at; i < at + BUNDLE; i++)
        ring.slots[i % RING] = touched(malloc(16 + chance(state) % 497));
    atomic_store_explicit(&ring.head, at + BUNDLE, memory_order_release);
}

static void free_bundle(size_t at)
{
    await_change(&ring.head, at);
    for (size_t i = at; i < at + BUNDLE; i++)
        free(ring.slots[i % RING]);
    atomic_store_explicit(&ring.tail, at + BUNDLE, memory_order_release);
}

static void *produce(void *unused)
{
    uint64_t state = 3;
    keep_to_core(1);
    for (size_t at = 0; at < (size_t)HANDED * HANDINGS; at += BUNDLE)
        make_bundle(at, &state);
    return unused;
}

static void consume(size_t from, size_t to)
{
    for (size_t at = from; at < to; at += BUNDLE)
        free_bundle(at);
}

void test_handover(char **words)
{
    double times[HANDINGS];
    pthread_t producer;
    (void)words;
    find_cores();
    keep_to_core(0);
    if (pthread_create(&producer, NULL, produce, NULL))
        give_up("no thread");
    for (size_t i = 0; i < HANDINGS; i++) {
        double start = wall_now();
        consume(i * HANDED, (i + 1) * HANDED);
        times[i] = (wall_now() - start) / HANDED;
    }
    pthread_join(producer, NULL);
    tell("ns", least(times, HANDINGS));
}

/* ---- blocks of their own -------------------------------------------------------------------------- */

struct worker {
    void (*deeds)(const void *what, size_t count);
    void *what;
    size_t count;
    int core;
    pthread_barrier_t *start; /* NULL: alone */
    double ns;                /* of a deed */
};

static void *work(void *argument)
{
    struct worker *w = argument;
    double times[SLICES];
    keep_to_core(w->core);
    w->deeds(w->what, w->count);
    for (size_t i = 0; i < SLICES; i++) {
        if (w->start)
            pthread_barrier_wait(w->start);
        double start = wall_now();
        w->deeds(w->what, w->count);
        times[i] = (wall_now() - start) / (double)w->count;
    }
    w->ns = least(times, SLICES);
    return NULL;
}

/* The slower of two that work at the same time. */
static double two_at_once(struct worker *workers)
{
    pthread_t other;
    if (pthread_create(&other, NULL, work, &workers[1]))
        give_up("no thread");
    work(&workers[0]);
    pthread_join(other, NULL);
    return workers[0].ns > workers[1].ns ? workers[0].ns : workers[1].ns;
}

static void compare_with_one(struct worker *workers)
{
    pthread_barrier_t barrier;
    work(&workers[1]);
    double one = workers[1].ns;
    if (pthread_barrier_init(&barrier, NULL, 2))
        give_up("no barrier");
    workers[0].start = workers[1].start = &barrier;
    double two = two_at_once(workers);
    pthread_barrier_destroy(&barrier);
    tell("one", one);
    tell("ns", two);
    tell("ratio", two / one);
}

void test_two_threads(char **words)
{
    size_t size = 64;
    find_cores();
    struct worker workers[2] = {
        {.deeds = pairs, .what = &size, .count = PAIRS, .core = 0},
        {.deeds = pairs, .what = &size, .count = PAIRS, .core = 1},
    };
    if (strcmp(words[0], "batch") == 0) {
        for (size_t i = 0; i < 2; i++) {
            workers[i].deeds = batches;
            workers[i].count = BATCHED;
            workers[i].what = batch_new(FIFO);
        }
    }
    compare_with_one(workers);
}
