/*
 * debugheap.h - the debug heap of the C run-time: who allocated what, and who wrote past it.
 *
 * See README.md beside this file: the block, its fills, the invariants.  Values are those of
 * crtdbg.h, where they are documented.
 *
 * Any thread; the functions of the program (hooks, dump functions) are called with the lock held, and
 * may come back.  Files' names are kept, not copied.
 */
#ifndef NTMM_DEBUGHEAP_DEBUGHEAP_H
#define NTMM_DEBUGHEAP_DEBUGHEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ntdef.h>

/* ---- blocks (debug_block.c, debug_allocate.c) ------------------------------------------------- */

enum debug_use { DEBUG_FREE, DEBUG_NORMAL, DEBUG_CRT, DEBUG_IGNORE, DEBUG_CLIENT, DEBUG_USES };

/* crtdbg.h's flags: _CRTDBG_ALLOC_MEM_DF ... */
enum {
    DEBUG_TRACK = 0x01,
    DEBUG_DELAY_FREE = 0x02,
    DEBUG_CHECK_ALWAYS = 0x04,
    DEBUG_CHECK_CRT = 0x10,
    DEBUG_LEAK_CHECK = 0x20,
};

/* Who asks for a block, and of which use: enum debug_use, with a subtype above bit 16. */
struct debug_where {
    int use;
    const char *file; /* NULL: not known */
    int line;
};

/* NULL: no memory, or the hook of the program forbids it. */
void *mm_debug_allocate(size_t size, bool zero, const struct debug_where *where);

/*
 * Make the size of a block `size`.  NULL as block is fine, and so is a block of malloc's.
 *
 * => in_place: NULL, and nothing changed, if it would have to move
 * => zero: what is new reads as zero, else as 0xCD
 */
struct debug_change {
    size_t size;
    bool zero;
    bool in_place;
};
void *mm_debug_resize(void *block, const struct debug_change *change,
                      const struct debug_where *where);

/* NULL is fine, and so is a block of malloc's.  Ends the process at anything else. */
void mm_debug_free(void *block, int use);

/* STATUS_INVALID_PARAMETER: neither a block of ours nor of malloc's. */
NTSTATUS mm_debug_size(void *block, size_t *ret_size);

/* What is known of a block in use; false: it is none of the debug heap's. */
struct debug_known {
    size_t size;
    int use;
    long request;
    const char *file;
    int line;
};
bool mm_debug_known(const void *block, struct debug_known *ret_known);

/*
 * Aligned blocks (debug_aligned.c): each lies within a block, behind a note (crt/).  As the functions
 * above; mm_debug_aligned_resize and _free end the process at what is no aligned block.
 */
struct crt_alignment;
void *mm_debug_aligned_allocate(const struct crt_alignment *a, size_t size, bool zero,
                                const struct debug_where *where);
void *mm_debug_aligned_resize(void *block, const struct crt_alignment *a,
                              const struct debug_change *change, const struct debug_where *where);
NTSTATUS mm_debug_aligned_size(const void *block, size_t *ret_size);
void mm_debug_aligned_free(void *block);

/* Check every block, and report what is wrong; true: nothing is. */
bool mm_debug_check(void);

/* ---- the program's wishes ------------------------------------------------------------------------- */

typedef int debug_hook(int kind, void *block, size_t size, int use, long request,
                       const unsigned char *file, int line);
typedef void debug_dump(void *block, size_t size);

/* Guarded by the lock; api/ reads and writes them whole. */
struct debug_settings {
    int flags;
    long break_at; /* stop at this request; -1: none */
    debug_hook *hook;
    debug_dump *dump;
};
extern struct debug_settings mm_debug_settings;

/* Call `each` for every client block. */
void mm_debug_for_clients(void (*each)(void *block, void *context), void *context);

/* ---- the whole heap (debug_state.c, debug_dump.c) ---------------------------------------------------- */

/* _CrtMemState. */
struct debug_state {
    intptr_t newest; /* request of the newest block; a block that is resized is a new one */
    size_t counts[DEBUG_USES];
    size_t sizes[DEBUG_USES];
    size_t high;  /* most bytes at a time */
    size_t total; /* bytes ever allocated */
};
void mm_debug_checkpoint(struct debug_state *ret_state);

/* What is new; whether there is anything that matters. */
bool mm_debug_difference(const struct debug_state *old, const struct debug_state *new,
                         struct debug_state *ret_difference);

void mm_debug_dump_statistics(const struct debug_state *state);

/* Report all blocks newer than `since`; NULL: all. */
void mm_debug_dump_since(const struct debug_state *since);

/* Report what is still allocated: whether anything is. */
bool mm_debug_dump_leaks(void);

/* The program ends: report leaks, if it wished so. */
void mm_debug_at_exit(void);

/* ---- reports (debug_report.c) -------------------------------------------------------------------------- */

enum { DEBUG_WARN, DEBUG_ERROR, DEBUG_ASSERT, DEBUG_KINDS };
enum { DEBUG_TO_FILE = 1, DEBUG_TO_DEBUGGER = 2, DEBUG_TO_WINDOW = 4 };

/* What a report hook is given, and answers: true, and nobody else hears of the report. */
typedef int debug_report_hook(int kind, char *text, int *ret_value);

/*
 * Report a text that is complete but for the place it comes from.
 *
 * => 1: the program is to stop here, in its debugger; 0; or what a hook said; -1: it could not be written
 */
int mm_debug_report(int kind, const char *file, int line, const char *text);

/* A report of ours; stops where the answer is 1. */
void mm_debug_tell(int kind, const char *text);

/* The mode or file before.  kind is one of DEBUG_KINDS. */
int mm_debug_report_mode(int kind, int mode);
void *mm_debug_report_file(int kind, void *file);
int mm_debug_report_mode_now(int kind);
void *mm_debug_report_file_now(int kind);

/* The hook before. */
debug_report_hook *mm_debug_set_report_hook(debug_report_hook *hook);

/*
 * A hook beside others, asked newest first, counted.
 *
 * => how often it is there now; -1: there is no room, or (remove) it is not there
 */
int mm_debug_add_report_hook(debug_report_hook *hook);
int mm_debug_remove_report_hook(debug_report_hook *hook);

/* ---- around fork ------------------------------------------------------------------------------------------ */

void mm_debug_before_fork(void);
void mm_debug_after_fork(void); /* in both */

#endif
