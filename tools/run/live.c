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

static unsigned terminal_width(void)
{
    struct winsize w;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col ? w.ws_col : 80;
}

static double rate(const struct run_live *live, const struct run_tally *t, int which,
                   double seconds)
{
    uint64_t now = t->all[which], before = live->before.all[which];
    return now > before && seconds > 0 ? (double)(now - before) / seconds : 0;
}

static int format(const struct run_live *live, const struct run_tally *t, uint64_t elapsed_ns,
                  char line[512])
{
    double seconds = (double)(elapsed_ns - live->before_ns) / 1e9;
    const uint64_t *now = t->now;
    return snprintf(
        line, 512,
        "ntmm %6.1fs  set %s  standby %s  modified %s  page file %s | faults/s soft %s hard %s "
        "zero %s | in %s out %s",
        (double)elapsed_ns / 1e9, mm_size_short(now[NTMM_WORKING_SET]).s,
        mm_size_short(now[NTMM_STANDBY]).s, mm_size_short(now[NTMM_MODIFIED]).s,
        mm_size_short(now[NTMM_PAGE_FILE]).s,
        mm_count_short((uint64_t)rate(live, t, NTMM_TRANSITION_FAULTS, seconds)).s,
        mm_count_short((uint64_t)rate(live, t, NTMM_HARD_FAULTS, seconds)).s,
        mm_count_short((uint64_t)rate(live, t, NTMM_DEMAND_ZERO_FAULTS, seconds)).s,
        mm_rate_text(rate(live, t, NTMM_PAGES_IN, seconds) * PAGE).s,
        mm_rate_text(rate(live, t, NTMM_PAGES_OUT, seconds) * PAGE).s);
}

void mm_run_live_tick(void *context, uint64_t elapsed_ns)
{
    struct run_live *live = context;
    struct run_tally tally;
    char line[512];
    mm_run_tally(live->board, &tally);
    int length = format(live, &tally, elapsed_ns, line);
    if (live->terminal) {
        unsigned width = terminal_width();
        length = (unsigned)length < width ? length : (int)width - 1;
        dprintf(STDERR_FILENO, "\r%.*s\033[K", length, line);
    } else {
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
