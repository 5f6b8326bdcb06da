/*
 * os_fault_internal.h - what the files about faults share: the kernel's actions, the machine's part.
 */
#ifndef NTMM_OS_FAULT_INTERNAL_H
#define NTMM_OS_FAULT_INTERNAL_H

#include <signal.h>

#include "os/os.h"

/* Put `handler` in the kernel's table for our signals and remember who was there. */
int mm_os_actions_take(void (*handler)(int, siginfo_t *, void *));

/* Fill in what the machine knows: ip, sp, access, and the cause where the signal does not say. */
void mm_os_fault_complete(struct os_fault *fault);

/*
 * Copy bytes that may not be there: 0, or -EFAULT with nothing said about how many were copied.
 * mm_os_fault_in_copy, asked first of every fault, makes the copy or the try (os_try.h) under way fail.
 */
int mm_os_copy_or_fault(void *to, const void *from, size_t size);
bool mm_os_fault_in_copy(void *context);

/* Where a thread goes on whose load at `ip` is one of os_try.h; 0: it is none. */
uintptr_t mm_os_after_try(uintptr_t ip);

#endif
