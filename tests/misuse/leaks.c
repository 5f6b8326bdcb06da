/*
 * leaks.c - a program that asked for it hears of its leaks at the end, after its own functions for it.
 *
 * exit: 3
 * report: Detected memory leaks!
 * report: Dumping objects ->
 * report: leaks.c(31) : {2} normal block at 0x
 * report: , 64 bytes long.
 * report:  Data: <                > CD CD CD CD CD CD CD CD CD CD CD CD CD CD CD CD 
 * report: leaks.c(30) : {1} normal block at 0x
 * report: , 3 bytes long.
 * report:  Data: <abc> 61 62 63 
 * report: Object dump complete.
 * absent: freed_at_exit
 */
#define _DEBUG
#define _CRTDBG_MAP_ALLOC
#include <crtdbg.h>

static char *freed_at_exit;

static void at_exit(void)
{
    free(freed_at_exit);
}

int main(void)
{
    _CrtSetDbgFlag(_CrtSetDbgFlag(_CRTDBG_REPORT_FLAG) | _CRTDBG_LEAK_CHECK_DF);
    memcpy(malloc(3), "abc", 3);
    if (!malloc(64))
        return 1;
    freed_at_exit = malloc(100);
    atexit(at_exit);
    return 3;
}
