/*
 * sysinfoapi.h - the machine: pages, processors, memory, time since it started.
 */
#ifndef _SYSINFOAPI_H_
#define _SYSINFOAPI_H_

#include <minwindef.h>
#include <minwinbase.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct _SYSTEM_INFO {
    union {
        DWORD dwOemId;
        struct {
            WORD wProcessorArchitecture; /* PROCESSOR_ARCHITECTURE_* */
            WORD wReserved;
        };
    };
    DWORD dwPageSize;                   /* bytes: the unit of commit and protection */
    LPVOID lpMinimumApplicationAddress; /* the lowest address VirtualAlloc gives out */
    LPVOID lpMaximumApplicationAddress; /* the highest */
    DWORD_PTR dwActiveProcessorMask;    /* one bit a processor, of the first 64 */
    DWORD dwNumberOfProcessors;
    DWORD dwProcessorType;
    DWORD dwAllocationGranularity; /* bytes: where reservations start */
    WORD wProcessorLevel;
    WORD wProcessorRevision;
} SYSTEM_INFO, *LPSYSTEM_INFO;

typedef struct _MEMORYSTATUSEX {
    DWORD dwLength;                    /* bytes of this structure; set it before the call */
    DWORD dwMemoryLoad;                /* percent of RAM in use */
    DWORDLONG ullTotalPhys;            /* bytes of RAM */
    DWORDLONG ullAvailPhys;            /* bytes that can be had at once */
    DWORDLONG ullTotalPageFile;        /* bytes: the commit limit */
    DWORDLONG ullAvailPageFile;        /* bytes that can still be committed */
    DWORDLONG ullTotalVirtual;         /* bytes of user addresses */
    DWORDLONG ullAvailVirtual;         /* bytes of them that are free */
    DWORDLONG ullAvailExtendedVirtual; /* 0 */
} MEMORYSTATUSEX, *LPMEMORYSTATUSEX;

typedef enum _MEMORY_RESOURCE_NOTIFICATION_TYPE {
    LowMemoryResourceNotification,
    HighMemoryResourceNotification
} MEMORY_RESOURCE_NOTIFICATION_TYPE;

/*
 * Tell about the machine.
 *
 * info  gets the answer; a pointer that cannot be written is left alone
 */
WINBASEAPI VOID WINAPI GetSystemInfo(LPSYSTEM_INFO info);

/* The same: a 64-bit program sees the machine as it is. */
WINBASEAPI VOID WINAPI GetNativeSystemInfo(LPSYSTEM_INFO info);

/*
 * Tell how much memory there is and how much is left, of the budget where there is one.
 *
 * status  gets the answer; dwLength set by the caller
 *
 * Returns TRUE, or FALSE:
 *   ERROR_INVALID_PARAMETER  dwLength is not sizeof(MEMORYSTATUSEX)
 *   ERROR_NOACCESS           `status` cannot be written
 */
WINBASEAPI BOOL WINAPI GlobalMemoryStatusEx(LPMEMORYSTATUSEX status);

/* Milliseconds since the machine started, from 0 again after 49.7 days. */
WINBASEAPI DWORD WINAPI GetTickCount(VOID);

/* Milliseconds since the machine started. */
WINBASEAPI ULONGLONG WINAPI GetTickCount64(VOID);

#ifdef __cplusplus
}
#endif

#endif
