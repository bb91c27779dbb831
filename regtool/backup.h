/* backup: a service's Parameters key as a .reg file, saved before each change by itself. */
#ifndef ETRN_BACKUP_H
#define ETRN_BACKUP_H

#include "../service/core/must_check.h"
#include "exit_code.h"

/* Saves SERVICE's Parameters key to %ProgramData%\EtrnSvc\backup, once for a process, and keeps the last 20 files
 * there. Failure is reported. */
MUST_CHECK enum exit_code backup_by_itself(const char *service);

#endif
