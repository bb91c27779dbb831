/* engine: the thin shell in which the planner drives sessions. It owns the loop and everything that arrives there:
 * registry news, session results, and what the service control manager or the console asks for. */
#ifndef ETRN_ENGINE_H
#define ETRN_ENGINE_H

#include "win/win.h"

/* What may be asked of a running engine from any other thread; engine_ask() only posts it. */
enum engine_request {
    ENGINE_STOP,
    ENGINE_PAUSE,
    ENGINE_CONTINUE,
    ENGINE_READ_CONFIG,
    ENGINE_RUN_ALL,
    ENGINE_RUN_REQUESTED,
    ENGINE_NETWORK_GREW, /* a round, as if an address had come up */
    ENGINE_RESUMED,      /* a round, as the machine woke */
    ENGINE_CLOCK_SET,    /* schedules follow */
    ENGINE_REQUESTS      /* their number */
};

struct engine_callbacks {
    void (*running)(void *owner);                               /* the configuration is read, the loop runs */
    void (*answered)(void *owner, enum engine_request request); /* done; of ENGINE_STOP: sessions are ending */
    void *owner;
};

/* Runs until ENGINE_STOP; every session then ends within 2 s. Returns 0 or a Win32 error, which was reported as an
 * event. Only one runs in a process. */
DWORD engine_run(const struct engine_callbacks *callbacks);

void engine_ask(enum engine_request request);

#endif
