/* control: the controls of the service that are its own, and how etrnctl sends one. */
#ifndef ETRN_CONTROL_H
#define ETRN_CONTROL_H

#include "../core/must_check.h"
#include "win.h"

/* User-defined service controls. 128 asks all hosts; 129 those that request files name. The others stand in for news of
 * the system: an address came up, the machine woke, the clock was set. */
enum {
    CONTROL_RUN_ALL = 128,
    CONTROL_RUN_REQUESTED = 129,
    CONTROL_NETWORK_GREW = 130,
    CONTROL_RESUMED = 131,
    CONTROL_CLOCK_SET = 132
};

/* Sends one of them to the running service, of this computer (NULL) or another. Returns 0 or a Win32 error. */
MUST_CHECK DWORD control_send(const wchar_t *computer, DWORD control);

#endif
