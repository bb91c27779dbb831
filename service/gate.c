#include "gate.h"

#include "clock.h"
#include "win/eventlog.h"
#include "win/network.h"

enum {
    PAUSE_LEAST_MS = 1000, /* delay between two checks of the port: initial ... */
    PAUSE_MOST_MS = 60000
};

static void hold(struct gate *g, uint32_t port)
{
    bool first = g->delay_ms == 0;
    planner_hold(g->planner, true);
    if (first)
        trace("No program listens on port %u of this computer. No host is asked until one does.", port);
    g->delay_ms = clock_backoff(g->delay_ms, PAUSE_LEAST_MS, PAUSE_MOST_MS);
    loop_set_timer(g->loop, &g->timer, loop_now_ms() + g->delay_ms);
    if (first)
        g->changed(g->owner);
}

static void open_gate(struct gate *g, uint32_t port)
{
    if (g->delay_ms == 0)
        return;
    trace("A program listens on port %u now.", port);
    g->delay_ms = 0;
    loop_set_timer(g->loop, &g->timer, INT64_MAX);
    g->changed(g->owner);
}

void gate_poll(struct gate *g, uint32_t port, struct moment now)
{
    if (g->timer.set)
        return;
    planner_follow_clock(g->planner, now); /* otherwise more dequeues could be due in a moment than were checked here */
    planner_hold(g->planner, false);
    if (port == 0 || planner_wakeup(g->planner, now) > now.steady_ms || network_port_listens((uint16_t)port))
        open_gate(g, port);
    else
        hold(g, port);
}

void gate_recheck(struct gate *g)
{
    loop_set_timer(g->loop, &g->timer, INT64_MAX);
}

void gate_hurry(struct gate *g)
{
    gate_recheck(g);
    if (g->delay_ms != 0)
        g->delay_ms = PAUSE_LEAST_MS / 2;
}

bool gate_waits(const struct gate *g)
{
    return g->delay_ms != 0;
}

static void due(struct loop_timer *timer)
{
    struct gate *g = CONTAINING_RECORD(timer, struct gate, timer);
    g->look(g->owner);
}

void gate_init(struct gate *g)
{
    g->timer = (struct loop_timer){.fire = due};
    g->delay_ms = 0;
}
