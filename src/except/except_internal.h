/*
 * except_internal.h - what the files of this folder share.
 */
#ifndef NTMM_EXCEPT_INTERNAL_H
#define NTMM_EXCEPT_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "except/except.h"
#include "os/os.h"

extern const struct except_memory *mm_except_memory;

bool mm_except_is_ours(uintptr_t address);

/* ---- record.c --------------------------------------------------------------------------------- */

/* What happened, in Windows' words.  `guard`: the page was a guard page. */
void mm_except_record(const struct os_fault *fault, bool guard, EXCEPTION_RECORD *ret_record);

/* The signal that ends a process with this exception. */
int mm_except_signal(DWORD code);

/* ---- decode_<machine>.c: what the instruction at `ip` is --------------------------------------- */

bool mm_except_is_privileged(uintptr_t ip);

/* Of a division that failed: whether the divisor is zero (else the quotient is too large). */
bool mm_except_divides_by_zero(const struct os_fault *fault);

/* ---- context_<machine>.c ----------------------------------------------------------------------- */

void mm_except_context(const struct os_registers *registers, CONTEXT *ret_context);

/* Change what ContextFlags names; the rest of `registers` stays. */
void mm_except_registers(const CONTEXT *context, struct os_registers *registers);

/* What Windows does to the context before handlers see it (trace flag). */
void mm_except_adjust(DWORD code, CONTEXT *context);

/* ---- handlers.c -------------------------------------------------------------------------------- */

/* Whether anybody at all wants to hear of exceptions. */
bool mm_except_anyone(void);

/* Ask the list until one says EXCEPTION_CONTINUE_EXECUTION; that, or EXCEPTION_CONTINUE_SEARCH. */
LONG mm_except_ask_handlers(bool continues, EXCEPTION_POINTERS *pointers);

/* ---- report.c, report_where.c ------------------------------------------------------------------ */

/*
 * Tell standard error what happened, once a process.
 *
 * => `depth`: how many exceptions were being handled when this one came
 * => a thread that comes while another reports waits for the process to end, but not for ever
 */
void mm_except_report_fault(const struct os_fault *fault, bool guard, unsigned depth);
void mm_except_report_raised(const EXCEPTION_RECORD *record, const CONTEXT *context,
                             unsigned depth);
void mm_except_report_failure(const struct except_failure *failure, const EXCEPTION_RECORD *record,
                              const CONTEXT *context, unsigned depth);

/* "0x7f..: 16 bytes into ..." and so on, one or two lines. */
void mm_except_tell_address(struct os_text *t, uintptr_t address);

/* The heap's block there, if it knows one. */
bool mm_except_block_at(uintptr_t address, struct except_block *ret_block);

/* "module+0x1234", "[heap]+0x10" or "no module". */
void mm_except_tell_place(struct os_text *t, uintptr_t address);

/* A stack under a title: what is ours at its start is left out. */
void mm_except_tell_stack(struct os_text *t, const char *title, const uintptr_t *places,
                          unsigned count);

/* The registers, three a line. */
void mm_except_tell_registers(struct os_text *t, const CONTEXT *context);

/* ---- unwind.c ----------------------------------------------------------------------------------- */

/* The return addresses of the interrupted code, the place itself first; how many there are. */
int mm_except_walk(const CONTEXT *context, uintptr_t *ret_places, int capacity);

#endif
