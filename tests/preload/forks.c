/*
 * forks.c - processes made while eight threads allocate: parent and child both go on.
 *
 * FORKS sets how many children there are (200); with little RAM each costs a copy of the page file.
 */
#include <errno.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdint.h>
#include <unistd.h>

#include "../test.h"
#include "use_heap.h"

#define THREADS 8

extern char **environ;

static atomic_bool stop;

/* Blocks that a thread has had since before the fork and nobody changes, and ones that change. */
struct worker {
    pthread_t thread;
    unsigned char *steady[50];
    unsigned char *moving[50];
    uint64_t seed;
    atomic_int ready;
    atomic_int wrong;
};
static struct worker workers[THREADS];

static size_t steady_size(int i)
{
    return (size_t)20 << i % 13;
}

static void *work(void *argument)
{
    struct worker *w = argument;

    for (int i = 0; i < 50; i++)
        if ((w->steady[i] = malloc(steady_size(i))))
            memset(w->steady[i], i, steady_size(i));
    atomic_store(&w->ready, 1);
    while (!atomic_load(&stop)) {
        int i = (int)chance(&w->seed, 50);
        free(w->moving[i]);
        w->moving[i] = malloc((size_t)chance(&w->seed, 1u << chance(&w->seed, 18)));
        if (!w->moving[i] || (i == 0 && !use_heap(w->seed)))
            atomic_store(&w->wrong, 1);
        if (i == 1)
            usleep(500); /* so that eight threads leave a processor for those who wait for them */
    }
    for (int i = 0; i < 50; i++)
        free(w->moving[i]);
    memset(w->moving, 0, sizeof w->moving);
    return NULL;
}

static void start_workers(void)
{
    atomic_store(&stop, false);
    memset(workers, 0, sizeof workers);
    for (int t = 0; t < THREADS; t++) {
        workers[t].seed = (uint64_t)t + 1;
        start(&workers[t].thread, work, &workers[t]);
    }
    for (int t = 0; t < THREADS; t++)
        while (!atomic_load(&workers[t].ready))
            usleep(100);
}

/* Free the steady blocks; how many were not as they were written. */
static int free_steady(struct worker *w)
{
    int damaged = 0;
    for (int i = 0; i < 50; i++) {
        damaged += !w->steady[i] || !is_filled(w->steady[i], steady_size(i), i);
        free(w->steady[i]);
    }
    return damaged;
}

static void stop_workers(void)
{
    int wrong = 0, damaged = 0;

    atomic_store(&stop, true);
    for (int t = 0; t < THREADS; t++) {
        pthread_join(workers[t].thread, NULL);
        wrong += atomic_load(&workers[t].wrong);
        damaged += free_steady(&workers[t]);
    }
    check(!wrong && !damaged, "%d threads found errors, %d blocks are damaged", wrong, damaged);
}

static void *use_heap_in_thread(void *seed)
{
    return (void *)(uintptr_t)use_heap((uintptr_t)seed);
}

/* The child has the blocks of all threads, a heap that works, and may start threads. */
static int live_on(uint64_t seed)
{
    pthread_t thread;
    void *good;
    int damaged = 0;

    if (!use_heap(seed))
        return 1;
    for (int t = 0; t < THREADS; t++)
        damaged += free_steady(&workers[t]);
    if (damaged)
        return 2;
    if (pthread_create(&thread, NULL, use_heap_in_thread, (void *)seed) != 0)
        return 3;
    pthread_join(thread, &good);
    if (!good)
        return 4;
    return use_heap(seed + 1) ? 0 : 5;
}

static int forks(void)
{
    const char *wanted = getenv("FORKS");
    return wanted ? atoi(wanted) : 200;
}

static pid_t fork_child(uint64_t seed)
{
    pid_t child = fork();
    if (child == 0) {
        alarm(60);
        _exit(live_on(seed));
    }
    return child;
}

static void parent_and_child_go_on_when_eight_threads_allocate(void)
{
    enum { AT_ONCE = 4 };
    pid_t children[AT_ONCE] = {0};
    int status = 0, count = forks() - forks() % AT_ONCE;
    bool good = true;

    start_workers();
    for (int i = 0; i < count + AT_ONCE; i++) {
        if (i >= AT_ONCE && !status)
            status = status_of(children[i % AT_ONCE]);
        if (i < count)
            children[i % AT_ONCE] = fork_child((uint64_t)i + 1);
        good = good && use_heap((uint64_t)i + 1);
    }
    stop_workers();
    check(!status, "a child ended with %d", status);
    check(good, "the parent's heap");
}

static void children_have_children(void)
{
    enum { AT_ONCE = 4 };
    pid_t children[AT_ONCE];
    int statuses = 0;

    start_workers();
    for (int round = 0; round < forks() / 20; round++) {
        for (int i = 0; i < AT_ONCE; i++) {
            children[i] = fork();
            if (children[i] == 0) {
                pid_t grandchild = fork_child(77);
                alarm(60);
                _exit(use_heap(5) ? status_of(grandchild) : 9);
            }
        }
        for (int i = 0; i < AT_ONCE; i++)
            statuses |= status_of(children[i]);
    }
    stop_workers();
    check(!statuses, "children ended with %d", statuses);
}

static void *fork_some(void *argument)
{
    atomic_int *wrong = argument;
    for (int i = 0; i < forks() / 20; i++) {
        pid_t child = fork();
        if (child == 0) {
            alarm(60);
            _exit(use_heap(3) ? 0 : 1);
        }
        if (status_of(child) != 0 || !use_heap(7))
            atomic_store(wrong, 1);
    }
    return NULL;
}

static void threads_can_fork_beside_each_other(void)
{
    pthread_t threads[4];
    atomic_int wrong = 0;

    start_workers();
    for (int i = 0; i < 4; i++)
        start(&threads[i], fork_some, &wrong);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    stop_workers();
    check(!wrong, "a child or its parent went wrong");
}

static void a_child_of_vfork_leaves_its_parents_heap_alone(void)
{
    char *argv[] = {"true", NULL};

    start_workers();
    int statuses = 0;
    for (int i = 0; i < 50; i++) {
        pid_t child = vfork();
        if (child == 0) {
            execv("/bin/true", argv);
            _exit(9);
        }
        statuses |= status_of(child) | !use_heap((uint64_t)i + 1);
    }
    stop_workers();
    check(!statuses, "%d", statuses);
}

static void programs_can_be_spawned_while_threads_allocate(void)
{
    char *argv[] = {"sh", "-c", "exit 7", NULL};
    int bad = 0;

    start_workers();
    for (int i = 0; i < 30 && !bad; i++) {
        pid_t child;
        if (posix_spawn(&child, "/bin/sh", NULL, NULL, argv, environ) != 0)
            bad = 1;
        else if (status_of(child) != 7 || !use_heap((uint64_t)i + 1))
            bad = 2;
        if (system("exit 5") != 5 << 8)
            bad = 3;
    }
    stop_workers();
    check(!bad, "%d", bad);
}

static const struct test tests[] = {
    TEST(parent_and_child_go_on_when_eight_threads_allocate, ""),
    TEST(children_have_children, ""),
    TEST(threads_can_fork_beside_each_other, ""),
    TEST(a_child_of_vfork_leaves_its_parents_heap_alone, ""),
    TEST(programs_can_be_spawned_while_threads_allocate, ""),
};

int main(int argc, char **argv)
{
    alarm(235); /* a deadlock is a failure */
    return test_main(tests, TEST_COUNT(tests), argc, argv);
}
