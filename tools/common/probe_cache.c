/*
 * probe_cache.c - the probe, at most once a boot for each mounted file system.
 *
 * The key is device, mount and boot: what a file system does with its pages changes with none of
 * them.  A file that is not this user's own plain file of exactly the expected text is ignored and
 * replaced; a result of "unfit" is never kept, since its cause may go away.
 */
#include "common/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "common/runtime.h"

#define PLENTY (64u << 20) /* bytes */
#define TEXT 512
#define FORMAT "ntmm-probe 1 %s %" PRIx64 " %" PRIx64 " %d%d%d %" PRIu64 " %" PRIu64 "\n"

struct key {
    uint64_t device;
    uint64_t mount;
    char boot[40];
};

static bool read_boot(char boot[40])
{
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t got = read(fd, boot, 36);
    close(fd);
    boot[36] = '\0';
    return got == 36;
}

static bool make_key(const char *folder, struct key *ret_key)
{
    struct statx s;
    if (statx(AT_FDCWD, folder, 0, STATX_MNT_ID, &s) != 0 || !(s.stx_mask & STATX_MNT_ID))
        return false;
    ret_key->device = (uint64_t)s.stx_dev_major << 32 | s.stx_dev_minor;
    ret_key->mount = s.stx_mnt_id;
    return read_boot(ret_key->boot);
}

static bool cache_path(const struct key *key, char path[MM_RUNTIME_PATH + 64])
{
    char folder[MM_RUNTIME_PATH];
    if (!mm_runtime_folder(folder))
        return false;
    snprintf(path, MM_RUNTIME_PATH + 64, "%s/probe.%" PRIx64 ".%" PRIx64, folder, key->device,
             key->mount);
    return true;
}

static void write_text(char text[TEXT], const struct key *key, const struct mm_probe *p)
{
    snprintf(text, TEXT, FORMAT, key->boot, key->device, key->mount, p->start_writing,
             p->cache_counts, p->read_ahead, p->write_ns, p->read_ns);
}

static bool read_own_file(const char *path, char text[TEXT])
{
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return false;
    struct stat s;
    bool own = fstat(fd, &s) == 0 && S_ISREG(s.st_mode) && s.st_uid == geteuid() &&
               (s.st_mode & 022) == 0 && s.st_size < TEXT;
    ssize_t got = own ? read(fd, text, TEXT - 1) : -1;
    close(fd);
    if (got < 0)
        return false;
    text[got] = '\0';
    return true;
}

/* Read by writing: only a text that is just what these values would be written as is taken. */
static bool parse(const char *text, const struct key *key, struct mm_probe *p)
{
    char flags[4], again[TEXT];
    const char *numbers = strstr(text, key->boot);
    if (!numbers || sscanf(numbers + strlen(key->boot), " %*x %*x %3[01] %" SCNu64 " %" SCNu64,
                           flags, &p->write_ns, &p->read_ns) != 3)
        return false;
    p->start_writing = flags[0] == '1';
    p->cache_counts = flags[0] && flags[1] == '1';
    p->read_ahead = flags[0] && flags[1] && flags[2] == '1';
    p->pages_leave = p->pages_return = true;
    write_text(again, key, p);
    return strcmp(text, again) == 0;
}

static void note_space(const struct statfs *fs, struct mm_probe *p)
{
    p->free_bytes = (uint64_t)fs->f_bavail * (uint64_t)fs->f_bsize;
    p->fs_type = (uint64_t)fs->f_type;
}

/* What may have changed since: the right to write there, and the space.  To make a file costs 50 us
 * and giving a block back 500, so neither is done where there is plenty of room. */
static void look_again(const char *folder, struct mm_probe *p)
{
    struct statfs fs;
    if (statfs(folder, &fs) == 0 && faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS) == 0) {
        note_space(&fs, p);
        if (p->free_bytes >= PLENTY)
            return;
    }
    int fd = open(folder, O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        p->open_error = errno;
        return;
    }
    if (fstatfs(fd, &fs) == 0)
        note_space(&fs, p);
    if (p->free_bytes < PLENTY && fallocate(fd, 0, 0, 4096) != 0)
        p->space_error = errno;
    close(fd);
}

static void keep(const char *path, const struct key *key, const struct mm_probe *p)
{
    char text[TEXT], fresh[MM_RUNTIME_PATH + 96];
    write_text(text, key, p);
    snprintf(fresh, sizeof(fresh), "%s.%d", path, (int)getpid());
    int fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return;
    ssize_t length = (ssize_t)strlen(text);
    bool whole = write(fd, text, (size_t)length) == length;
    close(fd);
    if (!whole || rename(fresh, path) != 0)
        (void)unlink(fresh); /* not keeping it costs a probe next time, nothing else */
}

void mm_probe_folder_cached(const char *folder, struct mm_probe *ret_probe)
{
    struct key key;
    char path[MM_RUNTIME_PATH + 64], text[TEXT];
    struct mm_probe p = {0};
    bool cacheable = make_key(folder, &key) && cache_path(&key, path);
    if (cacheable && read_own_file(path, text) && parse(text, &key, &p)) {
        look_again(folder, &p);
    } else {
        mm_probe_folder(folder, &p);
        if (cacheable && mm_probe_is_fit(&p))
            keep(path, &key, &p);
    }
    *ret_probe = p;
}
