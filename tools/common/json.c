/*
 * json.c - writing JSON: commas, indentation and escapes taken care of.
 */
#include "common/json.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* Length of the well-formed UTF-8 sequence at `s`; 0: there is none. */
static int utf8_length(const unsigned char *s)
{
    if (s[0] < 0x80)
        return 1;
    int length = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
    if (s[0] < 0xc2 || s[0] > 0xf4)
        return 0;
    for (int i = 1; i < length; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    }
    bool overlong = (s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xf0 && s[1] < 0x90);
    bool surrogate = s[0] == 0xed && s[1] >= 0xa0;
    bool beyond = s[0] == 0xf4 && s[1] >= 0x90;
    return overlong || surrogate || beyond ? 0 : length;
}

static void quoted(FILE *out, const char *text)
{
    fputc('"', out);
    for (const unsigned char *s = (const unsigned char *)text; *s;) {
        int length = utf8_length(s);
        if (!length)
            fputs("\\ufffd", out);
        else if (*s == '"' || *s == '\\')
            fprintf(out, "\\%c", *s);
        else if (*s < 0x20 || *s == 0x7f)
            fprintf(out, "\\u%04x", *s);
        else
            fwrite(s, 1, (size_t)length, out);
        s += length ? length : 1;
    }
    fputc('"', out);
}

static void begin(struct mm_json *j, const char *key)
{
    if (j->comma)
        fputc(',', j->out);
    if (j->depth)
        fprintf(j->out, "\n%*s", 2 * j->depth, "");
    if (key) {
        quoted(j->out, key);
        fputs(": ", j->out);
    }
    j->comma = true;
}

static void open_bracket(struct mm_json *j, const char *key, char bracket)
{
    begin(j, key);
    fputc(bracket, j->out);
    j->depth++;
    j->comma = false;
}

static void close_bracket(struct mm_json *j, char bracket)
{
    j->depth--;
    if (j->comma)
        fprintf(j->out, "\n%*s", 2 * j->depth, "");
    fputc(bracket, j->out);
    j->comma = true;
    if (j->depth == 0)
        fputc('\n', j->out);
}

void mm_json_object(struct mm_json *j, const char *key)
{
    open_bracket(j, key, '{');
}

void mm_json_object_end(struct mm_json *j)
{
    close_bracket(j, '}');
}

void mm_json_array(struct mm_json *j, const char *key)
{
    open_bracket(j, key, '[');
}

void mm_json_array_end(struct mm_json *j)
{
    close_bracket(j, ']');
}

void mm_json_number(struct mm_json *j, const char *key, uint64_t value)
{
    begin(j, key);
    fprintf(j->out, "%" PRIu64, value);
}

void mm_json_real(struct mm_json *j, const char *key, double value)
{
    begin(j, key);
    if (isfinite(value))
        fprintf(j->out, "%.6f", value);
    else
        fputs("null", j->out);
}

void mm_json_bool(struct mm_json *j, const char *key, bool value)
{
    begin(j, key);
    fputs(value ? "true" : "false", j->out);
}

void mm_json_null(struct mm_json *j, const char *key)
{
    begin(j, key);
    fputs("null", j->out);
}

void mm_json_string(struct mm_json *j, const char *key, const char *value)
{
    if (!value) {
        mm_json_null(j, key);
        return;
    }
    begin(j, key);
    quoted(j->out, value);
}
