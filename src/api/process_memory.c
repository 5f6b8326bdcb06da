/*
 * process_memory.c - psapi: what a process and the system use.
 *
 * Version 2 of psapi.h gives the K32 names to sources that use the plain ones; the library has both.
 */
#define PSAPI_VERSION 1
#include <psapi.h>

#include <string.h>

#include "api/api_internal.h"
#include "api/system_memory.h"
#include "base/page.h"
#include "os/os.h"
#include "process/working_set.h"
#include "stats/counters.h"
#include "vm/vm.h"

WINBASEAPI BOOL WINAPI K32GetProcessMemoryInfo(HANDLE process, PPROCESS_MEMORY_COUNTERS counters,
                                               DWORD size);
WINBASEAPI BOOL WINAPI K32GetPerformanceInfo(PPERFORMACE_INFORMATION info, DWORD size);
WINBASEAPI BOOL WINAPI K32EmptyWorkingSet(HANDLE process);

/* Paged memory is shared with the page file in the kernel's eyes; it is private all the same. */
static uint64_t private_of(uint64_t resident, uint64_t shared)
{
    uint64_t paged = mm_counted(NTMM_WORKING_SET);
    return min_size(resident, resident - min_size(shared, resident) + paged);
}

static void measure(PROCESS_MEMORY_COUNTERS_EX2 *ret_counters)
{
    struct os_faults faults;
    uint64_t resident = 0;
    uint64_t shared = 0;
    size_t committed = atomic_load(&mm_charge.used) * PAGE_BYTES;

    mm_os_faults(&faults);
    (void)mm_os_resident(&resident, &shared); /* zeros where /proc is not mounted */
    resident *= PAGE_BYTES;
    *ret_counters = (PROCESS_MEMORY_COUNTERS_EX2){
        .PageFaultCount = (DWORD)(faults.major + faults.minor),
        .PeakWorkingSetSize = max_size(faults.peak_resident, resident),
        .WorkingSetSize = resident,
        .PagefileUsage = committed,
        .PeakPagefileUsage = atomic_load(&mm_charge.peak) * PAGE_BYTES,
        .PrivateUsage = committed,
        .PrivateWorkingSetSize = private_of(resident, shared * PAGE_BYTES),
    };
}

/* The longest form that fits. */
static DWORD form_of(DWORD size)
{
    if (size >= sizeof(PROCESS_MEMORY_COUNTERS_EX2))
        return sizeof(PROCESS_MEMORY_COUNTERS_EX2);
    if (size >= sizeof(PROCESS_MEMORY_COUNTERS_EX))
        return sizeof(PROCESS_MEMORY_COUNTERS_EX);
    return sizeof(PROCESS_MEMORY_COUNTERS);
}

BOOL WINAPI K32GetProcessMemoryInfo(HANDLE process, PPROCESS_MEMORY_COUNTERS counters, DWORD size)
{
    PROCESS_MEMORY_COUNTERS_EX2 all;
    DWORD form = form_of(size);

    if (!mm_api_result(mm_api_this_process(process)))
        return FALSE;
    if (size < sizeof *counters)
        return mm_api_result(STATUS_BUFFER_TOO_SMALL);
    if (!mm_api_result(mm_api_writable(counters, form)))
        return FALSE;
    api_enter();
    measure(&all);
    all.cb = form;
    memcpy(counters, &all, form);
    return TRUE;
}

BOOL WINAPI GetProcessMemoryInfo(HANDLE process, PPROCESS_MEMORY_COUNTERS counters, DWORD size)
{
    return K32GetProcessMemoryInfo(process, counters, size);
}

static void survey(PERFORMANCE_INFORMATION *ret_info)
{
    struct system_memory m;
    struct os_census census;

    mm_api_system_memory(&m);
    mm_os_census(&census);
    *ret_info = (PERFORMANCE_INFORMATION){
        .cb = sizeof *ret_info,
        .CommitTotal = pages_of(m.committed),
        .CommitLimit = m.commit_limit / PAGE_BYTES,
        .CommitPeak = pages_of(m.committed_peak),
        .PhysicalTotal = m.ram / PAGE_BYTES,
        .PhysicalAvailable = m.ram_available / PAGE_BYTES,
        .SystemCache = census.cached / PAGE_BYTES,
        .KernelTotal = (census.reclaimable + census.unreclaimable) / PAGE_BYTES,
        .KernelPaged = census.reclaimable / PAGE_BYTES,
        .KernelNonpaged = census.unreclaimable / PAGE_BYTES,
        .PageSize = PAGE_BYTES,
        .HandleCount = census.files,
        .ProcessCount = census.processes,
        .ThreadCount = census.threads,
    };
}

BOOL WINAPI K32GetPerformanceInfo(PPERFORMACE_INFORMATION info, DWORD size)
{
    if (size < sizeof *info)
        return mm_api_result(STATUS_INFO_LENGTH_MISMATCH);
    if (!mm_api_result(mm_api_writable(info, sizeof *info)))
        return FALSE;
    api_enter();
    survey(info);
    return TRUE;
}

BOOL WINAPI GetPerformanceInfo(PPERFORMACE_INFORMATION info, DWORD size)
{
    return K32GetPerformanceInfo(info, size);
}

BOOL WINAPI K32EmptyWorkingSet(HANDLE process)
{
    if (!mm_api_result(mm_api_this_process(process)))
        return FALSE;
    api_enter();
    mm_working_set_empty();
    return TRUE;
}

BOOL WINAPI EmptyWorkingSet(HANDLE process)
{
    return K32EmptyWorkingSet(process);
}
