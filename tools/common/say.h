/*
 * say.h - one-line messages on standard error: "ntmm run: --ram 0: give a size such as 256M".
 */
#ifndef NTMM_TOOLS_SAY_H
#define NTMM_TOOLS_SAY_H

/* Name the verb that messages begin with. */
void mm_say_as(const char *verb);

/* Say what is wrong and what to do about it; the newline is added, others are shown as '?'. */
void mm_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
