/*
 * context_aarch64.c - between the neutral registers and Windows' CONTEXT, on aarch64.
 */
#include <string.h>

#include "except/unwind.h"

void mm_except_context(const struct os_registers *r, CONTEXT *c)
{
    memset(c, 0, sizeof *c);
    c->ContextFlags = CONTEXT_FULL;
    memcpy(c->X, r->integer, sizeof c->X);
    c->Fp = r->integer[29];
    c->Lr = r->integer[30];
    c->Sp = r->integer[31];
    c->Pc = r->ip;
    c->Cpsr = (DWORD)r->flags;
    c->Fpcr = r->float_control;
    c->Fpsr = r->float_status;
    memcpy(c->V, r->vectors, sizeof c->V);
}

static bool names(const CONTEXT *c, DWORD part)
{
    return (c->ContextFlags & part) == part;
}

void mm_except_registers(const CONTEXT *c, struct os_registers *r)
{
    if (names(c, CONTEXT_INTEGER))
        memcpy(r->integer, c->X, sizeof c->X);
    if (names(c, CONTEXT_CONTROL)) {
        r->integer[29] = c->Fp;
        r->integer[30] = c->Lr;
        r->integer[31] = c->Sp;
        r->ip = c->Pc;
        r->flags = c->Cpsr;
    }
    if (names(c, CONTEXT_FLOATING_POINT)) {
        r->float_control = c->Fpcr;
        r->float_status = c->Fpsr;
        memcpy(r->vectors, c->V, sizeof c->V);
    }
}

void mm_except_adjust(DWORD code, CONTEXT *c)
{
    (void)code;
    (void)c;
}

void mm_except_tell_registers(struct os_text *t, const CONTEXT *c)
{
    const DWORD64 *values = c->X; /* fp, lr, sp and pc follow x28 */

    for (unsigned i = 0; i < 33; i++) {
        mm_os_text(t, i % 4 ? "  " : "  x");
        mm_os_text_number(t, i);
        mm_os_text(t, i < 10 ? "  " : " ");
        mm_os_text_hex(t, values[i], 16);
        if (i % 4 == 3 || i == 32)
            mm_os_text(t, "\n");
    }
}

/* ---- for unwind.c: DWARF counts x0-x30 and sp ------------------------------------------------------ */

const int mm_except_sp = 31;
const int mm_except_fp = 29;

static void fill(struct frame *f, const uint64_t *x, uint64_t ip)
{
    memset(f, 0, sizeof *f);
    memcpy(f->registers, x, 32 * sizeof *x);
    f->ip = (uintptr_t)ip;
    f->exact = true;
}

void mm_except_frame(const CONTEXT *c, struct frame *f)
{
    fill(f, (const uint64_t *)c->X, c->Pc); /* fp, lr and sp follow x28 */
}

void mm_except_frame_of(const struct os_registers *r, struct frame *f)
{
    fill(f, r->integer, r->ip);
}
