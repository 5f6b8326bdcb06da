/*
 * run.h - what the parts of `ntmm run` tell each other.
 *
 * options -> program -> folder -> environment -> child, then tally -> live line, summary, JSON.
 */
#ifndef NTMM_TOOLS_RUN_H
#define NTMM_TOOLS_RUN_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "common/board.h"
#include "common/probe.h"

/* Failures before the program runs, as env has them. */
enum { RUN_REFUSED = 125, RUN_CANNOT_EXECUTE = 126, RUN_NOT_FOUND = 127 };

struct run_options {
    uint64_t ram;       /* bytes; 0: no budget */
    uint64_t page_file; /* bytes */
    bool page_file_given;
    char folder[PATH_MAX]; /* of the page file; "": choose one */
    uint64_t commit_limit; /* bytes; 0: not given */
    uint64_t fail_commit;  /* 0: never */
    enum { ENGINE_AUTO, ENGINE_FILE, ENGINE_NONE } engine;
    bool hardened;         /* the heap */
    const char *page_heap; /* its words, "" without; NULL: none */
    double interval;       /* seconds between live lines; 0: none */
    bool quiet;
    const char *json;   /* file or NULL */
    const char *output; /* file of the summary; NULL: standard error */
    char **program;     /* argv of the program */
};

/* Read the command line.  -1: go on; else the exit status, everything said. */
int mm_run_options(int argc, char **argv, struct run_options *ret_options);

/* Whether the page file is used: a budget, and nothing that turns paging off. */
bool mm_run_is_paged(const struct run_options *options);

/* What will be executed. */
struct run_program {
    char path[PATH_MAX];
    bool by_shell; /* a script without "#!": /bin/sh reads it */
};

/* Find and check the program.  -1: fine; else the exit status, everything said. */
int mm_run_program(const char *name, struct run_program *ret_program);

/* Choose and probe the page file's folder; settle sizes.  -1: fine; else the exit status. */
int mm_run_folder(struct run_options *options, struct mm_probe *ret_probe);

/* Set LD_PRELOAD and NTMM_* for the child.  -1: fine; else the exit status. */
int mm_run_environment(const struct run_options *options, const struct mm_probe *probe,
                       const char *board);

struct run_result {
    int status; /* as of waitpid */
    pid_t pid;
    uint64_t wall_ns;
    struct rusage usage; /* of the program and the children it waited for */
};

/* Called every `interval` seconds while the program runs. */
struct run_ticker {
    double interval;
    void (*tick)(void *context, uint64_t elapsed_ns);
    void *context;
};

/*
 * Fork, execute, wait, pass signals on.  -1: it ran, *ret_result tells how it ended; else the exit
 * status, everything said.
 */
int mm_run_child(const struct run_program *program, char **argv, const struct run_ticker *ticker,
                 struct run_result *ret_result);

/* Become the program.  => only where that fails: the exit status, everything said */
int mm_run_in_place(const struct run_program *program, char **argv);

/* End as the program ended: the same exit status, or by the same signal. */
int mm_run_end_alike(int status);

/* All processes of a board, added up. */
struct run_tally {
    int processes; /* programs that counted; one that was replaced by exec is one more */
    int running;
    bool board_full;             /* there were more than the board holds */
    struct mm_slot biggest;      /* the one with the highest peak of RAM */
    uint64_t now[NTMM_COUNTERS]; /* states: of the running processes */
    uint64_t all[NTMM_COUNTERS]; /* events, and peaks: of all processes */
};

void mm_run_tally(const struct mm_board *board, struct run_tally *ret_tally);

/* How much of what was read ahead was used in time, in percent; -1: nothing was read ahead. */
int mm_run_read_ahead_percent(const struct run_tally *tally);

/* The live line: what changed since `before`, `seconds` ago. */
struct run_live {
    const struct mm_board *board;
    struct run_tally before;
    uint64_t before_ns;
    bool terminal;
};
void mm_run_live_tick(void *live, uint64_t elapsed_ns);
void mm_run_live_done(const struct run_live *live);

struct run_report {
    const struct run_options *options;
    const struct mm_probe *probe; /* of the folder, where there is one */
    const struct run_result *result;
    const struct run_tally *tally;
};
void mm_run_report_text(const struct run_report *report, FILE *out);
void mm_run_report_json(const struct run_report *report, const struct mm_board *board, FILE *out);

#endif
