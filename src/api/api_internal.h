/*
 * api_internal.h - what every facade needs: last errors, process handles, pointers of callers.
 */
#ifndef NTMM_API_API_INTERNAL_H
#define NTMM_API_API_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>

#include <ntstatus.h>
#include <winnt.h>
#include <minwindef.h>

#include "except/except.h"
#include "process/process.h"

/* First thing in a call that needs the library running: start it, and know this thread. */
static inline void api_enter(void)
{
    mm_process_start();
    mm_except_thread_start();
}

/* Set the last error that a failing status means.  TRUE for success, which leaves it alone. */
BOOL mm_api_result(NTSTATUS status);

/* The Win32 error of a status: the one table. */
DWORD mm_api_error_of(NTSTATUS status);

/* Set the last error of a call that has nothing to give and no error: NO_ERROR. */
void mm_api_no_error(void);

/* The heap that a handle means, the library started; STATUS_INVALID_HANDLE: none. */
struct heap;
NTSTATUS mm_api_heap(HANDLE handle, struct heap **ret_heap);

/* STATUS_INVALID_HANDLE unless the handle means this process. */
NTSTATUS mm_api_this_process(HANDLE process);

/*
 * Whether a caller's buffer can be read and written; never faults, changes nothing.
 *
 * => a few nanoseconds for a variable in a frame of the calling thread, else one system call a page
 */
bool mm_api_can_write(const void *where, size_t size);

/* mm_api_can_write as a status: STATUS_ACCESS_VIOLATION. */
NTSTATUS mm_api_writable(const void *where, size_t size);

/*
 * Write a result to a caller's buffer that could be written before the call acted.
 *
 * => nothing is written where the call itself has taken the buffer away
 */
void mm_api_write(void *to, const void *from, size_t size);

#endif
