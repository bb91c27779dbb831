/* sid: the security identifier of a service. */
#ifndef ETRN_SID_H
#define ETRN_SID_H

#include "../core/must_check.h"
#include "win.h"

enum {
    SERVICE_SID_TEXT = 80 /* characters of "S-1-5-80-..." in text, NUL included */
};

/* The SID of NT SERVICE\`name`: S-1-5-80 and the SHA-1 of the name in capitals, UTF-16LE, as five numbers
 * (RtlCreateServiceSid, `sc showsid`). Computed and not looked up, for a service that is yet to be installed and for
 * Wine, which knows no such account. False when there is no memory or no SHA-1; GetLastError() is not set. */
MUST_CHECK bool service_sid(const wchar_t *name, wchar_t text[SERVICE_SID_TEXT]);

#endif
