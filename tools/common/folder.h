/*
 * folder.h - choosing where a page file lives.
 */
#ifndef NTMM_TOOLS_FOLDER_H
#define NTMM_TOOLS_FOLDER_H

#include <limits.h>
#include <stdbool.h>

#include "common/probe.h"

/* Probe a folder.  NULL: it is fit, and *ret_folder is its full name; else why it is not. */
const char *mm_folder_try(const char *name, char ret_folder[PATH_MAX], struct mm_probe *ret_probe);

/* The first fit one of $NTMM_PAGEFILE_DIR, /var/tmp, ~/.cache and here; false: none is. */
bool mm_folder_choose(char ret_folder[PATH_MAX], struct mm_probe *ret_probe);

#endif
