/*
 * parts.c - what mmap's family shares: ranges as the kernel takes them, cut where our arenas begin
 * and end.
 *
 * A call may cover memory of ours and of others at once, though hardly any program does that.  It
 * is done part by part, as the kernel does it mapping by mapping.
 */
#include "preload.h"

#include <errno.h>
#include <sys/mman.h>

#include <ntstatus.h>

#include "vm/vm.h"

bool mm_preload_range(const void *address, size_t size, struct range *ret_range)
{
    uintptr_t start = (uintptr_t)address;
    size_t rounded = align_up(size, PAGE_BYTES);

    if (!is_aligned(start, PAGE_BYTES) || rounded < size || rounded == 0)
        return false;
    if (start + rounded < start || start + rounded > (uintptr_t)1 << 47)
        return false;
    *ret_range = (struct range){start, start + rounded};
    return true;
}

int mm_preload_each_part(struct range range, part_action action, int argument)
{
    int first_error = 0;

    while (range.start < range.end && !first_error) {
        bool ours;
        void *start = (void *)range.start;
        size_t size = mm_vm_part(start, range_size(range), &ours);
        first_error = action(start, size, ours, argument);
        range.start += size;
    }
    return first_error;
}

int mm_preload_errno(int status)
{
    switch (status) {
    case STATUS_SUCCESS: return 0;
    case STATUS_INVALID_PARAMETER: return EINVAL;
    default: return ENOMEM; /* no memory, commit limit, nothing mapped there: one errno on Linux */
    }
}

unsigned mm_preload_protection(int protect)
{
    switch (protect & (PROT_READ | PROT_WRITE | PROT_EXEC)) {
    case PROT_NONE: return PAGE_NOACCESS;
    case PROT_READ: return PAGE_READONLY;
    case PROT_EXEC: return PAGE_EXECUTE;
    case PROT_EXEC | PROT_READ: return PAGE_EXECUTE_READ;
    case PROT_WRITE:
    case PROT_WRITE | PROT_READ: return PAGE_READWRITE;
    default: return PAGE_EXECUTE_READWRITE;
    }
}
