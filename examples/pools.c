/*
 * pools.c - two ways to keep objects of one size: a list without a lock, and a lookaside list.
 */
#include <stdio.h>
#include <windows.h>
#include <wdm.h>

struct order {
    SLIST_ENTRY entry; /* first, and 16-byte aligned */
    int number;
};

static void list_without_a_lock(void)
{
    static struct order orders[3];
    SLIST_HEADER list;

    InitializeSListHead(&list);
    for (int i = 0; i < 3; i++) {
        orders[i].number = i + 1;
        InterlockedPushEntrySList(&list, &orders[i].entry);
    }
    printf("%u orders, the last first:", QueryDepthSList(&list));
    for (struct order *o; (o = (struct order *)InterlockedPopEntrySList(&list));)
        printf(" %d", o->number);
    printf("\n");
}

static int made, ended;

static PVOID NTAPI make(POOL_TYPE type, SIZE_T size, ULONG tag, PLOOKASIDE_LIST_EX list)
{
    (void)type, (void)tag, (void)list;
    made++;
    return VirtualAlloc(NULL, size, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
}

static VOID NTAPI end(PVOID object, PLOOKASIDE_LIST_EX list)
{
    (void)list;
    ended++;
    VirtualFree(object, 0, MEM_RELEASE);
}

static void lookaside_list(void)
{
    LOOKASIDE_LIST_EX list;

    if (ExInitializeLookasideListEx(&list, make, end, PagedPool, 0, 4096, 0x6f726472, 0))
        return;
    for (int i = 0; i < 1000; i++) {
        void *a = ExAllocateFromLookasideListEx(&list);
        void *b = ExAllocateFromLookasideListEx(&list);
        ExFreeToLookasideListEx(&list, a);
        ExFreeToLookasideListEx(&list, b);
    }
    printf("2000 objects used: %d made\n", made);
    ExDeleteLookasideListEx(&list);
    printf("the list deleted: %d ended\n", ended);
}

int main(void)
{
    list_without_a_lock();
    lookaside_list();
    return 0;
}
