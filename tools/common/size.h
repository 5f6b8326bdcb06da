/*
 * size.h - sizes, counts and times as people write and read them.
 */
#ifndef NTMM_TOOLS_SIZE_H
#define NTMM_TOOLS_SIZE_H

#include <stddef.h>
#include <stdint.h>

enum mm_size_error { MM_SIZE_OK, MM_SIZE_NONSENSE, MM_SIZE_NEGATIVE, MM_SIZE_HUGE };

/*
 * Read "104M", "2G", "512K", "1.5G", "1T" or plain bytes; units are binary, "MiB" and "MB" mean M.
 *
 * => the whole text must be the size; anything past 128 TiB, x86-64's address space, is huge
 */
enum mm_size_error mm_size_parse(const char *text, uint64_t *ret_bytes);

/* What to tell somebody who wrote such a size. */
const char *mm_size_advice(enum mm_size_error error);

/* Room for any of the texts below. */
struct mm_text {
    char s[32];
};

struct mm_text mm_size_text(uint64_t bytes);    /* 103.8 MiB */
struct mm_text mm_size_short(uint64_t bytes);   /* 104M: as it could be typed */
struct mm_text mm_count_text(uint64_t count);   /* 52,113 */
struct mm_text mm_count_short(uint64_t count);  /* 52.1k */
struct mm_text mm_time_text(uint64_t ns);       /* 4.21 s, 41 ms */
struct mm_text mm_rate_text(double per_second); /* 120 MB/s */

#endif
