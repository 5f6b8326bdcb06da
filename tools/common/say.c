/*
 * say.c - one-line messages on standard error.
 *
 * A message is put together first and written with one call, so that lines of several processes do
 * not mix; control characters in it (a file name may hold them) cannot reach the terminal.
 */
#include "common/say.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *speaker = "";

void mm_say_as(const char *verb)
{
    speaker = verb;
}

void mm_say(const char *format, ...)
{
    char line[1024];
    int start = snprintf(line, sizeof(line), "ntmm%s%s: ", speaker[0] ? " " : "", speaker);
    va_list list;
    va_start(list, format);
    vsnprintf(line + start, sizeof(line) - (size_t)start - 1, format, list);
    va_end(list);

    size_t length = strlen(line);
    for (size_t i = 0; i < length; i++) {
        if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
            line[i] = '?';
    }
    line[length++] = '\n';
    ssize_t put = write(STDERR_FILENO, line, length);
    (void)put; /* nobody left to tell */
}
