/*
 * winbase.h - names of kernel32 that have no header of their own.
 */
#ifndef _WINBASE_
#define _WINBASE_

#include <minwindef.h>
#include <minwinbase.h>
#include <debugapi.h>
#include <errhandlingapi.h>
#include <handleapi.h>
#include <interlockedapi.h>
#include <memoryapi.h>
#include <processthreadsapi.h>
#include <profileapi.h>
#include <synchapi.h>
#include <sysinfoapi.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MoveMemory RtlMoveMemory
#define CopyMemory RtlCopyMemory
#define FillMemory RtlFillMemory
#define ZeroMemory RtlZeroMemory
#define SecureZeroMemory RtlSecureZeroMemory
#define CopyVolatileMemory RtlCopyVolatileMemory
#define MoveVolatileMemory RtlMoveVolatileMemory
#define FillVolatileMemory RtlFillVolatileMemory
#define ZeroVolatileMemory RtlZeroVolatileMemory
#define SecureZeroMemory2 RtlSecureZeroMemory2

/* GlobalMemoryStatusEx with the sizes in SIZE_T, for old programs. */
typedef struct _MEMORYSTATUS {
    DWORD dwLength; /* set by the call */
    DWORD dwMemoryLoad;
    SIZE_T dwTotalPhys;
    SIZE_T dwAvailPhys;
    SIZE_T dwTotalPageFile;
    SIZE_T dwAvailPageFile;
    SIZE_T dwTotalVirtual;
    SIZE_T dwAvailVirtual;
} MEMORYSTATUS, *LPMEMORYSTATUS;

/*
 * Tell how much memory there is and how much is left.
 *
 * status  gets the answer; a pointer that cannot be written is left alone
 */
WINBASEAPI VOID WINAPI GlobalMemoryStatus(LPMEMORYSTATUS status);

#ifdef __cplusplus
}
#endif

#endif
