/*
 * Divide the smallest integer by -1: the quotient does not fit.
 *
 * exit: SIGFPE
 * report: unhandled exception 0xc0000095 EXCEPTION_INT_OVERFLOW
 */
#include <windows.h>

#include "misuse.h"

int main(void)
{
    volatile int smallest = (int)0x80000000;
    volatile int minus_one = -1;
    volatile int result = smallest / minus_one;

    (void)result;
    return still_running();
}
