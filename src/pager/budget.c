/*
 * budget.c - what is resident, and what may be.
 *
 * The kernel tells what a file has in the page cache, but not for nothing: a census costs 2 to 27
 * ns a page.  So it is taken now and then, at most a fiftieth of the time, and between two of them
 * the number is carried on by what is known exactly: pages zeroed, read ahead and dropped by us,
 * and the kernel's count of major faults, each of which brought in one page.
 *
 * The program's other private memory (its stack, data, what it maps behind our back) counts against
 * the budget too.  Code and libraries are files: clean, shared, and the kernel's to drop.
 */
#include "pager/pager_internal.h"

#define LEAST_INTERVAL 50000000u  /* ns between two censuses */
#define COST_FACTOR 50            /* a census of 1 ms is taken at most every 50 ms */
#define MAPPED_FACTOR 200         /* for a part of it that only the counters need: every 200 ms */
#define LEAST_IN_CALM 1000000000u /* ns: an estimate that is wrong is put right, touched or not */
#define CALM_FACTOR 2500          /* then one of 1 ms is taken at most every 2.5 s */

static atomic_ullong budget;       /* pages */
static atomic_ullong counted;      /* page-file pages in RAM at the census */
static atomic_ullong unpaged;      /* other pages of the process */
static atomic_ullong major_then;   /* major faults at the census */
static atomic_llong since;         /* pages added less pages dropped since */
static atomic_ullong faults_then;  /* all faults at the census */
static atomic_ullong next_census;  /* ns */
static atomic_ullong next_in_calm; /* ns */
static struct os_lock census_lock; /* one at a time */
static uint64_t zeroed;            /* demand-zero faults found here (census_lock) */
static uint64_t private_then;      /* most private pages seen (census_lock) */

uint64_t mm_budget_pages(void)
{
    return atomic_load_explicit(&budget, memory_order_relaxed);
}

void mm_budget_set(uint64_t pages)
{
    atomic_store(&budget, pages);
    mm_count_set(NTMM_RAM_BUDGET, pages * PAGE_BYTES);
}

void mm_budget_added(uint64_t pages)
{
    atomic_fetch_add_explicit(&since, (long long)pages, memory_order_relaxed);
}

void mm_budget_dropped(uint64_t pages)
{
    atomic_fetch_sub_explicit(&since, (long long)pages, memory_order_relaxed);
}

uint64_t mm_budget_used(void)
{
    struct os_faults faults;

    mm_os_faults(&faults);
    long long used = (long long)(atomic_load(&counted) + atomic_load(&unpaged)) +
                     (long long)(faults.major - atomic_load(&major_then)) + atomic_load(&since);
    return used < 0 ? 0 : (uint64_t)used;
}

uint64_t mm_budget_time_to(uint64_t limit, uint64_t used, uint64_t least)
{
    uint64_t room = limit > used ? limit - used : 0;
    uint64_t wait = room * 500; /* ns: half of a page at 4 GB/s */

    return wait < least ? least : wait > LONGEST_LOOK ? LONGEST_LOOK : wait;
}

/* Pages of one piece in the page cache. */
static uint64_t cached_in(const struct piece *p)
{
    struct os_cache cache;
    unsigned char bytes[CHUNK_BYTES >> PAGE_SHIFT];
    uint64_t pages = 0;
    uintptr_t low = hint(p->low);
    uintptr_t high = hint(p->high);

    if (high <= low)
        return 0;
    if (mm_pager_options.cache_counts &&
        mm_os_cache_of(p->fd, mm_piece_place(p, low), high - low, &cache) == 0)
        return cache.cached;
    for (uintptr_t at = mm_piece_next_live(p, low); at < high; at = mm_piece_next_live(p, at)) {
        uintptr_t end =
            min_size(align_down(at - p->start, CHUNK_BYTES) + CHUNK_BYTES + p->start, high);
        if (mm_os_in_core((void *)at, end - at, bytes) == 0) {
            for (size_t i = 0; i < (end - at) >> PAGE_SHIFT; i++)
                pages += bytes[i] & 1;
        }
        at = end;
    }
    return pages;
}

/* Pages of one piece that page tables map. */
static uint64_t mapped_in(const struct piece *p)
{
    struct os_run runs[64];
    uint64_t pages = 0;
    uintptr_t high = hint(p->high);

    for (uintptr_t at = mm_piece_next_live(p, p->start); at < high;) {
        uintptr_t end = min_size(at + GIB, high);
        while (at < end) {
            int found = mm_os_scan_present(at, end, 0, runs, 64, &at);
            if (found < 0)
                return pages;
            for (int i = 0; i < found; i++)
                pages += (runs[i].end - runs[i].start) >> PAGE_SHIFT;
        }
        at = mm_piece_next_live(p, at);
    }
    return pages;
}

static void count_up_to(enum ntmm_counter which, uint64_t total)
{
    uint64_t known = mm_counted(which);
    if (total > known)
        mm_count(which, total - known);
}

/*
 * The kernel counts faults, but not by these kinds, so kinds are found by what flowed where.
 *
 * A major fault read a page or made a fresh one: what was not seen to be read was demand-zero.
 * Pages come to be in RAM and unmapped by trimming and read-ahead, and leave by being touched (a
 * transition fault) or dropped: what is missing was touched.  docs/counters.md tells the errors.
 */
static void publish_faults(const struct os_faults *faults, uint64_t listed)
{
    uint64_t hard = mm_counted(NTMM_HARD_FAULTS);
    uint64_t in = mm_counted(NTMM_PAGES_TRIMMED) + mm_counted(NTMM_READ_AHEAD_PAGES);
    uint64_t out = mm_counted(NTMM_PAGES_DROPPED) + listed;

    if (faults->major > hard + zeroed) {
        mm_count(NTMM_DEMAND_ZERO_FAULTS, faults->major - hard - zeroed);
        zeroed = faults->major - hard;
    }
    if (in > out)
        count_up_to(NTMM_TRANSITION_FAULTS, in - out);
}

/* CPU of the calling thread, one of the pager's, since *last. */
void mm_budget_spent(uint64_t *last)
{
    uint64_t now = mm_os_thread_cpu();
    mm_count(NTMM_PAGER_CPU_NS, now - *last);
    *last = now;
}

/* A private page that was not there before is one made of zeros. */
static void publish_private(uint64_t pages)
{
    if (pages <= private_then)
        return;
    mm_count(NTMM_DEMAND_ZERO_FAULTS, pages - private_then);
    private_then = pages;
}

static void publish(uint64_t cached, uint64_t mapped, uint64_t private, uint64_t others)
{
    uint64_t listed = cached > mapped ? cached - mapped : 0;

    mm_count_set(NTMM_WORKING_SET, (mapped + private) * PAGE_BYTES);
    mm_count_set(NTMM_STANDBY, listed * PAGE_BYTES);
    mm_count_set(NTMM_UNPAGED, others * PAGE_BYTES);
    mm_count_set(NTMM_RESIDENT, (cached + others) * PAGE_BYTES);
    mm_count_peak(NTMM_RESIDENT, NTMM_RESIDENT_PEAK);
    mm_count_peak(NTMM_PAGE_FILE, NTMM_PAGE_FILE_PEAK);
}

/*
 * Pages that page tables map.  To count them is most of a census, and no decision hangs on it: what was
 * counted a moment ago is good enough, unless somebody asks.
 */
static uint64_t mapped_lately(bool now)
{
    static uint64_t mapped; /* census_lock */
    static uint64_t next;   /* ns */
    uint64_t start = mm_os_now();

    if (!now && start < next)
        return mapped;
    mapped = 0;
    for (int i = 0; mm_pagefile_is_attached() && i < mm_piece_count(); i++)
        mapped += mapped_in(mm_piece(i));
    next = start + (mm_os_now() - start) * MAPPED_FACTOR;
    return mapped;
}

static void count_now(bool asked)
{
    struct os_faults faults;
    uint64_t cached = 0;
    uint64_t all = 0;
    uint64_t shared = 0;

    mm_os_faults(&faults);
    long long before = atomic_load(&since);
    uint64_t private = mm_private_pages();
    for (int i = 0; mm_pagefile_is_attached() && i < mm_piece_count(); i++)
        cached += cached_in(mm_piece(i));
    uint64_t mapped = min_size(mapped_lately(asked), cached);
    if (mm_os_resident(&all, &shared))
        all = shared; /* cannot tell: count the paged memory alone */
    uint64_t others = all > shared ? all - shared : 0; /* anonymous: code and files are not ours */
    atomic_store(&counted, cached);
    atomic_store(&unpaged, others);
    atomic_store(&major_then, faults.major);
    atomic_store(&faults_then, faults.major + faults.minor);
    atomic_fetch_sub(&since, before);
    publish(cached, mapped, private, others);
    publish_private(private);
    publish_faults(&faults, cached > mapped ? cached - mapped : 0);
}

/* Time has passed, and something was touched; without that it is not urgent. */
static bool is_time(uint64_t now)
{
    struct os_faults faults;

    if (now < atomic_load(&next_census))
        return false;
    mm_os_faults(&faults);
    return faults.major + faults.minor != atomic_load(&faults_then) ||
           now >= atomic_load(&next_in_calm);
}

void mm_budget_census(bool now)
{
    uint64_t start = mm_os_now();

    if (!now && !is_time(start))
        return;
    if (!mm_os_try_lock(&census_lock))
        return; /* another thread is at it */
    count_now(now);
    uint64_t cost = mm_os_now() - start;
    atomic_store(&next_census, start + max_size(cost * COST_FACTOR, LEAST_INTERVAL));
    atomic_store(&next_in_calm, start + max_size(cost * CALM_FACTOR, LEAST_IN_CALM));
    mm_os_unlock(&census_lock);
}

void mm_budget_forget(void)
{
    atomic_store(&census_lock.word, 0);
    atomic_store(&since, 0);
    zeroed = 0;
    private_then = mm_private_pages(); /* the parent made them */
    count_now(true);
}
