/*
 * preload.h - what the files of this folder share: start-up, and the parts of ranges.
 *
 * See README.md beside this file for the theory.  Nothing here is used outside preload/.
 */
#ifndef NTMM_PRELOAD_PRELOAD_H
#define NTMM_PRELOAD_PRELOAD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/page.h"
#include "heap/fast.h"
#include "os/os.h"

#define MM_EXPORT __attribute__((visibility("default")))

/* ---- start-up (start.c) ---------------------------------------------------------------------- */

/*
 * Start the library if it has not been.
 *
 * => false: it is starting at this moment and this very thread is doing it; the caller must do
 *    without (mm_preload_early_memory)
 */
bool mm_preload_start(void);

extern atomic_int mm_preload_started; /* 0 until everything stands */

static inline bool mm_preload_ready(void)
{
    return likely(atomic_load_explicit(&mm_preload_started, memory_order_acquire)) ||
           mm_preload_start();
}

/* Memory for calls made while the library itself starts; never given back. */
void *mm_preload_early_memory(size_t size, size_t alignment);
bool mm_preload_is_early(const void *address);
size_t mm_preload_early_left(const void *address); /* bytes to the end of that memory */

/* End the process with one line that names the mistake; takes no lock, needs no memory. */
void mm_preload_stop(const char *call, const char *mistake, const void *address)
    __attribute__((noreturn));

/* Register what must happen around fork (fork.c). */
void mm_preload_watch_forks(void);

/* ---- mmap and its family (mmap.c, mremap.c, madvise.c) ------------------------------------------ */

/* Raw system calls: the address or MAP_FAILED, 0 or -1, and errno (raw.c). */
void *mm_preload_raw_mmap(void *address, size_t size, int protect, int flags, int fd, off_t offset);
int mm_preload_raw_munmap(void *address, size_t size);
int mm_preload_raw_mprotect(void *address, size_t size, int protect);
int mm_preload_raw_pkey_mprotect(void *address, size_t size, int protect, int key);
int mm_preload_raw_madvise(void *address, size_t size, int advice);
void *mm_preload_raw_mremap(void *address, size_t old_size, size_t size, int flags, void *to);

/*
 * A page range as the kernel takes it: start on a page border, size rounded up to pages.
 *
 * => false: the kernel would refuse it (or there is nothing in it); ask the kernel for the error
 */
bool mm_preload_range(const void *address, size_t size, struct range *ret_range);

/* What to do with a stretch that lies wholly inside or wholly outside of our arenas: 0 or errno. */
typedef int (*part_action)(void *address, size_t size, bool ours, int argument);

/* Do it for all stretches of the range in address order, up to the first error. */
int mm_preload_each_part(struct range range, part_action action, int argument);

/* NTSTATUS of vm as the errno that Linux has for it; 0 for success. */
int mm_preload_errno(int status);

/* PROT_* as PAGE_*. */
unsigned mm_preload_protection(int protect);

/* munmap of a good range: 0 or errno. */
int mm_preload_unmap(struct range range);

#endif
