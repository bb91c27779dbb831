/* gate: holds back what is due until something listens on LocalPort, since mail that is released to a server that is
 * not up is deferred again. The port is looked at with growing pauses, and only while something is due. */
#ifndef ETRN_GATE_H
#define ETRN_GATE_H

#include "core/planner.h"
#include "win/loop.h"

struct gate {
    struct loop *loop;
    struct planner *planner;
    void (*look)(void *owner);    /* it is time for gate_poll() again */
    void (*changed)(void *owner); /* gate_waits() is another now */
    void *owner;
    struct loop_timer timer;
    int64_t delay_ms; /* the pause before the next look; 0 while nothing is held back */
};

/* Looks at the port, unless the time of the next look has not come, and holds or releases the planner. `port` is
 * LocalPort; with 0 nothing is held back. To be called before planner_next(), with the same moment. */
void gate_poll(struct gate *g, uint32_t port, struct moment now);

/* Someone waits: the next gate_poll() looks, and its pauses begin short. */
void gate_hurry(struct gate *g);

/* The configuration has changed, perhaps the port: the next gate_poll() looks. */
void gate_recheck(struct gate *g);

/* Whether something is due and held back. */
bool gate_waits(const struct gate *g);

/* All but `timer` and `delay_ms` are the caller's to set. */
void gate_init(struct gate *g);

#endif
