/*
 * A SIGSEGV that was sent is no exception.
 *
 * exit: SIGSEGV
 * absent: ntmm
 */
#include <windows.h>

#include <signal.h>

#include "misuse.h"

int main(void)
{
    raise(SIGSEGV);
    return still_running();
}
