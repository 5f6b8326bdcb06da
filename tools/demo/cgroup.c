/*
 * cgroup.c - a memory cgroup with a limit and without swap: where the kernel kills.
 *
 * Version 1 or 2, wherever /proc/self/mounts says the memory controller is.  Needs root, and in
 * containers is mostly not allowed: then the comparison is left out and the demo says why.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "demo/demo.h"

struct place {
    char root[PATH_MAX / 2];
    bool v2;
};

static bool has_option(const char *options, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = options; at; at = strchr(at, ',')) {
        at += *at == ',';
        if (strncmp(at, name, length) == 0 && (at[length] == ',' || !at[length]))
            return true;
    }
    return false;
}

static bool offers_memory(const char *root)
{
    char name[PATH_MAX], text[512] = "";
    snprintf(name, sizeof(name), "%s/cgroup.controllers", root);
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t got = read(fd, text, sizeof(text) - 1);
    close(fd);
    return got > 0 && strstr(text, "memory");
}

static bool find_place(struct place *ret_place)
{
    FILE *mounts = fopen("/proc/self/mounts", "re");
    if (!mounts)
        return false;
    char root[PATH_MAX / 2], type[64], options[512];
    bool found = false;
    while (!found && fscanf(mounts, "%*s %2047s %63s %511s %*[^\n]", root, type, options) == 3) {
        ret_place->v2 = strcmp(type, "cgroup2") == 0;
        found = ret_place->v2 ? offers_memory(root)
                              : strcmp(type, "cgroup") == 0 && has_option(options, "memory");
    }
    fclose(mounts);
    if (found)
        strcpy(ret_place->root, root);
    return found;
}

static bool put(const char *folder, const char *file, const char *text)
{
    char name[2 * PATH_MAX];
    snprintf(name, sizeof(name), "%s/%s", folder, file);
    int fd = open(name, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t length = (ssize_t)strlen(text);
    bool good = write(fd, text, (size_t)length) == length;
    close(fd);
    return good;
}

static bool set_limit(const char *folder, bool v2, uint64_t limit)
{
    char text[32];
    snprintf(text, sizeof(text), "%" PRIu64, limit);
    if (v2) {
        (void)put(folder, "memory.swap.max", "0"); /* absent where there is no swap */
        return put(folder, "memory.max", text);
    }
    (void)put(folder, "memory.swappiness", "0");
    bool good = put(folder, "memory.limit_in_bytes", text);
    (void)put(folder, "memory.memsw.limit_in_bytes", text); /* absent without swap accounting */
    return good;
}

const char *mm_demo_cgroup_make(uint64_t limit, struct demo_cgroup *ret_cgroup)
{
    struct place place;
    if (!find_place(&place))
        return "no memory cgroups are mounted here";
    if (place.v2)
        (void)put(place.root, "cgroup.subtree_control", "+memory"); /* shows in what follows */
    snprintf(ret_cgroup->folder, sizeof(ret_cgroup->folder), "%s/ntmm-demo.%d", place.root,
             (int)getpid());
    if (mkdir(ret_cgroup->folder, 0755) != 0)
        return errno == EACCES || errno == EPERM ? "making a memory cgroup needs root"
                                                 : "a memory cgroup cannot be made here";
    if (set_limit(ret_cgroup->folder, place.v2, limit))
        return NULL;
    mm_demo_cgroup_remove(ret_cgroup);
    return "this memory cgroup takes no limit";
}

/* The last process takes a moment to leave it. */
void mm_demo_cgroup_remove(const struct demo_cgroup *cgroup)
{
    for (int tries = 0; tries < 100 && rmdir(cgroup->folder) != 0 && errno == EBUSY; tries++) {
        struct timespec nap = {0, 10000000};
        nanosleep(&nap, NULL);
    }
}
