/*
 * ntmm.c - the one command: a table of verbs.
 */
#include <stdio.h>
#include <string.h>

#include "common/say.h"
#include "verbs.h"

#define USAGE 2

struct verb {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
};

static const struct verb verbs[] = {
    {"run", mm_verb_run, "run a program in a RAM budget with a page file of its own"},
    {"doctor", mm_verb_doctor, "find out what this machine allows, and how to get more"},
    {"demo", mm_verb_demo, "show it all: the hog, the main job, a tour"},
};

static void help(FILE *out)
{
    fprintf(out, "usage: ntmm VERB [OPTIONS] ...\n\n");
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
        fprintf(out, "  %-8s %s\n", verbs[i].name, verbs[i].summary);
    fprintf(out, "\nntmm VERB --help tells the options.  For a start:\n"
                 "  ntmm run --ram 256M --pagefile 4G -- PROGRAM ARGUMENTS\n");
}

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "";
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
        help(stdout);
        return 0;
    }
    if (strcmp(name, "--version") == 0) {
        puts("ntmm " NTMM_VERSION);
        return 0;
    }
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        if (strcmp(name, verbs[i].name) == 0) {
            mm_say_as(name);
            return verbs[i].run(argc - 1, argv + 1);
        }
    }
    if (argc < 2)
        help(stderr);
    else
        mm_say("there is no verb '%s'; ntmm --help lists them", name);
    return USAGE;
}
