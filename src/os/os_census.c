/*
 * os_census.c - what the machine holds: processes, threads, files, the kernel's own memory.
 */
#include <fcntl.h>
#include <string.h>

#include "base/page.h"
#include "os/os_internal.h"

/* The number that starts `text`, after blanks. */
static uint64_t number_at(const char *text)
{
    uint64_t value = 0;

    text += strspn(text, " \t");
    for (; *text >= '0' && *text <= '9'; text++)
        value = value * 10 + (uint64_t)(*text - '0');
    return value;
}

/* The number behind `name` in `text`; 0 where the name is missing. */
static uint64_t number_behind(const char *text, const char *name)
{
    const char *at = strstr(text, name);
    return at ? number_at(at + strlen(name)) : 0;
}

/* Folders of /proc that are numbers. */
static unsigned count_processes(void)
{
    char buffer[4096];
    unsigned count = 0;
    long got;
    int fd = mm_os_open("/proc", O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0)
        return 0;

    while ((got = call3(SYS_getdents64, fd, buffer, sizeof buffer)) > 0)
        for (long at = 0; at < got;) {
            struct linux_dirent64 *entry = (struct linux_dirent64 *)(buffer + at);
            count += entry->d_name[0] >= '1' && entry->d_name[0] <= '9';
            at += entry->d_reclen;
        }
    (void)mm_os_close(fd); /* read only: nothing to lose */
    return count;
}

/* A small file of /proc; empty when it cannot be read. */
static const char *text_of(const char *path, char *buffer, size_t capacity)
{
    if (mm_os_read_text(path, buffer, capacity) < 0)
        buffer[0] = '\0';
    return buffer;
}

void mm_os_census(struct os_census *ret_census)
{
    char text[4096];

    text_of("/proc/meminfo", text, sizeof text);
    *ret_census = (struct os_census){
        .cached = number_behind(text, "\nCached:") * KIB,
        .reclaimable = number_behind(text, "SReclaimable:") * KIB,
        .unreclaimable = number_behind(text, "SUnreclaim:") * KIB,
        .processes = count_processes(),
    };
    /* running/all: the kernel counts threads */
    text_of("/proc/loadavg", text, sizeof text);
    ret_census->threads = (unsigned)number_behind(text, "/");
    text_of("/proc/sys/fs/file-nr", text, sizeof text);
    ret_census->files = (unsigned)number_at(text);
}
