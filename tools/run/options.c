/*
 * options.c - the command line of `ntmm run`.
 *
 * Every refusal is one line that names the option, what was given and what to do.
 */
#include "run/run.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/say.h"
#include "common/size.h"

#define SMALLEST_RAM ((uint64_t)4 << 20)
#define SMALLEST_PAGE_FILE ((uint64_t)1 << 20)

static const char usage[] =
    "usage: ntmm run [OPTIONS] [--] PROGRAM [ARGUMENTS]\n"
    "\n"
    "Run any dynamically linked program in a budget of RAM, with a page file of its own.\n"
    "\n"
    "  --ram SIZE              RAM the program may use, each of its children as well\n"
    "  --pagefile SIZE[:DIR]   size of the page file, and where it lives (default 4 times the RAM,\n"
    "                          in $NTMM_PAGEFILE_DIR, /var/tmp, ~/.cache or here);\n"
    "                          0: a commit limit without paging, at no cost\n"
    "  --commit-limit SIZE     memory that may be promised (default RAM + page file)\n"
    "  --fail-commit N         let the N-th commit fail, to see what the program makes of it\n"
    "  --engine file|none|auto which pager (default auto)\n"
    "  --hardened              canaries, quarantine and checks in the heap: misuse is found when a\n"
    "                          block is freed, or used again\n"
    "  --page-heap[=WORDS]     every block ends at a page without access; freed ones stay without\n"
    "                          (words: full, light or random=N, and backwards)\n"
    "  --stats[=SECONDS]       a live line on standard error\n"
    "  --json FILE             everything that was counted, for programs\n"
    "  -o, --output FILE       the summary goes there rather than to standard error\n"
    "  -q, --quiet             no summary\n"
    "\n"
    "Sizes: 512K, 104M, 2G or bytes.  The exit status is the program's, a signal is the program's\n"
    "signal; 125: ntmm refused, 126: cannot be executed, 127: not found.\n";

enum {
    RAM = 1000,
    PAGE_FILE,
    COMMIT_LIMIT,
    FAIL_COMMIT,
    ENGINE,
    HARDENED,
    PAGE_HEAP,
    STATS,
    JSON,
    HELP
};

static const struct option long_options[] = {
    {"ram", required_argument, NULL, RAM},
    {"pagefile", required_argument, NULL, PAGE_FILE},
    {"commit-limit", required_argument, NULL, COMMIT_LIMIT},
    {"fail-commit", required_argument, NULL, FAIL_COMMIT},
    {"engine", required_argument, NULL, ENGINE},
    {"hardened", no_argument, NULL, HARDENED},
    {"page-heap", optional_argument, NULL, PAGE_HEAP},
    {"stats", optional_argument, NULL, STATS},
    {"json", required_argument, NULL, JSON},
    {"output", required_argument, NULL, 'o'},
    {"quiet", no_argument, NULL, 'q'},
    {"help", no_argument, NULL, HELP},
    {NULL, 0, NULL, 0},
};

/* Say what is wrong with a size, if something is. */
static bool read_size(const char *option, const char *text, uint64_t least, uint64_t *ret_bytes)
{
    uint64_t bytes;
    enum mm_size_error error = mm_size_parse(text, &bytes);
    if (error != MM_SIZE_OK) {
        mm_say("--%s %.200s: %s", option, text, mm_size_advice(error));
        return false;
    }
    if (bytes < least) {
        mm_say("--%s %.200s: too little; give at least %s", option, text, mm_size_short(least).s);
        return false;
    }
    *ret_bytes = bytes;
    return true;
}

static bool read_page_file(const char *text, struct run_options *o)
{
    char size[512];
    const char *colon = strchr(text, ':');
    size_t length = colon ? (size_t)(colon - text) : strlen(text);
    if (length >= sizeof(size)) {
        mm_say("--pagefile %.200s: %s", text, mm_size_advice(MM_SIZE_NONSENSE));
        return false;
    }
    memcpy(size, text, length);
    size[length] = '\0';
    if (!read_size("pagefile", size, 0, &o->page_file))
        return false;
    if (o->page_file && o->page_file < SMALLEST_PAGE_FILE) {
        mm_say("--pagefile %.200s: too little; give at least 1M, or 0 for none", text);
        return false;
    }
    if (colon && (!colon[1] || strlen(colon + 1) >= sizeof(o->folder))) {
        mm_say("--pagefile %.200s: name a folder after the colon, as in 2G:/var/tmp", text);
        return false;
    }
    strcpy(o->folder, colon ? colon + 1 : "");
    o->page_file_given = true;
    return true;
}

static bool read_count(const char *text, uint64_t *ret_count)
{
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno || *end || end == text || value < 1) {
        mm_say("--fail-commit %.200s: give the number of the commit that is to fail, 1 or more",
               text);
        return false;
    }
    *ret_count = (uint64_t)value;
    return true;
}

static bool read_interval(const char *text, double *ret_seconds)
{
    if (!text) {
        *ret_seconds = 1;
        return true;
    }
    char *end;
    double value = strtod(text, &end);
    if (*end || end == text || !isfinite(value) || value < 0.1 || value > 86400) {
        mm_say("--stats=%.200s: give the seconds between two lines, 0.1 to 86400", text);
        return false;
    }
    *ret_seconds = value;
    return true;
}

static bool read_engine(const char *text, struct run_options *o)
{
    static const char *const engines[] = {
        [ENGINE_AUTO] = "auto", [ENGINE_FILE] = "file", [ENGINE_NONE] = "none"};
    for (int i = 0; i < 3; i++) {
        if (strcmp(text, engines[i]) == 0) {
            o->engine = i;
            return true;
        }
    }
    mm_say("--engine %.200s: there are file, none and auto", text);
    return false;
}

static bool is_percent(const char *text)
{
    size_t length = strlen(text);
    return length >= 1 && length <= 3 && strspn(text, "0123456789") == length && atoi(text) <= 100;
}

/* A word of the list: which blocks are full (1), or where the guard page is (2); 0: no such word. */
static int page_heap_word(const char *word)
{
    if (strcmp(word, "full") == 0 || strcmp(word, "light") == 0)
        return 1;
    if (strncmp(word, "random=", 7) == 0 && is_percent(word + 7))
        return 1;
    return strcmp(word, "backwards") == 0 ? 2 : 0;
}

static bool read_page_heap(const char *text, struct run_options *o)
{
    char word[16];
    int seen = 0;

    o->page_heap = text ? text : "";
    for (const char *at = text; at; at = *at ? at + 1 : NULL) {
        size_t length = strcspn(at, ",");
        bool fits = length < sizeof word;
        snprintf(word, sizeof word, "%.*s", fits ? (int)length : 0, at);
        int kind = page_heap_word(word);
        if (!kind || seen & kind) {
            mm_say("--page-heap=%.200s: give one of full, light and random=0 to random=100, and "
                   "backwards or not",
                   text);
            return false;
        }
        seen |= kind;
        at += length;
    }
    return true;
}

static bool read_file_name(const char *option, const char *text, const char **ret_name)
{
    if (strcmp(text, "-") == 0 || !text[0]) {
        mm_say("--%s '%.200s': standard output is the program's own; name a file", option, text);
        return false;
    }
    *ret_name = text;
    return true;
}

static bool read_option(int which, const char *text, struct run_options *o)
{
    switch (which) {
    case RAM: return read_size("ram", text, SMALLEST_RAM, &o->ram);
    case PAGE_FILE: return read_page_file(text, o);
    case COMMIT_LIMIT: return read_size("commit-limit", text, SMALLEST_RAM, &o->commit_limit);
    case FAIL_COMMIT: return read_count(text, &o->fail_commit);
    case ENGINE: return read_engine(text, o);
    case HARDENED: return o->hardened = true;
    case PAGE_HEAP: return read_page_heap(text, o);
    case STATS: return read_interval(text, &o->interval);
    case JSON: return read_file_name("json", text, &o->json);
    case 'o': return read_file_name("output", text, &o->output);
    case 'q': o->quiet = true; return true;
    default: return false;
    }
}

bool mm_run_is_paged(const struct run_options *o)
{
    return o->ram && o->engine != ENGINE_NONE && !(o->page_file_given && !o->page_file);
}

/* Options that contradict each other. */
static bool fit_together(const struct run_options *o)
{
    bool page_file = o->page_file_given && o->page_file;
    if (page_file && !o->ram)
        mm_say("--pagefile needs a budget: add --ram SIZE");
    else if (page_file && o->engine == ENGINE_NONE)
        mm_say("--engine none uses no page file: leave out --pagefile, or give 0");
    else if (o->engine == ENGINE_FILE && !mm_run_is_paged(o))
        mm_say("--engine file needs --ram SIZE and a page file");
    else if (o->hardened && o->page_heap)
        mm_say("--hardened and --page-heap are two ways to check a heap: give one of them");
    else
        return true;
    return false;
}

int mm_run_options(int argc, char **argv, struct run_options *ret_options)
{
    struct run_options *o = ret_options;
    memset(o, 0, sizeof(*o));
    opterr = 0;
    optind = 0;
    for (int which; (which = getopt_long(argc, argv, "+:o:q", long_options, NULL)) != -1;) {
        if (which == HELP) {
            fputs(usage, stdout);
            return fflush(stdout) == 0 ? 0 : RUN_REFUSED;
        }
        if (which == ':')
            mm_say("%.200s needs a value; ntmm run --help tells which", argv[optind - 1]);
        else if (which == '?')
            mm_say("no option '%.200s'; ntmm run --help lists them", argv[optind - 1]);
        if (which == ':' || which == '?' || !read_option(which, optarg, o))
            return RUN_REFUSED;
    }
    if (!fit_together(o))
        return RUN_REFUSED;
    if (optind >= argc || !argv[optind][0]) {
        mm_say("no program given; as in: ntmm run --ram 256M --pagefile 4G -- PROGRAM ARGUMENTS");
        return RUN_REFUSED;
    }
    o->program = argv + optind;
    return -1;
}
