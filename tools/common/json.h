/*
 * json.h - writing JSON: commas, indentation and escapes taken care of.
 *
 * `key` is NULL for the elements of an array and for the outermost value.
 */
#ifndef NTMM_TOOLS_JSON_H
#define NTMM_TOOLS_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct mm_json {
    FILE *out;
    int depth;
    bool comma; /* something stands before the next value at this depth */
};

void mm_json_object(struct mm_json *j, const char *key);
void mm_json_object_end(struct mm_json *j);
void mm_json_array(struct mm_json *j, const char *key);
void mm_json_array_end(struct mm_json *j);
void mm_json_number(struct mm_json *j, const char *key, uint64_t value);
void mm_json_real(struct mm_json *j, const char *key, double value);
void mm_json_bool(struct mm_json *j, const char *key, bool value);
void mm_json_null(struct mm_json *j, const char *key);

/* Any bytes: what is no UTF-8 becomes U+FFFD.  NULL is null. */
void mm_json_string(struct mm_json *j, const char *key, const char *value);

#endif
