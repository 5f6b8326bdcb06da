/*
 * runtime.h - the folder of this user in which running programs publish themselves.
 */
#ifndef NTMM_TOOLS_RUNTIME_H
#define NTMM_TOOLS_RUNTIME_H

#include <stdbool.h>
#include <stddef.h>

#define MM_RUNTIME_PATH 512

/*
 * The folder, made when missing: $XDG_RUNTIME_DIR/ntmm, else /dev/shm/ntmm-UID.
 *
 * => a folder that is a link, another user's or open to others is not trusted: false when none is
 */
bool mm_runtime_folder(char ret_path[MM_RUNTIME_PATH]);

#endif
