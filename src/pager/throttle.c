/*
 * throttle.c - back-pressure: who runs away from the writer waits for it.
 *
 * Two brakes.  An allocation waits while the process is over its budget (mm_pager_admit).  Threads
 * that touch memory they already have faster than it can be written out are paused by a real-time
 * signal, whose handler sleeps until the trimmer has caught up.  Only threads that run (or wait for
 * a disk) are paused: one that sleeps in a system call uses no memory.  Should it fall asleep just
 * then, or another fork, poll and its like end with EINTR; preload/waits.c makes them go on.
 *
 * The gate thread that decides this never waits for a disk itself.
 */
#include <errno.h>

#include "pager/pager_internal.h"

#define PAUSE_ABOVE 103 /* percent of the budget */
#define GO_ON_BELOW 98
#define NO_PROGRESS 200000000u    /* ns in which no page left and no disk was waited for: in vain */
#define DISK_IS_SLOW 10000000u    /* ns that the trimmer waits at a stretch */
#define LONGEST_PAUSE 4000000000u /* ns; then the gate looks again */
#define LONGEST_WAIT 1000000000u  /* ns an allocation waits for a disk that does not keep up */
#define LONGEST_STOP 60000000000u /* ns to wait for a thread that is deep in the kernel */
#define SIGNAL_AGAIN 50000000u    /* ns */
#define MOST_TASKS 1024

/* Linux keeps 64 signals; libc takes 32 and 33.  One that nobody asks for by number. */
#define PAUSE_SIGNAL 57

static atomic_uint paused;
static atomic_uint forker;  /* who has stopped all others, to fork; 0: nobody */
static atomic_int standing; /* threads in the handler that have seen `forker` */
static atomic_bool over;
static _Thread_local unsigned cut_short; /* calls of this thread that a pause made end with EINTR */

int mm_pager_signal(void)
{
    return PAUSE_SIGNAL;
}

static void wait_out_pause(void)
{
    uint64_t start = mm_os_now();

    while (atomic_load(&paused) && !atomic_load(&forker) && mm_os_now() - start < LONGEST_PAUSE)
        (void)mm_os_wait(&paused, 1, LONGEST_PAUSE); /* woken, late or interrupted: look again */
}

/* Who stands sleeps, so writes nothing, not even to the stack: fork maps that anew. */
static void stand(unsigned who)
{
    atomic_fetch_add(&standing, 1);
    while (atomic_load(&forker) == who)
        (void)mm_os_wait(&forker, who, 0); /* woken or interrupted: look again */
    atomic_fetch_sub(&standing, 1);
}

static void wait_for_go(int signal, void *info, void *context)
{
    (void)signal, (void)info;
    unsigned who = atomic_load(&forker);
    uint64_t start = mm_os_now();

    if (who != (unsigned)mm_os_tid()) { /* the gate pauses all; who forks must let others go */
        wait_out_pause();
        while ((who = atomic_load(&forker)) != 0)
            stand(who);
    }
    if (mm_os_cut_short(context))
        cut_short++;
    mm_count(NTMM_PAUSED_NS, mm_os_now() - start);
}

unsigned mm_pager_cut_short(void)
{
    return cut_short;
}

int mm_throttle_init(void)
{
    return mm_os_pause_handler(PAUSE_SIGNAL, wait_for_go);
}

/* Whether a thread uses memory at this moment. */
static bool runs(pid_t task)
{
    char state = mm_os_task_state(task);
    return state == 'R' || state == 'D';
}

/* Whether a thread will ever run again: one that ended may stay listed (the first one does). */
static bool lives(pid_t task)
{
    char state = mm_os_task_state(task);
    return state && state != 'Z' && state != 'X';
}

/* Signal every thread but the caller and ours, or those of them that run: how many. */
static int signal_others(bool running_only)
{
    pid_t tasks[MOST_TASKS];
    int count = mm_os_tasks(tasks, MOST_TASKS);
    pid_t self = mm_os_tid();
    int sent = 0;

    for (int i = 0; i < count; i++) {
        if (tasks[i] == self || mm_os_thread_is_ours(tasks[i]))
            continue;
        if (!running_only || runs(tasks[i]))
            sent += mm_os_task_signal(tasks[i], PAUSE_SIGNAL) == 0;
    }
    return sent;
}

static void pause_runners(void)
{
    atomic_store(&paused, 1);
    mm_count(NTMM_PAUSES, (uint64_t)signal_others(true));
}

/* Who is stopped for a fork stays so: the gate must not let him go. */
static void resume_runners(void)
{
    atomic_store(&paused, 0);
    mm_os_wake(&paused, 1 << 20);
}

static int count_others(void)
{
    pid_t tasks[MOST_TASKS];
    int count = mm_os_tasks(tasks, MOST_TASKS);
    pid_t self = mm_os_tid();
    int others = 0;

    for (int i = 0; i < count; i++)
        others += tasks[i] != self && !mm_os_thread_is_ours(tasks[i]) && lives(tasks[i]);
    return others;
}

/*
 * Threads may end meanwhile, and one that does not stand yet may make another: count anew until all
 * there are stand, and signal again those that were not there before.
 */
int mm_throttle_stop_all(void)
{
    uint64_t start = mm_os_now();
    uint64_t signalled = start;

    atomic_store(&forker, (unsigned)mm_os_tid());
    resume_runners();           /* from the pause into the stop */
    (void)signal_others(false); /* how many does not matter: they are counted */
    for (uint64_t now = start; atomic_load(&standing) < count_others(); now = mm_os_now()) {
        if (now - start > LONGEST_STOP)
            return -ETIMEDOUT;
        if (now - signalled > SIGNAL_AGAIN) {
            (void)signal_others(false);
            signalled = now;
        }
        mm_os_sleep(20000);
    }
    return 0;
}

/* Returns when nobody stands any more: one still on his way out would count for the next fork. */
void mm_throttle_start_all(void)
{
    atomic_store(&forker, 0);
    mm_os_wake(&forker, 1 << 20);
    while (atomic_load(&standing))
        mm_os_sleep(20000);
}

void mm_throttle_forget(void)
{
    atomic_store(&paused, 0);
    atomic_store(&forker, 0);
    atomic_store(&standing, 0);
    atomic_store(&over, false);
}

/* Since when the trimmer is where it is (mm_trim_at_disk). */
struct disk_watch {
    unsigned stretch;
    uint64_t since;
};

static bool waits_for_disk(struct disk_watch *w, uint64_t now)
{
    unsigned stretch = mm_trim_at_disk();

    if (stretch != w->stretch)
        *w = (struct disk_watch){stretch, now};
    return stretch % 2 && now - w->since > DISK_IS_SLOW;
}

/*
 * Wait until the process is below its budget again: true, also where it comes nearer.  False when it
 * does not, because nothing of what it holds can leave RAM, or a disk has stood still for long.
 */
static bool falls_below(uint64_t limit)
{
    uint64_t least = UINT64_MAX;
    uint64_t before = UINT64_MAX;
    uint64_t start = mm_os_now();
    uint64_t fell = start; /* when pages left */
    uint64_t hope = start; /* when they did, or still could */
    struct disk_watch disk = {0, start};

    for (uint64_t now = start; now - start < LONGEST_PAUSE; now = mm_os_now()) {
        uint64_t used = mm_budget_used();
        if (used <= limit)
            return true;
        if (used > before)
            pause_runners(); /* somebody has woken up since */
        before = used;
        if (used < least || waits_for_disk(&disk, now))
            hope = now;
        if (used < least) {
            least = used;
            fell = now;
        }
        if (now - hope > NO_PROGRESS)
            return false;
        mm_os_sleep(200000);
    }
    return mm_os_now() - fell < LONGEST_PAUSE / 2;
}

/* Hold the program until it is below its budget again, or it is in vain. */
static bool hold(void)
{
    atomic_store(&over, true);
    mm_sleep_ring(PAGER_TRIMMER);
    pause_runners();
    bool kept = falls_below(mm_budget_part(GO_ON_BELOW));
    atomic_store(&over, false);
    resume_runners();
    return kept;
}

/* How long neither the gate nor the trimmer is needed. */
static uint64_t quiet_time(uint64_t used)
{
    uint64_t wait = mm_budget_time_to(mm_budget_part(PAUSE_ABOVE), used, 200000);

    if (used > mm_budget_part(TRIM_ABOVE))
        return wait;
    return min_size(wait, mm_budget_time_to(mm_budget_pages(), used, 300000));
}

void mm_throttle_main(void *unused)
{
    uint64_t spent = 0; /* CPU counted so far, ns */
    struct guard guard;
    unsigned vain = 0;

    (void)unused;
    mm_os_take_short_turns();
    mm_sleep_guard_begin(&guard);
    for (;;) {
        mm_budget_spent(&spent);
        uint64_t used = mm_budget_used();
        uint64_t limit = mm_budget_part(PAUSE_ABOVE);
        if (used > limit) {
            /* A budget that cannot be kept slows the program down, but never stops it. */
            vain = hold() ? 0 : vain + 1;
            mm_os_sleep(vain ? vain * NO_PROGRESS : 100000);
            continue;
        }
        if (used > mm_budget_part(TRIM_ABOVE))
            mm_sleep_ring(PAGER_TRIMMER);
        mm_sleep_on_guard(&guard, quiet_time(used));
    }
}

/*
 * The gate may not get a CPU in time on a busy machine, and then a program takes a multiple of a
 * small budget before it is noticed: who takes a unit or more looks for himself.
 */
static bool must_wait(size_t bytes)
{
    if (atomic_load_explicit(&over, memory_order_relaxed))
        return true;
    return bytes >= UNIT_BYTES && mm_engine_has_threads() &&
           mm_budget_used() > mm_budget_part(PAUSE_ABOVE) &&
           mm_counted(NTMM_UNPAGED) < mm_budget_part(75) * PAGE_BYTES; /* waiting can help */
}

void mm_pager_admit(size_t bytes)
{
    if (!must_wait(bytes))
        return;
    uint64_t start = mm_os_now();
    while (must_wait(bytes) && mm_os_now() - start < LONGEST_WAIT) {
        mm_sleep_ring(PAGER_TRIMMER);
        if (mm_os_wait(&paused, 1, 4000000)) /* nobody is paused: look again soon */
            mm_os_sleep(1000000);
    }
}
