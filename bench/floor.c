/*
 * floor.c - what the kernel alone takes to move pages of a page file in and out.
 *
 *   floor FOLDER [MIB]                                                                       (192)
 *
 * A walk through pages that are read ahead of it and leave behind it, as under the pager: with the same
 * calls, in the sizes that the pager makes them in when all goes well, on a file made as its page file
 * is, and beside a thread that touches the pages.  There is no looking, no sleeping and no record:
 * what to do is known.  Prints microseconds of CPU for each page that was read ahead, unmapped, written
 * and dropped; every second pass writes.  What `us/page` of scripts/bench is above that is the pager's own.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define PAGE ((size_t)4096)
#define MIB ((size_t)1 << 20)
#define STEP (2 * MIB)            /* a batch of the trimmer */
#define READ_AT_ONCE (256 * 1024) /* as prefetch.c does */
#define AHEAD 2                   /* steps: 4 MiB, as prefetch.c does */
#define BEHIND 4                  /* steps that a page waits to be dropped */
#define FILE_STEPS 16

enum { READ, UNMAP, WRITE, DROP, CALLS };

static int file;
static char *memory;
static sem_t there;   /* steps that may be touched */
static sem_t touched; /* steps that were */
static size_t steps;
static double spent[CALLS]; /* us */
static double pages[CALLS];

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static double cpu(void)
{
    struct timespec used;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return (double)used.tv_sec * 1e6 + (double)used.tv_nsec / 1e3;
}

static off_t place(size_t step)
{
    return (off_t)(step % FILE_STEPS * STEP);
}

/* The first pass makes the pages, and counts for nothing; then every second one writes. */
static int writes(size_t step)
{
    return step / FILE_STEPS % 2 == 0;
}

static int call(int which, size_t step)
{
    off_t at = place(step);
    int error = 0;

    switch (which) {
    case READ:
        for (off_t end = at + (off_t)STEP; !error && at < end; at += READ_AT_ONCE)
            error = (int)readahead(file, at, READ_AT_ONCE);
        return error;
    case UNMAP: return madvise(memory + at, STEP, MADV_DONTNEED);
    case WRITE: return sync_file_range(file, at, STEP, SYNC_FILE_RANGE_WRITE);
    default: return posix_fadvise(file, at, STEP, POSIX_FADV_DONTNEED);
    }
}

/* Make a call for one step, and count it. */
static void take(int which, size_t step)
{
    double before = cpu();

    if (call(which, step))
        fail("floor");
    if (step < FILE_STEPS)
        return;
    spent[which] += cpu() - before;
    pages[which] += (double)(STEP / PAGE);
}

static void *program(void *unused)
{
    for (size_t step = 0; step < steps; step++) {
        sem_wait(&there);
        for (size_t at = 0; at < STEP; at += PAGE) {
            volatile char *page = memory + place(step) + at;
            if (writes(step))
                page[0]++;
            else
                (void)page[0];
        }
        sem_post(&touched);
    }
    return unused;
}

/* What the pager does about a step that the program has passed. */
static void leave_behind(size_t step)
{
    take(UNMAP, step);
    if (writes(step))
        take(WRITE, step);
    if (step < BEHIND)
        return;
    if (sync_file_range(file, place(step - BEHIND), STEP, SYNC_FILE_RANGE_WAIT_BEFORE))
        fail("sync_file_range");
    take(DROP, step - BEHIND);
}

static void walk(void)
{
    for (size_t step = 0; step < steps + AHEAD; step++) {
        if (step < steps) {
            take(READ, step);
            sem_post(&there);
        }
        if (step < AHEAD)
            continue;
        sem_wait(&touched);
        leave_behind(step - AHEAD);
    }
}

static void make_file(const char *folder)
{
    size_t size = FILE_STEPS * STEP;

    file = open(folder, O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0600);
    if (file < 0 || ftruncate(file, (off_t)1 << 40) || fallocate(file, 0, 0, (off_t)size))
        fail(folder);
    if (posix_fadvise(file, 0, 0, POSIX_FADV_RANDOM))
        fail("fadvise");
    memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (memory == MAP_FAILED || madvise(memory, size, MADV_RANDOM))
        fail("mmap");
}

int main(int argc, char **argv)
{
    static const char *names[CALLS] = {"read", "unmap", "write", "drop"};
    size_t mib = argc > 2 ? strtoull(argv[2], NULL, 10) : 192;
    pthread_t thread;

    steps = FILE_STEPS + mib * MIB / STEP;
    if (argc < 2 || mib < 64 || mib > 65536) {
        fprintf(stderr, "usage: floor FOLDER [MIB]     at least 64\n");
        return 2;
    }
    make_file(argv[1]);
    sem_init(&there, 0, 0);
    sem_init(&touched, 0, 0);
    if (pthread_create(&thread, NULL, program, NULL))
        fail("pthread_create");
    walk();
    pthread_join(thread, NULL);
    for (int i = 0; i < CALLS; i++)
        printf("%s %.3f%s", names[i], spent[i] / pages[i], i + 1 < CALLS ? " " : "\n");
    return 0;
}
