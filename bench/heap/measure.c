/*
 * measure.c - clocks, slices, resident memory and chance.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests.h"

#define SLICES 7
#define PAGE ((size_t)4096)

static double clock_now(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

double cpu_now(void)
{
    return clock_now(CLOCK_PROCESS_CPUTIME_ID);
}

double wall_now(void)
{
    return clock_now(CLOCK_MONOTONIC);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

double median(double *values, size_t count)
{
    qsort(values, count, sizeof *values, compare);
    return values[count / 2];
}

double least(const double *values, size_t count)
{
    double found = values[0];
    for (size_t i = 1; i < count; i++)
        found = values[i] < found ? values[i] : found;
    return found;
}

static double slice_of(void (*deeds)(const void *, size_t), const void *what, size_t count)
{
    double start = cpu_now();
    deeds(what, count);
    return cpu_now() - start;
}

struct time time_of_deeds(void (*deeds)(const void *, size_t), const void *what, double slice)
{
    double times[SLICES];
    size_t count = 1;
    while (slice_of(deeds, what, count) < slice)
        count *= 2;
    for (size_t i = 0; i < SLICES; i++)
        times[i] = slice_of(deeds, what, count) / (double)count;
    return (struct time){median(times, SLICES), least(times, SLICES)};
}

/* Bytes, from a line of a file in /proc.  Without stdio, whose buffers would lie on the heap. */
static size_t kilobytes_of(const char *file, const char *name)
{
    static char text[16384];
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (length < 0)
        give_up(file);
    (void)close(fd);
    text[length] = 0;
    const char *found = strstr(text, name);
    return found ? strtoul(found + strlen(name), NULL, 10) * KIB : 0;
}

/* The status file rounds by thread and core; this one counts. */
size_t resident(void)
{
    return kilobytes_of("/proc/self/smaps_rollup", "Rss:");
}

size_t resident_peak(void)
{
    return kilobytes_of("/proc/self/status", "VmHWM:");
}

uint64_t chance(uint64_t *state)
{
    uint64_t x = *state;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return *state = x;
}

size_t size_by_chance(uint64_t *state)
{
    uint64_t x = chance(state);
    uint64_t kind = x % 100;
    uint64_t any = x >> 16;
    if (kind < 90)
        return 16 + any % 241;
    if (kind < 99)
        return 256 + any % 1793;
    return 2048 + any % 14337;
}

void *touched(void *block)
{
    if (!block)
        give_up("no memory");
    *(volatile char *)block = 1;
    return block;
}

void *touched_wholly(void *block, size_t size)
{
    touched(block);
    for (size_t at = PAGE; at < size; at += PAGE)
        touched((char *)block + at);
    return block;
}

void tell(const char *key, double value)
{
    printf("%s %.6g\n", key, value);
}

size_t size_word(const char *word)
{
    char *end = NULL;
    size_t value = word ? strtoul(word, &end, 10) : 0;
    if (!value || *end)
        give_up("a number was expected");
    return value;
}

void give_up(const char *why)
{
    fprintf(stderr, "heap: %s\n", why);
    exit(1);
}
