/*
 * debugapi.h - is someone watching.
 */
#ifndef _APISETDEBUG_
#define _APISETDEBUG_

#include <minwindef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* TRUE while a debugger is attached to this process. */
WINBASEAPI BOOL WINAPI IsDebuggerPresent(VOID);

#ifdef __cplusplus
}
#endif

#endif
