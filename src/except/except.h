/*
 * except.h - faults become EXCEPTION_RECORDs and reach handlers.
 *
 * See README.md beside this file.
 */
#ifndef NTMM_EXCEPT_EXCEPT_H
#define NTMM_EXCEPT_EXCEPT_H

#include <signal.h>
#include <stdbool.h>

#include <ntdef.h>
#include <winnt.h>

/*
 * What an address is, asked of `vm` through here so that this module need not know it: fills in
 * information for the report and tells the right exception code.  Set by process/.
 *
 * => async-signal-safe; false when nothing is known
 */
typedef bool (*except_query)(const void *address, MEMORY_BASIC_INFORMATION *ret_info);

/* Install handlers for SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, keeping whoever had them. */
void mm_except_init(except_query query);

/* AddVectoredExceptionHandler and kin; NULL when there is no memory. */
void *mm_except_add_handler(bool first, PVECTORED_EXCEPTION_HANDLER handler, bool continues);
bool mm_except_remove_handler(void *handle, bool continues);

/* SetUnhandledExceptionFilter: the one before. */
LPTOP_LEVEL_EXCEPTION_FILTER mm_except_set_filter(LPTOP_LEVEL_EXCEPTION_FILTER filter);

/* RaiseException: returns when a handler says EXCEPTION_CONTINUE_EXECUTION. */
void mm_except_raise(DWORD code, DWORD flags, DWORD count, const ULONG_PTR *arguments);

/*
 * For preload/, which stands in front of sigaction: the program's own action for one of our
 * signals is kept here and called when no handler of ours took the exception.
 *
 * => true when `signal` is ours; *old (may be NULL) gets what the program had set before
 */
bool mm_except_program_action(int signal, const struct sigaction *action, struct sigaction *old);

#endif
