/*
 * misuse.h - what every program here needs: a sign that the crash did not happen.
 */
#ifndef NTMM_TESTS_MISUSE_H
#define NTMM_TESTS_MISUSE_H

#include <stdio.h>

#include <windows.h>

/* A program that calls nothing of ours would not be linked with us. */
__attribute__((used)) static DWORD(WINAPI *const needs_the_library)(VOID) = GetLastError;

static inline int still_running(void)
{
    puts("still running after the misuse");
    return 0;
}

#endif
