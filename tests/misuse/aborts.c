/*
 * abort() is nothing of ours.
 *
 * exit: SIGABRT
 * absent: ntmm
 */
#include <windows.h>

#include <stdlib.h>

#include "misuse.h"

int main(void)
{
    abort();
    return still_running();
}
