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

/* The same as a rule, for code as compilers write it: the CFA is a register and an offset. */
struct unwind_step {
    bool from_fp;  /* the register: frame pointer, else stack pointer */
    bool keeps_fp; /* the frame pointer is the caller's still */
    int32_t cfa;   /* bytes from that register to the CFA */
    int32_t back;  /* bytes from the CFA to the return address */
    int32_t fp;    /* bytes from the CFA to the caller's frame pointer */
};

/* => false: no table, or the rule is not that simple; one call at a time */
bool mm_except_step_at(uintptr_t ip, struct unwind_step *ret_step);

#endif
