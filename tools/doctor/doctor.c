/*
 * doctor.c - `ntmm doctor`: what this machine allows, found by trying, and how to get more.
 */
#include "doctor/doctor.h"

#include <getopt.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/say.h"
#include "verbs.h"

enum { HEALTHY, NO_ENGINE, USAGE, HELP = 1000, JSON };

static const char usage[] =
    "usage: ntmm doctor [--json] [FOLDER]\n"
    "\n"
    "Try what this kernel, container, file system and user allow; say which engine will run and\n"
    "what to change to get a better one.  FOLDER: where the page file would be.\n"
    "Exit status: 0 the file engine can run, 1 it cannot, 2 wrong usage.\n";

static const struct option options[] = {
    {"json", no_argument, NULL, JSON}, {"help", no_argument, NULL, HELP}, {NULL, 0, NULL, 0}};

int mm_verb_doctor(int argc, char **argv)
{
    static struct doctor_examination e;
    bool json = false;
    opterr = 0;
    optind = 0;
    for (int which; (which = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (which == HELP) {
            fputs(usage, stdout);
            return HEALTHY;
        }
        if (which == '?') {
            mm_say("no option '%s'; ntmm doctor --help lists them", argv[optind - 1]);
            return USAGE;
        }
        json = json || which == JSON;
    }
    if (argc - optind > 1) {
        mm_say("one folder at a time");
        return USAGE;
    }

    mm_doctor_examine(argv[optind], &e);
    if (json)
        mm_doctor_view_json(&e, stdout);
    else
        mm_doctor_view_text(&e, isatty(STDOUT_FILENO) && !getenv("NO_COLOR"), stdout);
    return e.file_engine ? HEALTHY : NO_ENGINE;
}
