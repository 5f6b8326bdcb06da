/*
 * sleep.c - how long the pager's threads sleep, and who wakes them.
 *
 * A thread of ours looks again as soon as something could have gone wrong, which near the budget is
 * a fraction of a millisecond.  The longer the program touches nothing anew, the longer they sleep.
 * From 20 ms on they sleep *deep*: only the gate still looks, and it rings for the others.  The gate
 * itself is woken by the program's own use of CPU, so beside a program that sleeps nothing runs.
 *
 * I1  who sleeps deep said so before a last look at the fault count; the gate looks at that count
 *     first, and then for who sleeps deep: so a fault after the last look is rung for
 */
#include <errno.h>

#include "pager/pager_internal.h"

#define DEEP_SLEEP 2000000000u /* ns; then one looks all the same: faults are not everything */
#define ALARM_FROM 4000000u    /* ns, a tick: a longer sleep ends with an alarm, not too late */
#define LEAST_CPU 1000000u     /* ns of the program's CPU after which the gate looks */

/* A thread of ours that may sleep. */
struct sleeper {
    atomic_uint bell; /* rung since it last looked */
    atomic_bool deep; /* it relies on being rung for */
    uint64_t faults;  /* the program's, at the last look */
    uint64_t wait;    /* ns, the last one */
};

static struct sleeper sleepers[PAGER_SLEEPERS];

static uint64_t faults_so_far(void)
{
    struct os_faults faults;

    mm_os_faults(&faults);
    return faults.major + faults.minor;
}

/* Decide how long to sleep: at least `wait`, longer while the program touches nothing: true. */
static bool is_calm(struct sleeper *s, uint64_t wait)
{
    uint64_t faults = faults_so_far();
    bool calm = faults == s->faults;
    uint64_t longer = s->wait < LONGEST_LOOK ? s->wait + s->wait / 4 : s->wait * 2;

    s->faults = faults;
    s->wait = min_size(calm ? max_size(longer, wait) : wait, DEEP_SLEEP);
    return calm;
}

void mm_sleep_ring(enum pager_sleeper who)
{
    atomic_store(&sleepers[who].bell, 1);
    mm_os_wake(&sleepers[who].bell, 1);
}

void mm_sleep_ring_deep(void)
{
    for (int i = 0; i < PAGER_SLEEPERS; i++) {
        if (atomic_load(&sleepers[i].deep))
            mm_sleep_ring(i);
    }
}

bool mm_sleep(enum pager_sleeper who, uint64_t wait)
{
    struct sleeper *s = &sleepers[who];

    atomic_store(&s->bell, 0); /* before the looks: who rings from now on has seen more */
    bool calm = is_calm(s, wait);
    bool deep = calm && s->wait > LONGEST_LOOK;
    atomic_store(&s->deep, deep);
    if ((deep && faults_so_far() != s->faults) || mm_os_wait(&s->bell, 0, s->wait) != -ETIMEDOUT)
        s->wait = 0; /* I1; or rung */
    atomic_store(&s->deep, false);
    return !calm;
}

/* With the alarm, or without one as long as the others look. */
void mm_sleep_on_guard(struct guard *g, uint64_t wait)
{
    struct sleeper *s = &sleepers[PAGER_GATE];

    bool calm = is_calm(s, wait);
    if (!calm)
        mm_sleep_ring_deep();
    s->wait = min_size(s->wait, LONGEST_LOOK);
    if (!calm || s->wait < ALARM_FROM || g->alarm < 0) {
        mm_os_sleep(s->wait);
        return;
    }
    bool ran = mm_os_alarm_sleep(g->alarm, mm_pager_signal(), g->cpu, DEEP_SLEEP);
    g->cpu = ran ? max_size(min_size(g->cpu * 2, wait), LEAST_CPU) : LEAST_CPU;
}

void mm_sleep_guard_begin(struct guard *g)
{
    *g = (struct guard){.alarm = mm_os_alarm_make(mm_pager_signal()), .cpu = LEAST_CPU};
}

void mm_sleep_forget(void)
{
    for (int i = 0; i < PAGER_SLEEPERS; i++) {
        atomic_store(&sleepers[i].bell, 0);
        atomic_store(&sleepers[i].deep, false);
        sleepers[i].faults = 0;
        sleepers[i].wait = 0;
    }
}
