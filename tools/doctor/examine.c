/*
 * examine.c - an examination as a whole, and its verdict.
 */
#include "doctor/doctor.h"

#include <stdlib.h>
#include <string.h>

#include "common/folder.h"

struct doctor_finding *mm_doctor_find(struct doctor_examination *e, const char *group,
                                      const char *key, const char *name)
{
    /* The last one is overwritten rather than memory beyond it. */
    struct doctor_finding *f = &e->findings[e->count];
    if (e->count < DOCTOR_MOST - 1)
        e->count++;
    memset(f, 0, sizeof(*f));
    f->group = group;
    f->key = key;
    f->name = name;
    return f;
}

static void choose_folder(const char *folder, struct doctor_examination *e)
{
    if (!folder && mm_folder_choose(e->folder, &e->probe))
        return;
    if (!folder)
        folder = "/var/tmp";
    if (!realpath(folder, e->folder))
        snprintf(e->folder, sizeof(e->folder), "%s", folder);
}

void mm_doctor_examine(const char *folder, struct doctor_examination *ret_examination)
{
    struct doctor_examination *e = ret_examination;
    memset(e, 0, sizeof(*e));
    choose_folder(folder, e);
    mm_probe_folder(e->folder, &e->probe);
    mm_doctor_examine_folder(e);
    mm_doctor_examine_kernel(e);
    mm_doctor_examine_machine(e);
    mm_doctor_examine_limits(e);

    e->file_engine = true;
    for (int i = 0; i < e->count; i++)
        e->file_engine = e->file_engine && e->findings[i].verdict != DOCTOR_NO;
}
