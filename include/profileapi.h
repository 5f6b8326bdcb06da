/*
 * profileapi.h - a clock for measuring.
 */
#ifndef _PROFILEAPI_H_
#define _PROFILEAPI_H_

#include <minwindef.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Read the clock: ticks since the machine started.
 *
 * count  gets the ticks
 * Returns TRUE; FALSE with ERROR_NOACCESS: `count` cannot be written.
 */
WINBASEAPI BOOL WINAPI QueryPerformanceCounter(LARGE_INTEGER *count);

/*
 * Tell the clock's ticks per second: 10,000,000, as on Windows 10.
 *
 * frequency  gets the number
 * Returns TRUE; FALSE with ERROR_NOACCESS: `frequency` cannot be written.
 */
WINBASEAPI BOOL WINAPI QueryPerformanceFrequency(LARGE_INTEGER *frequency);

#ifdef __cplusplus
}
#endif

#endif
