/*
 * virtual.c - VirtualAlloc, VirtualFree, VirtualProtect, VirtualQuery.
 */
#include <memoryapi.h>
#include <processthreadsapi.h>

#include "api/api_internal.h"
#include "vm/vm.h"

LPVOID WINAPI VirtualAlloc(LPVOID address, SIZE_T size, DWORD type, DWORD protect)
{
    struct vm_request request = {
        .address = address, .size = size, .type = type, .protect = protect};
    void *base = NULL;
    size_t rounded;

    api_enter();
    return mm_api_result(mm_vm_allocate(&request, &base, &rounded)) ? base : NULL;
}

LPVOID WINAPI VirtualAllocEx(HANDLE process, LPVOID address, SIZE_T size, DWORD type, DWORD protect)
{
    if (!mm_api_result(mm_api_this_process(process)))
        return NULL;
    return VirtualAlloc(address, size, type, protect);
}

BOOL WINAPI VirtualFree(LPVOID address, SIZE_T size, DWORD type)
{
    void *base;
    size_t rounded;

    /* NtFreeVirtualMemory may release a part, this call may not. */
    if (type == MEM_RELEASE && size != 0)
        return mm_api_result(STATUS_INVALID_PARAMETER);
    api_enter();
    return mm_api_result(mm_vm_free(address, size, type, &base, &rounded));
}

BOOL WINAPI VirtualFreeEx(HANDLE process, LPVOID address, SIZE_T size, DWORD type)
{
    if (!mm_api_result(mm_api_this_process(process)))
        return FALSE;
    return VirtualFree(address, size, type);
}

BOOL WINAPI VirtualProtect(LPVOID address, SIZE_T size, DWORD protect, PDWORD old)
{
    ULONG before;

    if (!mm_api_result(mm_api_writable(old, sizeof *old)))
        return FALSE;
    api_enter();
    if (!mm_api_result(mm_vm_protect(address, size, protect, &before)))
        return FALSE;
    mm_api_write(old, &before, sizeof before);
    return TRUE;
}

BOOL WINAPI VirtualProtectEx(HANDLE process, LPVOID address, SIZE_T size, DWORD protect, PDWORD old)
{
    if (!mm_api_result(mm_api_this_process(process)))
        return FALSE;
    return VirtualProtect(address, size, protect, old);
}

SIZE_T WINAPI VirtualQuery(LPCVOID address, PMEMORY_BASIC_INFORMATION info, SIZE_T size)
{
    MEMORY_BASIC_INFORMATION answer;

    if (size < sizeof answer)
        return (SIZE_T)mm_api_result(STATUS_INFO_LENGTH_MISMATCH);
    if (!mm_api_result(mm_api_writable(info, sizeof answer)))
        return 0;
    api_enter();
    if (!mm_api_result(mm_vm_query(address, &answer)))
        return 0;
    *info = answer;
    return sizeof answer;
}

SIZE_T WINAPI VirtualQueryEx(HANDLE process, LPCVOID address, PMEMORY_BASIC_INFORMATION info,
                             SIZE_T size)
{
    if (!mm_api_result(mm_api_this_process(process)))
        return 0;
    return VirtualQuery(address, info, size);
}
