/* job: what the planner hands out, while it is under way: a session over a link, a program, or a host being made ready.
 * Its results go back to the planner; its edges become events. */
#ifndef ETRN_JOB_H
#define ETRN_JOB_H

#include "core/planner.h"
#include "errand.h"

struct job;

struct jobs {
    struct loop *loop;
    struct planner *planner;
    void (*news)(void *owner);  /* something in the planner changed that status tells */
    void (*ended)(void *owner); /* a job has ended: others may begin */
    void *owner;
    struct job *first;
    struct protocol_log *log;
    struct errands errands;
};

/* Begins what was handed out. When it cannot be begun, the planner learns it at once. */
void jobs_begin(struct jobs *jobs, const struct assignment *a);

/* Ends jobs politely, of hosts that are not to be asked any more, or all; and sees to dequeues that have ended without.
 * To be called after planner_configure() and planner_pause(). */
void jobs_finish(struct jobs *jobs, bool all);

/* Ends all now. */
void jobs_abort(struct jobs *jobs);

#endif
