/* answers: what became of the nodes of a job, in whichever way its host is asked. */
#ifndef ETRN_ANSWERS_H
#define ETRN_ANSWERS_H

#include "core/outcome.h"

struct answers {
    /* A node has its result: `node` is its index in the job. Each node has one before `ended`. */
    void (*node)(void *owner, size_t node, const struct result *result);

    /* All that was said, raw, where the result of the first node has only a line of it. After that result. */
    void (*output)(void *owner, const char *octets, size_t count);

    /* The last call: what asked is freed. */
    void (*ended)(void *owner);
};

#endif
