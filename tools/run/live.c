/*
 * live.c - the live line of --stats: what memory is doing now.
 *
 * On a terminal one line is rewritten in place and cut to its width; elsewhere each interval is a
 * line of its own.  Rates are since the line before.
 */
#include "run/run.h"

#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/size.h"

#define PAGE 4096.0
#define WIDE 150 /* columns of the wide form */

static unsigned terminal_width(void)
{
    struct winsize w;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col ? w.ws_col : 80;
}

/* What the line shows, as texts. */
struct figures {
    struct mm_text set, standby, modified, page_file; /* sizes */
    struct mm_text soft, hard, zero;                  /* faults a second */
    double in, out;                                   /* MB a second */
};

static double rate(const struct run_live *live, const struct run_tally *t, int which,
                   double seconds)
{
    uint64_t now = t->all[which], before = live->before.all[which];
    return now > before && seconds > 0 ? (double)(now - before) / seconds : 0;
}

static struct figures figures_of(const struct run_live *live, const struct run_tally *t,
                                 uint64_t elapsed_ns)
{
    double seconds = (double)(elapsed_ns - live->before_ns) / 1e9;
    return (struct figures){
        .set = mm_size_short(t->now[NTMM_WORKING_SET]),
        .standby = mm_size_short(t->now[NTMM_STANDBY]),
        .modified = mm_size_short(t->now[NTMM_MODIFIED]),
        .page_file = mm_size_short(t->now[NTMM_PAGE_FILE]),
        .soft = mm_count_short((uint64_t)rate(live, t, NTMM_TRANSITION_FAULTS, seconds)),
        .hard = mm_count_short((uint64_t)rate(live, t, NTMM_HARD_FAULTS, seconds)),
        .zero = mm_count_short((uint64_t)rate(live, t, NTMM_DEMAND_ZERO_FAULTS, seconds)),
        .in = rate(live, t, NTMM_PAGES_IN, seconds) * PAGE / 1e6,
        .out = rate(live, t, NTMM_PAGES_OUT, seconds) * PAGE / 1e6,
    };
}

static int format_wide(const struct figures *f, double seconds, char line[512])
{
    return snprintf(line, 512,
                    "ntmm %6.1fs  set %6s  standby %6s  modified %6s  page file %6s | faults/s"
                    " soft %6s  hard %6s  zero %6s | MB/s in %5.0f  out %5.0f",
                    seconds, f->set.s, f->standby.s, f->modified.s, f->page_file.s, f->soft.s,
                    f->hard.s, f->zero.s, f->in, f->out);
}

static unsigned mib(uint64_t bytes)
{
    return (unsigned)((bytes + (1u << 19)) >> 20);
}

/* "19k" for "19.2k": where every column counts. */
static struct mm_text coarse(struct mm_text text)
{
    char *dot = strchr(text.s, '.');
    if (dot && dot - text.s > 1)
        memmove(dot, dot + 2, strlen(dot + 2) + 1);
    return text;
}

/* For terminals of 80 columns; sizes in MiB. */
static int format_narrow(const struct figures *f, const struct run_tally *t, double seconds,
                         char line[512])
{
    return snprintf(line, 512,
                    "%.0fs set %uM stby %uM mod %uM file %uM soft %s hard %s zero %s in %.0f out"
                    " %.0f",
                    seconds, mib(t->now[NTMM_WORKING_SET]), mib(t->now[NTMM_STANDBY]),
                    mib(t->now[NTMM_MODIFIED]), mib(t->now[NTMM_PAGE_FILE]), coarse(f->soft).s,
                    coarse(f->hard).s, coarse(f->zero).s, f->in, f->out);
}

void mm_run_live_tick(void *context, uint64_t elapsed_ns)
{
    struct run_live *live = context;
    struct run_tally tally;
    char line[512];
    mm_run_tally(live->board, &tally);
    struct figures f = figures_of(live, &tally, elapsed_ns);
    double seconds = (double)elapsed_ns / 1e9;
    if (live->terminal) {
        int width = (int)terminal_width();
        int length = width < WIDE ? format_narrow(&f, &tally, seconds, line)
                                  : format_wide(&f, seconds, line);
        dprintf(STDERR_FILENO, "\r%.*s\033[K", length < width ? length : width - 1, line);
    } else {
        format_wide(&f, seconds, line);
        dprintf(STDERR_FILENO, "%s\n", line);
    }
    live->before = tally;
    live->before_ns = elapsed_ns;
}

void mm_run_live_done(const struct run_live *live)
{
    if (live->terminal && live->before_ns)
        dprintf(STDERR_FILENO, "\r\033[K");
}
