/*
 * context_x86_64.c - between the neutral registers and Windows' CONTEXT, on x86-64.
 */
#include <stddef.h>
#include <string.h>

#include <ntstatus.h>

#include "except/unwind.h"

#define TRACE_FLAG 0x100u

_Static_assert(sizeof(CONTEXT) == 1232, "Windows' layout");
_Static_assert(sizeof(EXCEPTION_RECORD) == 152, "Windows' layout");
_Static_assert(offsetof(CONTEXT, Rax) == 120 && offsetof(CONTEXT, R15) == 240, "the order below");
_Static_assert(offsetof(CONTEXT, FltSave) == 256 && sizeof(XSAVE_FORMAT) == 512, "fxsave");

void mm_except_context(const struct os_registers *r, CONTEXT *c)
{
    memset(c, 0, sizeof *c);
    c->ContextFlags = CONTEXT_FULL | CONTEXT_SEGMENTS;
    memcpy(&c->Rax, r->integer, 16 * sizeof(DWORD64)); /* both in the order of their numbers */
    c->Rip = r->ip;
    c->EFlags = (DWORD)r->flags;
    c->SegCs = r->segments[0];
    c->SegDs = r->segments[1];
    c->SegEs = r->segments[2];
    c->SegFs = r->segments[3];
    c->SegGs = r->segments[4];
    c->SegSs = r->segments[5];
    c->MxCsr = r->float_control;
    memcpy(&c->FltSave, r->vectors, sizeof c->FltSave);
}

static bool names(const CONTEXT *c, DWORD part)
{
    return (c->ContextFlags & part) == part;
}

void mm_except_registers(const CONTEXT *c, struct os_registers *r)
{
    uint64_t sp = r->integer[4];

    if (names(c, CONTEXT_INTEGER)) {
        memcpy(r->integer, &c->Rax, 16 * sizeof(DWORD64));
        r->integer[4] = sp;
    }
    if (names(c, CONTEXT_CONTROL)) {
        r->integer[4] = c->Rsp;
        r->ip = c->Rip;
        r->flags = c->EFlags;
    }
    if (names(c, CONTEXT_FLOATING_POINT)) {
        /* It stands in the context twice; whichever was changed counts. */
        r->float_control = c->MxCsr != r->float_control ? c->MxCsr : c->FltSave.MxCsr;
        memcpy(r->vectors, &c->FltSave, sizeof r->vectors);
    }
}

void mm_except_adjust(DWORD code, CONTEXT *c)
{
    if (code == (DWORD)STATUS_SINGLE_STEP)
        c->EFlags &= ~TRACE_FLAG; /* a handler that wants the next step sets it again */
}

static void tell(struct os_text *t, const char *name, uint64_t value, int digits)
{
    mm_os_text(t, name);
    mm_os_text(t, " ");
    mm_os_text_hex(t, value, digits);
}

void mm_except_tell_registers(struct os_text *t, const CONTEXT *c)
{
    static const char names_of[16][6] = {"rax",  " rcx", " rdx", " rbx", "rsp",  " rbp",
                                         " rsi", " rdi", "r8 ",  " r9 ", " r10", " r11",
                                         "r12",  " r13", " r14", " r15"};
    const DWORD64 *values = &c->Rax;

    for (int i = 0; i < 16; i++) {
        mm_os_text(t, i % 4 ? " " : "  ");
        tell(t, names_of[i], values[i], 16);
        if (i % 4 == 3)
            mm_os_text(t, "\n");
    }
    tell(t, "  rip", c->Rip, 16);
    tell(t, "  eflags", c->EFlags, 8);
    tell(t, "  mxcsr", c->MxCsr, 8);
    mm_os_text(t, "\n");
}

/* ---- for unwind.c ------------------------------------------------------------------------------- */

const int mm_except_sp = 7;
const int mm_except_fp = 6;

static void fill(struct frame *f, const uint64_t *by_number, uint64_t ip)
{
    static const unsigned char dwarf[8] = {0, 2, 1, 3,
                                           6, 7, 5, 4}; /* rax rdx rcx rbx rsi rdi ... */

    memset(f, 0, sizeof *f);
    for (int i = 0; i < 16; i++)
        f->registers[i] = by_number[i < 8 ? dwarf[i] : i];
    f->registers[16] = ip;
    f->ip = (uintptr_t)ip;
    f->exact = true;
}

void mm_except_frame(const CONTEXT *c, struct frame *f)
{
    fill(f, (const uint64_t *)&c->Rax, c->Rip);
}

void mm_except_frame_of(const struct os_registers *r, struct frame *f)
{
    fill(f, r->integer, r->ip);
}
