/*
 * report_json.c - everything that was counted, for programs.
 */
#include "run/run.h"

#include <sys/wait.h>

#include "common/json.h"

static double seconds_of(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static void options_part(struct mm_json *j, const struct run_report *r)
{
    const struct run_options *o = r->options;
    bool paged = mm_run_is_paged(o);
    mm_json_object(j, "options");
    mm_json_string(j, "engine", paged ? "file" : "none");
    mm_json_number(j, "ram", paged ? o->ram : 0);
    mm_json_number(j, "page_file", o->page_file);
    mm_json_string(j, "page_file_folder", paged ? o->folder : NULL);
    mm_json_number(j, "commit_limit", o->commit_limit);
    mm_json_number(j, "fail_commit", o->fail_commit);
    mm_json_object_end(j);
}

static void folder_part(struct mm_json *j, const struct mm_probe *p)
{
    mm_json_object(j, "page_file_system");
    mm_json_string(j, "type", mm_probe_fs_name(p->fs_type));
    mm_json_number(j, "free_bytes", p->free_bytes);
    mm_json_bool(j, "sync_file_range_writes", p->start_writing);
    mm_json_bool(j, "cachestat_counts", p->cache_counts);
    mm_json_bool(j, "readahead_reads", p->read_ahead);
    mm_json_object_end(j);
}

static void result_part(struct mm_json *j, const struct run_result *r)
{
    mm_json_number(j, "pid", (uint64_t)r->pid);
    if (WIFSIGNALED(r->status)) {
        mm_json_null(j, "exit_status");
        mm_json_number(j, "signal", (uint64_t)WTERMSIG(r->status));
    } else {
        mm_json_number(j, "exit_status", (uint64_t)WEXITSTATUS(r->status));
        mm_json_null(j, "signal");
    }
    mm_json_real(j, "seconds", (double)r->wall_ns / 1e9);
    mm_json_object(j, "kernel");
    mm_json_real(j, "user_seconds", seconds_of(r->usage.ru_utime));
    mm_json_real(j, "system_seconds", seconds_of(r->usage.ru_stime));
    mm_json_number(j, "peak_resident", (uint64_t)r->usage.ru_maxrss * 1024);
    mm_json_number(j, "major_faults", (uint64_t)r->usage.ru_majflt);
    mm_json_number(j, "minor_faults", (uint64_t)r->usage.ru_minflt);
    mm_json_object_end(j);
}

static void counters_part(struct mm_json *j, const char *key, const uint64_t *value)
{
    mm_json_object(j, key);
    for (int i = 0; i < NTMM_COUNTERS; i++)
        mm_json_number(j, mm_counter_name(i), value[i]);
    mm_json_object_end(j);
}

/* Events of all processes; of the states, the one with the highest peak of RAM. */
static void totals_part(struct mm_json *j, const struct run_tally *t)
{
    uint64_t value[NTMM_COUNTERS];
    for (int i = 0; i < NTMM_COUNTERS; i++)
        value[i] = i <= NTMM_PAGE_FILE_PROMISED ? t->biggest.value[i] : t->all[i];
    value[NTMM_COMMIT_FAILURES] = t->all[NTMM_COMMIT_FAILURES];
    counters_part(j, "counters", value);
    int ahead = mm_run_read_ahead_percent(t);
    if (ahead >= 0)
        mm_json_number(j, "read_ahead_percent", (uint64_t)ahead);
    else
        mm_json_null(j, "read_ahead_percent");
    mm_json_string(j, "limits_hold", "per process, children included");
    mm_json_number(j, "process_count", (uint64_t)t->processes);
    mm_json_bool(j, "more_processes_than_counted", t->board_full);
    mm_json_number(j, "sum_of_resident_peaks", t->all[NTMM_RESIDENT_PEAK]);
    mm_json_number(j, "sum_of_committed_peaks", t->all[NTMM_COMMITTED_PEAK]);
}

static void processes_part(struct mm_json *j, const struct mm_board *board)
{
    static const char *const states[] = {[MM_SLOT_RUNNING] = "running",
                                         [MM_SLOT_ENDED] = "ended",
                                         [MM_SLOT_REPLACED] = "replaced by exec",
                                         [MM_SLOT_KILLED] = "gone"};
    struct mm_slot slot;
    mm_json_array(j, "processes");
    for (int i = 0; mm_board_read(board, i, &slot); i++) {
        if (!slot.pid)
            continue;
        mm_json_object(j, NULL);
        mm_json_number(j, "pid", slot.pid);
        mm_json_number(j, "parent", slot.parent);
        mm_json_string(j, "name", slot.name);
        mm_json_string(j, "engine", slot.engine);
        mm_json_string(j, "state", states[slot.state]);
        counters_part(j, "counters", slot.value);
        mm_json_object_end(j);
    }
    mm_json_array_end(j);
}

void mm_run_report_json(const struct run_report *r, const struct mm_board *board, FILE *out)
{
    struct mm_json j = {.out = out};
    mm_json_object(&j, NULL);
    mm_json_string(&j, "ntmm", NTMM_VERSION);
    mm_json_array(&j, "program");
    for (char **word = r->options->program; *word; word++)
        mm_json_string(&j, NULL, *word);
    mm_json_array_end(&j);
    result_part(&j, r->result);
    options_part(&j, r);
    if (mm_run_is_paged(r->options))
        folder_part(&j, r->probe);
    totals_part(&j, r->tally);
    if (board)
        processes_part(&j, board);
    mm_json_object_end(&j);
}
