/*
 * backing.h - what stands behind committed pages; how `vm` reaches contents without knowing them.
 *
 * `vm` decides which pages are reserved, committed and accessible; a backing makes it so.  Two
 * exist: private kernel memory (backing_kernel.c), and the pager's page file (pager/engine_file.c).
 * One is chosen at start and stays.
 *
 * All calls are made under the space lock, on ranges that are page-aligned, within one arena and
 * already checked.  `access` is OS_READ | OS_WRITE | OS_EXEC bits.
 */
#ifndef NTMM_VM_BACKING_H
#define NTMM_VM_BACKING_H

#include <stdbool.h>
#include <stddef.h>

#include <ntdef.h>

#include "base/page.h"

struct backing {
    const char *name;

    /*
     * Take `size` bytes of inaccessible address space, at `where` exactly, or anywhere (NULL).
     *
     * => size and where are multiples of 64 KiB; the result is aligned to 64 KiB
     * => STATUS_NO_MEMORY; STATUS_CONFLICTING_ADDRESSES when something is mapped at `where`
     */
    NTSTATUS (*arena)(void *where, size_t size, void **ret_base);

    /* Give a whole arena back to the kernel. */
    void (*arena_done)(void *base, size_t size);

    /*
     * Make inaccessible, content-free pages accessible and zero; promise their space.
     * `soon`: the caller is about to touch all of them.
     *
     * => STATUS_COMMITMENT_LIMIT (no disk space), STATUS_NO_MEMORY; then nothing changed
     */
    NTSTATUS (*commit)(struct range r, int access, bool soon);

    /*
     * As commit, for pages in a `room` whose other pages are all inaccessible and without contents:
     * the room may be used to keep kernel mappings few.  NULL: not had.
     */
    NTSTATUS (*commit_in_room)(struct range r, struct range room, int access);

    /*
     * Make committed pages inaccessible and forget what they held.
     *
     * => STATUS_NO_MEMORY when the kernel has no mapping left, and then nothing changed; pages
     *    that are inaccessible already are always forgotten
     */
    NTSTATUS (*decommit)(struct range r);

    /*
     * Change access of committed pages; contents stay.
     *
     * => STATUS_NO_MEMORY when the kernel has no mapping left; a part may have changed then, and
     *    `vm` sets it right
     */
    NTSTATUS (*protect)(struct range r, int access);

    /* Contents are no longer needed: pages read as zero or as before; access stays. */
    void (*reset)(struct range r);

    /* Contents become zero at once; access stays (MADV_DONTNEED of private memory). */
    NTSTATUS (*zero)(struct range r);

    /*
     * The range, content-free, is about to be mapped over by other code (mm_vm_lend): keep hands
     * off it until take_back, which makes it inaccessible memory of this backing again.
     */
    void (*lend)(struct range r);
    NTSTATUS (*take_back)(struct range r);
};

extern const struct backing mm_backing_kernel;

#endif
