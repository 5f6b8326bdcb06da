/*
 * os_log.c - text for reports: no stdio, no heap, safe in signal handlers.
 */
#include <string.h>

#include "os/os_internal.h"

static void put(struct os_text *t, char c)
{
    if (t->at < t->end) {
        *t->at++ = c;
        *t->at = '\0';
    }
}

void mm_os_text(struct os_text *t, const char *string)
{
    while (*string)
        put(t, *string++);
}

void mm_os_text_number(struct os_text *t, uint64_t number)
{
    char digits[20];
    int count = 0;

    do {
        digits[count++] = (char)('0' + number % 10);
        number /= 10;
    } while (number);
    while (count)
        put(t, digits[--count]);
}

void mm_os_text_hex(struct os_text *t, uint64_t number, int digits)
{
    for (int shift = (digits - 1) * 4; shift >= 0; shift -= 4)
        put(t, "0123456789abcdef"[number >> shift & 15]);
}

void mm_os_complain(const char *string)
{
    size_t left = strlen(string);

    while (left) {
        ssize_t written = mm_os_write(2, string, left);
        if (written <= 0)
            return; /* nobody listens: there is nowhere to say so */
        string += written;
        left -= (size_t)written;
    }
}
