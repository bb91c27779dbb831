/* scm: the life of the service under the service control manager ("Service Programs" in the Win32 documentation). */
#ifndef ETRN_SCM_H
#define ETRN_SCM_H

#include "win/win.h"

/* Connects to the service control manager and runs until the service has stopped. Returns 0 or a Win32 error:
 * ERROR_FAILED_SERVICE_CONTROLLER_CONNECT when the program was started by hand. */
DWORD scm_run(void);

#endif
