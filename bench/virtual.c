/*
 * virtual.c - what VirtualAlloc and its kin cost against the kernel's own calls.
 *
 * Both sides of a row run in turns in this one process, and the medians of their times are
 * compared.  A row's goal is the most that ours may cost: times the kernel's call, or nanoseconds.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include <windows.h>

#define ROUNDS 41
#define UNIT ((size_t)64 << 10)
#define PAGE ((size_t)4096)
#define AREA ((size_t)64 << 20)

struct row {
    const char *what;
    void (*before)(void); /* each round */
    void (*ours)(size_t size);
    void (*kernels)(size_t size);
    size_t size;
    int calls; /* a round */
    double goal;
};

/* Both are reservations; the kernel's calls are made on the second behind the library's back. */
static char *our_area;
static char *kernel_area;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void need(int condition, const char *what)
{
    if (condition)
        return;
    printf("%s failed: error %u\n", what, (unsigned)GetLastError());
    exit(1);
}

/* ---- pairs: a call and the one that takes it back ------------------------------------------------ */

static void reserve_release(size_t size)
{
    void *p = VirtualAlloc(NULL, size, MEM_RESERVE, PAGE_READWRITE);
    need(p && VirtualFree(p, 0, MEM_RELEASE), "reserve and release");
}

static void map_unmap(size_t size)
{
    void *p = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    need(p != MAP_FAILED && !munmap(p, size), "mmap and munmap");
}

/* One step on; the areas are committed from the front to the back, and then taken back. */
static char *next_of(char *area, size_t size, size_t *at)
{
    char *p = area + *at;
    *at = (*at + size) % AREA;
    return p;
}

static size_t our_place;
static size_t kernel_place;

static void commit(size_t size)
{
    char *p = next_of(our_area, size, &our_place);
    need(VirtualAlloc(p, size, MEM_COMMIT, PAGE_READWRITE) == p, "commit");
}

static void make_accessible(size_t size)
{
    need(!mprotect(next_of(kernel_area, size, &kernel_place), size, PROT_READ | PROT_WRITE),
         "mprotect");
}

static void touch(char *p, size_t size)
{
    for (size_t i = 0; i < size; i += PAGE)
        p[i] = 1;
}

static void commit_touch_decommit(size_t size)
{
    char *p = our_area + UNIT;
    need(VirtualAlloc(p, size, MEM_COMMIT, PAGE_READWRITE) == p, "commit");
    touch(p, size);
    need(VirtualFree(p, size, MEM_DECOMMIT), "decommit");
}

static void open_touch_discard_close(size_t size)
{
    char *p = kernel_area + UNIT;
    need(!mprotect(p, size, PROT_READ | PROT_WRITE), "mprotect");
    touch(p, size);
    need(!madvise(p, size, MADV_DONTNEED) && !mprotect(p, size, PROT_NONE), "madvise");
}

static void commit_decommit(size_t size)
{
    char *p = our_area + UNIT;
    need(VirtualAlloc(p, size, MEM_COMMIT, PAGE_READWRITE) == p, "commit");
    need(VirtualFree(p, size, MEM_DECOMMIT), "decommit");
}

static void open_close(size_t size)
{
    char *p = kernel_area + UNIT;
    need(!mprotect(p, size, PROT_READ | PROT_WRITE), "mprotect");
    need(!mprotect(p, size, PROT_NONE), "mprotect");
}

/*
 * The area is accessible by now: a page in its middle changes to and fro.  It is the same page on
 * both sides, since what the kernel needs depends on where in its own tree the page lies; an even
 * number of calls leaves it as it was.
 */
static void protect(size_t size)
{
    static DWORD protection = PAGE_READONLY;
    DWORD old;
    need(VirtualProtect(our_area + AREA / 2, size, protection, &old), "VirtualProtect");
    protection = old;
}

static void mprotect_page(size_t size)
{
    static int access = PROT_READ;
    need(!mprotect(our_area + AREA / 2, size, access), "mprotect");
    access ^= PROT_WRITE;
}

static void query(size_t size)
{
    static size_t at;
    MEMORY_BASIC_INFORMATION info;
    at = (at + 5 * UNIT) % (10 * UNIT);
    need(VirtualQuery(our_area + at + size, &info, sizeof info) == sizeof info, "VirtualQuery");
}

/* ---- measuring ----------------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *times)
{
    qsort(times, ROUNDS, sizeof *times, compare);
    return times[ROUNDS / 2];
}

static double time_of(void (*deed)(size_t), size_t size, int calls)
{
    double start = now();
    for (int i = 0; i < calls; i++)
        deed(size);
    return (now() - start) / calls;
}

static int measure(const struct row *r)
{
    double ours[ROUNDS];
    double kernels[ROUNDS] = {0};
    for (int round = 0; round < ROUNDS; round++) {
        r->before();
        ours[round] = time_of(r->ours, r->size, r->calls);
        if (r->kernels)
            kernels[round] = time_of(r->kernels, r->size, r->calls);
    }
    double a = median(ours);
    double b = median(kernels);
    double value = r->kernels ? a / b : a;
    printf("%-44s %8.0f ns", r->what, a);
    if (r->kernels)
        printf(" %8.0f ns   %6.2f x  (at most %.2f)", b, value, r->goal);
    else
        printf(" %8s      %6.0f ns (at most %.0f)", "", value, r->goal);
    printf("%s\n", value <= r->goal ? "" : "  MISSED");
    return value <= r->goal;
}

/* 10 regions at the front of our area: reserved and committed, 64 KiB each. */
static void make_regions(void)
{
    need(VirtualFree(our_area, AREA, MEM_DECOMMIT), "decommit");
    for (size_t i = 0; i < 10; i += 2)
        need(VirtualAlloc(our_area + i * UNIT, UNIT, MEM_COMMIT, PAGE_READWRITE) != NULL, "commit");
}

/* The areas start out inaccessible each time, so that committing has something to do. */
static void close_areas(void)
{
    our_place = kernel_place = 0;
    need(VirtualFree(our_area, AREA, MEM_DECOMMIT), "decommit");
    need(!mprotect(kernel_area, AREA, PROT_NONE), "mprotect");
}

static void open_areas(void)
{
    need(VirtualAlloc(our_area, AREA, MEM_COMMIT, PAGE_READWRITE) != NULL, "commit");
    need(!mprotect(kernel_area, AREA, PROT_READ | PROT_WRITE), "mprotect");
}

static const struct row rows[] = {
    {"reserve and release 64 KiB", close_areas, reserve_release, map_unmap, UNIT, 2000, 0.3},
    {"reserve and release 1 MiB", close_areas, reserve_release, map_unmap, (size_t)1 << 20, 2000,
     0.3},
    {"reserve and release 1 GiB", close_areas, reserve_release, map_unmap, (size_t)1 << 30, 2000,
     0.3},
    {"reserve and release 1 TiB", close_areas, reserve_release, map_unmap, (size_t)1 << 40, 2000,
     0.3},
    {"commit 64 KiB, decommit it untouched", close_areas, commit_decommit, open_close, UNIT, 500,
     1.25},
    {"commit 64 KiB, touch, decommit", close_areas, commit_touch_decommit, open_touch_discard_close,
     UNIT, 200, 1.25},
    {"commit the next 64 KiB of a reservation", close_areas, commit, make_accessible, UNIT,
     (int)(AREA / UNIT), 1.25},
    {"protect one page", open_areas, protect, mprotect_page, PAGE, 500, 1.25},
    {"query one of 10 regions", make_regions, query, NULL, PAGE, 5000, 150},
};

int main(void)
{
    int missed = 0;
    our_area = VirtualAlloc(NULL, AREA, MEM_RESERVE, PAGE_READWRITE);
    kernel_area = VirtualAlloc(NULL, AREA, MEM_RESERVE, PAGE_READWRITE);
    need(our_area && kernel_area, "the areas");
    printf("%-44s %11s %11s\n", "what", "ours", "kernel");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        missed += !measure(&rows[i]);
    }
    printf("%d goals missed\n", missed);
    return missed != 0;
}
