/*
 * sysinfo.c - the machine as a program sees it.
 */
#include <sysinfoapi.h>

#include "api/api_internal.h"
#include "base/page.h"
#include "os/os.h"

#define MINIMUM_ADDRESS ((LPVOID)0x10000)
#define MAXIMUM_ADDRESS ((LPVOID)0x7FFFFFFEFFFF)

#if defined(_ARM64_)
#define ARCHITECTURE PROCESSOR_ARCHITECTURE_ARM64
#define PROCESSOR_TYPE 0
#else
#define ARCHITECTURE PROCESSOR_ARCHITECTURE_AMD64
#define PROCESSOR_TYPE PROCESSOR_AMD_X8664
#endif

static DWORD_PTR mask_of(DWORD processors)
{
    return processors >= 64 ? ~(DWORD_PTR)0 : ((DWORD_PTR)1 << processors) - 1;
}

VOID WINAPI GetSystemInfo(LPSYSTEM_INFO info)
{
    struct os_machine machine;

    if (!mm_api_can_write(info, sizeof *info))
        return;
    mm_os_machine(&machine);
    *info = (SYSTEM_INFO){
        .wProcessorArchitecture = ARCHITECTURE,
        .dwPageSize = PAGE_BYTES,
        .lpMinimumApplicationAddress = MINIMUM_ADDRESS,
        .lpMaximumApplicationAddress = MAXIMUM_ADDRESS,
        .dwActiveProcessorMask = mask_of(machine.processors),
        .dwNumberOfProcessors = machine.processors,
        .dwProcessorType = PROCESSOR_TYPE,
        .dwAllocationGranularity = UNIT_BYTES,
    };
    mm_os_processor(&info->wProcessorLevel, &info->wProcessorRevision);
}

VOID WINAPI GetNativeSystemInfo(LPSYSTEM_INFO info)
{
    GetSystemInfo(info);
}
