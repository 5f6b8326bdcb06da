/*
 * part_job.c - the demo's second part, the main job: jq in a quarter of the memory it needs.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "common/say.h"
#include "common/size.h"
#include "demo/demo.h"

#define RAM "104M"
#define RAM_BYTES ((uint64_t)104 << 20)

struct job {
    struct demo *d;
    char plain_output[PATH_MAX];
    char other_output[PATH_MAX];
    char json[PATH_MAX];
};

static char filter[] = "[.[]|.score]|add";

/* A number that our own report wrote. */
static uint64_t number_in(const char *path, const char *key)
{
    char mark[64], line[512];
    uint64_t value = 0;
    FILE *in = fopen(path, "re");
    if (!in)
        return 0;
    snprintf(mark, sizeof(mark), "\"%s\": ", key);
    while (!value && fgets(line, sizeof(line), in)) {
        const char *at = strstr(line, mark);
        if (at)
            value = strtoull(at + strlen(mark), NULL, 10);
    }
    fclose(in);
    return value;
}

static bool read_line(const char *path, char line[128])
{
    FILE *in = fopen(path, "re");
    line[0] = '\0';
    if (!in)
        return false;
    bool good = fgets(line, 128, in) != NULL;
    fclose(in);
    line[strcspn(line, "\n")] = '\0';
    return good;
}

static void row(const char *how, const struct demo_outcome *o, uint64_t peak, const char *result)
{
    printf("  %-34s %9s %12s   %s\n", how, mm_time_text(o->wall_ns).s,
           peak ? mm_size_text(peak).s : "", result);
}

static bool plain(struct job *j, char answer[128])
{
    char *argv[] = {"jq", filter, j->d->input, NULL};
    struct demo_run run = {argv, j->plain_output, NULL, "jq, plain"};
    struct demo_outcome o;
    if (!mm_demo_run(&run, &o))
        return false;
    bool good = WIFEXITED(o.status) && WEXITSTATUS(o.status) == 0;
    if (!good || !read_line(j->plain_output, answer)) {
        printf("  jq itself did not run (Debian: apt-get install jq): this part is left out\n");
        return false;
    }
    printf("  %-34s %9s %12s   %s\n", "", "time", "peak RAM", "result");
    row("jq, plain", &o, o.peak, answer);
    return true;
}

static void bounded(struct job *j, const char *answer)
{
    char page_file[PATH_MAX + 8], line[128], result[256];
    snprintf(page_file, sizeof(page_file), "2G:%s", j->d->folder);
    char *argv[] = {j->d->ntmm, "run",   "--ram", RAM,  "--pagefile", page_file,   "-q",
                    "--json",   j->json, "--",    "jq", filter,       j->d->input, NULL};
    struct demo_run run = {argv, j->other_output, NULL, "ntmm run --ram " RAM " -- jq"};
    struct demo_outcome o;
    if (!mm_demo_run(&run, &o))
        return;
    bool same = WIFEXITED(o.status) && WEXITSTATUS(o.status) == 0 &&
                read_line(j->other_output, line) && strcmp(line, answer) == 0;
    snprintf(result, sizeof(result), "%s", same ? "the same" : "NOT the same: a bug in ntmm");
    row("ntmm run --ram " RAM " --pagefile 2G", &o, number_in(j->json, "resident_peak"), result);
    j->d->failed = j->d->failed || !same;
}

static void paging_line(const struct job *j)
{
    printf("    paged: %s hard faults, %s soft; %s read in, %s written\n",
           mm_count_text(number_in(j->json, "hard_faults")).s,
           mm_count_text(number_in(j->json, "transition_faults")).s,
           mm_size_text(number_in(j->json, "pages_in") * 4096).s,
           mm_size_text(number_in(j->json, "pages_out") * 4096).s);
}

static void in_cgroup(struct job *j)
{
    struct demo_cgroup cgroup;
    const char *why = mm_demo_cgroup_make(RAM_BYTES, &cgroup);
    if (why) {
        printf("  a memory cgroup of 104 MiB: left out: %s\n", why);
        return;
    }
    char *argv[] = {"jq", filter, j->d->input, NULL};
    struct demo_run run = {argv, j->other_output, cgroup.folder, "jq in a memory cgroup"};
    struct demo_outcome o;
    char result[64];
    bool ran = mm_demo_run(&run, &o);
    mm_demo_cgroup_remove(&cgroup);
    if (!ran)
        return;
    if (WIFSIGNALED(o.status))
        snprintf(result, sizeof(result), "killed by the kernel (signal %d)", WTERMSIG(o.status));
    else
        snprintf(result, sizeof(result), "exit status %d", WEXITSTATUS(o.status));
    row("jq in a memory cgroup of 104 MiB", &o, o.peak, result);
}

static bool make_input(struct demo *d)
{
    struct stat s;
    if (!d->input_given) {
        snprintf(d->input, sizeof(d->input), "%.*s/big.json", PATH_MAX - 16, d->folder);
        int error = mm_demo_json_input(d->input);
        if (error) {
            mm_say("%s: cannot be written: %s", d->input, strerror(error));
            return false;
        }
    }
    if (stat(d->input, &s) != 0) {
        mm_say("%s: %s", d->input, strerror(errno));
        return false;
    }
    printf("jq '%s' on a JSON text of %.0f MB\n\n", filter, (double)s.st_size / 1e6);
    return true;
}

void mm_demo_job(struct demo *d)
{
    struct job j = {.d = d};
    char answer[128];
    printf("\n== 2. The main job: jq in a quarter of the memory it needs\n\n");
    snprintf(j.plain_output, sizeof(j.plain_output), "%.*s/plain", PATH_MAX - 16, d->folder);
    snprintf(j.other_output, sizeof(j.other_output), "%.*s/other", PATH_MAX - 16, d->folder);
    snprintf(j.json, sizeof(j.json), "%.*s/json", PATH_MAX - 16, d->folder);
    if (!make_input(d)) {
        d->failed = true;
        return;
    }
    if (!plain(&j, answer))
        return;
    bounded(&j, answer);
    if (mm_demo_interrupted())
        return;
    paging_line(&j);
    in_cgroup(&j);
}
