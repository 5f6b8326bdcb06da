/*
 * start.c - the first call of all, whoever makes it.
 *
 * The dynamic loader calls malloc before any constructor has run, so nothing here waits for one:
 * every entry point asks mm_preload_ready(), and the first to ask starts the library, the heap's
 * range and the fork handlers.  Should anything on that path allocate, the call comes back to us
 * on the same thread, and is served from a little memory of our own that is never given back.
 */
#include "preload.h"

#include <stdlib.h>

#include "process/process.h"

#define EARLY_BYTES (256 * KIB)

atomic_int mm_preload_started;

static struct os_lock start_lock;
static atomic_int starter; /* the thread that is starting, 0: none */

static MM_APART _Alignas(64) unsigned char early[EARLY_BYTES];
static atomic_size_t early_used;

bool mm_preload_start(void)
{
    if (atomic_load(&starter) == mm_os_tid())
        return false;

    mm_os_lock(&start_lock);
    if (!atomic_load(&mm_preload_started)) {
        atomic_store(&starter, mm_os_tid());
        mm_process_start();
        mm_preload_watch_forks();
        atomic_store(&mm_preload_started, 1);
        atomic_store(&starter, 0);
    }
    mm_os_unlock(&start_lock);
    return true;
}

void *mm_preload_early_memory(size_t size, size_t alignment)
{
    size_t at = atomic_load(&early_used);
    size_t start;
    do {
        start = align_up(at, max_size(alignment, 16));
        if (size > EARLY_BYTES || start > EARLY_BYTES - size)
            return NULL;
    } while (!atomic_compare_exchange_weak(&early_used, &at, start + size));
    return early + start;
}

bool mm_preload_is_early(const void *address)
{
    return (uintptr_t)address - (uintptr_t)early < EARLY_BYTES;
}

size_t mm_preload_early_left(const void *address)
{
    return EARLY_BYTES - ((uintptr_t)address - (uintptr_t)early);
}

void mm_preload_stop(const char *call, const char *mistake, const void *address)
{
    char line[160];
    struct os_text t = {line, line + sizeof line - 1};

    mm_os_text(&t, "ntmm: ");
    mm_os_text(&t, call);
    mm_os_text(&t, ": ");
    mm_os_text(&t, mistake);
    if (address) {
        mm_os_text(&t, " ");
        mm_os_text_hex(&t, (uintptr_t)address, (uintptr_t)address >> 48 ? 16 : 12);
    }
    mm_os_text(&t, "\n");
    mm_os_complain(line);
    abort();
}
