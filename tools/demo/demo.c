/*
 * demo.c - `ntmm demo`: the hog, the main job, the tour.
 *
 * Everything it makes lies in one folder beside the page file, and is removed at the end, also
 * after Ctrl-C.
 */
#include "demo/demo.h"

#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/beside.h"
#include "common/folder.h"
#include "common/say.h"
#include "verbs.h"

enum { SHOWN, FAILED, USAGE, HELP = 1000, INPUT };

static const char usage[] =
    "usage: ntmm demo [--input FILE] [hog] [job] [tour]\n"
    "\n"
    "  hog    a program takes memory until the commit limit and is told so; a plain one is killed\n"
    "  job    jq in a quarter of the memory it needs, with the same output\n"
    "  tour   address space, paging, page faults, page file, allocation, protection, live\n"
    "\n"
    "Without a name all three, in about a minute.  --input: the JSON text of the job; by default\n"
    "one of 48 MB is made and removed again.\n";

static const struct option options[] = {{"input", required_argument, NULL, INPUT},
                                        {"help", no_argument, NULL, HELP},
                                        {NULL, 0, NULL, 0}};

struct part {
    const char *name;
    void (*show)(struct demo *d);
    bool wanted;
};

static struct part parts[] = {
    {"hog", mm_demo_hog, false}, {"job", mm_demo_job, false}, {"tour", mm_demo_tour, false}};
#define PARTS (sizeof(parts) / sizeof(parts[0]))

static bool choose_parts(int argc, char **argv)
{
    for (int i = optind; i < argc; i++) {
        size_t n = 0;
        while (n < PARTS && strcmp(parts[n].name, argv[i]) != 0)
            n++;
        if (n == PARTS) {
            mm_say("there is no part '%s'; there are hog, job and tour", argv[i]);
            return false;
        }
        parts[n].wanted = true;
    }
    for (size_t n = 0; n < PARTS; n++)
        parts[n].wanted = parts[n].wanted || optind >= argc;
    return true;
}

/* -1: go on; else the exit status. */
static int read_options(int argc, char **argv, struct demo *d)
{
    opterr = 0;
    optind = 0;
    for (int which; (which = getopt_long(argc, argv, ":", options, NULL)) != -1;) {
        switch (which) {
        case HELP: fputs(usage, stdout); return SHOWN;
        case INPUT:
            if (!realpath(optarg, d->input)) {
                mm_say("--input %s: %s", optarg, strerror(errno));
                return USAGE;
            }
            d->input_given = true;
            break;
        default:
            mm_say("'%s' is not understood; ntmm demo --help tells what is", argv[optind - 1]);
            return USAGE;
        }
    }
    return choose_parts(argc, argv) ? -1 : USAGE;
}

static bool find_helper(const char *name, char path[PATH_MAX])
{
    char installed[PATH_MAX];
    snprintf(installed, sizeof(installed), "../" NTMM_LIBEXECDIR "/ntmm/%s", name);
    const char *const places[] = {name, installed};
    if (mm_beside(places, 2, path))
        return true;
    mm_say("%s is not where it was built or installed; install ntmm again", name);
    return false;
}

static bool make_folder(struct demo *d)
{
    struct mm_probe probe;
    char parent[PATH_MAX];
    if (!mm_folder_choose(parent, &probe)) {
        mm_say("no folder here can hold a page file; 'ntmm doctor' says why");
        return false;
    }
    snprintf(d->folder, sizeof(d->folder), "%.*s/ntmm-demo.XXXXXX", PATH_MAX - 32, parent);
    if (mkdtemp(d->folder))
        return true;
    mm_say("%s: cannot be made: %s", d->folder, strerror(errno));
    return false;
}

static void remove_folder(const struct demo *d)
{
    static const char *const files[] = {"big.json", "plain", "other", "json"};
    char path[PATH_MAX + 16];
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", d->folder, files[i]);
        (void)unlink(path); /* not all of them were made */
    }
    if (rmdir(d->folder) != 0)
        mm_say("%s: could not be removed: %s", d->folder, strerror(errno));
}

static int die_alike(int number)
{
    signal(number, SIG_DFL);
    raise(number);
    return 128 + number;
}

int mm_verb_demo(int argc, char **argv)
{
    static struct demo d;
    int status = read_options(argc, argv, &d);
    if (status >= 0)
        return status;
    if (!realpath("/proc/self/exe", d.ntmm) || !find_helper("ntmm-hog", d.hog) ||
        !find_helper("ntmm-plain-hog", d.plain_hog) || !find_helper("ntmm-tour", d.tour))
        return FAILED;
    mm_demo_catch_signals();
    if (!make_folder(&d))
        return FAILED;
    for (size_t n = 0; n < PARTS && !mm_demo_interrupted(); n++) {
        if (parts[n].wanted)
            parts[n].show(&d);
    }
    remove_folder(&d);
    if (mm_demo_interrupted())
        return die_alike(mm_demo_interrupted());
    puts(d.failed ? "\nSomething did not come out as it must; see above." : "");
    return d.failed ? FAILED : SHOWN;
}
