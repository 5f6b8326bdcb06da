/*
 * use_heap.h - a piece of work with the heap, and threads and children that do it.
 */
#ifndef NTMM_TESTS_PRELOAD_USE_HEAP_H
#define NTMM_TESTS_PRELOAD_USE_HEAP_H

#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "../chance.h"
#include "../test.h"

#define KIB ((size_t)1024)
#define MIB (1024 * KIB)

__attribute__((unused)) static bool is_filled(const unsigned char *p, size_t size, int with)
{
    for (size_t i = 0; i < size; i++)
        if (p[i] != (unsigned char)with)
            return false;
    return true;
}

/* Take, fill, resize and free blocks of all kinds; false when one is not as it was written. */
__attribute__((unused)) static bool use_heap(uint64_t seed)
{
    enum { COUNT = 24 };
    unsigned char *p[COUNT];
    size_t size[COUNT];
    bool good = true;

    for (int i = 0; i < COUNT; i++) {
        size[i] = (size_t)chance(&seed, (uint64_t)2 << i % 17) + 1;
        p[i] = i % 5 ? malloc(size[i]) : calloc(1, size[i]);
        good = good && p[i] && (i % 5 || is_filled(p[i], size[i], 0));
        if (good)
            memset(p[i], i, size[i]);
    }
    for (int i = 0; good && i < COUNT; i += 2) {
        p[i] = realloc(p[i], size[i] * 2);
        good = p[i] && is_filled(p[i], size[i], i);
    }
    for (int i = 0; i < COUNT; i++) {
        good = good && is_filled(p[i], size[i], i);
        free(p[i]);
    }
    return good;
}

__attribute__((unused)) static void start(pthread_t *thread, void *(*run)(void *), void *argument)
{
    int error = pthread_create(thread, NULL, run, argument);
    check(error == 0, "pthread_create: %d", error);
}

/* The exit status of a child; -N: ended by signal N; -1: there is none. */
__attribute__((unused)) static int status_of(pid_t child)
{
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child)
        return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

#endif
