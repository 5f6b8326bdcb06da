/*
 * probe.h - whether a folder can be home to a page file, found by doing it once on 2 MiB.
 */
#ifndef NTMM_TOOLS_PROBE_H
#define NTMM_TOOLS_PROBE_H

#include <stdbool.h>
#include <stdint.h>

struct mm_probe {
    int open_error;      /* errno of making a nameless file, 0 fine */
    int space_error;     /* errno of promising space (fallocate) and mapping it */
    bool pages_leave;    /* written, dropped, and gone from RAM */
    bool pages_return;   /* and read back unharmed */
    bool start_writing;  /* sync_file_range does write */
    bool cache_counts;   /* cachestat does count */
    bool read_ahead;     /* readahead brings pages in */
    uint64_t free_bytes; /* space for an ordinary user on that file system */
    uint64_t fs_type;    /* statfs f_type */
    uint64_t write_ns;   /* nanoseconds that writing 1 MiB took */
    uint64_t read_ns;    /* nanoseconds that reading it back took */
};

/* Try everything: some milliseconds, 2 MiB of disk that are free again afterwards. */
void mm_probe_folder(const char *folder, struct mm_probe *ret_probe);

/*
 * The same, at most once a boot for each mounted file system: what was found is kept in the
 * runtime folder.  Whether the folder is writable and has space is looked at every time.
 */
void mm_probe_folder_cached(const char *folder, struct mm_probe *ret_probe);

/* Whether the file engine can work there. */
bool mm_probe_is_fit(const struct mm_probe *probe);

/* Why it cannot, for people: "tmpfs keeps its pages in RAM". */
const char *mm_probe_reason(const struct mm_probe *probe);

/* "ext4", "overlay", "tmpfs" ...; "?" when unknown. */
const char *mm_probe_fs_name(uint64_t fs_type);

#endif
