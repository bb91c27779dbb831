/* problems: the values of the configuration that are not used, and why. Each is reported as an event once, however
 * often the configuration is read. */
#ifndef ETRN_PROBLEMS_H
#define ETRN_PROBLEMS_H

#include "core/snapshot.h"

struct problems {
    struct problem *items;
    size_t count, room;
};

/* Adds one: a registry_problem, whose `owner` is the struct problems. Without memory it is reported at once instead. */
void problems_add(void *owner, const char *key, const char *name, const char *problem);

/* `fresh`, which is taken over, replaces `known`. Those that `known` did not hold become events. */
void problems_replace(struct problems *known, struct problems *fresh);

/* Frees them all; the list is then empty. */
void problems_free(struct problems *problems);

#endif
