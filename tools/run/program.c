/*
 * program.c - finding the program, and telling beforehand why one cannot be run.
 *
 * ntmm gets into a program by LD_PRELOAD, so the program must be one whose dynamic loader heeds
 * it: dynamically linked, of this machine's kind and C library, not set-uid.  Anything else would
 * run as if ntmm were not there, and so is refused.  A script is as good as its interpreter.
 */
#include "run/run.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "common/say.h"

#if defined(__aarch64__)
#define OWN_MACHINE EM_AARCH64
#else
#define OWN_MACHINE EM_X86_64
#endif

#define MOST_HEADERS 256
#define MOST_INTERPRETERS 5

/* One file on the way from the name to a loadable program. */
struct image {
    const char *path;
    int fd;
    struct stat s;
    bool interpreted; /* has a dynamic loader */
    bool go;
};

static int refuse(const char *path, const char *why)
{
    mm_say("%.400s: %s", path, why);
    return RUN_CANNOT_EXECUTE;
}

/* ---- finding it ---------------------------------------------------------------------------- */

/* 0 when the file can be executed, else why not. */
static int why_not(const char *path)
{
    struct stat s;
    if (stat(path, &s) != 0)
        return errno;
    if (S_ISDIR(s.st_mode))
        return EISDIR;
    if (!S_ISREG(s.st_mode))
        return EACCES;
    return access(path, X_OK) == 0 ? 0 : errno;
}

/* Look along PATH as execvp does: what cannot be executed is passed over, but remembered. */
static int search(const char *name, char path[PATH_MAX])
{
    const char *at = getenv("PATH");
    int best = ENOENT;
    for (at = at ? at : "/bin:/usr/bin";; at++) {
        int length = (int)strcspn(at, ":");
        int n = snprintf(path, PATH_MAX, "%.*s%s%s", length, at, length ? "/" : "./", name);
        int error = n < PATH_MAX ? why_not(path) : ENAMETOOLONG;
        if (!error)
            return 0;
        if (error == EACCES)
            best = EACCES;
        at += length;
        if (!*at)
            return best;
    }
}

static int find(const char *name, char path[PATH_MAX])
{
    int error;
    if (strlen(name) >= PATH_MAX) {
        error = ENAMETOOLONG;
    } else if (strchr(name, '/')) {
        strcpy(path, name);
        error = why_not(path);
    } else {
        error = search(name, path);
    }
    switch (error) {
    case 0: return -1;
    case EISDIR: return refuse(name, "is a folder; name a program in it");
    case EACCES: return refuse(name, "is not executable; chmod +x it, or name its interpreter");
    case ENOENT:
    case ENOTDIR:
        mm_say("%.400s: not found; give a path, or check PATH", name);
        return RUN_NOT_FOUND;
    default: return refuse(name, strerror(error));
    }
}

/* ---- what the kernel would do about privileges ----------------------------------------------- */

/* Whether executing it changes who we are, so that the loader drops LD_PRELOAD. */
static bool is_privileged(const struct image *i)
{
    struct statvfs fs;
    if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
        return false;
    if (fstatvfs(i->fd, &fs) == 0 && (fs.f_flag & ST_NOSUID))
        return false;
    if ((i->s.st_mode & S_ISUID) && i->s.st_uid != getuid())
        return true;
    bool set_gid = (i->s.st_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP);
    if (set_gid && i->s.st_gid != getgid())
        return true;
    return getuid() != 0 && fgetxattr(i->fd, "security.capability", NULL, 0) > 0;
}

/* ---- ELF ------------------------------------------------------------------------------------- */

/* Go leaves its build id in a note named "Go". */
static bool is_go_note(int fd, const Elf64_Phdr *h)
{
    char note[16];
    return h->p_filesz >= sizeof(note) &&
           pread(fd, note, sizeof(note), (off_t)h->p_offset) == sizeof(note) &&
           memcmp(note, "\4\0\0\0", 4) == 0 && memcmp(note + 12, "Go\0", 4) == 0;
}

/* The loader of another C library would not take our library in. */
static bool is_foreign_loader(int fd, const Elf64_Phdr *h)
{
    char name[256];
    size_t length = h->p_filesz < sizeof(name) ? (size_t)h->p_filesz : sizeof(name) - 1;
    if (pread(fd, name, length, (off_t)h->p_offset) != (ssize_t)length)
        return true;
    name[length] = '\0';
    return strstr(name, "ld-linux") == NULL;
}

static int look_at_headers(struct image *i, const Elf64_Ehdr *e)
{
    bool foreign = false;
    for (int n = 0; n < e->e_phnum && n < MOST_HEADERS; n++) {
        Elf64_Phdr h;
        off_t at = (off_t)(e->e_phoff + (uint64_t)n * sizeof(h));
        if (pread(i->fd, &h, sizeof(h), at) != sizeof(h))
            return refuse(i->path, "is damaged: its program headers are cut off");
        if (h.p_type == PT_INTERP) {
            i->interpreted = true;
            foreign = is_foreign_loader(i->fd, &h);
        }
        if (h.p_type == PT_NOTE && is_go_note(i->fd, &h))
            i->go = true;
    }
    if (foreign)
        return refuse(i->path, "is linked with another C library than glibc; rebuild it for glibc");
    return -1;
}

/* ntmm itself is static; a run inside a run starts anew, so nothing of ours need get into it. */
static bool is_ntmm(const struct image *i)
{
    struct stat own;
    return stat("/proc/self/exe", &own) == 0 && own.st_dev == i->s.st_dev &&
           own.st_ino == i->s.st_ino;
}

static int check_elf(struct image *i, const Elf64_Ehdr *e)
{
    if (e->e_ident[EI_CLASS] != ELFCLASS64 || e->e_ident[EI_DATA] != ELFDATA2LSB)
        return refuse(i->path,
                      "is a 32-bit or foreign program; ntmm runs 64-bit ones of this machine");
    if (e->e_machine != OWN_MACHINE)
        return refuse(i->path, "is a program of another kind of machine");
    if (e->e_type != ET_EXEC && e->e_type != ET_DYN)
        return refuse(i->path, "is no program (an object or core file)");
    if (e->e_phentsize != sizeof(Elf64_Phdr))
        return refuse(i->path, "is damaged: its program headers have an unknown size");
    int result = look_at_headers(i, e);
    if (result >= 0)
        return result;

    if (!i->interpreted && i->go)
        return refuse(i->path, "is a Go program without C code: Go makes its own system calls, "
                               "which ntmm cannot see");
    if (!i->interpreted && is_ntmm(i))
        return -1;
    if (!i->interpreted)
        return refuse(i->path, "is statically linked, so ntmm cannot get into it; "
                               "use a dynamically linked build");
    if (is_privileged(i))
        return refuse(i->path, "is set-uid, set-gid or has capabilities, so its loader ignores "
                               "ntmm; run it as the user it would become");
    if (i->go)
        mm_say("%s: a Go program: only memory of its C code is bounded, Go's own heap is not",
               i->path);
    return -1;
}

/* ---- scripts --------------------------------------------------------------------------------- */

/* The interpreter a script's first line names; false when the line is not whole. */
static bool read_interpreter(char *head, char path[PATH_MAX])
{
    char *line_end = strchr(head, '\n');
    if (!line_end)
        return false;
    *line_end = '\0';
    char *at = head + 2 + strspn(head + 2, " \t");
    size_t length = strcspn(at, " \t");
    if (!length || length >= PATH_MAX)
        return false;
    memcpy(path, at, length);
    path[length] = '\0';
    return true;
}

static int check_image(const char *path, bool is_named, char next[PATH_MAX], bool *ret_by_shell)
{
    struct image i = {.path = path};
    char head[512] = {0};
    next[0] = '\0';
    i.fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (i.fd < 0)
        return errno == EACCES ? -1 : refuse(path, strerror(errno)); /* execute-only: let it try */
    ssize_t got = pread(i.fd, head, sizeof(head) - 1, 0);
    int result = -1;
    Elf64_Ehdr e;
    memcpy(&e, head, sizeof(e));
    if (got < 0 || fstat(i.fd, &i.s) != 0)
        result = refuse(path, strerror(errno));
    else if (got >= (ssize_t)sizeof(e) && memcmp(head, ELFMAG, SELFMAG) == 0)
        result = check_elf(&i, &e);
    else if (memcmp(head, ELFMAG, SELFMAG) == 0)
        result = refuse(path, "is damaged: its header is cut off");
    else if (got > 2 && head[0] == '#' && head[1] == '!')
        result =
            read_interpreter(head, next) ? -1 : refuse(path, "its first line names no interpreter");
    else if (is_named && !memchr(head, '\0', (size_t)got))
        *ret_by_shell = true;
    else
        result = refuse(path, "is neither a program nor a script");
    close(i.fd);
    return result;
}

/* Follow "#!" to the program that does the work. */
static int check(const char *path, bool *ret_by_shell)
{
    char now[PATH_MAX], next[PATH_MAX];
    strcpy(now, path);
    for (int depth = 0; depth < MOST_INTERPRETERS; depth++) {
        int result = check_image(now, depth == 0, next, ret_by_shell);
        if (result >= 0 || !next[0])
            return result;
        if (why_not(next) != 0) {
            mm_say("%.300s: its interpreter %.300s cannot be executed; install it", now, next);
            return RUN_CANNOT_EXECUTE;
        }
        strcpy(now, next);
    }
    return refuse(path, "its interpreters name each other");
}

int mm_run_program(const char *name, struct run_program *ret_program)
{
    ret_program->by_shell = false;
    int result = find(name, ret_program->path);
    return result >= 0 ? result : check(ret_program->path, &ret_program->by_shell);
}
