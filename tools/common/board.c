/*
 * board.c - the board of counters: made by `ntmm run`, written by the programs it runs.
 *
 * The programs can write anything into it, also cut it short, so it is read with pread, never
 * through a mapping, and every copied slot is checked before anybody sees it.
 */
#include "common/board.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BOARD_BYTES ((off_t)NTMM_BOARD_SLOTS * NTMM_SLOT_BYTES)

static const char *const names[NTMM_COUNTERS] = {
    [NTMM_COMMIT_LIMIT] = "commit_limit",
    [NTMM_COMMITTED] = "committed",
    [NTMM_COMMITTED_PEAK] = "committed_peak",
    [NTMM_COMMIT_FAILURES] = "commit_failures",
    [NTMM_RESERVED] = "reserved",
    [NTMM_RAM_BUDGET] = "ram_budget",
    [NTMM_RESIDENT] = "resident",
    [NTMM_RESIDENT_PEAK] = "resident_peak",
    [NTMM_WORKING_SET] = "working_set",
    [NTMM_STANDBY] = "standby",
    [NTMM_MODIFIED] = "modified",
    [NTMM_UNPAGED] = "unpaged",
    [NTMM_PAGE_FILE] = "page_file",
    [NTMM_PAGE_FILE_PEAK] = "page_file_peak",
    [NTMM_PAGE_FILE_PROMISED] = "page_file_promised",
    [NTMM_DEMAND_ZERO_FAULTS] = "demand_zero_faults",
    [NTMM_TRANSITION_FAULTS] = "transition_faults",
    [NTMM_HARD_FAULTS] = "hard_faults",
    [NTMM_PAGES_IN] = "pages_in",
    [NTMM_READS] = "reads",
    [NTMM_PAGES_OUT] = "pages_out",
    [NTMM_WRITES] = "writes",
    [NTMM_PAGES_TRIMMED] = "pages_trimmed",
    [NTMM_PAGES_DROPPED] = "pages_dropped",
    [NTMM_SECOND_CHANCES] = "second_chances",
    [NTMM_READ_AHEAD_PAGES] = "read_ahead_pages",
    [NTMM_READ_AHEAD_HITS] = "read_ahead_hits",
    [NTMM_PAUSES] = "pauses",
    [NTMM_PAUSED_NS] = "paused_ns",
    [NTMM_PAGER_CPU_NS] = "pager_cpu_ns",
    [NTMM_WRITE_ERRORS] = "write_errors",
    [NTMM_READ_ERRORS] = "read_errors",
    [NTMM_FORKS] = "forks",
};

const char *mm_counter_name(enum ntmm_counter which)
{
    return names[which] ? names[which] : "unnamed";
}

static bool is_gone(pid_t pid)
{
    return pid <= 0 || (kill(pid, 0) != 0 && errno == ESRCH);
}

/* Remove "board.PID" of processes that are gone. */
static void sweep(const char *folder)
{
    DIR *dir = opendir(folder);
    if (!dir)
        return;
    for (struct dirent *e; (e = readdir(dir));) {
        char *end;
        if (strncmp(e->d_name, "board.", 6) != 0)
            continue;
        long pid = strtol(e->d_name + 6, &end, 10);
        if (*end == '\0' && is_gone((pid_t)pid))
            (void)unlinkat(dirfd(dir), e->d_name, 0); /* another sweep may have been faster */
    }
    closedir(dir);
}

static int open_board(struct mm_board *b, const char *folder)
{
    snprintf(b->path, sizeof(b->path), "%s/board.%d", folder, (int)getpid());
    (void)unlink(b->path); /* of an earlier process with our pid */
    b->fd = open(b->path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    return b->fd < 0 ? errno : 0;
}

static int make_file(struct mm_board *b)
{
    char folder[MM_RUNTIME_PATH];
    b->folder[0] = '\0';
    if (mm_runtime_folder(folder)) {
        sweep(folder);
        if (open_board(b, folder) == 0)
            return 0;
    }
    strcpy(folder, "/tmp/ntmm.XXXXXX");
    if (!mkdtemp(folder))
        return errno;
    strcpy(b->folder, folder);
    return open_board(b, folder);
}

int mm_board_make(struct mm_board *ret_board)
{
    struct mm_board b;
    int error = make_file(&b);
    if (error)
        return error;
    struct ntmm_counters first = {.magic = NTMM_BOARD_MAGIC, .version = NTMM_BOARD_VERSION};
    if (fchmod(b.fd, 0600) != 0 || ftruncate(b.fd, BOARD_BYTES) != 0 ||
        pwrite(b.fd, &first, sizeof(first), 0) != sizeof(first)) {
        error = errno ? errno : EIO;
        mm_board_remove(&b);
        return error;
    }
    *ret_board = b;
    return 0;
}

void mm_board_remove(struct mm_board *board)
{
    (void)unlink(board->path);
    if (board->folder[0])
        (void)rmdir(board->folder);
    close(board->fd);
}

static void copy_text(char *to, const char *from, size_t size)
{
    size_t n = strnlen(from, size - 1);
    for (size_t i = 0; i < n; i++)
        to[i] = isprint((unsigned char)from[i]) ? from[i] : '?';
    to[n] = '\0';
}

static void copy_slot(struct mm_slot *to, const struct ntmm_counters *from)
{
    to->pid = from->pid;
    to->parent = from->parent;
    to->started_ns = from->started_ns;
    copy_text(to->name, from->name, sizeof(to->name));
    copy_text(to->engine, from->engine, sizeof(to->engine));
    for (int i = 0; i < NTMM_COUNTERS; i++)
        to->value[i] =
            from->value[i] >> 63 ? 0 : from->value[i]; /* a state read amid two changes */

    to->state = MM_SLOT_RUNNING;
    if (from->state == 2)
        to->state = MM_SLOT_ENDED;
    else if (from->state == 3)
        to->state = MM_SLOT_REPLACED;
    else if (is_gone((pid_t)from->pid))
        to->state = MM_SLOT_KILLED;
}

bool mm_board_read(const struct mm_board *board, int index, struct mm_slot *ret_slot)
{
    struct ntmm_counters raw;
    if (index >= NTMM_BOARD_SLOTS)
        return false;
    ssize_t got = pread(board->fd, &raw, sizeof(raw), (off_t)index * NTMM_SLOT_BYTES);
    if (got != sizeof(raw) || raw.pid == 0)
        return false;
    bool good = raw.magic == NTMM_BOARD_MAGIC && raw.version == NTMM_BOARD_VERSION;
    memset(ret_slot, 0, sizeof(*ret_slot));
    if (good)
        copy_slot(ret_slot, &raw);
    return true;
}
