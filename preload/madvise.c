/*
 * madvise.c - advice about memory of ours, which is not the kernel's private memory.
 *
 * Under a pager it is a shared mapping of the page file, where the kernel's MADV_DONTNEED would
 * keep the contents, and where advice about read-ahead or huge pages would undo the pager's own.
 * So what must have an effect is done by `vm`, hints are taken and not followed, and what we cannot
 * do is refused with EINVAL, which programs expect of kernels that do not know an advice.
 */
#include "preload.h"

#include <errno.h>
#include <sys/mman.h>

#include <ntstatus.h>

#include "vm/vm.h"

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

/* Every page belongs to someone, or it is ENOMEM, as with the kernel. */
static int advise_nothing(void *address, size_t size)
{
    return mm_vm_owns(address, size) ? 0 : ENOMEM;
}

/* The kernel, too, does what it can before it says ENOMEM. */
static int forget(void *address, size_t size)
{
    int error = mm_preload_errno(mm_vm_zero(address, size));
    return error ? error : advise_nothing(address, size);
}

static int advise_kernel(void *address, size_t size, int advice)
{
    return mm_preload_raw_madvise(address, size, advice) == 0 ? 0 : errno;
}

static int advise_ours(void *address, size_t size, int advice)
{
    switch (advice) {
    case MADV_DONTNEED:
    case MADV_FREE: /* now or later is the kernel's choice */ return forget(address, size);
    case MADV_POPULATE_READ:
    case MADV_POPULATE_WRITE: return advise_kernel(address, size, advice);
    case MADV_NORMAL:
    case MADV_RANDOM:
    case MADV_SEQUENTIAL:
    case MADV_WILLNEED:
    case MADV_HUGEPAGE:
    case MADV_NOHUGEPAGE:
    case MADV_MERGEABLE:
    case MADV_UNMERGEABLE:
    case MADV_DONTDUMP:
    case MADV_DODUMP:
    case MADV_DONTFORK: /* the child has more than it wants */
    case MADV_DOFORK:
    case MADV_COLD:
    case MADV_PAGEOUT: return advise_nothing(address, size);
    default: return EINVAL; /* MADV_REMOVE, MADV_WIPEONFORK, guards: not on this memory */
    }
}

/* What is lent to a mapping of the kernel's is the kernel's. */
static int advise_arena(char *address, size_t size, int advice)
{
    int first_error = 0;

    while (size) {
        bool lent;
        size_t part = mm_vm_lent_part(address, size, &lent);
        int error =
            lent ? advise_kernel(address, part, advice) : advise_ours(address, part, advice);
        if (error && error != ENOMEM)
            return error;
        first_error = first_error ? first_error : error;
        address += part;
        size -= part;
    }
    return first_error;
}

static int advise_part(void *address, size_t size, bool ours, int advice)
{
    return ours ? advise_arena(address, size, advice) : advise_kernel(address, size, advice);
}

MM_EXPORT int madvise(void *address, size_t size, int advice)
{
    struct range range;

    if (!mm_preload_range(address, size, &range) || !mm_preload_ready() ||
        !mm_vm_touches(address, size))
        return mm_preload_raw_madvise(address, size, advice);
    int error = mm_preload_each_part(range, advise_part, advice);
    if (error)
        errno = error;
    return error ? -1 : 0;
}

/* As glibc's: DONTNEED must not lose data here, so it does nothing. */
MM_EXPORT int posix_madvise(void *address, size_t size, int advice)
{
    if (advice == POSIX_MADV_DONTNEED)
        return 0;
    int before = errno;
    int error = madvise(address, size, advice) == 0 ? 0 : errno;
    errno = before;
    return error;
}
