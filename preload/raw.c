/*
 * raw.c - the memory calls of the kernel, past our own definitions of them.
 */
#include "preload.h"

#include <sys/syscall.h>
#include <unistd.h>

void *mm_preload_raw_mmap(void *address, size_t size, int protect, int flags, int fd, off_t offset)
{
    return (void *)syscall(SYS_mmap, address, size, protect, flags, fd, offset);
}

int mm_preload_raw_munmap(void *address, size_t size)
{
    return (int)syscall(SYS_munmap, address, size);
}

int mm_preload_raw_mprotect(void *address, size_t size, int protect)
{
    return (int)syscall(SYS_mprotect, address, size, protect);
}

int mm_preload_raw_pkey_mprotect(void *address, size_t size, int protect, int key)
{
    return (int)syscall(SYS_pkey_mprotect, address, size, protect, key);
}

int mm_preload_raw_madvise(void *address, size_t size, int advice)
{
    return (int)syscall(SYS_madvise, address, size, advice);
}

void *mm_preload_raw_mremap(void *address, size_t old_size, size_t size, int flags, void *to)
{
    return (void *)syscall(SYS_mremap, address, old_size, size, flags, to);
}
