/* sid: who may read what is kept for the service alone. */
#ifndef ETRN_SID_H
#define ETRN_SID_H

#include "win.h"

enum {
    SERVICE_SID_TEXT = 80 /* characters of "S-1-5-80-..." in text, NUL included */
};

/* The SID of NT SERVICE\`name`: S-1-5-80 and the SHA-1 of the name in capitals, UTF-16LE, as five numbers
 * (RtlCreateServiceSid, `sc showsid`). Computed and not looked up, for a service that is yet to be installed and for
 * Wine, which knows no such account. False when there is no memory or no SHA-1; GetLastError() does not tell. */
bool service_sid(const wchar_t *name, wchar_t text[SERVICE_SID_TEXT]);

/* A security descriptor that inherits nothing: SYSTEM and Administrators have all rights, service `name` has `access`
 * (an access mask: KEY_READ, SERVICE_START), nobody else any. The caller frees it with LocalFree(); NULL with
 * GetLastError(). */
PSECURITY_DESCRIPTOR service_only(const wchar_t *name, DWORD access);

/* Gives the Parameters key its access rights, which keys made below it inherit: SYSTEM and Administrators all, the
 * service and users to read. Returns 0 or a Win32 error. */
DWORD parameters_protect(HKEY key);

#endif
