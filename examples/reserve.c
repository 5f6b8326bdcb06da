/*
 * reserve.c - reserve a terabyte, use three pages of it: the two steps of Windows' memory.
 */
#include <stdio.h>
#include <windows.h>

int main(void)
{
    MEMORY_BASIC_INFORMATION info;
    SIZE_T terabyte = (SIZE_T)1 << 40;
    char *base = VirtualAlloc(NULL, terabyte, MEM_RESERVE, PAGE_NOACCESS);
    char *text = VirtualAlloc(base + terabyte / 2, 3 * 4096, MEM_COMMIT, PAGE_READWRITE);

    snprintf(text, 4096, "half way into a reservation of %zu GiB", terabyte >> 30);
    VirtualQuery(text, &info, sizeof(info));
    printf("%s\n%zu bytes committed there, protection 0x%02x\n", text, info.RegionSize,
           (unsigned)info.Protect);

    VirtualFree(base, 0, MEM_RELEASE);
    VirtualQuery(text, &info, sizeof(info));
    printf("released: %s\n", info.State == MEM_FREE ? "free" : "still there");
    return 0;
}
