/*
 * report_where.c - what an address is: a line for the report.
 *
 * Windows' words for memory that is ours, the module for code, the kernel's name for the rest.
 */
#include <string.h>

#include "base/page.h"
#include "except/except_internal.h"

#define FAR_AWAY (16 * MIB) /* a neighbour farther off has nothing to do with it */

static void text_address(struct os_text *t, uintptr_t address)
{
    mm_os_text(t, "0x");
    mm_os_text_hex(t, address, address >> 48 ? 16 : 12);
}

static const char *file_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static void text_offset(struct os_text *t, const char *name, uintptr_t offset)
{
    int digits = 1;
    while (digits < 16 && offset >> digits * 4)
        digits++;
    mm_os_text(t, name);
    mm_os_text(t, "+0x");
    mm_os_text_hex(t, offset, digits);
}

void mm_except_tell_place(struct os_text *t, uintptr_t address)
{
    struct os_module module;
    struct os_mapping mapping;
    char symbol[64];
    uintptr_t offset;

    if (mm_os_module_at(address, &module)) {
        text_offset(t, file_name(module.name), address - module.bias);
        if (mm_os_symbol_at(address, symbol, sizeof symbol, &offset)) {
            mm_os_text(t, "  ");
            text_offset(t, symbol, offset);
        }
        return;
    }
    if (mm_os_mapping_at(address, &mapping) || mapping.start > address)
        mm_os_text(t, "nothing there");
    else if (mapping.name[0])
        text_offset(t, file_name(mapping.name), address - mapping.start);
    else
        mm_os_text(t, "memory without a name");
}

/* ---- memory ------------------------------------------------------------------------------------- */

static const char *protection_name(ULONG protect)
{
    switch (protect & 0xff) {
    case PAGE_NOACCESS: return "PAGE_NOACCESS";
    case PAGE_READONLY: return "PAGE_READONLY";
    case PAGE_READWRITE: return "PAGE_READWRITE";
    case PAGE_WRITECOPY: return "PAGE_WRITECOPY";
    case PAGE_EXECUTE: return "PAGE_EXECUTE";
    case PAGE_EXECUTE_READ: return "PAGE_EXECUTE_READ";
    case PAGE_EXECUTE_READWRITE: return "PAGE_EXECUTE_READWRITE";
    case PAGE_EXECUTE_WRITECOPY: return "PAGE_EXECUTE_WRITECOPY";
    default: return "of unknown protection";
    }
}

static bool ask(uintptr_t address, MEMORY_BASIC_INFORMATION *ret_info)
{
    return mm_except_memory->query && !mm_except_memory->query((void *)address, ret_info);
}

static void tell_into(struct os_text *t, uintptr_t address, uintptr_t base)
{
    mm_os_text_number(t, address - base);
    mm_os_text(t, " bytes into the allocation at ");
    text_address(t, base);
}

/* Memory that ends a little before: most likely its end was run over. */
static void tell_neighbour(struct os_text *t, uintptr_t address, uintptr_t start)
{
    MEMORY_BASIC_INFORMATION info;

    if (!start || address - start > FAR_AWAY || !ask(start - 1, &info) || info.State != MEM_COMMIT)
        return;
    mm_os_text(t, ",\n  ");
    mm_os_text_number(t, address - start);
    mm_os_text(t, " bytes past the end of committed memory of the allocation at ");
    text_address(t, (uintptr_t)info.AllocationBase);
}

static void tell_committed(struct os_text *t, uintptr_t address,
                           const MEMORY_BASIC_INFORMATION *info)
{
    struct os_mapping m = {0};

    mm_os_text(t, "committed, ");
    mm_os_text(t, protection_name(info->Protect));
    if (info->Protect & PAGE_GUARD)
        mm_os_text(t, " | PAGE_GUARD");
    mm_os_text(t, ": ");
    if (!mm_os_mapping_at(address, &m) && m.start <= address && m.name[0] &&
        info->Type != MEM_PRIVATE)
        mm_except_tell_place(t, address);
    else if (strcmp(m.name, "[stack]") == 0)
        mm_os_text(t, "the first thread's stack");
    else
        tell_into(t, address, (uintptr_t)info->AllocationBase);
}

static void tell_region(struct os_text *t, uintptr_t address, const MEMORY_BASIC_INFORMATION *info)
{
    if (info->State == MEM_COMMIT) {
        tell_committed(t, address, info);
        return;
    }
    if (info->State == MEM_RESERVE) {
        mm_os_text(t, "reserved, not committed: ");
        tell_into(t, address, (uintptr_t)info->AllocationBase);
    } else if (mm_except_is_ours(address)) {
        mm_os_text(t, "free: most likely memory that was released (VirtualFree, free, munmap)");
    } else {
        mm_os_text(t, "free: nothing is allocated there");
    }
    tell_neighbour(t, address, (uintptr_t)info->BaseAddress);
}

bool mm_except_block_at(uintptr_t address, struct except_block *ret_block)
{
    return mm_except_memory->block_at && mm_except_memory->block_at((void *)address, ret_block);
}

static void tell_block(struct os_text *t, uintptr_t address, const struct except_block *b)
{
    bool before = address < b->address;
    bool behind = !before && address - b->address >= b->size;
    uintptr_t distance = before ? b->address - address : address - b->address;

    mm_os_text_number(t, behind ? distance - b->size : distance);
    mm_os_text(t, before ? " bytes before the start of" : behind ? " bytes behind the end of" : "");
    mm_os_text(t, before || behind ? "" : " bytes inside");
    mm_os_text(t, " a block of ");
    mm_os_text_number(t, b->size);
    mm_os_text(t, " bytes at ");
    text_address(t, b->address);
    mm_os_text(t, b->freed ? " that was freed (page heap)" : " (page heap)");
}

void mm_except_tell_address(struct os_text *t, uintptr_t address)
{
    static struct except_block block; /* one report a process */
    MEMORY_BASIC_INFORMATION info;

    mm_os_text(t, "  ");
    text_address(t, address);
    mm_os_text(t, " is ");
    if (address + 1 == 0)
        mm_os_text(t, "what is told for an address that no page can have (not canonical)");
    else if (address < UNIT_BYTES)
        mm_os_text(t, "in the first 64 KiB, where nothing ever lies: a null pointer");
    else if (mm_except_block_at(address, &block))
        tell_block(t, address, &block);
    else if (ask(address, &info))
        tell_region(t, address, &info);
    else
        mm_except_tell_place(t, address);
    mm_os_text(t, "\n");
}
