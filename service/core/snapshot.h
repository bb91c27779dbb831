/* snapshot: the planner's state as the JSON of status.json (schema 1). Names in it are stable. A node's "output" is
 * what a program or a finger server said, in lines; null when there is none. Where a program ran for several nodes at
 * once, the first of them has it. */
#ifndef ETRN_SNAPSHOT_H
#define ETRN_SNAPSHOT_H

#include "json.h"
#include "planner.h"

/* A registry value that is not used, and why. */
struct problem {
    char *key, *name, *text;
};

struct snapshot_facts {
    const char *version;
    uint32_t process; /* id */
    int64_t started_utc_ms;
    const struct problem *problems;
    size_t problem_count;
    uint32_t awaited_port; /* local, that nothing listens on while something is due; 0 when none is */
    struct moment now;
};

/* Writes the whole document into `j`, which is begun here; j->out.failed is true if memory ran out. */
void snapshot_write(struct json *j, const struct snapshot_facts *facts, const struct planner *p);

#endif
