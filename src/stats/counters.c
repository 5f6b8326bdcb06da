/*
 * counters.c - where this process counts: a slot of the board of `ntmm run`, or a page of its own.
 *
 * `mm_counters` points at a page that may be counted in at every moment of the process's life: the
 * private page below until a slot is claimed, and again where there is no board or it is full.  A
 * slot is claimed by exchanging its `pid` from 0 to ours; nothing is ever waited for.
 *
 * The values are of two kinds.  Some tell a state (committed, resident, the limit): they go with
 * the memory, so a forked child takes them along.  The others tell events (faults, pages in): a
 * child starts them at zero, and the sum over all slots stays true.
 *
 * The board is the user's own file, but it is still checked: without the magic in its first slot
 * nothing is written, so a NTMM_BOARD that names another file harms nothing.
 */
#include "stats/counters.h"

#include <stdbool.h>
#include <stddef.h>

#include "base/page.h"
#include "os/os.h"

#define BOARD_BYTES ((size_t)NTMM_BOARD_SLOTS * NTMM_SLOT_BYTES)

/* Where a forked child claims its slot; a longer path is no board of `ntmm run`. */
static char board_path[256];

enum { RUNNING = 1, ENDED = 2, REPLACED = 3 };

_Static_assert(sizeof(struct ntmm_counters) <= NTMM_SLOT_BYTES, "a slot holds the counters");

static struct ntmm_counters own_page = {.magic = NTMM_BOARD_MAGIC, .version = NTMM_BOARD_VERSION};
struct ntmm_counters *mm_counters = &own_page;

void mm_count_peak(enum ntmm_counter which, enum ntmm_counter peak)
{
    uint64_t now = mm_counted(which);
    uint64_t was = mm_counted(peak);
    while (now > was &&
           !atomic_compare_exchange_weak_explicit(&mm_counters->value[peak], &was, now,
                                                  memory_order_relaxed, memory_order_relaxed))
        ;
}

/* Whether the value belongs to the memory a process has, rather than to what happened to it. */
static bool is_state(enum ntmm_counter which)
{
    return which <= NTMM_PAGE_FILE_PROMISED && which != NTMM_COMMIT_FAILURES;
}

/* Whether the slot is one of a board: the first always says so, others once they were claimed. */
static bool is_slot(const struct ntmm_counters *slot, bool first)
{
    if (slot->magic == 0 && slot->version == 0)
        return !first;
    return slot->magic == NTMM_BOARD_MAGIC && slot->version == NTMM_BOARD_VERSION;
}

/* Claim the first free slot; slots of an earlier program of this pid were replaced by exec. */
static int claim_slot(char *board, uint32_t pid)
{
    for (int i = 0; i < NTMM_BOARD_SLOTS; i++) {
        struct ntmm_counters *slot = (void *)(board + (size_t)i * NTMM_SLOT_BYTES);
        if (!is_slot(slot, i == 0))
            return -1;
        uint32_t holder = 0;
        if (atomic_compare_exchange_strong(&slot->pid, &holder, pid))
            return i;
        uint32_t running = RUNNING;
        if (holder == pid)
            (void)atomic_compare_exchange_strong(&slot->state, &running, REPLACED);
    }
    return -1;
}

/* The claimed slot alone stays mapped.  NULL: no board, or no slot left. */
static struct ntmm_counters *open_slot(const char *path, uint32_t pid)
{
    void *base;
    if (!path[0] || mm_os_map_own_file(path, BOARD_BYTES, &base) != 0)
        return NULL;
    char *board = base;
    int index = claim_slot(board, pid);
    if (index < 0) {
        (void)mm_os_unmap(board, BOARD_BYTES);
        return NULL;
    }

    char *slot = board + (size_t)index * NTMM_SLOT_BYTES;
    if (slot > board)
        (void)mm_os_unmap(board, (size_t)(slot - board));
    char *after = slot + NTMM_SLOT_BYTES;
    if (after < board + BOARD_BYTES)
        (void)mm_os_unmap(after, (size_t)(board + BOARD_BYTES - after));
    return (struct ntmm_counters *)slot;
}

/* /proc/self/stat: "pid (name) state parent ...", where the name may hold anything. */
static void describe(struct ntmm_counters *c)
{
    char text[256];
    ssize_t length = mm_os_read_text("/proc/self/stat", text, sizeof(text));
    if (length <= 0)
        return;
    char *open = text;
    while (*open && *open != '(')
        open++;
    char *close = text + length;
    while (close > open && *close != ')')
        close--;
    if (close <= open)
        return;

    size_t n = min_size((size_t)(close - open - 1), sizeof(c->name) - 1);
    __builtin_memcpy(c->name, open + 1, n);
    c->name[n] = '\0';
    uint32_t parent = 0;
    for (char *p = close + 4; p < text + length && *p >= '0' && *p <= '9'; p++)
        parent = parent * 10 + (uint32_t)(*p - '0');
    c->parent = parent;
}

/* What `old` counted, as far as it still is this process's; then leave `old`. */
static void take_over(struct ntmm_counters *c, struct ntmm_counters *old, bool forked)
{
    for (int i = 0; i < NTMM_COUNTERS; i++) {
        uint64_t value = atomic_load_explicit(&old->value[i], memory_order_relaxed);
        if (forked && !is_state(i))
            value = 0;
        atomic_store_explicit(&c->value[i], value, memory_order_relaxed);
    }
    __builtin_memcpy(c->engine, old->engine, sizeof(c->engine));
}

/* A forked child's peaks start where it stands. */
static void restart_peaks(struct ntmm_counters *c)
{
    c->value[NTMM_COMMITTED_PEAK] = c->value[NTMM_COMMITTED];
    c->value[NTMM_RESIDENT_PEAK] = c->value[NTMM_RESIDENT];
    c->value[NTMM_PAGE_FILE_PEAK] = c->value[NTMM_PAGE_FILE];
}

static void remember(const char *path)
{
    size_t n = 0;
    while (path[n] && n < sizeof(board_path))
        n++;
    if (n == sizeof(board_path))
        n = 0;
    __builtin_memcpy(board_path, path, n);
    board_path[n] = '\0';
}

static void start_counting(void)
{
    uint32_t pid = (uint32_t)mm_os_pid();
    struct ntmm_counters *old = mm_counters;
    bool forked = old->pid && old->pid != pid;
    struct ntmm_counters *c = open_slot(board_path, pid);
    if (!c)
        c = &own_page;

    take_over(c, old, forked);
    if (forked)
        restart_peaks(c);
    if (c != &own_page)
        describe(c);
    atomic_store(&c->started_ns, mm_os_now());
    atomic_store(&c->pid, pid);
    atomic_store(&c->state, RUNNING);
    c->version = NTMM_BOARD_VERSION;
    c->magic = NTMM_BOARD_MAGIC;
    mm_counters = c;
    if (old != &own_page && old != c)
        (void)mm_os_unmap(old, NTMM_SLOT_BYTES);
}

void mm_counters_open(const char *path)
{
    remember(path ? path : "");
    start_counting();
}

void mm_counters_after_fork(void)
{
    start_counting();
}

void mm_counters_engine(const char *name)
{
    size_t n = 0;
    for (; name[n] && n < sizeof(mm_counters->engine) - 1; n++)
        mm_counters->engine[n] = name[n];
    mm_counters->engine[n] = '\0';
}

bool mm_counters_are_public(void)
{
    return mm_counters != &own_page;
}

void mm_counters_end(void)
{
    if (mm_counters->pid == (uint32_t)mm_os_pid())
        atomic_store(&mm_counters->state, ENDED);
}
