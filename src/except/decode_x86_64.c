/*
 * decode_x86_64.c - just enough of the instruction that failed to name its exception.
 *
 * Linux has one signal where Windows has two codes: a general-protection fault is a privileged
 * instruction or an address no page can have; a failed division divides by zero or overflows.
 */
#include "except/except_internal.h"

#define LONGEST 15
#define REX_B 1
#define REX_X 2
#define REX_R 4
#define REX_W 8

struct instruction {
    unsigned char bytes[LONGEST + 8]; /* zeros behind what could be read */
    int at;                           /* behind prefixes: the opcode */
    unsigned char rex;
    bool operand_16;
    bool segment; /* fs or gs: the base is not known here */
};

static bool is_legacy_prefix(unsigned char b)
{
    return b == 0x66 || b == 0x67 || b == 0xf0 || b == 0xf2 || b == 0xf3 || b == 0x2e ||
           b == 0x36 || b == 0x3e || b == 0x26 || b == 0x64 || b == 0x65;
}

static bool fetch(uintptr_t ip, struct instruction *ret)
{
    *ret = (struct instruction){0};
    int size = LONGEST;
    while (size && !mm_os_peek(ret->bytes, (void *)ip, (size_t)size))
        size--; /* the page may end behind it */
    while (ret->at < size - 1 && is_legacy_prefix(ret->bytes[ret->at])) {
        ret->operand_16 |= ret->bytes[ret->at] == 0x66;
        ret->segment |= ret->bytes[ret->at] == 0x64 || ret->bytes[ret->at] == 0x65;
        ret->at++;
    }
    if ((ret->bytes[ret->at] & 0xf0) == 0x40)
        ret->rex = ret->bytes[ret->at++];
    return size > 0;
}

static bool is_privileged_two_byte(unsigned char second, unsigned char third)
{
    switch (second) {
    case 0x00: /* lldt, ltr */ return (third >> 3 & 7) == 2 || (third >> 3 & 7) == 3;
    case 0x01: /* lgdt, lidt, lmsw, invlpg, swapgs */
        return (third >> 3 & 7) == 2 || (third >> 3 & 7) == 3 || (third >> 3 & 7) >= 6;
    case 0x06: /* clts */
    case 0x07: /* sysret */
    case 0x08: /* invd */
    case 0x09: /* wbinvd */
    case 0x20: /* mov to and from control and debug registers */
    case 0x21:
    case 0x22:
    case 0x23:
    case 0x30: /* wrmsr, rdmsr, rdpmc, sysexit */
    case 0x32:
    case 0x33:
    case 0x35: return true;
    default: return false;
    }
}

bool mm_except_is_privileged(uintptr_t ip)
{
    struct instruction i;
    if (!fetch(ip, &i))
        return false;

    const unsigned char *b = i.bytes + i.at;
    if (b[0] == 0x0f)
        return is_privileged_two_byte(b[1], b[2]);
    return b[0] == 0xf4 || b[0] == 0xfa || b[0] == 0xfb || /* hlt, cli, sti */
           (b[0] >= 0x6c && b[0] <= 0x6f) ||               /* ins, outs */
           (b[0] >= 0xe4 && b[0] <= 0xe7) ||               /* in, out */
           (b[0] >= 0xec && b[0] <= 0xef);
}

static int32_t displacement(const unsigned char *at, int bytes)
{
    if (bytes == 1)
        return (signed char)at[0];
    return (int32_t)((uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 |
                     (uint32_t)at[3] << 24);
}

/* The address that the ModRM byte at `m` names; `m` is part of i->bytes. */
static uintptr_t address_of(const struct instruction *i, const unsigned char *m,
                            const struct os_registers *r)
{
    int mod = m[0] >> 6;
    int rm = m[0] & 7;
    const unsigned char *next = m + 1;
    uintptr_t address = 0;
    bool no_base = false;

    if (rm == 4) {
        int index = (*next >> 3 & 7) | (i->rex & REX_X ? 8 : 0);
        if (index != 4)
            address = r->integer[index] << (*next >> 6);
        rm = *next++ & 7;
        no_base = rm == 5 && mod == 0;
    } else if (rm == 5 && mod == 0) { /* relative to the next instruction */
        return r->ip + (uintptr_t)(next + 4 - i->bytes) +
               (uintptr_t)(intptr_t)displacement(next, 4);
    }
    if (!no_base)
        address += r->integer[rm | (i->rex & REX_B ? 8 : 0)];
    if (mod == 1)
        address += (uintptr_t)(intptr_t)displacement(next, 1);
    else if (mod == 2 || no_base)
        address += (uintptr_t)(intptr_t)displacement(next, 4);
    return address;
}

static bool operand(const struct instruction *i, const struct os_registers *r, int size,
                    uint64_t *ret_value)
{
    const unsigned char *m = i->bytes + i->at + 1;
    int number = (m[0] & 7) | (i->rex & REX_B ? 8 : 0);
    uint64_t value = 0;

    if (m[0] >> 6 != 3) {
        if (i->segment || !mm_os_peek(&value, (void *)address_of(i, m, r), (size_t)size))
            return false;
    } else if (size == 1 && !i->rex && number >= 4) {
        value = r->integer[number - 4] >> 8; /* ah ch dh bh */
    } else {
        value = r->integer[number];
    }
    *ret_value = size == 8 ? value : value & ((1ull << size * 8) - 1);
    return true;
}

bool mm_except_divides_by_zero(const struct os_fault *fault)
{
    struct os_registers r;
    struct instruction i;
    uint64_t divisor;

    mm_os_fault_registers(fault, &r);
    if (!fetch(fault->ip, &i) || (i.bytes[i.at] & 0xfe) != 0xf6)
        return true;
    int size = i.bytes[i.at] == 0xf6 ? 1 : i.rex & REX_W ? 8 : i.operand_16 ? 2 : 4;
    return !operand(&i, &r, size, &divisor) || divisor == 0;
}
