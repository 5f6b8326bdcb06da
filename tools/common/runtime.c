/*
 * runtime.c - the folder of this user in which running programs publish themselves.
 *
 * /dev/shm belongs to everybody, so a folder found there may be a trap: it must be a directory (no
 * link), belong to this user and be closed to all others, or it is not used.
 */
#include "common/runtime.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Names in it must be short enough for the library, which takes 255 bytes. */
#define LONGEST 200

static bool is_private_folder(const char *path)
{
    struct stat s;
    return lstat(path, &s) == 0 && S_ISDIR(s.st_mode) && s.st_uid == geteuid() &&
           (s.st_mode & 077) == 0 && access(path, W_OK | X_OK) == 0;
}

/* An existing one is as good as one made here: the check tells them apart from a trap. */
static bool make_private_folder(const char *path)
{
    (void)mkdir(path, 0700);
    return is_private_folder(path);
}

bool mm_runtime_folder(char ret_path[MM_RUNTIME_PATH])
{
    const char *session = getenv("XDG_RUNTIME_DIR");
    if (session && session[0] == '/' && is_private_folder(session)) {
        int length = snprintf(ret_path, MM_RUNTIME_PATH, "%s/ntmm", session);
        if (length < LONGEST && make_private_folder(ret_path))
            return true;
    }
    snprintf(ret_path, MM_RUNTIME_PATH, "/dev/shm/ntmm-%u", (unsigned)geteuid());
    return make_private_folder(ret_path);
}
