/*
 * verbs.h - the commands of ntmm: each is a folder, and one line in the table of ntmm.c.
 */
#ifndef NTMM_TOOLS_VERBS_H
#define NTMM_TOOLS_VERBS_H

/* argv[0] is the verb.  The result is ntmm's exit status. */
int mm_verb_run(int argc, char **argv);
int mm_verb_doctor(int argc, char **argv);
int mm_verb_demo(int argc, char **argv);

#endif
