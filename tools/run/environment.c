/*
 * environment.c - what the program's loader and the library in it will read.
 *
 * The library is found beside this program: in the build folder, or where it was installed.  It
 * comes last in LD_PRELOAD, so what the user preloads keeps its place.  A run inside a run starts
 * anew: no NTMM_* variable of the outer one remains.
 */
#include "run/run.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/beside.h"
#include "common/say.h"

#define PRELOAD "libntmm-preload.so"

static const char *const variables[] = {
    "NTMM_RAM",    "NTMM_PAGEFILE", "NTMM_PAGEFILE_DIR", "NTMM_COMMIT_LIMIT", "NTMM_FAIL_COMMIT",
    "NTMM_ENGINE", "NTMM_PROBED",   "NTMM_BOARD",        "NTMM_HEAP"};

/* Places of the library, seen from the folder of this program. */
static const char *const places[] = {
    "../preload/" PRELOAD,              /* the build folder */
    "../" NTMM_LIBDIR "/ntmm/" PRELOAD, /* installed */
    "../" NTMM_LIBDIR "/" PRELOAD,
};

static int set_preload(void)
{
    char path[PATH_MAX];
    if (!mm_beside(places, sizeof(places) / sizeof(places[0]), path)) {
        mm_say("%s is not where it was built or installed; install ntmm again", PRELOAD);
        return RUN_REFUSED;
    }
    if (path[strcspn(path, " :\t\n")]) {
        mm_say("%s: the loader takes no library whose path has a space or colon; "
               "install ntmm elsewhere",
               path);
        return RUN_REFUSED;
    }
    const char *others = getenv("LD_PRELOAD");
    if (others && strstr(others, path))
        return -1;
    char *list;
    if (asprintf(&list, "%s%s%s", others ? others : "", others && others[0] ? ":" : "", path) < 0 ||
        setenv("LD_PRELOAD", list, 1) != 0) {
        mm_say("no memory to start with");
        return RUN_REFUSED;
    }
    free(list);
    return -1;
}

static void set_number(const char *name, uint64_t value)
{
    char text[32];
    snprintf(text, sizeof(text), "%" PRIu64, value);
    setenv(name, text, 1);
}

static void set_page_heap(const char *words)
{
    char text[64]; /* the words were checked: they are few */
    snprintf(text, sizeof(text), "page%s%s", words[0] ? "," : "", words);
    setenv("NTMM_HEAP", text, 1);
}

int mm_run_environment(const struct run_options *o, const struct mm_probe *probe, const char *board)
{
    int result = set_preload();
    if (result >= 0)
        return result;
    for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
        unsetenv(variables[i]);

    if (mm_run_is_paged(o)) {
        char letters[3] = "";
        strcat(letters, probe->start_writing ? "w" : "");
        strcat(letters, probe->cache_counts ? "c" : "");
        set_number("NTMM_RAM", o->ram);
        set_number("NTMM_PAGEFILE", o->page_file);
        setenv("NTMM_PAGEFILE_DIR", o->folder, 1);
        setenv("NTMM_PROBED", letters, 1);
        setenv("NTMM_ENGINE", "file", 1);
    } else {
        setenv("NTMM_ENGINE", "none", 1);
    }
    if (o->commit_limit)
        set_number("NTMM_COMMIT_LIMIT", o->commit_limit);
    if (o->fail_commit)
        set_number("NTMM_FAIL_COMMIT", o->fail_commit);
    if (o->hardened)
        setenv("NTMM_HEAP", "hardened", 1);
    if (o->page_heap)
        set_page_heap(o->page_heap);
    if (board)
        setenv("NTMM_BOARD", board, 1);
    return -1;
}
