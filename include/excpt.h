/*
 * excpt.h - what a filter answers, and what a frame handler answers.
 */
#ifndef _EXCPT_H_
#define _EXCPT_H_

#ifdef __cplusplus
extern "C" {
#endif

/* The answers of a filter. */
#define EXCEPTION_EXECUTE_HANDLER 1
#define EXCEPTION_CONTINUE_SEARCH 0
#define EXCEPTION_CONTINUE_EXECUTION (-1)

typedef enum _EXCEPTION_DISPOSITION {
    ExceptionContinueExecution,
    ExceptionContinueSearch,
    ExceptionNestedException,
    ExceptionCollidedUnwind
} EXCEPTION_DISPOSITION;

#ifdef __cplusplus
}
#endif

#endif
