/*
 * new.h - who is asked when there is no memory.
 *
 * The functions of malloc.h that Windows has and libc has not ask the handler when the mode is 1;
 * libc's malloc and C++'s operator new do not know it.
 */
#ifndef _INC_NEW
#define _INC_NEW

#include <malloc.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Set the handler that is called when there is no memory.
 *
 * handler  returns not 0 when the allocation is to be tried again; NULL: none
 * Returns the handler before, or NULL.
 */
_PNH __cdecl _set_new_handler(_PNH handler);
_PNH __cdecl _query_new_handler(void);

#ifdef __cplusplus
}
#endif

#endif
