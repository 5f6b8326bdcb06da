/*
 * windef.h - minwindef.h and the few types beside it.
 */
#ifndef _WINDEF_
#define _WINDEF_

#include <minwindef.h>

typedef DWORD COLORREF, *LPCOLORREF;

#endif
