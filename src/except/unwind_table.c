/*
 * unwind_table.c - .eh_frame, which compilers write for every function, with or without frame
 * pointers.
 *
 * .eh_frame_hdr holds a sorted table from function to its description (FDE), which shares a common
 * part (CIE) with others.  Both hold a program that, run up to the place of interest, says where
 * each register of the caller is: the CFA (the stack pointer before the call) plus an offset, as a
 * rule.  The encodings are those of the System V ABI (DWARF 3 with the "eh" augmentations).
 *
 * The tables lie in the module's own read-only file mapping and are read directly; everything that
 * they point to on the stack is read with care.  Nothing is kept: a walk is a few steps.
 */
#include <string.h>

#include "base/page.h"
#include "except/unwind.h"

#define SAVED_ROWS 4
#define EXPRESSION_DEPTH 16

enum encoding { ABSOLUTE = 0, ULEB = 1, U2 = 2, U4 = 3, U8 = 4, S2 = 10, S4 = 11, S8 = 12 };
#define ENCODING_FORM 0x0f
#define ENCODING_BASE 0x70
#define FROM_HERE 0x10
#define FROM_TABLE 0x30
#define INDIRECT 0x80
#define TABLE_OF_PAIRS 0x3b /* 32-bit offsets from .eh_frame_hdr: what every linker writes */

enum how { SAME = 0, UNDEFINED, AT_OFFSET, IS_OFFSET, IN_REGISTER, AT_EXPRESSION, IS_EXPRESSION };

struct rule {
    unsigned char how;
    int32_t offset;                  /* or the number of a register */
    const unsigned char *expression; /* its length first */
};

struct row {
    struct rule cfa; /* IN_REGISTER with `offset` added, or IS_EXPRESSION */
    unsigned cfa_register;
    struct rule rules[UNWIND_REGISTERS];
};

struct description {
    uint64_t code_step;
    int64_t data_step;
    unsigned return_register;
    unsigned char encoding; /* of addresses in the FDE */
    bool has_data;          /* the FDE holds augmentation data */
    bool signal;
    const unsigned char *start; /* the common program */
    const unsigned char *end;
    const unsigned char *own_start;
    const unsigned char *own_end;
    uintptr_t function;
};

/* Big, and only one walk at a time uses them. */
static MM_APART struct {
    struct row now;
    struct row initial;
    struct row saved[SAVED_ROWS];
} work;

/* ---- reading ------------------------------------------------------------------------------------ */

static uint64_t uleb(const unsigned char **at)
{
    uint64_t value = 0;
    unsigned shift = 0;
    unsigned char byte;

    do {
        byte = *(*at)++;
        if (shift < 64)
            value |= (uint64_t)(byte & 0x7f) << shift;
        shift += 7;
    } while (byte & 0x80);
    return value;
}

static int64_t sleb(const unsigned char **at)
{
    uint64_t value = 0;
    unsigned shift = 0;
    unsigned char byte;

    do {
        byte = *(*at)++;
        if (shift < 64)
            value |= (uint64_t)(byte & 0x7f) << shift;
        shift += 7;
    } while (byte & 0x80);
    if (shift < 64 && byte & 0x40)
        value |= ~0ull << shift;
    return (int64_t)value;
}

static uint64_t fixed(const unsigned char **at, size_t size)
{
    uint64_t value = 0;
    memcpy(&value, *at, size);
    *at += size;
    return value;
}

static uint64_t form(const unsigned char **at, unsigned char encoding)
{
    switch (encoding & ENCODING_FORM) {
    case ULEB: return uleb(at);
    case U2: return fixed(at, 2);
    case S2: return (uint64_t)(int64_t)(int16_t)fixed(at, 2);
    case U4: return fixed(at, 4);
    case S4: return (uint64_t)(int64_t)(int32_t)fixed(at, 4);
    default: return fixed(at, 8);
    }
}

/* An address in one of the encodings; the second of a pair (a length) has no base. */
static uintptr_t encoded(const unsigned char **at, unsigned char encoding)
{
    uintptr_t here = (uintptr_t)*at;
    uintptr_t value = (uintptr_t)form(at, encoding);

    if ((encoding & ENCODING_BASE) == FROM_HERE && value)
        value += here;
    if (encoding & INDIRECT && !mm_os_peek(&value, (void *)value, sizeof value))
        return 0;
    return value;
}

/* ---- finding the description -------------------------------------------------------------------- */

static int32_t pair_half(const unsigned char *table, uint64_t index, int half)
{
    int32_t value;
    memcpy(&value, table + index * 8 + (unsigned)half * 4, sizeof value);
    return value;
}

/* The FDE of the last function that starts at or before `address`; NULL: none. */
static const unsigned char *find_entry(const unsigned char *header, uintptr_t address)
{
    const unsigned char *at = header + 4;

    if (header[0] != 1 || header[3] != TABLE_OF_PAIRS)
        return NULL;
    (void)encoded(&at, header[1]); /* where .eh_frame is: the table leads there too */
    uint64_t high = form(&at, header[2]);
    uint64_t low = 0;
    int64_t wanted = (int64_t)(address - (uintptr_t)header);
    while (low < high) { /* the first that starts behind it */
        uint64_t middle = low + (high - low) / 2;
        if (pair_half(at, middle, 0) <= wanted)
            low = middle + 1;
        else
            high = middle;
    }
    return low ? header + pair_half(at, low - 1, 1) : NULL;
}

/* Start and end of an entry behind its length; false: the 64-bit form, which nobody writes. */
static bool entry_bounds(const unsigned char **at, const unsigned char **ret_end)
{
    uint32_t length = (uint32_t)fixed(at, 4);
    *ret_end = *at + length;
    return length && length != 0xffffffffu;
}

static void read_augmentation(const char *letters, const unsigned char *at, struct description *d)
{
    for (; *letters; letters++) {
        if (*letters == 'R') {
            d->encoding = *at++;
        } else if (*letters == 'P') {
            unsigned char encoding = *at++;
            (void)form(&at, encoding); /* the routine for C++ exceptions */
        } else if (*letters == 'L') {
            at++;
        } else if (*letters == 'S') {
            d->signal = true;
        }
    }
}

static bool read_common(const unsigned char *at, struct description *d)
{
    if (!entry_bounds(&at, &d->end) || fixed(&at, 4) != 0)
        return false;
    unsigned char version = *at++;
    const char *letters = (const char *)at;
    at += strlen(letters) + 1;
    d->code_step = uleb(&at);
    d->data_step = sleb(&at);
    d->return_register = version == 1 ? *at++ : (unsigned)uleb(&at);
    if (letters[0] == 'z') {
        uint64_t length = uleb(&at);
        d->has_data = true;
        read_augmentation(letters + 1, at, d);
        at += length;
    } else if (letters[0]) {
        return false;
    }
    d->start = at;
    return d->return_register < UNWIND_REGISTERS;
}

static bool read_description(const unsigned char *at, uintptr_t address, struct description *d)
{
    if (!entry_bounds(&at, &d->own_end))
        return false;
    const unsigned char *field = at;
    if (!read_common(field - fixed(&at, 4), d))
        return false;
    d->function = encoded(&at, d->encoding);
    uintptr_t length = (uintptr_t)form(&at, d->encoding);
    if (d->has_data) {
        uint64_t skipped = uleb(&at);
        at += skipped;
    }
    d->own_start = at;
    return address - d->function < length;
}

static bool find_description(uintptr_t address, struct description *d)
{
    struct os_module module;
    if (!mm_os_module_at(address, &module) || !module.unwind)
        return false;

    const unsigned char *entry = find_entry(module.unwind, address);
    *d = (struct description){0};
    return entry && read_description(entry, address, d);
}

/* ---- running the program ------------------------------------------------------------------------ */

static const unsigned char *skip_expression(const unsigned char *at)
{
    uint64_t length = uleb(&at);
    return at + length;
}

static void set(uint64_t number, enum how how, int64_t offset)
{
    if (number < UNWIND_REGISTERS)
        work.now.rules[number] = (struct rule){(unsigned char)how, (int32_t)offset, NULL};
}

static const unsigned char *set_expression(uint64_t number, enum how how, const unsigned char *at)
{
    if (number < UNWIND_REGISTERS)
        work.now.rules[number] = (struct rule){(unsigned char)how, 0, at};
    return skip_expression(at);
}

static void restore(uint64_t number)
{
    if (number < UNWIND_REGISTERS)
        work.now.rules[number] = work.initial.rules[number];
}

static void set_cfa(unsigned number, int64_t offset)
{
    work.now.cfa_register = number;
    work.now.cfa = (struct rule){IN_REGISTER, (int32_t)offset, NULL};
}

struct run {
    const unsigned char *at;
    uintptr_t place; /* the program has said everything up to here */
    int saved;
    bool failed;
};

/* DW_CFA_def_cfa and its kin. */
static bool run_cfa(unsigned char code, struct run *r, const struct description *d)
{
    struct row *row = &work.now;

    switch (code) {
    case 0x0c: { /* def_cfa */
        unsigned number = (unsigned)uleb(&r->at);
        set_cfa(number, (int64_t)uleb(&r->at));
        return true;
    }
    case 0x0d: /* def_cfa_register */ set_cfa((unsigned)uleb(&r->at), row->cfa.offset); return true;
    case 0x0e: /* def_cfa_offset */ row->cfa.offset = (int32_t)uleb(&r->at); return true;
    case 0x0f: /* def_cfa_expression */
        row->cfa = (struct rule){IS_EXPRESSION, 0, r->at};
        r->at = skip_expression(r->at);
        return true;
    case 0x12: { /* def_cfa_sf */
        unsigned number = (unsigned)uleb(&r->at);
        set_cfa(number, sleb(&r->at) * d->data_step);
        return true;
    }
    case 0x13: /* def_cfa_offset_sf */
        row->cfa.offset = (int32_t)(sleb(&r->at) * d->data_step);
        return true;
    default: return false;
    }
}

static bool names_register(unsigned char code)
{
    return (code >= 0x05 && code <= 0x09) || code == 0x10 || code == 0x11 ||
           (code >= 0x14 && code <= 0x16);
}

/* What says where a register is. */
static bool run_register(unsigned char code, struct run *r, const struct description *d)
{
    if (!names_register(code))
        return false;
    uint64_t number = uleb(&r->at);
    switch (code) {
    case 0x05: /* offset_extended */
        set(number, AT_OFFSET, (int64_t)uleb(&r->at) * d->data_step);
        return true;
    case 0x06: /* restore_extended */ restore(number); return true;
    case 0x07: /* undefined */ set(number, UNDEFINED, 0); return true;
    case 0x08: /* same_value */ set(number, SAME, 0); return true;
    case 0x09: /* register */ set(number, IN_REGISTER, (int64_t)uleb(&r->at)); return true;
    case 0x10: /* expression */ r->at = set_expression(number, AT_EXPRESSION, r->at); return true;
    case 0x11: /* offset_extended_sf */
        set(number, AT_OFFSET, sleb(&r->at) * d->data_step);
        return true;
    case 0x14: /* val_offset */
        set(number, IS_OFFSET, (int64_t)uleb(&r->at) * d->data_step);
        return true;
    case 0x15: /* val_offset_sf */ set(number, IS_OFFSET, sleb(&r->at) * d->data_step); return true;
    default: /* 0x16: val_expression */
        r->at = set_expression(number, IS_EXPRESSION, r->at);
        return true;
    }
}

/* What moves the place, keeps rows, or is nothing to us. */
static bool run_other(unsigned char code, struct run *r, const struct description *d)
{
    switch (code) {
    case 0x00: /* nop */
    case 0x2d: /* the return address is signed or not (aarch64) */ return true;
    case 0x01: /* set_loc */ r->place = encoded(&r->at, d->encoding); return true;
    case 0x02: /* advance_loc1, 2, 4 */
    case 0x03:
    case 0x04: r->place += fixed(&r->at, (size_t)1 << (code - 2)) * d->code_step; return true;
    case 0x0a: /* remember_state */
        if (r->saved < SAVED_ROWS)
            work.saved[r->saved++] = work.now;
        return true;
    case 0x0b: /* restore_state */
        if (r->saved)
            work.now = work.saved[--r->saved];
        return true;
    case 0x2e: /* GNU_args_size */ (void)uleb(&r->at); return true;
    default: return false;
    }
}

static void run_one(struct run *r, const struct description *d)
{
    unsigned char code = *r->at++;
    unsigned char low = code & 0x3f;

    switch (code & 0xc0) {
    case 0x40: /* advance_loc */ r->place += low * d->code_step; return;
    case 0x80: /* offset */ set(low, AT_OFFSET, (int64_t)uleb(&r->at) * d->data_step); return;
    case 0xc0: /* restore */ restore(low); return;
    default:
        if (!run_other(code, r, d) && !run_cfa(code, r, d) && !run_register(code, r, d))
            r->failed = true;
    }
}

/* Both programs, up to the row that holds at `address`. */
static bool run(const struct description *d, uintptr_t address)
{
    struct run r = {.at = d->start, .place = d->function};

    memset(&work.now, 0, sizeof work.now);
    while (r.at < d->end && !r.failed)
        run_one(&r, d);
    work.initial = work.now;
    r.at = d->own_start;
    r.place = d->function;
    while (r.at < d->own_end && !r.failed && r.place <= address)
        run_one(&r, d);
    return !r.failed;
}

/* ---- the caller's registers --------------------------------------------------------------------- */

struct stack_machine {
    uint64_t value[EXPRESSION_DEPTH];
    int depth;
    const struct frame *frame;
};

static void push(struct stack_machine *s, uint64_t value)
{
    if (s->depth < EXPRESSION_DEPTH)
        s->value[s->depth++] = value;
}

static uint64_t pop(struct stack_machine *s)
{
    return s->depth ? s->value[--s->depth] : 0;
}

static bool calculate(unsigned char code, struct stack_machine *s)
{
    uint64_t b = pop(s);
    uint64_t a = pop(s);

    switch (code) {
    case 0x1a: push(s, a & b); return true;
    case 0x1c: push(s, a - b); return true;
    case 0x22: push(s, a + b); return true;
    case 0x24: push(s, b < 64 ? a << b : 0); return true;
    case 0x2a: push(s, (int64_t)a >= (int64_t)b); return true;
    default: return false;
    }
}

/* The few operations that compilers and libc use in unwind tables. */
static bool operate(unsigned char code, const unsigned char **at, struct stack_machine *s)
{
    uint64_t word;

    if (code >= 0x30 && code <= 0x4f) { /* lit0 to lit31 */
        push(s, code - 0x30u);
        return true;
    }
    if (code >= 0x70 && code <= 0x8f) { /* breg0 to breg31 */
        push(s, s->frame->registers[code - 0x70] + (uint64_t)sleb(at));
        return true;
    }
    switch (code) {
    case 0x06: /* deref */
        if (!mm_os_peek(&word, (void *)(uintptr_t)pop(s), sizeof word))
            return false;
        push(s, word);
        return true;
    case 0x08: /* const1u */ push(s, fixed(at, 1)); return true;
    case 0x0a: /* const2u */ push(s, fixed(at, 2)); return true;
    case 0x23: /* plus_uconst */ push(s, pop(s) + uleb(at)); return true;
    default: return calculate(code, s);
    }
}

static bool evaluate(const unsigned char *at, const struct frame *f, const uint64_t *first,
                     uint64_t *ret_value)
{
    struct stack_machine s = {.frame = f};
    uint64_t length = uleb(&at);
    const unsigned char *end = at + length;

    if (first)
        push(&s, *first);
    while (at < end) {
        unsigned char code = *at++;
        if (!operate(code, &at, &s))
            return false;
    }
    *ret_value = pop(&s);
    return true;
}

static bool find_cfa(const struct frame *f, uint64_t *ret_cfa)
{
    const struct row *row = &work.now;

    if (row->cfa.how == IS_EXPRESSION)
        return evaluate(row->cfa.expression, f, NULL, ret_cfa);
    if (row->cfa.how != IN_REGISTER || row->cfa_register >= UNWIND_REGISTERS)
        return false;
    *ret_cfa = f->registers[row->cfa_register] + (uint64_t)(int64_t)row->cfa.offset;
    return true;
}

static bool apply(const struct rule *rule, const struct frame *f, uint64_t cfa, uint64_t *value)
{
    uint64_t at = cfa + (uint64_t)(int64_t)rule->offset;

    switch (rule->how) {
    case UNDEFINED: *value = 0; return true;
    case AT_EXPRESSION:
        if (!evaluate(rule->expression, f, &cfa, &at))
            return false;
        return mm_os_peek(value, (void *)(uintptr_t)at, sizeof *value);
    case AT_OFFSET: return mm_os_peek(value, (void *)(uintptr_t)at, sizeof *value);
    case IS_OFFSET: *value = at; return true;
    case IN_REGISTER:
        *value = (unsigned)rule->offset < UNWIND_REGISTERS ? f->registers[rule->offset] : 0;
        return true;
    case IS_EXPRESSION: return evaluate(rule->expression, f, &cfa, value);
    default: return true;
    }
}

/* Of a return address: where the caller's registers are, where three of them are enough. */
bool mm_except_step_at(uintptr_t ip, struct unwind_step *ret_step)
{
    struct description d;
    const struct row *row = &work.now;

    if (!find_description(ip - 1, &d) || !run(&d, ip - 1) || d.signal)
        return false;
    const struct rule *back = &row->rules[d.return_register];
    const struct rule *fp = &row->rules[mm_except_fp];
    bool plain = row->cfa.how == IN_REGISTER && back->how == AT_OFFSET &&
                 (fp->how == SAME || fp->how == AT_OFFSET);
    if (!plain || (row->cfa_register != (unsigned)mm_except_sp &&
                   row->cfa_register != (unsigned)mm_except_fp))
        return false;
    *ret_step = (struct unwind_step){
        .from_fp = row->cfa_register == (unsigned)mm_except_fp,
        .keeps_fp = fp->how == SAME,
        .cfa = row->cfa.offset,
        .back = back->offset,
        .fp = fp->how == SAME ? 0 : fp->offset,
    };
    return true;
}

bool mm_except_unwind(struct frame *f)
{
    struct description d;
    uint64_t cfa;
    uintptr_t address = f->ip - (f->exact ? 0 : 1); /* the call, not what follows it */

    if (!find_description(address, &d) || !run(&d, address) || !find_cfa(f, &cfa))
        return false;
    struct frame caller = *f;
    caller.registers[mm_except_sp] = cfa;
    for (int i = 0; i < UNWIND_REGISTERS; i++) {
        if (!apply(&work.now.rules[i], f, cfa, &caller.registers[i]))
            return false;
    }
    caller.ip = (uintptr_t)caller.registers[d.return_register];
    caller.exact = d.signal;
    *f = caller;
    return true;
}
