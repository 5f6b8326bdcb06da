/*
 * os_mapping.c - memory that other code mapped, as the kernel lists it.
 *
 * PROCMAP_QUERY (6.11) answers for one address; before it, /proc/self/maps is read through a small
 * buffer, line by line.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/ioctl.h>
#include <string.h>

#include "base/page.h"
#include "os/os_internal.h"

struct procmap_query {
    uint64_t size;
    uint64_t query_flags;
    uint64_t query_addr;
    uint64_t vma_start;
    uint64_t vma_end;
    uint64_t vma_flags;
    uint64_t vma_page_size;
    uint64_t vma_offset;
    uint64_t inode;
    uint32_t dev_major;
    uint32_t dev_minor;
    uint32_t vma_name_size;
    uint32_t build_id_size;
    uint64_t vma_name_addr;
    uint64_t build_id_addr;
};

#define PROCMAP_QUERY _IOWR('f', 17, struct procmap_query)
#define COVERING_OR_NEXT 0x10u
#define VMA_READABLE 1u
#define VMA_WRITABLE 2u
#define VMA_EXECUTABLE 4u
#define VMA_SHARED 8u

static int ask_kernel(int fd, uintptr_t address, struct os_mapping *m)
{
    struct procmap_query q = {
        .size = sizeof q,
        .query_flags = COVERING_OR_NEXT,
        .query_addr = address,
        .vma_name_size = sizeof m->name,
        .vma_name_addr = (uint64_t)(uintptr_t)m->name,
    };

    m->name[0] = '\0';
    int error = (int)call3(SYS_ioctl, fd, PROCMAP_QUERY, &q);
    if (error == -ENAMETOOLONG) {
        q.vma_name_size = 0;
        q.vma_name_addr = 0;
        error = (int)call3(SYS_ioctl, fd, PROCMAP_QUERY, &q);
        m->name[0] = '\0';
    }
    if (error)
        return error;
    m->start = q.vma_start;
    m->end = q.vma_end;
    m->access = (q.vma_flags & VMA_READABLE ? OS_READ : 0) |
                (q.vma_flags & VMA_WRITABLE ? OS_WRITE : 0) |
                (q.vma_flags & VMA_EXECUTABLE ? OS_EXEC : 0);
    m->shared = q.vma_flags & VMA_SHARED;
    m->file = q.inode != 0;
    m->inode = q.inode;
    m->device = (uint64_t)q.dev_major << 32 | q.dev_minor;
    m->offset = q.vma_offset;
    return 0;
}

static const char *hex(const char *at, uintptr_t *ret_value)
{
    uintptr_t value = 0;
    for (;; at++) {
        int digit = *at >= '0' && *at <= '9'   ? *at - '0'
                    : *at >= 'a' && *at <= 'f' ? *at - 'a' + 10
                                               : -1;
        if (digit < 0)
            break;
        value = value << 4 | (uintptr_t)digit;
    }
    *ret_value = value;
    return at;
}

static const char *skip_field(const char *at)
{
    while (*at && *at != ' ')
        at++;
    while (*at == ' ')
        at++;
    return at;
}

/* "start-end rwxp offset dev inode   name" */
static void parse_line(const char *line, struct os_mapping *m)
{
    const char *at = hex(line, &m->start);
    at = hex(at + (*at == '-'), &m->end);
    if (strlen(at) < 5) {
        m->start = m->end = 0;
        return;
    }
    m->access =
        (at[1] == 'r' ? OS_READ : 0) | (at[2] == 'w' ? OS_WRITE : 0) | (at[3] == 'x' ? OS_EXEC : 0);
    m->shared = at[4] == 's';
    at = skip_field(at + 1); /* access */
    uintptr_t offset;
    (void)hex(at, &offset); /* cannot fail: no digits are 0 */
    m->offset = offset;
    uintptr_t major;
    uintptr_t minor;
    at = skip_field(at);
    const char *colon = hex(at, &major);
    (void)hex(colon + (*colon == ':'), &minor);
    m->device = (uint64_t)major << 32 | minor;
    at = skip_field(at);
    for (m->inode = 0; *at >= '0' && *at <= '9'; at++)
        m->inode = m->inode * 10 + (uint64_t)(*at - '0');
    m->file = m->inode != 0;
    at = skip_field(at);
    size_t length = min_size(strlen(at), sizeof m->name - 1);
    memcpy(m->name, at, length);
    m->name[length] = '\0';
}

/* A line being read, and the mapping of the last whole one.  Small: signal handlers ask, too. */
struct lines {
    char line[320];
    size_t length;
    struct os_mapping *mapping;
};

/* Take more of the text: whether a line was whole whose mapping ends above `address`. */
static bool feed(struct lines *l, const char *text, size_t size, uintptr_t address)
{
    for (size_t i = 0; i < size; i++) {
        if (text[i] != '\n') {
            if (l->length + 1 < sizeof l->line)
                l->line[l->length++] = text[i];
            continue;
        }
        l->line[l->length] = '\0';
        l->length = 0;
        parse_line(l->line, l->mapping);
        if (l->mapping->end > address)
            return true;
    }
    return false;
}

static int read_list(uintptr_t address, struct os_mapping *m)
{
    char buffer[1024];
    struct lines lines = {.mapping = m};
    bool found = false;
    ssize_t got;
    int fd = mm_os_open("/proc/self/maps", O_RDONLY, 0);
    if (fd < 0)
        return fd;

    while (!found && (got = mm_os_read(fd, buffer, sizeof buffer)) > 0)
        found = feed(&lines, buffer, (size_t)got, address);
    (void)mm_os_close(fd); /* read only: nothing to lose */
    return found ? 0 : -ENOENT;
}

int mm_os_mapping_at(uintptr_t address, struct os_mapping *ret_mapping)
{
    struct os_mapping m = {0};
    int fd = mm_os_open("/proc/self/maps", O_RDONLY, 0);
    if (fd < 0)
        return fd;

    int error = ask_kernel(fd, address, &m);
    (void)mm_os_close(fd); /* read only: nothing to lose */
    if (error == -ENOTTY)
        error = read_list(address, &m);
    if (!error)
        *ret_mapping = m;
    return error;
}
