/*
 * machine.c - small facts the kernel tells in small files.
 */
#include "common/machine.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool mm_read_text(const char *path, char *text, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t got = read(fd, text, size - 1);
    close(fd);
    text[got > 0 ? got : 0] = '\0';
    return got > 0;
}

bool mm_read_number(const char *path, uint64_t *ret_number)
{
    char text[64], *end;
    if (!mm_read_text(path, text, sizeof(text)))
        return false;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (errno || end == text)
        return false;
    *ret_number = value;
    return true;
}

/* The path after "controller:" in /proc/self/cgroup, of version 2 ("0::") or of version 1. */
static bool cgroup_of(const char *text, const char *mark, char *path, size_t size)
{
    const char *at = strstr(text, mark);
    if (!at)
        return false;
    at += strlen(mark);
    size_t length = strcspn(at, "\n");
    if (length >= size)
        return false;
    memcpy(path, at, length);
    path[length] = '\0';
    return true;
}

/* In a container the cgroup's own folder is the root of what is mounted. */
static bool read_limit(const char *root, const char *path, const char *file, uint64_t *ret_limit)
{
    char name[PATH_MAX];
    snprintf(name, sizeof(name), "%s%s/%s", root, path, file);
    if (mm_read_number(name, ret_limit))
        return true;
    snprintf(name, sizeof(name), "%s/%s", root, file);
    return mm_read_number(name, ret_limit);
}

bool mm_cgroup_limit(uint64_t *ret_limit, const char **ret_version)
{
    char text[4096], path[PATH_MAX / 2];
    if (!mm_read_text("/proc/self/cgroup", text, sizeof(text)))
        return false;
    *ret_version = "v1";
    if (cgroup_of(text, ":memory:", path, sizeof(path)) &&
        read_limit("/sys/fs/cgroup/memory", path, "memory.limit_in_bytes", ret_limit))
        return *ret_limit < (uint64_t)1 << 60;
    *ret_version = "v2";
    return cgroup_of(text, "0::", path, sizeof(path)) &&
           read_limit("/sys/fs/cgroup", path, "memory.max", ret_limit);
}
