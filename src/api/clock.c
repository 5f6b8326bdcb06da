/*
 * clock.c - time since the machine started, and waiting.
 */
#include <profileapi.h>
#include <synchapi.h>
#include <sysinfoapi.h>

#include "api/api_internal.h"
#include "os/os.h"

#define NS_PER_MS 1000000u
#define NS_PER_TICK 100u /* ticks of 10 MHz, as on Windows 10 */

ULONGLONG WINAPI GetTickCount64(VOID)
{
    return mm_os_now() / NS_PER_MS;
}

DWORD WINAPI GetTickCount(VOID)
{
    return (DWORD)GetTickCount64();
}

static BOOL put(LARGE_INTEGER *where, LONGLONG value)
{
    if (!mm_api_result(mm_api_writable(where, sizeof *where)))
        return FALSE;
    where->QuadPart = value;
    return TRUE;
}

BOOL WINAPI QueryPerformanceCounter(LARGE_INTEGER *count)
{
    return put(count, (LONGLONG)(mm_os_now() / NS_PER_TICK));
}

BOOL WINAPI QueryPerformanceFrequency(LARGE_INTEGER *frequency)
{
    return put(frequency, 1000000000 / NS_PER_TICK);
}

/* A signal may end a sleep early: look at the clock and go on. */
static void sleep_until(uint64_t end)
{
    for (uint64_t now = mm_os_now(); now < end; now = mm_os_now())
        mm_os_sleep(end - now);
}

VOID WINAPI Sleep(DWORD milliseconds)
{
    if (milliseconds == INFINITE)
        sleep_until(UINT64_MAX);
    else if (milliseconds == 0)
        mm_os_sleep(1); /* the shortest: other threads run */
    else
        sleep_until(mm_os_now() + (uint64_t)milliseconds * NS_PER_MS);
}
