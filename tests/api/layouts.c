/*
 * layouts.c - every structure is laid out as on Windows, to the byte.
 *
 * The compiler checks; the program only says so.
 */
#include "../test.h"

#include <stddef.h>

#include <windows.h>

#include <psapi.h>
#include <tlhelp32.h>
#include <winternl.h>

#define layout(type, size) _Static_assert(sizeof(type) == (size), "size of " #type)
#define member(type, name, offset, size)                                            \
    _Static_assert(offsetof(type, name) == (offset), "offset of " #type "." #name); \
    _Static_assert(sizeof(((type *)0)->name) == (size), "size of " #type "." #name)

layout(BYTE, 1);
layout(WORD, 2);
layout(WCHAR, 2);
layout(DWORD, 4);
layout(LONG, 4);
layout(ULONG, 4);
layout(BOOL, 4);
layout(BOOLEAN, 1);
layout(NTSTATUS, 4);
layout(LONGLONG, 8);
layout(DWORD64, 8);
layout(SIZE_T, 8);
layout(ULONG_PTR, 8);
layout(HANDLE, 8);
layout(LPVOID, 8);
_Static_assert((DWORD)-1 > 0 && (ULONG)-1 > 0 && (SIZE_T)-1 > 0, "unsigned");
_Static_assert((LONG)-1 < 0 && (BOOL)-1 < 0 && (LONG_PTR)-1 < 0, "signed");

layout(MEMORY_BASIC_INFORMATION, 48);
member(MEMORY_BASIC_INFORMATION, BaseAddress, 0, 8);
member(MEMORY_BASIC_INFORMATION, AllocationBase, 8, 8);
member(MEMORY_BASIC_INFORMATION, AllocationProtect, 16, 4);
member(MEMORY_BASIC_INFORMATION, RegionSize, 24, 8);
member(MEMORY_BASIC_INFORMATION, State, 32, 4);
member(MEMORY_BASIC_INFORMATION, Protect, 36, 4);
member(MEMORY_BASIC_INFORMATION, Type, 40, 4);

layout(SYSTEM_INFO, 48);
member(SYSTEM_INFO, dwOemId, 0, 4);
member(SYSTEM_INFO, wProcessorArchitecture, 0, 2);
member(SYSTEM_INFO, wReserved, 2, 2);
member(SYSTEM_INFO, dwPageSize, 4, 4);
member(SYSTEM_INFO, lpMinimumApplicationAddress, 8, 8);
member(SYSTEM_INFO, lpMaximumApplicationAddress, 16, 8);
member(SYSTEM_INFO, dwActiveProcessorMask, 24, 8);
member(SYSTEM_INFO, dwNumberOfProcessors, 32, 4);
member(SYSTEM_INFO, dwProcessorType, 36, 4);
member(SYSTEM_INFO, dwAllocationGranularity, 40, 4);
member(SYSTEM_INFO, wProcessorLevel, 44, 2);
member(SYSTEM_INFO, wProcessorRevision, 46, 2);

layout(MEMORYSTATUSEX, 64);
member(MEMORYSTATUSEX, dwLength, 0, 4);
member(MEMORYSTATUSEX, dwMemoryLoad, 4, 4);
member(MEMORYSTATUSEX, ullTotalPhys, 8, 8);
member(MEMORYSTATUSEX, ullAvailPhys, 16, 8);
member(MEMORYSTATUSEX, ullTotalPageFile, 24, 8);
member(MEMORYSTATUSEX, ullAvailPageFile, 32, 8);
member(MEMORYSTATUSEX, ullTotalVirtual, 40, 8);
member(MEMORYSTATUSEX, ullAvailVirtual, 48, 8);
member(MEMORYSTATUSEX, ullAvailExtendedVirtual, 56, 8);

layout(MEMORYSTATUS, 56);
member(MEMORYSTATUS, dwLength, 0, 4);
member(MEMORYSTATUS, dwMemoryLoad, 4, 4);
member(MEMORYSTATUS, dwTotalPhys, 8, 8);
member(MEMORYSTATUS, dwAvailPhys, 16, 8);
member(MEMORYSTATUS, dwTotalPageFile, 24, 8);
member(MEMORYSTATUS, dwAvailPageFile, 32, 8);
member(MEMORYSTATUS, dwTotalVirtual, 40, 8);
member(MEMORYSTATUS, dwAvailVirtual, 48, 8);

layout(PROCESS_MEMORY_COUNTERS, 72);
member(PROCESS_MEMORY_COUNTERS, cb, 0, 4);
member(PROCESS_MEMORY_COUNTERS, PageFaultCount, 4, 4);
member(PROCESS_MEMORY_COUNTERS, PeakWorkingSetSize, 8, 8);
member(PROCESS_MEMORY_COUNTERS, WorkingSetSize, 16, 8);
member(PROCESS_MEMORY_COUNTERS, QuotaPeakPagedPoolUsage, 24, 8);
member(PROCESS_MEMORY_COUNTERS, QuotaPagedPoolUsage, 32, 8);
member(PROCESS_MEMORY_COUNTERS, QuotaPeakNonPagedPoolUsage, 40, 8);
member(PROCESS_MEMORY_COUNTERS, QuotaNonPagedPoolUsage, 48, 8);
member(PROCESS_MEMORY_COUNTERS, PagefileUsage, 56, 8);
member(PROCESS_MEMORY_COUNTERS, PeakPagefileUsage, 64, 8);

layout(PROCESS_MEMORY_COUNTERS_EX, 80);
member(PROCESS_MEMORY_COUNTERS_EX, cb, 0, 4);
member(PROCESS_MEMORY_COUNTERS_EX, PageFaultCount, 4, 4);
member(PROCESS_MEMORY_COUNTERS_EX, PeakWorkingSetSize, 8, 8);
member(PROCESS_MEMORY_COUNTERS_EX, WorkingSetSize, 16, 8);
member(PROCESS_MEMORY_COUNTERS_EX, QuotaPeakPagedPoolUsage, 24, 8);
member(PROCESS_MEMORY_COUNTERS_EX, QuotaPagedPoolUsage, 32, 8);
member(PROCESS_MEMORY_COUNTERS_EX, QuotaPeakNonPagedPoolUsage, 40, 8);
member(PROCESS_MEMORY_COUNTERS_EX, QuotaNonPagedPoolUsage, 48, 8);
member(PROCESS_MEMORY_COUNTERS_EX, PagefileUsage, 56, 8);
member(PROCESS_MEMORY_COUNTERS_EX, PeakPagefileUsage, 64, 8);
member(PROCESS_MEMORY_COUNTERS_EX, PrivateUsage, 72, 8);

layout(PERFORMANCE_INFORMATION, 104);
member(PERFORMANCE_INFORMATION, cb, 0, 4);
member(PERFORMANCE_INFORMATION, CommitTotal, 8, 8);
member(PERFORMANCE_INFORMATION, CommitLimit, 16, 8);
member(PERFORMANCE_INFORMATION, CommitPeak, 24, 8);
member(PERFORMANCE_INFORMATION, PhysicalTotal, 32, 8);
member(PERFORMANCE_INFORMATION, PhysicalAvailable, 40, 8);
member(PERFORMANCE_INFORMATION, SystemCache, 48, 8);
member(PERFORMANCE_INFORMATION, KernelTotal, 56, 8);
member(PERFORMANCE_INFORMATION, KernelPaged, 64, 8);
member(PERFORMANCE_INFORMATION, KernelNonpaged, 72, 8);
member(PERFORMANCE_INFORMATION, PageSize, 80, 8);
member(PERFORMANCE_INFORMATION, HandleCount, 88, 4);
member(PERFORMANCE_INFORMATION, ProcessCount, 92, 4);
member(PERFORMANCE_INFORMATION, ThreadCount, 96, 4);

layout(WIN32_MEMORY_RANGE_ENTRY, 16);
member(WIN32_MEMORY_RANGE_ENTRY, VirtualAddress, 0, 8);
member(WIN32_MEMORY_RANGE_ENTRY, NumberOfBytes, 8, 8);

layout(PSAPI_WORKING_SET_INFORMATION, 16);
member(PSAPI_WORKING_SET_INFORMATION, NumberOfEntries, 0, 8);
member(PSAPI_WORKING_SET_INFORMATION, WorkingSetInfo, 8, 8);

layout(PSAPI_WORKING_SET_EX_INFORMATION, 16);
member(PSAPI_WORKING_SET_EX_INFORMATION, VirtualAddress, 0, 8);
member(PSAPI_WORKING_SET_EX_INFORMATION, VirtualAttributes, 8, 8);

layout(PSAPI_WS_WATCH_INFORMATION, 16);
member(PSAPI_WS_WATCH_INFORMATION, FaultingPc, 0, 8);
member(PSAPI_WS_WATCH_INFORMATION, FaultingVa, 8, 8);

layout(PSAPI_WS_WATCH_INFORMATION_EX, 32);
member(PSAPI_WS_WATCH_INFORMATION_EX, BasicInfo, 0, 16);
member(PSAPI_WS_WATCH_INFORMATION_EX, FaultingThreadId, 16, 8);
member(PSAPI_WS_WATCH_INFORMATION_EX, Flags, 24, 8);

layout(ENUM_PAGE_FILE_INFORMATION, 32);
member(ENUM_PAGE_FILE_INFORMATION, cb, 0, 4);
member(ENUM_PAGE_FILE_INFORMATION, Reserved, 4, 4);
member(ENUM_PAGE_FILE_INFORMATION, TotalSize, 8, 8);
member(ENUM_PAGE_FILE_INFORMATION, TotalInUse, 16, 8);
member(ENUM_PAGE_FILE_INFORMATION, PeakUsage, 24, 8);

layout(MODULEINFO, 24);
member(MODULEINFO, lpBaseOfDll, 0, 8);
member(MODULEINFO, SizeOfImage, 8, 4);
member(MODULEINFO, EntryPoint, 16, 8);

layout(EXCEPTION_RECORD, 152);
member(EXCEPTION_RECORD, ExceptionCode, 0, 4);
member(EXCEPTION_RECORD, ExceptionFlags, 4, 4);
member(EXCEPTION_RECORD, ExceptionRecord, 8, 8);
member(EXCEPTION_RECORD, ExceptionAddress, 16, 8);
member(EXCEPTION_RECORD, NumberParameters, 24, 4);
member(EXCEPTION_RECORD, ExceptionInformation, 32, 120);

layout(EXCEPTION_POINTERS, 16);
member(EXCEPTION_POINTERS, ExceptionRecord, 0, 8);
member(EXCEPTION_POINTERS, ContextRecord, 8, 8);

layout(SECURITY_ATTRIBUTES, 24);
member(SECURITY_ATTRIBUTES, nLength, 0, 4);
member(SECURITY_ATTRIBUTES, lpSecurityDescriptor, 8, 8);
member(SECURITY_ATTRIBUTES, bInheritHandle, 16, 4);

layout(FILETIME, 8);
member(FILETIME, dwLowDateTime, 0, 4);
member(FILETIME, dwHighDateTime, 4, 4);

layout(UNICODE_STRING, 16);
member(UNICODE_STRING, Length, 0, 2);
member(UNICODE_STRING, MaximumLength, 2, 2);
member(UNICODE_STRING, Buffer, 8, 8);

layout(OBJECT_ATTRIBUTES, 48);
member(OBJECT_ATTRIBUTES, Length, 0, 4);
member(OBJECT_ATTRIBUTES, RootDirectory, 8, 8);
member(OBJECT_ATTRIBUTES, ObjectName, 16, 8);
member(OBJECT_ATTRIBUTES, Attributes, 24, 4);
member(OBJECT_ATTRIBUTES, SecurityDescriptor, 32, 8);
member(OBJECT_ATTRIBUTES, SecurityQualityOfService, 40, 8);

layout(IO_STATUS_BLOCK, 16);
member(IO_STATUS_BLOCK, Status, 0, 4);
member(IO_STATUS_BLOCK, Information, 8, 8);

layout(LUID, 8);
member(LUID, LowPart, 0, 4);
member(LUID, HighPart, 4, 4);

layout(LARGE_INTEGER, 8);
member(LARGE_INTEGER, LowPart, 0, 4);
member(LARGE_INTEGER, HighPart, 4, 4);
member(LARGE_INTEGER, QuadPart, 0, 8);

layout(PSAPI_WORKING_SET_EX_BLOCK, 8);

layout(PSAPI_WORKING_SET_BLOCK, 8);

layout(MEM_EXTENDED_PARAMETER, 16);
member(MEM_EXTENDED_PARAMETER, Pointer, 8, 8);

layout(MEM_ADDRESS_REQUIREMENTS, 24);
member(MEM_ADDRESS_REQUIREMENTS, LowestStartingAddress, 0, 8);
member(MEM_ADDRESS_REQUIREMENTS, HighestEndingAddress, 8, 8);
member(MEM_ADDRESS_REQUIREMENTS, Alignment, 16, 8);

#if defined(__x86_64__)
layout(CONTEXT, 1232);
member(CONTEXT, P1Home, 0, 8);
member(CONTEXT, ContextFlags, 48, 4);
member(CONTEXT, MxCsr, 52, 4);
member(CONTEXT, SegCs, 56, 2);
member(CONTEXT, EFlags, 68, 4);
member(CONTEXT, Dr0, 72, 8);
member(CONTEXT, Rax, 120, 8);
member(CONTEXT, Rcx, 128, 8);
member(CONTEXT, Rdx, 136, 8);
member(CONTEXT, Rbx, 144, 8);
member(CONTEXT, Rsp, 152, 8);
member(CONTEXT, Rbp, 160, 8);
member(CONTEXT, Rsi, 168, 8);
member(CONTEXT, Rdi, 176, 8);
member(CONTEXT, R8, 184, 8);
member(CONTEXT, R15, 240, 8);
member(CONTEXT, Rip, 248, 8);
member(CONTEXT, FltSave, 256, 512);
layout(XMM_SAVE_AREA32, 512);
member(CONTEXT, MxCsr, 52, 4);
member(CONTEXT, Xmm0, 416, 16);
member(CONTEXT, VectorRegister, 768, 416);
member(CONTEXT, LastExceptionFromRip, 1224, 8);
#endif

layout(PROCESS_HEAP_ENTRY, 40);
member(PROCESS_HEAP_ENTRY, lpData, 0, 8);
member(PROCESS_HEAP_ENTRY, cbData, 8, 4);
member(PROCESS_HEAP_ENTRY, cbOverhead, 12, 1);
member(PROCESS_HEAP_ENTRY, iRegionIndex, 13, 1);
member(PROCESS_HEAP_ENTRY, wFlags, 14, 2);
member(PROCESS_HEAP_ENTRY, Block.hMem, 16, 8);
member(PROCESS_HEAP_ENTRY, Block.dwReserved, 24, 12);
member(PROCESS_HEAP_ENTRY, Region.dwCommittedSize, 16, 4);
member(PROCESS_HEAP_ENTRY, Region.dwUnCommittedSize, 20, 4);
member(PROCESS_HEAP_ENTRY, Region.lpFirstBlock, 24, 8);
member(PROCESS_HEAP_ENTRY, Region.lpLastBlock, 32, 8);

layout(HEAP_SUMMARY, 40);
member(HEAP_SUMMARY, cb, 0, 4);
member(HEAP_SUMMARY, cbAllocated, 8, 8);
member(HEAP_SUMMARY, cbCommitted, 16, 8);
member(HEAP_SUMMARY, cbReserved, 24, 8);
member(HEAP_SUMMARY, cbMaxReserve, 32, 8);

layout(RTL_HEAP_PARAMETERS, 96);
member(RTL_HEAP_PARAMETERS, Length, 0, 4);
member(RTL_HEAP_PARAMETERS, CommitRoutine, 72, 8);
member(RTL_HEAP_PARAMETERS, Reserved, 80, 16);

layout(HEAPLIST32, 32);
member(HEAPLIST32, dwSize, 0, 8);
member(HEAPLIST32, th32ProcessID, 8, 4);
member(HEAPLIST32, th32HeapID, 16, 8);
member(HEAPLIST32, dwFlags, 24, 4);

layout(HEAPENTRY32, 56);
member(HEAPENTRY32, dwSize, 0, 8);
member(HEAPENTRY32, hHandle, 8, 8);
member(HEAPENTRY32, dwAddress, 16, 8);
member(HEAPENTRY32, dwBlockSize, 24, 8);
member(HEAPENTRY32, dwFlags, 32, 4);
member(HEAPENTRY32, dwLockCount, 36, 4);
member(HEAPENTRY32, dwResvd, 40, 4);
member(HEAPENTRY32, th32ProcessID, 44, 4);
member(HEAPENTRY32, th32HeapID, 48, 8);

/* What headers older than Windows 10's do not have. */
#ifndef _WIN32
layout(HEAP_OPTIMIZE_RESOURCES_INFORMATION, 8);
member(HEAP_OPTIMIZE_RESOURCES_INFORMATION, Version, 0, 4);
member(HEAP_OPTIMIZE_RESOURCES_INFORMATION, Flags, 4, 4);

layout(WIN32_MEMORY_REGION_INFORMATION, 32);
member(WIN32_MEMORY_REGION_INFORMATION, AllocationBase, 0, 8);
member(WIN32_MEMORY_REGION_INFORMATION, AllocationProtect, 8, 4);
member(WIN32_MEMORY_REGION_INFORMATION, Flags, 12, 4);
member(WIN32_MEMORY_REGION_INFORMATION, RegionSize, 16, 8);
member(WIN32_MEMORY_REGION_INFORMATION, CommitSize, 24, 8);

member(MEMORY_BASIC_INFORMATION, PartitionId, 20, 2);

layout(PROCESS_MEMORY_COUNTERS_EX2, 96);
member(PROCESS_MEMORY_COUNTERS_EX2, PrivateUsage, 72, 8);
member(PROCESS_MEMORY_COUNTERS_EX2, PrivateWorkingSetSize, 80, 8);
member(PROCESS_MEMORY_COUNTERS_EX2, SharedCommitUsage, 88, 8);
#endif

static void every_structure_is_laid_out_as_on_windows(void)
{
    PSAPI_WORKING_SET_EX_BLOCK block = {.Flags = 0};
    block.Valid = 1;
    block.Win32Protection = PAGE_READWRITE;
    check(block.Flags == 0x41, "bit fields: %#zx", (size_t)block.Flags);

    PSAPI_WORKING_SET_BLOCK page = {.Flags = 0};
    page.Shared = 1;
    page.VirtualPage = 1;
    check(page.Flags == 0x1100, "bit fields: %#zx", (size_t)page.Flags);

    LARGE_INTEGER number = {.QuadPart = 0x1122334455667788};
    check(number.LowPart == 0x55667788 && number.HighPart == 0x11223344, "halves of a number");
}

static const struct test tests[] = {
    TEST(every_structure_is_laid_out_as_on_windows, ""),
};

int main(int argc, char **argv)
{
    return test_main(tests, TEST_COUNT(tests), argc, argv);
}
