/*
 * debug_dump.c - what is allocated, in the words and the layout of Microsoft's run-time.
 */
#include "debugheap/debugheap_internal.h"

#include "base/page.h"

#define SHOWN 16    /* bytes of a block */
#define LONGEST 260 /* bytes of a file's name */

/* ---- words ----------------------------------------------------------------------------------------------- */

static void text_byte(struct os_text *t, unsigned byte)
{
    char pair[3] = {"0123456789ABCDEF"[byte >> 4], "0123456789ABCDEF"[byte & 15], 0};
    mm_os_text(t, pair);
}

void mm_debug_text_pointer(struct os_text *t, const void *pointer)
{
    mm_os_text(t, "0x");
    for (int shift = 56; shift >= 0; shift -= 8)
        text_byte(t, (unsigned)((uintptr_t)pointer >> shift) & 0xff);
}

/* The name lies in the program, or in a library that is not there any more. */
void mm_debug_text_place(struct os_text *t, const char *file, int line)
{
    char name[LONGEST];
    size_t at = 0;

    while (at < sizeof name - 1 && mm_os_peek(&name[at], file + at, 1) && name[at])
        at++;
    name[at] = 0;
    mm_os_text(t, at ? name : "#File Error#");
    mm_os_text(t, "(");
    mm_os_text_number(t, (uint64_t)(line > 0 ? line : 0));
    mm_os_text(t, ")");
}

static void tell(struct os_text *t, const char *line)
{
    *t->at = 0;
    mm_debug_tell(DEBUG_WARN, line);
}

/* ---- a block --------------------------------------------------------------------------------------------- */

static void dump_bytes(const struct debug_block *b)
{
    char line[128];
    struct os_text t = {line, line + sizeof line - 1};
    const unsigned char *bytes = bytes_of(b);
    size_t shown = min_size(b->size, SHOWN);

    mm_os_text(&t, " Data: <");
    for (size_t i = 0; i < shown; i++) {
        char letter[2] = {bytes[i] >= ' ' && bytes[i] < 0x7f ? (char)bytes[i] : ' ', 0};
        mm_os_text(&t, letter);
    }
    mm_os_text(&t, "> ");
    for (size_t i = 0; i < shown; i++) {
        text_byte(&t, bytes[i]);
        mm_os_text(&t, " ");
    }
    mm_os_text(&t, "\n");
    tell(&t, line);
}

static void text_use(struct os_text *t, const struct debug_block *b)
{
    static const char *const names[DEBUG_USES] = {"free", "normal", "crt", "ignore", "client"};
    int subtype = (int)((unsigned)b->use >> 16);

    mm_os_text(t, names[use_of(b->use)]);
    mm_os_text(t, " block at ");
    mm_debug_text_pointer(t, bytes_of(b));
    if (use_of(b->use) == DEBUG_CLIENT || (use_of(b->use) == DEBUG_CRT && subtype)) {
        mm_os_text(t, ", subtype ");
        mm_os_text_hex(t, (uint64_t)subtype,
                       subtype > 0xfff  ? 4
                       : subtype > 0xff ? 3
                       : subtype > 0xf  ? 2
                                        : 1);
    }
}

static void dump_block(const struct debug_block *b)
{
    char line[512];
    struct os_text t = {line, line + sizeof line - 1};

    if (b->file) {
        mm_debug_text_place(&t, b->file, b->line);
        mm_os_text(&t, " : ");
    }
    mm_os_text(&t, "{");
    mm_os_text_number(&t, (uint64_t)b->request);
    mm_os_text(&t, "} ");
    text_use(&t, b);
    mm_os_text(&t, ", ");
    mm_os_text_number(&t, b->size);
    mm_os_text(&t, " bytes long.\n");
    tell(&t, line);
    if (use_of(b->use) == DEBUG_CLIENT && mm_debug_settings.dump)
        mm_debug_settings.dump(bytes_of(b), b->size);
    else
        dump_bytes(b);
}

static bool is_dumped(const struct debug_block *b)
{
    int use = use_of(b->use);
    return use == DEBUG_NORMAL || use == DEBUG_CLIENT ||
           (use == DEBUG_CRT && mm_debug_settings.flags & DEBUG_CHECK_CRT);
}

/* ---- all of them ------------------------------------------------------------------------------------------- */

void mm_debug_dump_since(const struct debug_state *since)
{
    intptr_t stop = since ? since->newest : 0;

    mm_debug_lock();
    mm_debug_tell(DEBUG_WARN, "Dumping objects ->\n");
    for (const struct debug_block *b = mm_debug_list.newest;
         b && mm_debug_is_block(b) && b->request > stop; b = b->older)
        if (is_dumped(b))
            dump_block(b);
    mm_debug_tell(DEBUG_WARN, "Object dump complete.\n");
    mm_debug_unlock();
}

void mm_debug_dump_statistics(const struct debug_state *state)
{
    char line[128];

    for (int use = 0; use < DEBUG_USES; use++) {
        struct os_text t = {line, line + sizeof line - 1};
        mm_os_text_number(&t, state->sizes[use]);
        mm_os_text(&t, " bytes in ");
        mm_os_text_number(&t, state->counts[use]);
        mm_os_text(&t, " ");
        mm_os_text(&t, mm_debug_use_name(use));
        mm_os_text(&t, " Blocks.\n");
        tell(&t, line);
    }
    struct os_text high = {line, line + sizeof line - 1};
    mm_os_text(&high, "Largest number used: ");
    mm_os_text_number(&high, state->high);
    mm_os_text(&high, " bytes.\n");
    tell(&high, line);
    struct os_text total = {line, line + sizeof line - 1};
    mm_os_text(&total, "Total allocations: ");
    mm_os_text_number(&total, state->total);
    mm_os_text(&total, " bytes.\n");
    tell(&total, line);
}

bool mm_debug_dump_leaks(void)
{
    struct debug_state nothing = {0}, now, left;

    mm_debug_lock();
    mm_debug_checkpoint(&now);
    bool any = mm_debug_difference(&nothing, &now, &left);
    if (any) {
        mm_debug_tell(DEBUG_WARN, "Detected memory leaks!\n");
        mm_debug_dump_since(NULL);
    }
    mm_debug_unlock();
    return any;
}

void mm_debug_at_exit(void)
{
    if (mm_debug_settings.flags & DEBUG_LEAK_CHECK)
        (void)mm_debug_dump_leaks();
}
