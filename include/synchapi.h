/*
 * synchapi.h - waiting.
 */
#ifndef _SYNCHAPI_H_
#define _SYNCHAPI_H_

#include <minwindef.h>
#include <minwinbase.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Wait.
 *
 * milliseconds  at least that long; 0: let another thread run; INFINITE: for ever
 */
WINBASEAPI VOID WINAPI Sleep(DWORD milliseconds);

#ifdef __cplusplus
}
#endif

#endif
