/*
 * config.c - the environment variables of process.h, read once at start-up.
 */
#include "process/config.h"

#include <string.h>

#include "os/os.h"

#define UNPAGED_SHARE 8

static uint64_t number(const char *name)
{
    char text[32];
    uint64_t value = 0;

    if (!mm_os_environment(name, text, sizeof text))
        return 0;
    for (const char *p = text; *p; p++) {
        if (*p < '0' || *p > '9' || value > UINT64_MAX / 10 - 1)
            return 0;
        value = value * 10 + (uint64_t)(*p - '0');
    }
    return value;
}

void mm_config_read(struct config *ret_config)
{
    char text[32];
    struct config c = {
        .ram = number("NTMM_RAM"),
        .page_file = number("NTMM_PAGEFILE"),
        .commit_limit = number("NTMM_COMMIT_LIMIT"),
        .fail_commit = number("NTMM_FAIL_COMMIT"),
    };

    c.unpaged = mm_os_environment("NTMM_UNPAGED", text, sizeof text) ? number("NTMM_UNPAGED")
                                                                     : c.ram / UNPAGED_SHARE;
    if (mm_os_environment("NTMM_ENGINE", text, sizeof text))
        c.no_engine = strcmp(text, "none") == 0;
    if (mm_os_environment("NTMM_PROBED", text, sizeof text)) {
        c.start_writing = strchr(text, 'w') != NULL;
        c.cache_counts = strchr(text, 'c') != NULL;
    }
    if (!mm_os_environment("NTMM_PAGEFILE_DIR", c.folder, sizeof c.folder))
        strcpy(c.folder, "/var/tmp");
    if (!mm_os_environment("NTMM_BOARD", c.board, sizeof c.board))
        c.board[0] = '\0';
    *ret_config = c;
}
