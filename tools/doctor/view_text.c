/*
 * view_text.c - an examination for people: the verdict first, then a line a finding.
 */
#include <string.h>

#include "doctor/doctor.h"

static const char *const words[] = {
    [DOCTOR_FACT] = "   ", [DOCTOR_YES] = "yes", [DOCTOR_LESS] = "no ", [DOCTOR_NO] = "NO "};
static const char *const colours[] = {[DOCTOR_FACT] = "",
                                      [DOCTOR_YES] = "\033[32m",
                                      [DOCTOR_LESS] = "\033[33m",
                                      [DOCTOR_NO] = "\033[31m"};

/* Bytes of UTF-8 text never occur in names; plain padding will do. */
static void finding_line(const struct doctor_finding *f, bool colour, FILE *out)
{
    const char *start = colour ? colours[f->verdict] : "";
    const char *end = colour && *start ? "\033[0m" : "";
    fprintf(out, "  %s%s%s  ", start, words[f->verdict], end);
    if (f->detail[0])
        fprintf(out, "%-36s %s\n", f->name, f->detail);
    else
        fprintf(out, "%s\n", f->name);
    if (f->advice[0])
        fprintf(out, "       -> %s\n", f->advice);
}

void mm_doctor_view_text(const struct doctor_examination *e, bool colour, FILE *out)
{
    const char *group = "";
    const char *strong = colour ? "\033[1m" : "", *plain = colour ? "\033[0m" : "";
    if (e->file_engine)
        fprintf(out, "%sThe file engine runs here%s, with its page file in %s.\n", strong, plain,
                e->folder);
    else
        fprintf(out,
                "%sNo engine runs here%s with a page file in %s; only commit limits work "
                "(--pagefile 0).\n",
                strong, plain, e->folder);
    for (int i = 0; i < e->count; i++) {
        const struct doctor_finding *f = &e->findings[i];
        if (strcmp(group, f->group) != 0)
            fprintf(out, "\n%s%s%s\n", strong, f->group, plain);
        group = f->group;
        finding_line(f, colour, out);
    }
}
