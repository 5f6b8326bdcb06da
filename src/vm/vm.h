/*
 * vm.h - virtual memory: regions, commit charge, protection.
 *
 * The address space of this process as Windows sees it.  See README.md beside this file for the
 * theory and the invariants.  Flags and structures are Windows' (winnt.h); results are NTSTATUS.
 *
 * All functions may be called from any thread; they take the space lock and must not be called
 * from a signal handler unless the contract says so.
 */
#ifndef NTMM_VM_VM_H
#define NTMM_VM_VM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include <ntdef.h>
#include <winnt.h>

#include "base/page.h"

struct backing;

/* User addresses, as GetSystemInfo tells them: from the lowest up to, not including, the end. */
#define MM_VM_LOWEST ((uintptr_t)0x10000)
#define MM_VM_END ((uintptr_t)0x7fffffff0000)

/* What the caller adds to Windows' own flags; not part of the API. */
#define MM_VM_TOUCHED_SOON 0x1u /* all pages are about to be written: prepare them in one go */

/*
 * Start: use `backing` for all memory handed out from now on.
 *
 * => once, before any other call; single-threaded
 */
void mm_vm_init(const struct backing *backing);

/*
 * Decommit so that no mapping of the kernel's is left of the pages, at the cost of a longer call: for
 * a process that commits single pages far apart (the page heap).
 *
 * => once, after mm_vm_init, before any commit; single-threaded
 */
void mm_vm_keep_mappings_few(void);

/*
 * VirtualAlloc: reserve, commit or reset.  *ret_base and *ret_size are the rounded range.
 *
 * => STATUS_INVALID_PARAMETER_n for bad size, type or address, STATUS_INVALID_PAGE_PROTECTION,
 *    STATUS_CONFLICTING_ADDRESSES, STATUS_COMMITMENT_LIMIT, STATUS_NO_MEMORY; nothing changed then
 * => STATUS_PRIVILEGE_NOT_HELD: MEM_LARGE_PAGES; STATUS_NOT_SUPPORTED: MEM_PHYSICAL,
 *    MEM_WRITE_WATCH; STATUS_DEVICE_BUSY: MEM_RESET_UNDO, and contents were lost
 */
struct vm_request {
    void *address;  /* NULL: anywhere */
    size_t size;    /* bytes */
    ULONG type;     /* MEM_RESERVE | MEM_COMMIT | MEM_RESET ... */
    ULONG protect;  /* PAGE_* */
    unsigned hints; /* MM_VM_TOUCHED_SOON */
};
NTSTATUS mm_vm_allocate(const struct vm_request *request, void **ret_base, size_t *ret_size);

/*
 * VirtualFree: MEM_DECOMMIT or MEM_RELEASE.  Size 0 names the whole allocation.
 *
 * => releasing a part splits the allocation, as NtFreeVirtualMemory does; VirtualFree itself
 *    refuses a size with MEM_RELEASE
 * => STATUS_INVALID_PARAMETER_n, STATUS_MEMORY_NOT_ALLOCATED, STATUS_FREE_VM_NOT_AT_BASE,
 *    STATUS_UNABLE_TO_FREE_VM (past the end of the allocation), STATUS_UNABLE_TO_DELETE_SECTION
 *    (memory of other code), STATUS_NO_MEMORY; nothing changed then
 */
NTSTATUS mm_vm_free(void *address, size_t size, ULONG type, void **ret_base, size_t *ret_size);

/*
 * VirtualProtect.  *ret_old is the protection of the first page.
 *
 * => STATUS_INVALID_PARAMETER_n, STATUS_INVALID_PAGE_PROTECTION, STATUS_NOT_COMMITTED,
 *    STATUS_CONFLICTING_ADDRESSES (free, or two allocations), STATUS_SECTION_PROTECTION,
 *    STATUS_NO_MEMORY; nothing changed then
 */
NTSTATUS mm_vm_protect(void *address, size_t size, ULONG protect, ULONG *ret_old);

/*
 * VirtualQuery, of our own memory and of memory that other code mapped.
 *
 * => STATUS_INVALID_PARAMETER above the highest user address
 */
NTSTATUS mm_vm_query(const void *address, MEMORY_BASIC_INFORMATION *ret_info);

/*
 * ---- Beyond Windows: what mmap's family and the heap need ----------------------------------
 */

/* Whether the whole range lies in address space that we handed out (reserved or committed). */
bool mm_vm_owns(const void *address, size_t size);

/* Whether any byte of the range lies in one of our arenas. */
bool mm_vm_touches(const void *address, size_t size);

/*
 * How many bytes of the range, from its start, are alike: all in arenas of ours, or all outside.
 *
 * => size > 0 and the range does not wrap
 */
size_t mm_vm_part(const void *address, size_t size, bool *ret_ours);

/* The same for pages that are lent or not, of a range within our arenas. */
size_t mm_vm_lent_part(const void *address, size_t size, bool *ret_lent);

/*
 * Release a run of pages, be it part of an allocation or several; what remains stays as it is
 * (munmap).  Free pages in the range are passed over.
 */
NTSTATUS mm_vm_unmap(void *address, size_t size);

/* Make committed pages of the range read as zero again, access unchanged (MADV_DONTNEED). */
NTSTATUS mm_vm_zero(void *address, size_t size);

/*
 * Change access of a run of pages across allocations, committing what was only reserved
 * (mprotect of a PROT_NONE reservation is how POSIX programs commit).  PAGE_NOACCESS keeps pages
 * committed.
 *
 * => STATUS_COMMITMENT_LIMIT, STATUS_NO_MEMORY; STATUS_CONFLICTING_ADDRESSES: a page is free
 */
NTSTATUS mm_vm_access(void *address, size_t size, ULONG protect);

/*
 * Make the range, wherever it lies and whatever of ours was there, a fresh allocation (MAP_FIXED).
 * The range must lie wholly within our arenas.
 */
NTSTATUS mm_vm_map_over(void *address, size_t size, ULONG type, ULONG protect);

/*
 * Hand the range, wholly within our arenas, to other code that will map something there with
 * MAP_FIXED (a file): contents are forgotten, the run becomes a foreign region until unmapped.
 */
NTSTATUS mm_vm_lend(void *address, size_t size);

/* Grow an allocation at `address` from old_size to new_size bytes in place, committing. */
NTSTATUS mm_vm_extend(void *address, size_t old_size, size_t new_size);

/*
 * Visit every run of pages that is not free, in address order, the space locked.
 *
 * => `visit` must not call back into vm; it returns false to stop
 */
struct vm_run {
    struct range range;
    uintptr_t allocation_base;
    ULONG allocation_protect;
    ULONG state;   /* MEM_RESERVE or MEM_COMMIT */
    ULONG protect; /* 0 when reserved */
    ULONG type;    /* MEM_PRIVATE */
    int access;    /* what the kernel was told */
    bool lent;
};
void mm_vm_visit(bool (*visit)(const struct vm_run *run, void *context), void *context);

/* Take and give back the space lock around fork; signal handlers use mm_vm_try_query. */
void mm_vm_lock_for_fork(void);
void mm_vm_unlock_after_fork(void);

/* mm_vm_query for signal handlers: STATUS_LOCK_NOT_GRANTED instead of waiting for the lock. */
NTSTATUS mm_vm_try_query(const void *address, MEMORY_BASIC_INFORMATION *ret_info);

/*
 * A thread faulted at `address` wanting `access` (OS_* bits): if it met a guard page, take the
 * guard off, once.
 *
 * => async-signal-safe; never waits
 * => STATUS_GUARD_PAGE_VIOLATION: it was a guard page and is none any more; tell the program
 *    STATUS_SUCCESS: the access is allowed (another thread was first): return and try again
 *    STATUS_LOCK_NOT_GRANTED: the space is busy: return and try again, or ask again
 *    STATUS_ACCESS_VIOLATION: anything else
 */
NTSTATUS mm_vm_take_guard(const void *address, int access);

/* Whether the tree of runs is what README.md says, all of it: for tests, O(runs). */
bool mm_vm_is_valid(void);

/* PAGE_* to OS_* access bits. */
int mm_vm_access_of(ULONG protect);

/*
 * ---- The commit limit (charge.c) -------------------------------------------------------------
 */
struct charge {
    atomic_size_t limit; /* (a) pages that may be promised; SIZE_MAX: no limit of ours */
    atomic_size_t used;  /* (a) pages promised */
    atomic_size_t peak;  /* (a) the most there ever was */
    atomic_long fail_at; /* (a) --fail-commit: charges until the one that fails; <= 0: never */
};
extern struct charge mm_charge;

/*
 * Promise `pages` more pages, or none.  Promising 0 pages always succeeds and is no commit.
 *
 * => any thread, any lock; safe on the fault path
 * => STATUS_COMMITMENT_LIMIT if the limit would be passed, and then nothing was promised
 */
NTSTATUS mm_charge_take(struct charge *c, size_t pages);

/* Take back a promise. */
void mm_charge_give(struct charge *c, size_t pages);

/* Set the limit and publish it.  Lower than what is promised already: nothing more is promised. */
void mm_charge_set_limit(struct charge *c, size_t pages);

#endif
