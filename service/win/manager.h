/* manager: the service control manager, of this computer or another, and one service of it. */
#ifndef ETRN_MANAGER_H
#define ETRN_MANAGER_H

#include "../core/must_check.h"
#include "win.h"

struct manager {
    SC_HANDLE scm, service;
};

/* Opens a service with this access (winsvc.h SERVICE_START ...); `computer` as OpenSCManager takes it, NULL for this
 * one. Returns 0, or a Win32 error with nothing left open: closing that does no harm. */
MUST_CHECK DWORD manager_open(struct manager *m, const wchar_t *computer, const wchar_t *service, DWORD access);
void manager_close(struct manager *m);

#endif
