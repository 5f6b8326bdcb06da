/*
 * pools.c - what pools of objects of one size cost: lists without a lock, lookaside lists, heaps that
 * are thrown away whole.
 *
 * Both sides of a row run in turns in this one process, and the medians of their times are
 * compared.  A row's goal is the most that the first side may cost, in times of the second.  malloc is
 * libc's, or ours under preload/, which checks more and costs more.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <windows.h>
#include <wdm.h>

#define ROUNDS 401

struct row {
    const char *what;
    const char *other;
    void (*ours)(int calls);
    void (*theirs)(int calls);
    int calls; /* a round */
    double goal;
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* ---- a list against the processor's bare instruction --------------------------------------------- */

static SLIST_HEADER list;
static SLIST_ENTRY entries[8];

static void push_and_pop(int calls)
{
    for (int i = 0; i < calls; i++) {
        PSLIST_ENTRY e = InterlockedPopEntrySList(&list);
        InterlockedPushEntrySList(&list, e);
    }
}

#if defined(__x86_64__)
static struct {
    ULONG64 low, high;
} __attribute__((aligned(16))) words;

/* As a list's words are changed, and no more: they are looked at, and both are replaced. */
static inline void bare_swap(ULONG64 step)
{
    ULONG64 low = words.low, high = words.high;
    char done;
    do
        __asm__ volatile("lock cmpxchg16b %1"
                         : "=@ccz"(done), "+m"(words), "+a"(low), "+d"(high)
                         : "b"(low + step), "c"(high ^ step)
                         : "memory");
    while (!done);
}

static void two_bare_swaps(int calls)
{
    for (int i = 0; i < calls; i++) {
        bare_swap(1);
        bare_swap(2);
    }
}
#else
static void two_bare_swaps(int calls)
{
    push_and_pop(calls);
}
#endif

/* ---- a lookaside list against the heap -------------------------------------------------------------- */

#define OBJECT 64 /* bytes */

static LOOKASIDE_LIST_EX ready;

/* Keep the compiler from taking a pair away. */
static inline void *seen(void *p)
{
    __asm__ volatile("" : "+r"(p) : : "memory");
    return p;
}

static void lookaside_pair(int calls)
{
    for (int i = 0; i < calls; i++)
        ExFreeToLookasideListEx(&ready, seen(ExAllocateFromLookasideListEx(&ready)));
}

static void malloc_pair(int calls)
{
    for (int i = 0; i < calls; i++)
        free(seen(malloc(OBJECT)));
}

static void heap_pair(int calls)
{
    HANDLE heap = GetProcessHeap();
    for (int i = 0; i < calls; i++)
        HeapFree(heap, 0, seen(HeapAlloc(heap, 0, OBJECT)));
}

/* ---- a heap of its own for a thousand objects ---------------------------------------------------------- */

#define THOUSAND 1000

static void a_thousand(bool each)
{
    static void *objects[THOUSAND];
    HANDLE heap = HeapCreate(0, 0, 0);

    if (!heap)
        abort();
    for (int i = 0; i < THOUSAND; i++)
        objects[i] = HeapAlloc(heap, 0, OBJECT);
    for (int i = 0; each && i < THOUSAND; i++)
        HeapFree(heap, 0, objects[i]);
    if (!HeapDestroy(heap))
        abort();
}

static void thrown_away_whole(int calls)
{
    for (int i = 0; i < calls; i++)
        a_thousand(false);
}

static void freed_each(int calls)
{
    for (int i = 0; i < calls; i++)
        a_thousand(true);
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

static double time_of(void (*deed)(int), int calls)
{
    double start = now();
    deed(calls);
    return (now() - start) / calls;
}

static int measure(const struct row *r)
{
    double ours[ROUNDS];
    double theirs[ROUNDS];
    for (int round = 0; round < ROUNDS; round++) {
        ours[round] = time_of(r->ours, r->calls);
        theirs[round] = time_of(r->theirs, r->calls);
    }
    double a = median(ours);
    double b = median(theirs);
    printf("%-34s %8.1f ns   %-26s %8.1f ns %6.2f x  (at most %.2f)%s\n", r->what, a, r->other, b,
           a / b, r->goal, a / b <= r->goal ? "" : "  MISSED");
    return a / b <= r->goal;
}

static const struct row rows[] = {
    {"pop and push on an SLIST", "two bare cmpxchg16b", push_and_pop, two_bare_swaps, 2000, 1.2},
    {"lookaside: take and give 64 bytes", "malloc and free", lookaside_pair, malloc_pair, 2000,
     1.2},
    {"lookaside: take and give 64 bytes", "heap: allocate and free", lookaside_pair, heap_pair,
     2000, 1.0},
    {"1000 objects, heap thrown away", "each freed first", thrown_away_whole, freed_each, 10, 1.0},
};

int main(void)
{
    int missed = 0;

    InitializeSListHead(&list);
    for (int i = 0; i < 8; i++)
        InterlockedPushEntrySList(&list, &entries[i]);
    if (ExInitializeLookasideListEx(&ready, NULL, NULL, NonPagedPoolNx, 0, OBJECT, 0, 0))
        return 1;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        missed += !measure(&rows[i]);
    printf("%d goals missed\n", missed);
    return missed != 0;
}
