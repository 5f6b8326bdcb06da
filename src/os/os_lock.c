/*
 * os_lock.c - a lock of one word, and waiting on words.
 */
#include <errno.h>
#include <linux/futex.h>
#include <time.h>

#include "os/os_internal.h"

enum { FREE, HELD, AWAITED };

/* A holder is usually gone within this many looks; each look is a pause of some ten cycles. */
#define LOOKS_BEFORE_SLEEP 100

int mm_os_wait(atomic_uint *word, unsigned expected, uint64_t nanoseconds)
{
    struct timespec limit = {(time_t)(nanoseconds / 1000000000u),
                             (long)(nanoseconds % 1000000000u)};
    return (int)call6(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, nanoseconds ? &limit : NULL,
                      NULL, 0);
}

void mm_os_wake(atomic_uint *word, int count)
{
    (void)call3(SYS_futex, word, FUTEX_WAKE_PRIVATE, count); /* no waiter is no failure */
}

bool mm_os_try_lock(struct os_lock *lock)
{
    unsigned free = FREE;
    return atomic_compare_exchange_strong_explicit(&lock->word, &free, HELD, memory_order_acquire,
                                                   memory_order_relaxed);
}

static bool look_for_a_while(struct os_lock *lock)
{
    for (int look = 0; look < LOOKS_BEFORE_SLEEP; look++) {
        if (atomic_load_explicit(&lock->word, memory_order_relaxed) == FREE && mm_os_try_lock(lock))
            return true;
#if defined(__x86_64__)
        __builtin_ia32_pause();
#endif
    }
    return false;
}

void mm_os_lock(struct os_lock *lock)
{
    if (mm_os_try_lock(lock) || look_for_a_while(lock))
        return;
    while (atomic_exchange_explicit(&lock->word, AWAITED, memory_order_acquire) != FREE)
        (void)mm_os_wait(&lock->word, AWAITED, 0); /* woken, interrupted or too late: look again */
}

void mm_os_unlock(struct os_lock *lock)
{
    if (atomic_exchange_explicit(&lock->word, FREE, memory_order_release) == AWAITED)
        mm_os_wake(&lock->word, 1);
}
