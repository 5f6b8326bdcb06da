/*
 * unwind.h - from a frame of the stack to its caller's.
 */
#ifndef NTMM_EXCEPT_UNWIND_H
#define NTMM_EXCEPT_UNWIND_H

#include <stdbool.h>
#include <stdint.h>

#include "except/except_internal.h"

#define UNWIND_REGISTERS 33 /* by DWARF's numbers of the machine; those not known are 0 */

/* What is known of a frame.  Small: a handler may stand on an alternate stack of 8 KiB. */
struct frame {
    uintptr_t ip;
    bool exact; /* ip is where it stopped, not where a call returns to */
    uint64_t registers[UNWIND_REGISTERS];
};

/* The machine's part (context_<machine>.c). */
extern const int mm_except_sp; /* DWARF's numbers */
extern const int mm_except_fp;
void mm_except_frame(const CONTEXT *context, struct frame *ret_frame);
void mm_except_frame_of(const struct os_registers *registers, struct frame *ret_frame);

/*
 * Go to the caller by the unwind table of the module that `ip` lies in (unwind_table.c).
 *
 * => false: no table says how; `frame` is as it was
 */
bool mm_except_unwind(struct frame *frame);

#endif
