/*
 * os_module.c - which loaded program or library an address lies in.
 *
 * glibc's _dl_find_object (2.35) is the one way that is safe in a signal handler: it reads its own
 * table and takes no lock.  What the table points to is read carefully all the same, since this is
 * asked when memory may be damaged.
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

bool mm_os_module_at(uintptr_t address, struct os_module *ret_module)
{
    struct dl_find_object found;
    struct link_map map;

    if (!_dl_find_object || _dl_find_object((void *)address, &found))
        return false;
    if (!mm_os_peek(&map, found.dlfo_link_map, sizeof map))
        return false;
    copy_name(map.l_name, ret_module->name, sizeof ret_module->name);
    if (!ret_module->name[0])
        own_path(ret_module->name, sizeof ret_module->name);
    ret_module->bias = map.l_addr;
    ret_module->unwind = found.dlfo_eh_frame;
    return true;
}
