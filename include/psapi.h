/*
 * psapi.h - what a process and the system use.
 *
 * Since version 2 the plain names are names for the K32 ones; both link.
 */
#ifndef _PSAPI_H_
#define _PSAPI_H_

#include <minwindef.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef PSAPI_VERSION
#define PSAPI_VERSION 2
#endif

typedef struct _PROCESS_MEMORY_COUNTERS {
    DWORD cb;             /* bytes of this structure; set by the call */
    DWORD PageFaultCount; /* all faults, soft and hard */
    SIZE_T PeakWorkingSetSize;
    SIZE_T WorkingSetSize; /* bytes that can be touched without a fault */
    SIZE_T QuotaPeakPagedPoolUsage;
    SIZE_T QuotaPagedPoolUsage;
    SIZE_T QuotaPeakNonPagedPoolUsage;
    SIZE_T QuotaNonPagedPoolUsage;
    SIZE_T PagefileUsage; /* bytes committed, touched or not */
    SIZE_T PeakPagefileUsage;
} PROCESS_MEMORY_COUNTERS, *PPROCESS_MEMORY_COUNTERS;

typedef struct _PROCESS_MEMORY_COUNTERS_EX {
    DWORD cb;
    DWORD PageFaultCount;
    SIZE_T PeakWorkingSetSize;
    SIZE_T WorkingSetSize;
    SIZE_T QuotaPeakPagedPoolUsage;
    SIZE_T QuotaPagedPoolUsage;
    SIZE_T QuotaPeakNonPagedPoolUsage;
    SIZE_T QuotaNonPagedPoolUsage;
    SIZE_T PagefileUsage;
    SIZE_T PeakPagefileUsage;
    SIZE_T PrivateUsage; /* bytes committed, touched or not */
} PROCESS_MEMORY_COUNTERS_EX, *PPROCESS_MEMORY_COUNTERS_EX;

typedef struct _PROCESS_MEMORY_COUNTERS_EX2 {
    DWORD cb;
    DWORD PageFaultCount;
    SIZE_T PeakWorkingSetSize;
    SIZE_T WorkingSetSize;
    SIZE_T QuotaPeakPagedPoolUsage;
    SIZE_T QuotaPagedPoolUsage;
    SIZE_T QuotaPeakNonPagedPoolUsage;
    SIZE_T QuotaNonPagedPoolUsage;
    SIZE_T PagefileUsage;
    SIZE_T PeakPagefileUsage;
    SIZE_T PrivateUsage;
    SIZE_T PrivateWorkingSetSize; /* bytes of the working set that are not shared */
    ULONG64 SharedCommitUsage;
} PROCESS_MEMORY_COUNTERS_EX2, *PPROCESS_MEMORY_COUNTERS_EX2;

/* Sizes are in pages, but for PageSize. */
typedef struct _PERFORMANCE_INFORMATION {
    DWORD cb; /* bytes of this structure; set by the call */
    SIZE_T CommitTotal;
    SIZE_T CommitLimit;
    SIZE_T CommitPeak;
    SIZE_T PhysicalTotal;
    SIZE_T PhysicalAvailable;
    SIZE_T SystemCache;
    SIZE_T KernelTotal;
    SIZE_T KernelPaged;
    SIZE_T KernelNonpaged;
    SIZE_T PageSize; /* bytes */
    DWORD HandleCount;
    DWORD ProcessCount;
    DWORD ThreadCount;
} PERFORMANCE_INFORMATION, *PPERFORMANCE_INFORMATION, PERFORMACE_INFORMATION,
    *PPERFORMACE_INFORMATION;

typedef union _PSAPI_WORKING_SET_BLOCK {
    ULONG_PTR Flags;
    struct {
        ULONG_PTR Protection : 5;
        ULONG_PTR ShareCount : 3;
        ULONG_PTR Shared : 1;
        ULONG_PTR Reserved : 3;
        ULONG_PTR VirtualPage : 52;
    };
} PSAPI_WORKING_SET_BLOCK, *PPSAPI_WORKING_SET_BLOCK;

typedef struct _PSAPI_WORKING_SET_INFORMATION {
    ULONG_PTR NumberOfEntries;
    PSAPI_WORKING_SET_BLOCK WorkingSetInfo[1];
} PSAPI_WORKING_SET_INFORMATION, *PPSAPI_WORKING_SET_INFORMATION;

typedef union _PSAPI_WORKING_SET_EX_BLOCK {
    ULONG_PTR Flags;
    struct {
        ULONG_PTR Valid : 1;
        ULONG_PTR ShareCount : 3;
        ULONG_PTR Win32Protection : 11;
        ULONG_PTR Shared : 1;
        ULONG_PTR Node : 6;
        ULONG_PTR Locked : 1;
        ULONG_PTR LargePage : 1;
        ULONG_PTR Reserved : 7;
        ULONG_PTR Bad : 1;
        ULONG_PTR ReservedUlong : 32;
    };
} PSAPI_WORKING_SET_EX_BLOCK, *PPSAPI_WORKING_SET_EX_BLOCK;

typedef struct _PSAPI_WORKING_SET_EX_INFORMATION {
    PVOID VirtualAddress;
    PSAPI_WORKING_SET_EX_BLOCK VirtualAttributes;
} PSAPI_WORKING_SET_EX_INFORMATION, *PPSAPI_WORKING_SET_EX_INFORMATION;

typedef struct _PSAPI_WS_WATCH_INFORMATION {
    LPVOID FaultingPc;
    LPVOID FaultingVa;
} PSAPI_WS_WATCH_INFORMATION, *PPSAPI_WS_WATCH_INFORMATION;

typedef struct _PSAPI_WS_WATCH_INFORMATION_EX {
    PSAPI_WS_WATCH_INFORMATION BasicInfo;
    ULONG_PTR FaultingThreadId;
    ULONG_PTR Flags;
} PSAPI_WS_WATCH_INFORMATION_EX, *PPSAPI_WS_WATCH_INFORMATION_EX;

typedef struct _ENUM_PAGE_FILE_INFORMATION {
    DWORD cb;
    DWORD Reserved;
    SIZE_T TotalSize;
    SIZE_T TotalInUse;
    SIZE_T PeakUsage;
} ENUM_PAGE_FILE_INFORMATION, *PENUM_PAGE_FILE_INFORMATION;

typedef struct _MODULEINFO {
    LPVOID lpBaseOfDll;
    DWORD SizeOfImage;
    LPVOID EntryPoint;
} MODULEINFO, *LPMODULEINFO;

#if PSAPI_VERSION > 1
#define GetProcessMemoryInfo K32GetProcessMemoryInfo
#define GetPerformanceInfo K32GetPerformanceInfo
#define EmptyWorkingSet K32EmptyWorkingSet
#endif

/*
 * Tell what a process uses.
 *
 * process   GetCurrentProcess()
 * counters  gets PROCESS_MEMORY_COUNTERS, or as much of the _EX or _EX2 form as `size` covers
 * size      bytes that `counters` has
 *
 * Returns TRUE, or FALSE:
 *   ERROR_INVALID_HANDLE       `process` is not a process
 *   ERROR_INSUFFICIENT_BUFFER  `size` is below sizeof(PROCESS_MEMORY_COUNTERS)
 *   ERROR_NOACCESS             `counters` cannot be written
 */
WINBASEAPI BOOL WINAPI GetProcessMemoryInfo(HANDLE process, PPROCESS_MEMORY_COUNTERS counters,
                                            DWORD size);

/*
 * Tell what the system uses.
 *
 * info  gets the answer
 * size  bytes that `info` has
 *
 * Returns TRUE, or FALSE:
 *   ERROR_BAD_LENGTH  `size` is below sizeof(PERFORMANCE_INFORMATION)
 *   ERROR_NOACCESS    `info` cannot be written
 */
WINBASEAPI BOOL WINAPI GetPerformanceInfo(PPERFORMACE_INFORMATION info, DWORD size);

/*
 * Take all pages out of a working set; they stay in RAM until it is needed.
 *
 * process  GetCurrentProcess()
 * Returns TRUE; FALSE with ERROR_INVALID_HANDLE: `process` is not a process.
 */
WINBASEAPI BOOL WINAPI EmptyWorkingSet(HANDLE process);

#ifdef __cplusplus
}
#endif

#endif
