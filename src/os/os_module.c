/*
 * os_module.c - which loaded program or library an address lies in.
 *
 * glibc's _dl_find_object (2.35) is the one way that is safe in a signal handler: it reads its own
 * table and takes no lock.  What the table points to is read carefully all the same, since this is
 * asked when memory may be damaged.
 *
 * Symbols are those of .dynsym, which is in memory; it ends where .dynstr begins, as every linker
 * lays them out.  Nothing says how many there are otherwise, but for a hash table.
 */
#include <dlfcn.h>
#include <link.h>
#include <string.h>

#include "base/page.h"
#include "os/os_internal.h"

extern __typeof__(_dl_find_object) _dl_find_object __attribute__((weak));

/* The path of the program itself, which the loader's list does not name. */
static void own_path(char *name, size_t capacity)
{
    long length = call4(SYS_readlinkat, -100, "/proc/self/exe", name, capacity - 1);
    name[length > 0 ? length : 0] = '\0';
}

static void copy_name(const char *from, char *name, size_t capacity)
{
    size_t i = 0;
    while (i < capacity - 1 && mm_os_peek(name + i, from + i, 1) && name[i])
        i++;
    name[i] = '\0';
}

static bool find(uintptr_t address, struct dl_find_object *ret_found, struct link_map *ret_map)
{
    return _dl_find_object && !_dl_find_object((void *)address, ret_found) &&
           mm_os_peek(ret_map, ret_found->dlfo_link_map, sizeof *ret_map);
}

bool mm_os_module_at(uintptr_t address, struct os_module *ret_module)
{
    struct dl_find_object found;
    struct link_map map;

    if (!find(address, &found, &map))
        return false;
    copy_name(map.l_name, ret_module->name, sizeof ret_module->name);
    if (!ret_module->name[0])
        own_path(ret_module->name, sizeof ret_module->name);
    ret_module->bias = map.l_addr;
    ret_module->unwind = found.dlfo_eh_frame;
    return true;
}

/* ---- symbols ------------------------------------------------------------------------------------ */

struct symbols {
    uintptr_t first; /* of an array of ElfW(Sym) */
    uintptr_t names; /* and where it ends */
};

static bool find_symbols(const struct link_map *map, struct symbols *ret)
{
    uintptr_t at = (uintptr_t)map->l_ld;
    ElfW(Dyn) entry;

    *ret = (struct symbols){0};
    while (mm_os_peek(&entry, (void *)at, sizeof entry) && entry.d_tag != DT_NULL) {
        if (entry.d_tag == DT_SYMTAB)
            ret->first = entry.d_un.d_ptr;
        else if (entry.d_tag == DT_STRTAB)
            ret->names = entry.d_un.d_ptr;
        at += sizeof entry;
    }
    return ret->first >= map->l_addr && ret->names > ret->first;
}

static bool holds(const ElfW(Sym) * s, uintptr_t bias, uintptr_t address)
{
    return s->st_shndx != SHN_UNDEF && s->st_name && address - bias - s->st_value < s->st_size;
}

bool mm_os_symbol_at(uintptr_t address, char *ret_name, size_t capacity, uintptr_t *ret_offset)
{
    struct dl_find_object found;
    struct link_map map;
    struct symbols symbols;
    ElfW(Sym) s;

    if (!find(address, &found, &map) || !find_symbols(&map, &symbols))
        return false;
    for (uintptr_t at = symbols.first; at + sizeof s <= symbols.names; at += sizeof s) {
        memcpy(&s, (void *)at, sizeof s); /* the module's read-only mapping */
        if (!holds(&s, map.l_addr, address))
            continue;
        copy_name((const char *)symbols.names + s.st_name, ret_name, capacity);
        *ret_offset = address - map.l_addr - s.st_value;
        return ret_name[0] != '\0';
    }
    return false;
}
