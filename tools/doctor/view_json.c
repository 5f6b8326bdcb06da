/*
 * view_json.c - an examination for programs.
 */
#include "common/json.h"
#include "doctor/doctor.h"

static const char *const words[] = {[DOCTOR_FACT] = "fact",
                                    [DOCTOR_YES] = "works",
                                    [DOCTOR_LESS] = "does without",
                                    [DOCTOR_NO] = "missing"};

void mm_doctor_view_json(const struct doctor_examination *e, FILE *out)
{
    struct mm_json j = {.out = out};
    mm_json_object(&j, NULL);
    mm_json_string(&j, "ntmm", NTMM_VERSION);
    mm_json_string(&j, "engine", e->file_engine ? "file" : "none");
    mm_json_string(&j, "folder", e->folder);
    mm_json_string(&j, "file_system", mm_probe_fs_name(e->probe.fs_type));
    mm_json_number(&j, "free_bytes", e->probe.free_bytes);
    mm_json_array(&j, "findings");
    for (int i = 0; i < e->count; i++) {
        const struct doctor_finding *f = &e->findings[i];
        mm_json_object(&j, NULL);
        mm_json_string(&j, "group", f->group);
        mm_json_string(&j, "key", f->key);
        mm_json_string(&j, "name", f->name);
        mm_json_string(&j, "verdict", words[f->verdict]);
        mm_json_string(&j, "detail", f->detail[0] ? f->detail : NULL);
        mm_json_string(&j, "advice", f->advice[0] ? f->advice : NULL);
        mm_json_object_end(&j);
    }
    mm_json_array_end(&j);
    mm_json_object_end(&j);
}
