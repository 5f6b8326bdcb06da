/*
 * foreign.c - memory that other code mapped: the program, its libraries, stacks, mapped files.
 *
 * Windows' calls see the whole address space, so VirtualQuery and VirtualProtect work here too,
 * by what the kernel says.  Nothing is remembered: the kernel's list is the only truth.
 */
#include "vm/vm_internal.h"

#include <errno.h>

#include <ntstatus.h>

/* Segments of a library may lie this much further from its base than in its file. */
#define SEGMENT_SLACK (4 * MIB)

bool mm_foreign_is_mapped(uintptr_t address)
{
    struct os_mapping m;
    return mm_os_mapping_at(address, &m) == 0 && m.start <= address;
}

/* The stretch around a page that the kernel's list is right about: a run lent, or no arena. */
static struct range stretch_of(uintptr_t page)
{
    struct region *r = mm_region_at(page);
    if (r)
        return r->node.range;
    struct tree_node *below = mm_tree_floor(&mm_space.arenas, page);
    struct tree_node *above = below ? mm_tree_next(below) : mm_tree_first(&mm_space.arenas);
    return (struct range){below ? below->range.end : 0, above ? above->range.start : MM_VM_END};
}

uintptr_t mm_foreign_free_end(uintptr_t page)
{
    struct os_mapping m;
    uintptr_t end = stretch_of(page).end;
    if (page >= MM_VM_END)
        return page;
    if (mm_os_mapping_at(page, &m))
        return end;
    return m.start <= page ? page : min_size(m.start, end);
}

static ULONG protect_of(const struct os_mapping *m)
{
    bool copies = m->file && !m->shared;
    bool executes = m->access & OS_EXEC;
    if (m->access & OS_WRITE) {
        ULONG writes = copies ? PAGE_WRITECOPY : PAGE_READWRITE;
        return executes ? writes << 4 : writes; /* PAGE_EXECUTE_* is PAGE_* four bits up */
    }
    if (m->access & OS_READ)
        return executes ? PAGE_EXECUTE_READ : PAGE_READONLY;
    return executes ? PAGE_EXECUTE : PAGE_NOACCESS;
}

static ULONG type_of(const struct os_mapping *m)
{
    if (m->shared)
        return MEM_MAPPED;
    return m->file ? MEM_IMAGE : MEM_PRIVATE;
}

static bool is_same_file(const struct os_mapping *a, const struct os_mapping *b)
{
    return a->inode == b->inode && a->device == b->device;
}

/* Where the image begins that the mapping is a segment of: where offset 0 of its file lies. */
static uintptr_t image_base(const struct os_mapping *segment)
{
    struct os_mapping m;
    uintptr_t reach = segment->offset + SEGMENT_SLACK;
    uintptr_t at = segment->start > reach ? segment->start - reach : 0;
    uintptr_t base = segment->start;
    for (; at < segment->start && mm_os_mapping_at(at, &m) == 0; at = m.end) {
        if (is_same_file(&m, segment) && m.offset == 0 && m.start < segment->start)
            base = m.start;
    }
    return base;
}

static void tell(const struct os_mapping *m, uintptr_t page, struct range within,
                 MEMORY_BASIC_INFORMATION *ret_info)
{
    ULONG type = type_of(m);
    uintptr_t base = type == MEM_IMAGE ? image_base(m) : m->start;
    if (base < within.start)
        base = within.start;
    *ret_info = (MEMORY_BASIC_INFORMATION){
        .BaseAddress = (void *)page,
        .AllocationBase = (void *)base,
        .AllocationProtect = type == MEM_IMAGE ? PAGE_EXECUTE_WRITECOPY : protect_of(m),
        .RegionSize = min_size(m->end, within.end) - page,
        .State = MEM_COMMIT,
        .Protect = protect_of(m),
        .Type = type,
    };
}

NTSTATUS mm_foreign_query(uintptr_t page, MEMORY_BASIC_INFORMATION *ret_info)
{
    struct os_mapping m;
    if (mm_os_mapping_at(page, &m) || m.start > page)
        return STATUS_INVALID_PARAMETER;
    struct range within = stretch_of(page);
    if (page >= within.end)
        within = (struct range){m.start, m.end}; /* the stack may lie above Windows' highest */
    tell(&m, page, within, ret_info);
    return STATUS_SUCCESS;
}

/* Whether all of the range is mapped, by what the protection suits; what the first page has. */
static NTSTATUS check_mapped(struct range range, ULONG protect, ULONG *ret_old)
{
    struct os_mapping m;
    ULONG old = 0;
    bool copies = protect & (PAGE_WRITECOPY | PAGE_EXECUTE_WRITECOPY);
    for (uintptr_t at = range.start; at < range.end; at = m.end) {
        if (mm_os_mapping_at(at, &m) || m.start > at)
            return STATUS_CONFLICTING_ADDRESSES;
        if (copies && (m.shared || !m.file))
            return STATUS_SECTION_PROTECTION;
        if (at == range.start)
            old = protect_of(&m);
    }
    *ret_old = old;
    return STATUS_SUCCESS;
}

NTSTATUS mm_foreign_protect(struct range range, ULONG protect, ULONG *ret_old)
{
    ULONG old;
    if (protect & PAGE_GUARD)
        return STATUS_NOT_SUPPORTED; /* nobody would take it off */
    NTSTATUS status = check_mapped(range, protect, &old);
    if (status)
        return status;

    int access = mm_vm_access_of(protect);
    int error = mm_os_protect((void *)range.start, range_size(range), access);
    if (error)
        return error == -EACCES ? STATUS_SECTION_PROTECTION : STATUS_NO_MEMORY;
    *ret_old = old;
    return STATUS_SUCCESS;
}
