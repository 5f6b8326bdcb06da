/*
 * os_thread_end.c - something to be done when a thread of the program ends.
 *
 * A key of pthreads: its destructor runs in the thread, with the destructors of other keys.  Those
 * that run later may come back to what was done; then it is done once more, as often as pthreads
 * goes round (four times).
 */
#include <errno.h>
#include <pthread.h>

#include "os/os_internal.h"

#define MOST_ENDS 4

static pthread_key_t key;
static atomic_bool has_key;
static void (*ends[MOST_ENDS])(void);
static int count;

static void end(void *value)
{
    (void)value;
    for (int i = count - 1; i >= 0; i--)
        ends[i]();
}

int mm_os_at_thread_end(void (*run)(void))
{
    if (count == MOST_ENDS || (!count && pthread_key_create(&key, end)))
        return -EAGAIN;
    ends[count++] = run;
    atomic_store(&has_key, true);
    return 0;
}

void mm_os_watch_thread_end(void)
{
    if (atomic_load(&has_key))
        (void)pthread_setspecific(key, &key); /* fails without memory: then nothing is done */
}
