/* program: runs a program without a shell, in a job that dies with its time-out and with us, and tells its exit code
 * and the end of what it said. */
#ifndef ETRN_PROGRAM_H
#define ETRN_PROGRAM_H

#include "../core/must_check.h"
#include "loop.h"

enum { PROGRAM_OUTPUT_LIMIT = 4096 }; /* the last octets of standard output and error */

struct program;

struct program_result {
    DWORD error; /* 0, or why it could not be run: WAIT_TIMEOUT when it was ended for taking too long */
    DWORD exit_code;
    const char *output; /* raw */
    size_t length;
};

/* In the loop's thread, once, unless cancelled. The program is gone then. */
typedef void program_done(void *owner, const struct program_result *result);

/* Runs `value`, the registry's (a path in quotation marks, %names% in it replaced, and arguments), with "{node}" and
 * "{host}" as whole arguments replaced. NULL and `*error` when it cannot be started. */
MUST_CHECK struct program *program_begin(struct loop *loop, const char *value, const char *node, const char *host,
                                         int64_t limit_ms, program_done *done, void *owner, DWORD *error);
void program_cancel(struct program *program);

#endif
