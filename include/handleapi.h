/*
 * handleapi.h - closing handles.
 */
#ifndef _APISETHANDLE_
#define _APISETHANDLE_

#include <minwindef.h>

#ifdef __cplusplus
extern "C" {
#endif

#define INVALID_HANDLE_VALUE ((HANDLE)(LONG_PTR)-1)

#define HANDLE_FLAG_INHERIT 0x00000001
#define HANDLE_FLAG_PROTECT_FROM_CLOSE 0x00000002

/*
 * Close a handle; what it meant goes with it.
 *
 * object  a handle of CreateToolhelp32Snapshot.  GetCurrentProcess() is never closed, and closing it
 *         does nothing
 *
 * Returns TRUE, or FALSE:
 *   ERROR_INVALID_HANDLE  it is no handle, or was closed before.  Heaps are not closed but destroyed
 */
WINBASEAPI BOOL WINAPI CloseHandle(HANDLE object);

#ifdef __cplusplus
}
#endif

#endif
