/*
 * child.c - the program as a child: started, waited for, signalled; or in our place.
 *
 * Where there is nothing to tell when it has ended, the program takes our process over: nobody need
 * wait for it, and it starts half a millisecond sooner.  Otherwise it is a child.
 *
 * The child stays in our process group, so what the terminal sends (Ctrl-C, Ctrl-Z, hang-up)
 * reaches it without us; the kernel marks such signals and they are not passed on a second time.
 * What a process sends to us alone is passed on.  When the program stops, so do we, and the shell
 * sees a stopped job; when we go on, the program does.  In the end we end as it ended, by the same
 * signal if it was one, so that whoever started us sees what it would have seen without us.
 */
#include "run/run.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/say.h"

struct watch {
    sigset_t ours;          /* signals that we take by sigtimedwait */
    sigset_t before;        /* the mask we were started with, and the child's */
    struct sigaction child; /* SIGCHLD as we were started with */
    pid_t pid;
    uint64_t start_ns;
};

static const int passed_on[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGTERM, SIGUSR1,
                                SIGUSR2, SIGALRM, SIGTSTP, SIGCONT};

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void take_signals(struct watch *w)
{
    sigemptyset(&w->ours);
    sigaddset(&w->ours, SIGCHLD);
    for (size_t i = 0; i < sizeof(passed_on) / sizeof(passed_on[0]); i++)
        sigaddset(&w->ours, passed_on[i]);
    sigprocmask(SIG_BLOCK, &w->ours, &w->before);
    struct sigaction plain = {.sa_handler = SIG_DFL};
    sigaction(SIGCHLD, &plain, &w->child);
}

/* ---- starting ------------------------------------------------------------------------------- */

static void execute(const struct run_program *program, char **argv)
{
    if (!program->by_shell) {
        execv(program->path, argv);
        return;
    }
    size_t count = 0;
    while (argv[count])
        count++;
    char **shell = calloc(count + 2, sizeof(*shell));
    if (!shell)
        return;
    shell[0] = "sh";
    shell[1] = (char *)program->path;
    memcpy(shell + 2, argv + 1, count * sizeof(*shell)); /* the NULL as well */
    execv("/bin/sh", shell);
}

/*
 * In the child: become the program, or send errno up the pipe.  After vfork, so it shares our memory
 * while we sleep, and changes nothing of it that we look at.
 */
static void become(const struct watch *w, const struct run_program *program, char **argv,
                   int pipe_fd)
{
    sigaction(SIGCHLD, &w->child, NULL);
    sigprocmask(SIG_SETMASK, &w->before, NULL);
    execute(program, argv);
    int error = errno;
    ssize_t put = write(pipe_fd, &error, sizeof(error));
    (void)put; /* the exit status says the same */
    _exit(RUN_CANNOT_EXECUTE);
}

/* The errno of a failed exec; 0: the program runs. */
static int start_error(int pipe_fd)
{
    int error = 0;
    ssize_t got;
    do {
        got = read(pipe_fd, &error, sizeof(error));
    } while (got < 0 && errno == EINTR);
    return got == sizeof(error) ? error : 0;
}

static int cannot_execute(const struct run_program *program, int error)
{
    mm_say("%s: cannot be executed: %s", program->path, strerror(error));
    return error == ENOENT ? RUN_NOT_FOUND : RUN_CANNOT_EXECUTE;
}

static int start(struct watch *w, const struct run_program *program, char **argv)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0 || (w->pid = vfork()) < 0) {
        mm_say("cannot make a process: %s", strerror(errno));
        return RUN_REFUSED;
    }
    if (w->pid == 0)
        become(w, program, argv, ends[1]);
    close(ends[1]);
    int error = start_error(ends[0]);
    close(ends[0]);
    if (!error)
        return -1;
    waitpid(w->pid, NULL, 0);
    return cannot_execute(program, error);
}

/* ---- waiting -------------------------------------------------------------------------------- */

/* Stop as the program stopped; whoever continues us continues it. */
static void stop_too(const struct watch *w)
{
    raise(SIGSTOP);
    kill(w->pid, SIGCONT);
}

/* Whether the program has ended. */
static bool has_ended(const struct watch *w, struct run_result *ret_result)
{
    int status;
    struct rusage usage;
    while (wait4(w->pid, &status, WNOHANG | WUNTRACED, &usage) == w->pid) {
        if (!WIFSTOPPED(status)) {
            ret_result->status = status;
            ret_result->usage = usage;
            ret_result->pid = w->pid;
            ret_result->wall_ns = now_ns() - w->start_ns;
            return true;
        }
        if (WSTOPSIG(status) != SIGSTOP)
            stop_too(w);
    }
    return false;
}

/* The terminal's signals come from the kernel and went to the program as well. */
static void pass_on(const struct watch *w, const siginfo_t *info)
{
    if (info->si_signo != SIGCHLD && info->si_code <= 0 && info->si_pid != w->pid)
        kill(w->pid, info->si_signo);
}

static struct timespec time_left(uint64_t until)
{
    uint64_t now = now_ns();
    uint64_t left = until > now ? until - now : 0;
    return (struct timespec){(time_t)(left / 1000000000u), (long)(left % 1000000000u)};
}

static void wait_for_end(const struct watch *w, const struct run_ticker *ticker,
                         struct run_result *ret_result)
{
    uint64_t step = (uint64_t)(ticker->interval * 1e9);
    uint64_t next = w->start_ns + step;
    while (!has_ended(w, ret_result)) {
        siginfo_t info;
        struct timespec left = time_left(next);
        int signal = sigtimedwait(&w->ours, &info, step ? &left : NULL);
        if (signal > 0)
            pass_on(w, &info);
        if (step && now_ns() >= next) {
            ticker->tick(ticker->context, now_ns() - w->start_ns);
            next = now_ns() + step;
        }
    }
}

int mm_run_child(const struct run_program *program, char **argv, const struct run_ticker *ticker,
                 struct run_result *ret_result)
{
    struct watch w = {.start_ns = now_ns()};
    take_signals(&w);
    int result = start(&w, program, argv);
    if (result < 0)
        wait_for_end(&w, ticker, ret_result);
    return result;
}

int mm_run_in_place(const struct run_program *program, char **argv)
{
    execute(program, argv);
    return cannot_execute(program, errno);
}

int mm_run_end_alike(int status)
{
    if (!WIFSIGNALED(status))
        return WEXITSTATUS(status);
    int signal_number = WTERMSIG(status);
    struct sigaction plain = {.sa_handler = SIG_DFL};
    struct rlimit none = {0, 0};
    sigset_t one;
    setrlimit(RLIMIT_CORE, &none); /* the core of interest is the program's */
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    sigaction(signal_number, &plain, NULL);
    sigemptyset(&one);
    sigaddset(&one, signal_number);
    raise(signal_number);
    sigprocmask(SIG_UNBLOCK, &one, NULL);
    return 128 + signal_number;
}
