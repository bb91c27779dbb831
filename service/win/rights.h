/* rights: security descriptors: who may do what with what is kept for the service. */
#ifndef ETRN_RIGHTS_H
#define ETRN_RIGHTS_H

#include "../core/must_check.h"
#include "win.h"

/* The descriptor that SDDL (Security Descriptor Definition Language) writes. The caller frees it with LocalFree(); NULL
 * with GetLastError(). */
MUST_CHECK PSECURITY_DESCRIPTOR rights_read(const wchar_t *sddl);

/* A security descriptor that inherits nothing: SYSTEM and Administrators have all rights, service `name` has `access`
 * (an access mask: KEY_READ, SERVICE_START), nobody else any. The caller frees it with LocalFree(); NULL with
 * GetLastError(). */
MUST_CHECK PSECURITY_DESCRIPTOR rights_service_only(const wchar_t *name, DWORD access);

/* Gives the Parameters key its access rights, which keys made below it inherit: SYSTEM and Administrators all, the
 * service and users to read. Returns 0 or a Win32 error. */
MUST_CHECK DWORD rights_protect_parameters(HKEY key);

#endif
