/*
 * errhandlingapi.h - the last error; exceptions.
 */
#ifndef _ERRHANDLING_H_
#define _ERRHANDLING_H_

#include <minwindef.h>
#include <minwinbase.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The error of the last call of this thread that failed, ERROR_*; 0 at the start of a thread.
 * Calls that succeed leave it alone unless they say otherwise.
 */
WINBASEAPI DWORD WINAPI GetLastError(VOID);

/* Set what GetLastError returns in this thread. */
WINBASEAPI VOID WINAPI SetLastError(DWORD error);

/*
 * Have a function asked first when an exception happens, in any thread.
 *
 * first    not 0: before those already there; 0: after them
 * handler  see PVECTORED_EXCEPTION_HANDLER
 *
 * Returns a handle for RemoveVectoredExceptionHandler; NULL: no memory (ERROR_NOT_ENOUGH_MEMORY) or
 * no handler given (ERROR_INVALID_PARAMETER).
 */
WINBASEAPI PVOID WINAPI AddVectoredExceptionHandler(ULONG first,
                                                    PVECTORED_EXCEPTION_HANDLER handler);

/*
 * Take a handler off the list.
 *
 * handle  what AddVectoredExceptionHandler returned
 * Returns not 0; 0: no such handler is on the list (ERROR_INVALID_PARAMETER).
 */
WINBASEAPI ULONG WINAPI RemoveVectoredExceptionHandler(PVOID handle);

/* As AddVectoredExceptionHandler; asked after a handler said EXCEPTION_CONTINUE_EXECUTION. */
WINBASEAPI PVOID WINAPI AddVectoredContinueHandler(ULONG first,
                                                   PVECTORED_EXCEPTION_HANDLER handler);

/* Take a continue handler off the list; not 0, or 0 when it is not there. */
WINBASEAPI ULONG WINAPI RemoveVectoredContinueHandler(PVOID handle);

/*
 * Set the filter that is asked when nothing else took an exception.
 *
 * filter  NULL: none, the process ends with a report
 * Returns the filter before, or NULL.
 */
WINBASEAPI LPTOP_LEVEL_EXCEPTION_FILTER WINAPI
SetUnhandledExceptionFilter(LPTOP_LEVEL_EXCEPTION_FILTER filter);

/*
 * Ask the filter that SetUnhandledExceptionFilter set.
 *
 * pointers  the exception
 * Returns its answer; without a filter, or under a debugger, EXCEPTION_CONTINUE_SEARCH.
 */
WINBASEAPI LONG WINAPI UnhandledExceptionFilter(struct _EXCEPTION_POINTERS *pointers);

/*
 * Raise an exception in this thread.
 *
 * code       ExceptionCode
 * flags      0, or EXCEPTION_NONCONTINUABLE; other bits are dropped
 * count      number of arguments; more than 15 count as 15
 * arguments  ExceptionInformation; NULL: none
 *
 * Returns when a handler answers EXCEPTION_CONTINUE_EXECUTION.
 */
WINBASEAPI VOID WINAPI RaiseException(DWORD code, DWORD flags, DWORD count,
                                      const ULONG_PTR *arguments);

#ifdef __cplusplus
}
#endif

#endif
