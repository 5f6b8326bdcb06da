/*
 * names.h - what an exception is called, and what to do about it.
 */
#ifndef NTMM_EXCEPT_NAMES_H
#define NTMM_EXCEPT_NAMES_H

#include <stddef.h>

#include <ntdef.h>

struct exception_name {
    NTSTATUS code;
    const char *name;
    const char *advice; /* one line, or NULL */
};

/* NULL: a code of the program's own. */
const struct exception_name *mm_except_name(DWORD code);

/* The third parameter of an in-page error in words, or NULL. */
const char *mm_except_page_error_name(DWORD status);

#endif
