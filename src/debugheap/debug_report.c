/*
 * debug_report.c - where reports go: to hooks, files, the debugger, a window.
 *
 * A report is one text of at most LONGEST bytes, put together first and written whole.  Linux has no
 * debugger that listens and no message box: both mean standard error, where a text that has gone
 * there already is not repeated.  What a message box would ask is answered "Retry": stop here, in the
 * debugger.
 *
 * Hooks and modes are read and written under the debug heap's lock.
 */
#include <string.h>

#include "debugheap/debugheap_internal.h"

#define LONGEST 4096
#define HOOKS 16

/* What _CrtSetReportFile takes for streams; a small number is a file descriptor. */
#define STREAM_OUT ((intptr_t)-4)
#define STREAM_ERR ((intptr_t)-5)

static struct {
    int modes[DEBUG_KINDS];
    intptr_t files[DEBUG_KINDS];
    debug_report_hook *hook;
    struct {
        debug_report_hook *hook;
        int times;
    } hooks[HOOKS]; /* the oldest first */
    int count;
} settings = {
    .modes = {DEBUG_TO_DEBUGGER, DEBUG_TO_WINDOW, DEBUG_TO_WINDOW},
    .files = {-1, -1, -1},
};

/* ---- where ------------------------------------------------------------------------------------------------- */

int mm_debug_report_mode_now(int kind)
{
    return settings.modes[kind];
}

int mm_debug_report_mode(int kind, int mode)
{
    mm_debug_lock();
    int before = settings.modes[kind];
    settings.modes[kind] = mode;
    mm_debug_unlock();
    return before;
}

void *mm_debug_report_file_now(int kind)
{
    return (void *)settings.files[kind];
}

void *mm_debug_report_file(int kind, void *file)
{
    mm_debug_lock();
    intptr_t before = settings.files[kind];
    settings.files[kind] = (intptr_t)file;
    mm_debug_unlock();
    return (void *)before;
}

static int descriptor_of(intptr_t file)
{
    if (file == STREAM_OUT)
        return 1;
    if (file == STREAM_ERR)
        return 2;
    return file >= 0 && file <= INT32_MAX ? (int)file : -1;
}

static bool write_whole(int fd, const char *text)
{
    size_t left = strlen(text);

    while (fd >= 0 && left) {
        ssize_t written = mm_os_write(fd, text, left);
        if (written <= 0)
            return false;
        text += written;
        left -= (size_t)written;
    }
    return fd >= 0;
}

/* ---- hooks --------------------------------------------------------------------------------------------------- */

debug_report_hook *mm_debug_set_report_hook(debug_report_hook *hook)
{
    mm_debug_lock();
    debug_report_hook *before = settings.hook;
    settings.hook = hook;
    mm_debug_unlock();
    return before;
}

static int find_hook(debug_report_hook *hook)
{
    int at = settings.count - 1;
    while (at >= 0 && settings.hooks[at].hook != hook)
        at--;
    return at;
}

int mm_debug_add_report_hook(debug_report_hook *hook)
{
    int times = -1;

    mm_debug_lock();
    int at = find_hook(hook);
    if (at < 0 && settings.count < HOOKS) {
        at = settings.count++;
        settings.hooks[at].hook = hook;
        settings.hooks[at].times = 0;
    }
    if (at >= 0)
        times = ++settings.hooks[at].times;
    mm_debug_unlock();
    return times;
}

int mm_debug_remove_report_hook(debug_report_hook *hook)
{
    int times = -1;

    mm_debug_lock();
    int at = find_hook(hook);
    if (at >= 0)
        times = --settings.hooks[at].times;
    if (times == 0) {
        settings.count--;
        memmove(&settings.hooks[at], &settings.hooks[at + 1],
                (size_t)(settings.count - at) * sizeof settings.hooks[0]);
    }
    mm_debug_unlock();
    return times;
}

/* Whether a hook has dealt with the report. */
static bool hooks_take(int kind, char *text, int *ret_value)
{
    for (int i = settings.count - 1; i >= 0; i--)
        if (settings.hooks[i].hook(kind, text, ret_value))
            return true;
    return settings.hook && settings.hook(kind, text, ret_value);
}

/* ---- reporting --------------------------------------------------------------------------------------------------- */

static int send(int kind, const char *text)
{
    int mode = settings.modes[kind];
    int fd = mode & DEBUG_TO_FILE ? descriptor_of(settings.files[kind]) : -1;
    bool told = false;
    int value = 0;

    if (mode & DEBUG_TO_FILE) {
        told = fd == 1 || fd == 2;
        value = write_whole(fd, text) ? 0 : -1;
    }
    if (mode & (DEBUG_TO_DEBUGGER | DEBUG_TO_WINDOW) && !told)
        mm_os_complain(text);
    return mode & DEBUG_TO_WINDOW && kind != DEBUG_WARN ? 1 : value;
}

int mm_debug_report(int kind, const char *file, int line, const char *text)
{
    char whole[LONGEST];
    struct os_text t = {whole, whole + sizeof whole - 1};
    int value = 0;

    if (file) {
        mm_debug_text_place(&t, file, line);
        mm_os_text(&t, " : ");
    }
    mm_os_text(&t, text);
    *t.at = 0;
    mm_debug_lock();
    if (!hooks_take(kind, whole, &value))
        value = send(kind, whole);
    mm_debug_unlock();
    return value;
}

void mm_debug_tell(int kind, const char *text)
{
    if (mm_debug_report(kind, NULL, 0, text) == 1)
        stop_here();
}
