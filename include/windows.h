/*
 * windows.h - all of the headers that programs expect from one line.
 */
#ifndef _WINDOWS_
#define _WINDOWS_

/* C sources of Windows get these without asking. */
#include <ctype.h>
#include <stdarg.h>
#include <string.h>

#include <excpt.h>
#include <windef.h>
#include <winbase.h>
#include <winerror.h>

#endif
