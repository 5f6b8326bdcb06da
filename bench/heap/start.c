/*
 * start.c - what a program costs that does nothing but start under a preload.
 *
 * usage: heap-start TIMES PRELOAD COMMAND...        PRELOAD: a library, or - for none
 *
 * Prints the median microseconds of CPU of a run, and the bytes in RAM as it exits.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define TIMES_MAX 1000

static _Noreturn void give_up(const char *why)
{
    perror(why);
    exit(1);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static void become(const char *preload, char **command, int traced)
{
    if (strcmp(preload, "-") != 0)
        setenv("LD_PRELOAD", preload, 1);
    if (traced && ptrace(PTRACE_TRACEME, 0, NULL, NULL))
        give_up("ptrace");
    execv(command[0], command);
    give_up(command[0]);
}

static pid_t start(const char *preload, char **command, int traced)
{
    pid_t child = fork();
    if (child < 0)
        give_up("fork");
    if (child == 0)
        become(preload, command, traced);
    return child;
}

static double microseconds(const struct timeval *t)
{
    return (double)t->tv_sec * 1e6 + (double)t->tv_usec;
}

static double time_of_run(const char *preload, char **command)
{
    struct rusage usage;
    int status;
    pid_t child = start(preload, command, 0);
    if (wait4(child, &status, 0, &usage) != child || status != 0) {
        fprintf(stderr, "heap-start: %s failed\n", command[0]);
        exit(1);
    }
    return microseconds(&usage.ru_utime) + microseconds(&usage.ru_stime);
}

static double resident_of(pid_t pid)
{
    char line[256];
    double found = 0;
    snprintf(line, sizeof line, "/proc/%d/smaps_rollup", (int)pid);
    FILE *f = fopen(line, "r");
    if (!f)
        give_up(line);
    while (fgets(line, sizeof line, f)) {
        if (strncmp(line, "Rss:", 4) == 0)
            found = strtod(line + 4, NULL);
    }
    fclose(f);
    return found * 1024;
}

/* Stop the program as it exits, and look. */
static double memory_of_run(const char *preload, char **command)
{
    int status;
    pid_t child = start(preload, command, 1);
    if (waitpid(child, &status, 0) != child || !WIFSTOPPED(status) ||
        ptrace(PTRACE_SETOPTIONS, child, NULL, PTRACE_O_TRACEEXIT | PTRACE_O_EXITKILL))
        give_up("ptrace");
    do {
        (void)ptrace(PTRACE_CONT, child, NULL, NULL);
        if (waitpid(child, &status, 0) != child || !WIFSTOPPED(status))
            give_up("the program ended unseen");
    } while (status >> 8 != (SIGTRAP | PTRACE_EVENT_EXIT << 8));
    double bytes = resident_of(child);
    (void)ptrace(PTRACE_CONT, child, NULL, NULL);
    (void)waitpid(child, &status, 0);
    return bytes;
}

int main(int argc, char **argv)
{
    double times[TIMES_MAX];
    int count = argc > 3 ? atoi(argv[1]) : 0;
    if (count < 1 || count > TIMES_MAX) {
        fprintf(stderr, "usage: heap-start TIMES PRELOAD COMMAND...\n");
        return 2;
    }
    for (int i = 0; i < count; i++)
        times[i] = time_of_run(argv[2], argv + 3);
    qsort(times, (size_t)count, sizeof *times, compare);
    printf("us %.1f\n", times[count / 2]);
    printf("mb %.3f\n", memory_of_run(argv[2], argv + 3) / 1e6);
    return 0;
}
