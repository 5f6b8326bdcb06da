/*
 * unhandled_filter.c - the filter runs when nothing else takes an exception.
 *
 * The program ends in the filter, so it prints what test.h would.
 */
#include "memory.h"

static char *page;

static void finish(bool good)
{
    printf("%s 1 - the filter runs when nothing handles the exception [S108]\n",
           good ? "ok" : "not ok");
    printf("%d passed, %d failed, 0 skipped\n", good, !good);
    fflush(stdout);
    ExitProcess(good ? 0 : 1);
}

static LONG CALLBACK judge(EXCEPTION_POINTERS *pointers)
{
    const EXCEPTION_RECORD *r = pointers->ExceptionRecord;
    finish(r->ExceptionCode == EXCEPTION_ACCESS_VIOLATION && r->NumberParameters == 2 &&
           r->ExceptionInformation[1] == (ULONG_PTR)page);
    return EXCEPTION_EXECUTE_HANDLER;
}

static LONG CALLBACK pass_on(EXCEPTION_POINTERS *pointers)
{
    (void)pointers;
    return EXCEPTION_CONTINUE_SEARCH;
}

int main(void)
{
    SetUnhandledExceptionFilter(judge);
    AddVectoredExceptionHandler(1, pass_on);
    page = reserve(PAGE);
    *(volatile char *)page = 1;
    finish(false);
}
