/*
 * memory_status.c - GlobalMemoryStatusEx: how much there is and how much is left.
 *
 * A bounded system is as big as its budget; otherwise the machine is meant, or the container.
 * Where no commit limit is set, the limit is RAM and swap, and what is committed is what is gone
 * of them.
 */
#include <winbase.h>

#include "api/api_internal.h"
#include "api/system_memory.h"
#include "base/page.h"
#include "os/os.h"
#include "stats/counters.h"
#include "vm/vm.h"

#define USER_ADDRESSES ((uint64_t)0x7FFFFFFE0000)

static uint64_t left_of(uint64_t total, uint64_t used)
{
    return used < total ? total - used : 0;
}

static void see_ram(const struct os_machine *machine, struct system_memory *m)
{
    uint64_t budget = mm_counted(NTMM_RAM_BUDGET);

    m->ram = machine->memory;
    m->ram_available = min_size(machine->available, machine->memory);
    if (budget && budget < m->ram) {
        m->ram = budget;
        m->ram_available = min_size(m->ram_available, left_of(budget, mm_counted(NTMM_RESIDENT)));
    }
}

static void see_commit(const struct os_machine *machine, struct system_memory *m)
{
    size_t limit = mm_charge.limit;

    m->committed = (uint64_t)atomic_load(&mm_charge.used) * PAGE_BYTES;
    m->committed_peak = (uint64_t)atomic_load(&mm_charge.peak) * PAGE_BYTES;
    m->commit_limit = (uint64_t)limit * PAGE_BYTES;
    if (limit == SIZE_MAX) {
        m->commit_limit = machine->memory + machine->swap;
        m->committed = left_of(m->commit_limit, machine->available + machine->swap_free);
        m->committed_peak = max_size(m->committed_peak, m->committed);
    }
}

void mm_api_system_memory(struct system_memory *ret_memory)
{
    struct os_machine machine;

    mm_os_machine(&machine);
    see_ram(&machine, ret_memory);
    see_commit(&machine, ret_memory);
    ret_memory->addresses = USER_ADDRESSES;
    ret_memory->addresses_free = left_of(USER_ADDRESSES, mm_counted(NTMM_RESERVED));
}

/* Windows divides by a hundredth of the total, rounded down. */
static DWORD load_of(const struct system_memory *m)
{
    uint64_t hundredth = m->ram / 100;
    return hundredth ? (DWORD)min_size((m->ram - m->ram_available) / hundredth, 100) : 100;
}

BOOL WINAPI GlobalMemoryStatusEx(LPMEMORYSTATUSEX status)
{
    struct system_memory m;

    if (!mm_api_result(mm_api_writable(status, sizeof *status)))
        return FALSE;
    if (status->dwLength != sizeof *status)
        return mm_api_result(STATUS_INVALID_PARAMETER);
    api_enter();
    mm_api_system_memory(&m);
    *status = (MEMORYSTATUSEX){
        .dwLength = sizeof *status,
        .dwMemoryLoad = load_of(&m),
        .ullTotalPhys = m.ram,
        .ullAvailPhys = m.ram_available,
        .ullTotalPageFile = m.commit_limit,
        .ullAvailPageFile = left_of(m.commit_limit, m.committed),
        .ullTotalVirtual = m.addresses,
        .ullAvailVirtual = m.addresses_free,
    };
    return TRUE;
}

VOID WINAPI GlobalMemoryStatus(LPMEMORYSTATUS status)
{
    MEMORYSTATUSEX wide = {.dwLength = sizeof wide};

    if (!mm_api_can_write(status, sizeof *status) || !GlobalMemoryStatusEx(&wide))
        return;
    *status = (MEMORYSTATUS){
        .dwLength = sizeof *status,
        .dwMemoryLoad = wide.dwMemoryLoad,
        .dwTotalPhys = wide.ullTotalPhys,
        .dwAvailPhys = wide.ullAvailPhys,
        .dwTotalPageFile = wide.ullTotalPageFile,
        .dwAvailPageFile = wide.ullAvailPageFile,
        .dwTotalVirtual = wide.ullTotalVirtual,
        .dwAvailVirtual = wide.ullAvailVirtual,
    };
}
