/*
 * report_text.c - the summary: one screen, aligned, a line a subject.
 */
#include "run/run.h"

#include <string.h>
#include <sys/wait.h>

#include "common/size.h"

static uint64_t ns_of(struct timeval t)
{
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_usec * 1000u;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

static void how_it_ended(const struct run_report *r, FILE *out)
{
    int status = r->result->status;
    uint64_t cpu = ns_of(r->result->usage.ru_utime) + ns_of(r->result->usage.ru_stime);
    fprintf(out, "ntmm: %s ", base_name(r->options->program[0]));
    if (WIFSIGNALED(status))
        fprintf(out, "was ended by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
    else
        fprintf(out, "ended with status %d", WEXITSTATUS(status));
    fprintf(out, " after %s, %s of CPU\n", mm_time_text(r->result->wall_ns).s, mm_time_text(cpu).s);
}

/* The pager counts only when memory gets tight; before that the kernel knows the peak. */
static uint64_t resident_peak(const struct run_report *r)
{
    uint64_t kernel = (uint64_t)r->result->usage.ru_maxrss * 1024;
    uint64_t pager = r->tally->biggest.value[NTMM_RESIDENT_PEAK];
    return pager > kernel ? pager : kernel;
}

static void memory_lines(const struct run_report *r, FILE *out)
{
    const uint64_t *v = r->tally->biggest.value;
    if (mm_run_is_paged(r->options)) {
        fprintf(out, "  RAM       %11s peak   of %11s budget\n", mm_size_text(resident_peak(r)).s,
                mm_size_text(r->options->ram).s);
    } else {
        fprintf(out, "  RAM       %11s peak   no budget: the kernel pages\n",
                mm_size_text(resident_peak(r)).s);
    }
    fprintf(out, "  committed %11s peak", mm_size_text(v[NTMM_COMMITTED_PEAK]).s);
    if (v[NTMM_COMMIT_LIMIT] || r->options->commit_limit)
        fprintf(
            out, "   of %11s limit",
            mm_size_text(r->options->commit_limit ? r->options->commit_limit : v[NTMM_COMMIT_LIMIT])
                .s);
    if (r->tally->all[NTMM_COMMIT_FAILURES])
        fprintf(out, "    %s refused", mm_count_text(r->tally->all[NTMM_COMMIT_FAILURES]).s);
    fputc('\n', out);
}

static void paging_lines(const struct run_report *r, FILE *out)
{
    const uint64_t *all = r->tally->all;
    int ahead = mm_run_read_ahead_percent(r->tally);
    fprintf(out, "  page file %11s peak   of %11s in %s (%s)\n",
            mm_size_text(r->tally->biggest.value[NTMM_PAGE_FILE_PEAK]).s,
            mm_size_text(r->options->page_file).s, r->options->folder,
            mm_probe_fs_name(r->probe->fs_type));
    fprintf(out, "  faults    %11s hard   %14s soft  %15s demand-zero\n",
            mm_count_text(all[NTMM_HARD_FAULTS]).s, mm_count_text(all[NTMM_TRANSITION_FAULTS]).s,
            mm_count_text(all[NTMM_DEMAND_ZERO_FAULTS]).s);
    fprintf(out, "  read in   %11s        %14s reads", mm_size_text(all[NTMM_PAGES_IN] * 4096).s,
            mm_count_text(all[NTMM_READS]).s);
    if (ahead >= 0)
        fprintf(out, "  %14d %% of read-ahead used in time", ahead);
    fprintf(out, "\n  written   %11s        %14s writes\n",
            mm_size_text(all[NTMM_PAGES_OUT] * 4096).s, mm_count_text(all[NTMM_WRITES]).s);
    fprintf(out, "  pager     %11s CPU    %14s pauses %15s waited\n",
            mm_time_text(all[NTMM_PAGER_CPU_NS]).s, mm_count_text(all[NTMM_PAUSES]).s,
            mm_time_text(all[NTMM_PAUSED_NS]).s);
    if (all[NTMM_WRITE_ERRORS] || all[NTMM_READ_ERRORS])
        fprintf(out, "  page file errors: %s of writing, %s of reading\n",
                mm_count_text(all[NTMM_WRITE_ERRORS]).s, mm_count_text(all[NTMM_READ_ERRORS]).s);
}

static void process_line(const struct run_report *r, FILE *out)
{
    const struct run_tally *t = r->tally;
    fprintf(out, "  processes %11s%s       budget and limit hold per process, children included\n",
            mm_count_text((uint64_t)t->processes).s, t->board_full ? "+" : " ");
    if (t->processes < 2)
        return;
    fprintf(out, "            the peaks above are of %s (%u); sum of all peaks: ", t->biggest.name,
            t->biggest.pid);
    if (mm_run_is_paged(r->options))
        fprintf(out, "%s RAM, ", mm_size_text(t->all[NTMM_RESIDENT_PEAK]).s);
    fprintf(out, "%s committed\n", mm_size_text(t->all[NTMM_COMMITTED_PEAK]).s);
}

void mm_run_report_text(const struct run_report *report, FILE *out)
{
    how_it_ended(report, out);
    if (!report->tally->processes)
        return;
    memory_lines(report, out);
    if (mm_run_is_paged(report->options))
        paging_lines(report, out);
    process_line(report, out);
}
