/*
 * config.c - the environment variables of process.h, read once at start-up.
 */
#include "process/config.h"

#include <stddef.h>
#include <string.h>

#include "os/os.h"

#define UNPAGED_SHARE 8
#define NOT_SET UINT64_MAX

/* Where the numbers go. */
static const struct {
    const char *name;
    size_t at;
} numbers[] = {
    {"NTMM_RAM", offsetof(struct config, ram)},
    {"NTMM_PAGEFILE", offsetof(struct config, page_file)},
    {"NTMM_UNPAGED", offsetof(struct config, unpaged)},
    {"NTMM_COMMIT_LIMIT", offsetof(struct config, commit_limit)},
    {"NTMM_FAIL_COMMIT", offsetof(struct config, fail_commit)},
};

static uint64_t number(const char *text)
{
    uint64_t value = 0;

    for (const char *p = text; *p; p++) {
        if (*p < '0' || *p > '9' || value > UINT64_MAX / 10 - 1)
            return 0;
        value = value * 10 + (uint64_t)(*p - '0');
    }
    return value;
}

/* A name too long is as good as none. */
static void take_path(char path[CONFIG_PATH], const char *value)
{
    if (strlen(value) < CONFIG_PATH)
        strcpy(path, value);
}

/* random=N; false: it is something else, or no percentage. */
static bool take_percent(const char *word, size_t length, unsigned *ret_percent)
{
    unsigned percent = 0;

    if (length < 8 || length > 10 || strncmp(word, "random=", 7) != 0)
        return false;
    for (size_t i = 7; i < length; i++) {
        if (word[i] < '0' || word[i] > '9')
            return false;
        percent = percent * 10 + (unsigned)(word[i] - '0');
    }
    *ret_percent = percent;
    return percent <= 100;
}

static bool is_word(const char *text, size_t length, const char *word)
{
    return strlen(word) == length && strncmp(text, word, length) == 0;
}

/* hardened, or page[,full|light|random=N][,backwards]; anything else counts as not set. */
static void take_heap(struct config *c, const char *value)
{
    unsigned percent = 100;
    bool backwards = false;
    size_t length = strcspn(value, ",");

    c->hardened = strcmp(value, "hardened") == 0;
    if (!is_word(value, length, "page"))
        return;
    for (const char *word = value + length; *word; word += length) {
        word++;
        length = strcspn(word, ",");
        if (is_word(word, length, "backwards"))
            backwards = true;
        else if (is_word(word, length, "light"))
            percent = 0;
        else if (is_word(word, length, "full"))
            percent = 100;
        else if (!take_percent(word, length, &percent))
            return;
    }
    c->page_heap = true;
    c->page_heap_backwards = backwards;
    c->page_heap_percent = percent;
}

static void take(void *config, const char *name, const char *value)
{
    struct config *c = config;

    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        if (strcmp(name, numbers[i].name) == 0)
            *(uint64_t *)((char *)c + numbers[i].at) = number(value);
    }
    if (strcmp(name, "NTMM_ENGINE") == 0)
        c->no_engine = strcmp(value, "none") == 0;
    if (strcmp(name, "NTMM_PROBED") == 0) {
        c->start_writing = strchr(value, 'w') != NULL;
        c->cache_counts = strchr(value, 'c') != NULL;
    }
    if (strcmp(name, "NTMM_PAGEFILE_DIR") == 0)
        take_path(c->folder, value);
    if (strcmp(name, "NTMM_HEAP") == 0)
        take_heap(c, value);
    if (strcmp(name, "NTMM_BOARD") == 0)
        take_path(c->board, value);
}

void mm_config_read(struct config *ret_config)
{
    *ret_config = (struct config){.unpaged = NOT_SET, .folder = "/var/tmp"};
    mm_os_environment("NTMM_", take, ret_config);
    if (ret_config->unpaged == NOT_SET)
        ret_config->unpaged = ret_config->ram / UNPAGED_SHARE;
}
