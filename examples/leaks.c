/*
 * leaks.c - which of its blocks a program has not freed, by file and line.
 *
 * Built with _DEBUG.  A report goes to standard error unless told otherwise; here a hook prints it, with
 * dots for addresses, which are others in every run.
 */
#define _DEBUG
#define _CRTDBG_MAP_ALLOC
#include <crtdbg.h>

static int print(int kind, char *text, int *result)
{
    (void)kind;
    for (char *at = strstr(text, "0x"); at && at[2] != '.'; at = strstr(at, "0x"))
        memset(at + 2, '.', 16);
    fputs(text, stdout);
    *result = 0;
    return 1;
}

int main(void)
{
    _CrtMemState before;

    _CrtSetReportHook(print);
    char *name = strdup("ntmm");
    char *grown = malloc(10);
    _CrtMemCheckpoint(&before);
    grown = realloc(grown, 100);
    char *forgotten = calloc(4, 4);
    free(grown);

    printf("Since the checkpoint:\n");
    _CrtMemDumpAllObjectsSince(&before);
    printf("In all:\n");
    if (!_CrtDumpMemoryLeaks())
        return 1;

    forgotten[16] = 'x';
    if (_CrtCheckMemory())
        return 1;
    forgotten[16] = (char)0xFD;
    free(forgotten);
    free(name);
    printf("%d leaks left\n", _CrtDumpMemoryLeaks());
    return 0;
}
