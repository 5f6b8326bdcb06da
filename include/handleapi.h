/*
 * handleapi.h - the value that no handle has.
 */
#ifndef _APISETHANDLE_
#define _APISETHANDLE_

#include <minwindef.h>

#define INVALID_HANDLE_VALUE ((HANDLE)(LONG_PTR)-1)

#define HANDLE_FLAG_INHERIT 0x00000001
#define HANDLE_FLAG_PROTECT_FROM_CLOSE 0x00000002

#endif
