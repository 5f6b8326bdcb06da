#include "except/except_internal.h"
int mm_except_walk(const CONTEXT *context, uintptr_t *ret_places, int capacity)
{
    uintptr_t frame[2];
    uintptr_t fp = context->Rbp;
    int n = 0;
    ret_places[n++] = context->Rip;
    while (n < capacity && mm_os_peek(frame, (void *)fp, sizeof frame) && frame[0] > fp &&
           frame[1]) {
        ret_places[n++] = frame[1];
        fp = frame[0];
    }
    return n;
}
