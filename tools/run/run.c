/*
 * run.c - `ntmm run`: any dynamically linked program in a budget of RAM.
 *
 * Everything that can be refused is refused before the program starts; then the program has the
 * standard streams to itself, and what there is to say is said when it has ended.
 */
#include "run/run.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/say.h"
#include "verbs.h"

struct run {
    struct run_options options;
    struct run_program program;
    struct mm_probe probe;
    struct mm_board board;
    bool has_board;
    FILE *summary; /* NULL: none */
    FILE *json;    /* NULL: none */
};

/* Open before the program starts, so that a name that cannot be written to is told at once. */
static FILE *open_output(const char *option, const char *name)
{
    FILE *file = fopen(name, "we");
    if (!file)
        mm_say("--%s %.300s: cannot be written: %s", option, name, strerror(errno));
    return file;
}

static int prepare_outputs(struct run *r)
{
    const struct run_options *o = &r->options;
    if (o->json && !(r->json = open_output("json", o->json)))
        return RUN_REFUSED;
    if (o->output && !(r->summary = open_output("output", o->output)))
        return RUN_REFUSED;
    if (!o->output && !o->quiet)
        r->summary = stderr;
    return -1;
}

/* Whether anybody wants to be told what the program's memory did. */
static bool is_silent(const struct run *r)
{
    return !r->summary && !r->json && !r->options.interval;
}

/* Without a board the program runs just as well; only the numbers are missing. */
static void prepare_board(struct run *r)
{
    if (is_silent(r))
        return;
    int error = mm_board_make(&r->board);
    r->has_board = error == 0;
    if (error)
        mm_say("note: nothing will be counted: no folder for the counters: %s", strerror(error));
}

static int prepare(struct run *r)
{
    int result = mm_run_program(r->options.program[0], &r->program);
    if (result < 0)
        result = mm_run_folder(&r->options, &r->probe);
    if (result < 0)
        result = prepare_outputs(r);
    if (result >= 0)
        return result;
    prepare_board(r);
    return mm_run_environment(&r->options, &r->probe, r->has_board ? r->board.path : NULL);
}

static bool write_out(FILE *file, const char *name)
{
    bool good = !ferror(file) && fflush(file) == 0;
    if (!good)
        mm_say("%s: could not be written whole: %s", name, strerror(errno));
    return good;
}

static void report(struct run *r, const struct run_result *result)
{
    struct run_tally tally = {0};
    if (r->has_board) {
        mm_run_tally(&r->board, &tally);
        if (!tally.processes)
            mm_say("%s did not load ntmm: nothing was bounded or counted", r->program.path);
    }
    struct run_report all = {&r->options, &r->probe, result, &tally};
    if (r->summary) {
        mm_run_report_text(&all, r->summary);
        write_out(r->summary, r->options.output ? r->options.output : "standard error");
    }
    if (r->json) {
        mm_run_report_json(&all, r->has_board ? &r->board : NULL, r->json);
        write_out(r->json, r->options.json);
    }
}

static int run(struct run *r)
{
    struct run_result result = {0};
    struct run_live live = {.board = &r->board, .terminal = isatty(STDERR_FILENO)};
    struct run_ticker ticker = {r->has_board ? r->options.interval : 0, mm_run_live_tick, &live};
    if (is_silent(r))
        return mm_run_in_place(&r->program, r->options.program);
    int failed = mm_run_child(&r->program, r->options.program, &ticker, &result);
    if (failed < 0) {
        mm_run_live_done(&live);
        report(r, &result);
    }
    if (r->has_board)
        mm_board_remove(&r->board);
    return failed < 0 ? mm_run_end_alike(result.status) : failed;
}

int mm_verb_run(int argc, char **argv)
{
    static struct run r;
    int status = mm_run_options(argc, argv, &r.options);
    if (status >= 0)
        return status;
    status = prepare(&r);
    if (status < 0)
        return run(&r);
    if (r.has_board)
        mm_board_remove(&r.board);
    return status;
}
