/*
 * os_tasks.c - the other threads of this process: listing them, pausing them by a signal.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <ucontext.h>

#include "base/page.h"
#include "os/os_internal.h"

static pid_t number_of(const char *name)
{
    pid_t number = 0;
    for (; *name >= '0' && *name <= '9'; name++)
        number = number * 10 + (*name - '0');
    return *name ? 0 : number;
}

int mm_os_tasks(pid_t *tids, int capacity)
{
    char buffer[2048];
    int count = 0;
    long got;
    int fd = mm_os_open("/proc/self/task", O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0)
        return fd;

    while ((got = call3(SYS_getdents64, fd, buffer, sizeof buffer)) > 0) {
        for (long at = 0; at < got;) {
            struct linux_dirent64 *entry = (struct linux_dirent64 *)(buffer + at);
            pid_t tid = number_of(entry->d_name);
            if (tid && count < capacity)
                tids[count++] = tid;
            at += entry->d_reclen;
        }
    }
    (void)mm_os_close(fd); /* read only: nothing to lose */
    return got < 0 ? (int)got : count;
}

char mm_os_task_state(pid_t tid)
{
    char path[64];
    char text[256];
    struct os_text t = {path, path + sizeof path - 1};

    mm_os_text(&t, "/proc/self/task/");
    mm_os_text_number(&t, (uint64_t)tid);
    mm_os_text(&t, "/stat");
    if (mm_os_read_text(path, text, sizeof text) <= 0)
        return 0;
    const char *name_end = strrchr(text, ')'); /* names may hold anything, also ") R" */
    return name_end && name_end[1] ? name_end[2] : 0;
}

int mm_os_task_signal(pid_t tid, int signal)
{
    return (int)call3(SYS_tgkill, mm_os_pid(), tid, signal);
}

int mm_os_pause_handler(int signal, os_signal_handler *handler)
{
    struct kernel_action action = {
        .handler = (uintptr_t)handler,
        .flags = SA_SIGINFO | SA_RESTART | SA_RESTORER_BIT,
        .restorer = mm_os_signal_return,
        .mask = ~0ull,
    };
    uint64_t mask = 1ull << (signal - 1);
    int error = (int)call4(SYS_rt_sigaction, signal, &action, NULL, sizeof action.mask);

    /* Whoever started the program may have had it blocked, and a mask survives exec. */
    return error ? error : (int)call4(SYS_rt_sigprocmask, SIG_UNBLOCK, &mask, NULL, sizeof mask);
}

/* A signal that is pending and not blocked there comes as soon as the handler returns. */
static bool is_another_due(const ucontext_t *context)
{
    uint64_t pending = 0;
    uint64_t blocked;

    memcpy(&blocked, &context->uc_sigmask, sizeof blocked);
    (void)call2(SYS_rt_sigpending, &pending, sizeof pending); /* of our own memory: cannot fail */
    return (pending & ~blocked) != 0;
}

/* One that came first has its handler entered first, and ours interrupts that and no call. */
bool mm_os_cut_short(const void *context)
{
    return mm_os_is_behind_eintr(context) && !is_another_due(context);
}
