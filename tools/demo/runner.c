/*
 * runner.c - running a program for the demo: its output, its cgroup, its time and its peak.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/say.h"
#include "demo/demo.h"

static volatile sig_atomic_t interrupted;

static void note_signal(int number)
{
    interrupted = number;
}

void mm_demo_catch_signals(void)
{
    struct sigaction action = {.sa_handler = note_signal};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    sigaction(SIGPIPE, &action, NULL);
}

int mm_demo_interrupted(void)
{
    return interrupted;
}

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static bool join_cgroup(const char *folder)
{
    char name[PATH_MAX + 32];
    snprintf(name, sizeof(name), "%s/cgroup.procs", folder);
    int fd = open(name, O_WRONLY | O_CLOEXEC);
    bool good = fd >= 0 && write(fd, "0", 1) == 1;
    if (fd >= 0)
        close(fd);
    return good;
}

static void become(const struct demo_run *run)
{
    if (run->cgroup && !join_cgroup(run->cgroup))
        _exit(125);
    if (run->output) {
        int fd = open(run->output, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        if (fd < 0 || dup2(fd, STDOUT_FILENO) < 0)
            _exit(125);
    }
    execvp(run->argv[0], run->argv);
    _exit(127);
}

static void show_waiting(const struct demo_run *run, uint64_t start)
{
    if (run->waiting && isatty(STDERR_FILENO))
        dprintf(STDERR_FILENO, "\r  %s: %.0f s\033[K", run->waiting,
                (double)(now_ns() - start) / 1e9);
}

static void wipe_waiting(const struct demo_run *run)
{
    if (run->waiting && isatty(STDERR_FILENO))
        dprintf(STDERR_FILENO, "\r\033[K");
}

/* A signal to us alone (kill PID) is the child's end, too. */
static void wait_for(pid_t child, const struct demo_run *run, uint64_t start,
                     struct demo_outcome *ret_outcome)
{
    struct rusage usage;
    struct timespec nap = {0, 20000000};
    bool told = false;
    for (int ticks = 0; wait4(child, &ret_outcome->status, WNOHANG, &usage) != child; ticks++) {
        if (interrupted && !told)
            kill(child, interrupted == SIGPIPE ? SIGTERM : interrupted);
        told = told || interrupted;
        nanosleep(&nap, NULL);
        if (ticks % 25 == 24)
            show_waiting(run, start);
    }
    ret_outcome->wall_ns = now_ns() - start;
    ret_outcome->peak = (uint64_t)usage.ru_maxrss * 1024;
}

bool mm_demo_run(const struct demo_run *run, struct demo_outcome *ret_outcome)
{
    if (interrupted)
        return false;
    fflush(stdout);
    uint64_t start = now_ns();
    pid_t child = fork();
    if (child < 0) {
        mm_say("cannot make a process: %s", strerror(errno));
        return false;
    }
    if (child == 0)
        become(run);
    wait_for(child, run, start, ret_outcome);
    wipe_waiting(run);
    return !interrupted;
}
