/*
 * again.h - run this program once more, to do what it does not survive.  Not for Windows.
 */
#ifndef NTMM_TESTS_API_AGAIN_H
#define NTMM_TESTS_API_AGAIN_H

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

static struct {
    const char *deed; /* what the program was run again for */
    int number;
    int status; /* how it ended */
} again;

extern char **environ;

/* Whether it ends by that signal.  Its last words are not shown. */
static bool run_again_ends_by(int number_of_signal, const char *deed, int number)
{
    char digits[12];
    char *arguments[] = {"again", "--again", (char *)deed, digits, NULL};
    posix_spawn_file_actions_t quiet;
    pid_t child = 0;

    snprintf(digits, sizeof(digits), "%d", number);
    again.status = -1;
    posix_spawn_file_actions_init(&quiet);
    posix_spawn_file_actions_addopen(&quiet, 2, "/dev/null", O_WRONLY, 0);
    if (posix_spawn(&child, "/proc/self/exe", &quiet, NULL, arguments, environ) == 0)
        waitpid(child, &again.status, 0);
    posix_spawn_file_actions_destroy(&quiet);
    return child && WIFSIGNALED(again.status) && WTERMSIG(again.status) == number_of_signal;
}

/* Asked first thing in main: then `again` says what to do. */
static bool is_run_again(int argc, char **argv)
{
    if (argc != 4 || strcmp(argv[1], "--again") != 0)
        return false;
    again.deed = argv[2];
    again.number = atoi(argv[3]);
    return true;
}

#endif
