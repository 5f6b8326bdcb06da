/*
 * size.c - sizes, counts and times as people write and read them.
 *
 * Sizes of memory are binary (1M is 1,048,576 bytes); rates are decimal, as disks are sold.
 */
#include "common/size.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SIZE_LIMIT ((uint64_t)1 << 47)

static const char units[] = "KMGTP";

/* Shift of the unit that `text` is, wholly: "", "M", "MB", "MiB"; -1: it is none. */
static int unit_shift(const char *text)
{
    if (!text[0] || strcasecmp(text, "B") == 0)
        return 0;
    const char *unit = strchr(units, toupper((unsigned char)text[0]));
    if (!unit)
        return -1;
    if (text[1] && strcasecmp(text + 1, "B") != 0 && strcasecmp(text + 1, "iB") != 0)
        return -1;
    return 10 * (int)(unit - units + 1);
}

enum mm_size_error mm_size_parse(const char *text, uint64_t *ret_bytes)
{
    if (text[0] == '-' && isdigit((unsigned char)text[1]))
        return MM_SIZE_NEGATIVE;
    size_t digits = strspn(text, "0123456789.");
    int shift = unit_shift(text + digits);
    if (!isdigit((unsigned char)text[0]) || shift < 0)
        return MM_SIZE_NONSENSE;
    if (digits > 24)
        return MM_SIZE_HUGE;

    char number[32];
    memcpy(number, text, digits);
    number[digits] = '\0';
    char *end;
    double value = strtod(number, &end);
    if (*end)
        return MM_SIZE_NONSENSE;
    value = ldexp(value, shift);
    if (value > (double)SIZE_LIMIT)
        return MM_SIZE_HUGE;
    *ret_bytes = (uint64_t)value;
    return MM_SIZE_OK;
}

const char *mm_size_advice(enum mm_size_error error)
{
    switch (error) {
    case MM_SIZE_NEGATIVE: return "a size cannot be negative; give one such as 256M";
    case MM_SIZE_HUGE: return "more than the address space (128T); give a size such as 2G";
    default: return "not a size; give one such as 512K, 256M or 2G";
    }
}

static struct mm_text scaled(uint64_t value, double base, const char *zero, const char *const *up)
{
    struct mm_text text;
    double v = (double)value;
    int level = 0;
    while (v >= base * 0.99995 && up[level]) {
        v /= base;
        level++;
    }
    if (level == 0)
        snprintf(text.s, sizeof(text.s), "%" PRIu64 "%s", value, zero);
    else
        snprintf(text.s, sizeof(text.s), "%.1f%s", v, up[level - 1]);
    return text;
}

struct mm_text mm_size_text(uint64_t bytes)
{
    static const char *const up[] = {" KiB", " MiB", " GiB", " TiB", NULL};
    return scaled(bytes, 1024, " bytes", up);
}

struct mm_text mm_size_short(uint64_t bytes)
{
    static const char *const up[] = {"K", "M", "G", "T", NULL};
    struct mm_text text = scaled(bytes, 1024, "", up);
    char *dot = strstr(text.s, ".0");
    if (dot)
        memmove(dot, dot + 2, strlen(dot + 2) + 1);
    return text;
}

struct mm_text mm_count_short(uint64_t count)
{
    static const char *const up[] = {"k", "M", "G", "T", NULL};
    return scaled(count, 1000, "", up);
}

struct mm_text mm_count_text(uint64_t count)
{
    char digits[32];
    int length = snprintf(digits, sizeof(digits), "%" PRIu64, count);
    struct mm_text text;
    char *at = text.s;
    for (int i = 0; i < length; i++) {
        if (i && (length - i) % 3 == 0)
            *at++ = ',';
        *at++ = digits[i];
    }
    *at = '\0';
    return text;
}

struct mm_text mm_time_text(uint64_t ns)
{
    struct mm_text text;
    double seconds = (double)ns / 1e9;
    if (seconds >= 100)
        snprintf(text.s, sizeof(text.s), "%.0f s", seconds);
    else if (seconds >= 0.9995)
        snprintf(text.s, sizeof(text.s), "%.2f s", seconds);
    else if (seconds >= 0.0009995)
        snprintf(text.s, sizeof(text.s), "%.0f ms", seconds * 1e3);
    else
        snprintf(text.s, sizeof(text.s), "%.0f us", seconds * 1e6);
    return text;
}

struct mm_text mm_rate_text(double per_second)
{
    struct mm_text text;
    if (per_second >= 999.5e6)
        snprintf(text.s, sizeof(text.s), "%.1f GB/s", per_second / 1e9);
    else if (per_second >= 99.5e6 || per_second == 0)
        snprintf(text.s, sizeof(text.s), "%.0f MB/s", per_second / 1e6);
    else
        snprintf(text.s, sizeof(text.s), "%.1f MB/s", per_second / 1e6);
    return text;
}
