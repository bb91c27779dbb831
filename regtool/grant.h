/* grant: lets EtrnSvc, by its service SID, start, stop and query the one service that a host's RunService names: one
 * entry in that service's access control list, and nothing else of it. */
#ifndef ETRN_GRANT_H
#define ETRN_GRANT_H

#include "../service/core/config.h"
#include "../service/core/must_check.h"
#include "exit_code.h"

/* Adds the entry unless it is there; an empty name needs none. Failure is reported, with what to do by hand;
 * EXIT_NOT_FOUND when there is no such service. */
MUST_CHECK enum exit_code grant_give(const char *service);

/* To be called after a change of hosts, with what was configured before it and the service that grant_give() was called
 * for (NULL for none): gives what a host needs newly, and takes the entry from each service that no host names any
 * more. Other entries stay. Failure is reported. */
MUST_CHECK enum exit_code grant_settle(const struct config *before, const char *given);

/* EtrnSvc itself goes: takes the entry from every service that a host named. */
MUST_CHECK enum exit_code grant_end(const struct config *config);

#endif
