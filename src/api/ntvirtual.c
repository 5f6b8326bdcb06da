/*
 * ntvirtual.c - NtAllocateVirtualMemory, NtFreeVirtualMemory and their kin.
 *
 * In-out parameters are read once, and written only when the call succeeded.
 */
#include <winternl.h>

#include "api/api_internal.h"
#include "vm/vm.h"

/* A range that a caller gave by two pointers. */
struct given {
    void *base;
    size_t size;
};

/* Take a caller's range; both pointers must be good for writing the result back. */
static NTSTATUS take(HANDLE process, PVOID *base, PSIZE_T size, struct given *ret_given)
{
    NTSTATUS status = mm_api_this_process(process);

    if (NT_SUCCESS(status))
        status = mm_api_writable(base, sizeof *base);
    if (NT_SUCCESS(status))
        status = mm_api_writable(size, sizeof *size);
    if (NT_SUCCESS(status))
        *ret_given = (struct given){*base, *size};
    return status;
}

static void give_back(PVOID *base, PSIZE_T size, const struct given *range)
{
    mm_api_write(base, &range->base, sizeof *base);
    mm_api_write(size, &range->size, sizeof *size);
}

/*
 * Up to 21: high bits of the low 32 that must be zero.  From 32 on: a mask of the address.  Finding
 * a place below a limit is not there yet; a given place is checked.
 */
static NTSTATUS check_zero_bits(ULONG_PTR zero_bits, const void *base)
{
    ULONG_PTR limit = zero_bits < 32 ? 0xFFFFFFFFu >> zero_bits : zero_bits;

    if (zero_bits == 0)
        return STATUS_SUCCESS;
    if (zero_bits > 21 && zero_bits < 32)
        return STATUS_INVALID_PARAMETER_3;
    if (!base)
        return STATUS_NOT_SUPPORTED;
    return (ULONG_PTR)base > limit ? STATUS_INVALID_PARAMETER_3 : STATUS_SUCCESS;
}

NTSTATUS NTAPI NtAllocateVirtualMemory(HANDLE process, PVOID *base, ULONG_PTR zero_bits,
                                       PSIZE_T size, ULONG type, ULONG protect)
{
    struct given range;
    NTSTATUS status = take(process, base, size, &range);

    if (NT_SUCCESS(status))
        status = check_zero_bits(zero_bits, range.base);
    if (!NT_SUCCESS(status))
        return status;
    api_enter();
    struct vm_request request = {range.base, range.size, type, protect, 0};
    status = mm_vm_allocate(&request, &range.base, &range.size);
    if (NT_SUCCESS(status))
        give_back(base, size, &range);
    return status;
}

NTSTATUS NTAPI NtFreeVirtualMemory(HANDLE process, PVOID *base, PSIZE_T size, ULONG type)
{
    struct given range;
    NTSTATUS status = take(process, base, size, &range);

    if (!NT_SUCCESS(status))
        return status;
    api_enter();
    status = mm_vm_free(range.base, range.size, type, &range.base, &range.size);
    if (NT_SUCCESS(status))
        give_back(base, size, &range);
    return status;
}

/* The pages that hold a byte of the range. */
static void round_to_pages(struct given *range)
{
    uintptr_t start = align_down((uintptr_t)range->base, PAGE_BYTES);
    uintptr_t end = align_up((uintptr_t)range->base + range->size, PAGE_BYTES);

    *range = (struct given){(void *)start, end - start};
}

NTSTATUS NTAPI NtProtectVirtualMemory(HANDLE process, PVOID *base, PSIZE_T size, ULONG protect,
                                      PULONG old)
{
    struct given range;
    ULONG before;
    NTSTATUS status = take(process, base, size, &range);

    if (NT_SUCCESS(status))
        status = mm_api_writable(old, sizeof *old);
    if (!NT_SUCCESS(status))
        return status;
    api_enter();
    status = mm_vm_protect(range.base, range.size, protect, &before);
    if (!NT_SUCCESS(status))
        return status;
    round_to_pages(&range);
    give_back(base, size, &range);
    mm_api_write(old, &before, sizeof before);
    return status;
}

static NTSTATUS check_query(MEMORY_INFORMATION_CLASS information_class, PVOID buffer, SIZE_T size,
                            PSIZE_T returned)
{
    if (information_class != MemoryBasicInformation)
        return STATUS_INVALID_INFO_CLASS;
    if (size < sizeof(MEMORY_BASIC_INFORMATION))
        return STATUS_INFO_LENGTH_MISMATCH;
    if (returned && !mm_api_can_write(returned, sizeof *returned))
        return STATUS_ACCESS_VIOLATION;
    return mm_api_writable(buffer, sizeof(MEMORY_BASIC_INFORMATION));
}

NTSTATUS NTAPI NtQueryVirtualMemory(HANDLE process, PVOID address,
                                    MEMORY_INFORMATION_CLASS information_class, PVOID buffer,
                                    SIZE_T size, PSIZE_T returned)
{
    MEMORY_BASIC_INFORMATION answer;
    NTSTATUS status = mm_api_this_process(process);

    if (NT_SUCCESS(status))
        status = check_query(information_class, buffer, size, returned);
    if (!NT_SUCCESS(status))
        return status;
    api_enter();
    status = mm_vm_query(address, &answer);
    if (!NT_SUCCESS(status))
        return status;
    *(PMEMORY_BASIC_INFORMATION)buffer = answer;
    if (returned)
        *returned = sizeof answer;
    return status;
}
