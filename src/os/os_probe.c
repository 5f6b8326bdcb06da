/*
 * os_probe.c - can this address be written, be read: asked of the kernel, never tried.
 *
 * A futex call touches a word on the caller's behalf and reports a fault as -EFAULT.  Waking with
 * an operation ORs zero into the word, atomically, so a probe changes nothing, even under another
 * thread's writes.  No filter of system calls denies futex: every lock of libc needs it.
 */
#include <errno.h>
#include <linux/futex.h>

#include "base/page.h"
#include "os/os_internal.h"

/* The other word that the calls want; nobody waits on it. */
static unsigned nobody;

/* Waiters that happen to be on the word are left alone: the comparison is made to fail. */
static bool word_is_writable(uintptr_t word)
{
    const unsigned operation = FUTEX_OP(FUTEX_OP_OR, 0, FUTEX_OP_CMP_LT, 0);
    return call6(SYS_futex, &nobody, FUTEX_WAKE_OP_PRIVATE, 0, 0, word, operation) != -EFAULT;
}

static bool word_is_readable(uintptr_t word)
{
    const unsigned any = 0;
    return call6(SYS_futex, word, FUTEX_CMP_REQUEUE_PRIVATE, 0, 0, &nobody, any) != -EFAULT;
}

/* Ask for one word of each page. */
static bool all_pages(const void *where, size_t size, bool (*is_fit)(uintptr_t word))
{
    uintptr_t first = align_down((uintptr_t)where, sizeof(unsigned));
    uintptr_t last = align_down((uintptr_t)where + size - 1, sizeof(unsigned));

    if (size == 0)
        return true;
    if (last < first || !is_fit(first))
        return false;
    for (uintptr_t page = align_down(first, PAGE_BYTES) + PAGE_BYTES; page <= last && page != 0;
         page += PAGE_BYTES)
        if (!is_fit(page))
            return false;
    return true;
}

bool mm_os_can_write(const void *where, size_t size)
{
    return all_pages(where, size, word_is_writable);
}

bool mm_os_can_read(const void *where, size_t size)
{
    return all_pages(where, size, word_is_readable);
}
