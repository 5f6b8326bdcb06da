/*
 * beside.c - files that belong to ntmm, found from where this program is: built or installed.
 */
#include "common/beside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool own_folder(char folder[PATH_MAX])
{
    ssize_t length = readlink("/proc/self/exe", folder, PATH_MAX - 1);
    if (length <= 0)
        return false;
    folder[length] = '\0';
    char *slash = strrchr(folder, '/');
    if (!slash)
        return false;
    *slash = '\0';
    return true;
}

bool mm_beside(const char *const *places, int count, char ret_path[PATH_MAX])
{
    char folder[PATH_MAX], candidate[2 * PATH_MAX];
    if (!own_folder(folder))
        return false;
    for (int i = 0; i < count; i++) {
        int length = snprintf(candidate, sizeof(candidate), "%s/%s", folder, places[i]);
        if (length < (int)sizeof(candidate) && realpath(candidate, ret_path))
            return true;
    }
    return false;
}
