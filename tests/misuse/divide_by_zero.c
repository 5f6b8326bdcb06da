/*
 * Divide an integer by zero.
 *
 * exit: SIGFPE
 * report: unhandled exception 0xc0000094 EXCEPTION_INT_DIVIDE_BY_ZERO
 * report: divide_by_zero+0x
 * report: next  the divisor was 0
 */
#include <windows.h>

#include "misuse.h"

int main(void)
{
    volatile int zero = 0;
    volatile int number = 7;
    volatile int result = number / zero;

    (void)result;
    return still_running();
}
