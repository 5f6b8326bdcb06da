/*
 * folder.c - choosing where a page file lives.
 *
 * Never a list of good file systems: the first folder where 2 MiB leave RAM and come back is taken.
 */
#include "common/folder.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEAST_SPACE ((uint64_t)16 << 20)
#define LONGEST_FOLDER 255 /* bytes; what the library takes */

const char *mm_folder_try(const char *name, char ret_folder[PATH_MAX], struct mm_probe *ret_probe)
{
    char full[PATH_MAX];
    if (!realpath(name, full))
        return errno == ENOENT ? "there is no such folder" : strerror(errno);
    if (strlen(full) > LONGEST_FOLDER)
        return "its full name is longer than 255 bytes";
    struct mm_probe probe;
    mm_probe_folder_cached(full, &probe);
    if (!mm_probe_is_fit(&probe))
        return mm_probe_reason(&probe);
    if (probe.free_bytes < LEAST_SPACE)
        return "there is no space left";
    strcpy(ret_folder, full);
    *ret_probe = probe;
    return NULL;
}

bool mm_folder_choose(char ret_folder[PATH_MAX], struct mm_probe *ret_probe)
{
    char cache[PATH_MAX];
    const char *home = getenv("HOME");
    snprintf(cache, sizeof(cache), "%s/.cache", home ? home : "");
    const char *const candidates[] = {getenv("NTMM_PAGEFILE_DIR"), "/var/tmp", home ? cache : NULL,
                                      "."};
    for (size_t i = 0; i < sizeof(candidates) / sizeof(candidates[0]); i++) {
        if (candidates[i] && candidates[i][0] &&
            !mm_folder_try(candidates[i], ret_folder, ret_probe))
            return true;
    }
    return false;
}
