/*
 * processthreadsapi.h - this process and this thread.
 */
#ifndef _PROCESSTHREADSAPI_H_
#define _PROCESSTHREADSAPI_H_

#include <minwindef.h>
#include <minwinbase.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The handle that means this process; it is never closed. */
WINBASEAPI HANDLE WINAPI GetCurrentProcess(VOID);

/* The number of this process: its Linux process id. */
WINBASEAPI DWORD WINAPI GetCurrentProcessId(VOID);

/* The number of this thread: its Linux thread id. */
WINBASEAPI DWORD WINAPI GetCurrentThreadId(VOID);

/*
 * End the process with all its threads; functions registered with atexit run.
 *
 * code  the exit code.  Linux keeps the low 8 bits
 */
WINBASEAPI DECLSPEC_NORETURN VOID WINAPI ExitProcess(UINT code);

#ifdef __cplusplus
}
#endif

#endif
