/*
 * steps.c - count the instructions of a program between signals, by stepping through it.
 *
 * usage: heap-steps DEEDS COMMAND...
 *
 * The command sends itself SIGUSR2 three times.  The second interval does DEEDS more deeds than the
 * first: the difference, a deed, is exact, and what the signals cost cancels out.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

static _Noreturn void give_up(const char *why)
{
    perror(why);
    exit(1);
}

static pid_t start(char **command)
{
    pid_t child = fork();
    if (child < 0)
        give_up("fork");
    if (child)
        return child;
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0)
        execv(command[0], command);
    give_up(command[0]);
}

/* The signal the child stopped for. */
static int stop_of(pid_t child)
{
    int status;
    if (waitpid(child, &status, 0) != child || !WIFSTOPPED(status)) {
        fprintf(stderr, "heap-steps: the program ended too soon\n");
        exit(1);
    }
    return WSTOPSIG(status);
}

/* Let the child run, or step, until it sends itself SIGUSR2; => how often it was let go */
static long until_signal(pid_t child, int how)
{
    long steps = 0;
    long pass_on = 0;
    for (;;) {
        if (ptrace((enum __ptrace_request)how, child, NULL, pass_on))
            give_up("ptrace");
        int signal = stop_of(child);
        if (signal == SIGUSR2)
            return steps;
        steps++;
        pass_on = signal == SIGTRAP ? 0 : signal;
    }
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: heap-steps DEEDS COMMAND...\n");
        return 2;
    }
    pid_t child = start(argv + 2);
    (void)stop_of(child); /* its exec */
    (void)until_signal(child, PTRACE_CONT);
    long few = until_signal(child, PTRACE_SINGLESTEP);
    long more = until_signal(child, PTRACE_SINGLESTEP);
    printf("steps %.2f\n", (double)(more - few) / strtod(argv[1], NULL));
    (void)kill(child, SIGKILL);
    (void)waitpid(child, NULL, 0);
    return 0;
}
