/*
 * crt_report.c - reports of the debug run-time: where they go.
 */
#define _DEBUG
#include <crtdbg.h>
#include <errno.h>

#include "api/api_internal.h"
#include "debugheap/debugheap.h"
#include "os/os.h"

_Static_assert(_CRT_ASSERT == (int)DEBUG_ASSERT && _CRT_ERRCNT == (int)DEBUG_KINDS, "one table");
_Static_assert(_CRTDBG_MODE_WNDW == (int)DEBUG_TO_WINDOW, "one table");

#define ALL_MODES (_CRTDBG_MODE_FILE | _CRTDBG_MODE_DEBUG | _CRTDBG_MODE_WNDW)

static bool is_kind(int kind)
{
    return kind >= 0 && kind < _CRT_ERRCNT;
}

static int invalid(void)
{
    errno = EINVAL;
    return -1;
}

int __cdecl _CrtSetReportMode(int kind, int mode)
{
    if (!is_kind(kind) || (mode != _CRTDBG_REPORT_MODE && mode & ~ALL_MODES))
        return invalid();
    return mode == _CRTDBG_REPORT_MODE ? mm_debug_report_mode_now(kind)
                                       : mm_debug_report_mode(kind, mode);
}

_HFILE __cdecl _CrtSetReportFile(int kind, _HFILE file)
{
    if (!is_kind(kind)) {
        errno = EINVAL;
        return _CRTDBG_HFILE_ERROR;
    }
    return file == _CRTDBG_REPORT_FILE ? mm_debug_report_file_now(kind)
                                       : mm_debug_report_file(kind, file);
}

static _CRT_REPORT_HOOK report_hook;

_CRT_REPORT_HOOK __cdecl _CrtSetReportHook(_CRT_REPORT_HOOK hook)
{
    report_hook = hook;
    return mm_debug_set_report_hook(hook);
}

_CRT_REPORT_HOOK __cdecl _CrtGetReportHook(void)
{
    return report_hook;
}

int __cdecl _CrtSetReportHook2(int mode, _CRT_REPORT_HOOK hook)
{
    if (!hook || (mode != _CRT_RPTHOOK_INSTALL && mode != _CRT_RPTHOOK_REMOVE))
        return invalid();
    if (mode == _CRT_RPTHOOK_REMOVE)
        return mm_debug_remove_report_hook(hook);
    int times = mm_debug_add_report_hook(hook);
    if (times < 0)
        errno = ENOMEM;
    return times;
}

/* An assertion is a sentence of its own; anything else is the program's text. */
int __cdecl __ntmm_crt_report(int kind, const char *file, int line, const char *module,
                              const char *text)
{
    char sentence[4096];
    struct os_text t = {sentence, sentence + sizeof sentence - 1};

    api_enter();
    if (!is_kind(kind))
        return invalid();
    if (kind == _CRT_ASSERT)
        mm_os_text(&t, text ? "Assertion failed: " : "Assertion failed!");
    mm_os_text(&t, text ? text : "");
    if (kind == _CRT_ASSERT)
        mm_os_text(&t, "\n");
    *t.at = 0;
    return mm_debug_report(kind, file, line, sentence);
}
