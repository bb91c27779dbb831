/* win: what every Windows file of the programs begins with. Windows 8 / Server 2012 and later; all API calls are the
 * wide ones, all text inside is UTF-8. */
#ifndef ETRN_WIN_H
#define ETRN_WIN_H

#define WIN32_LEAN_AND_MEAN
#include <winsock2.h>
#include <ws2tcpip.h>
#include <mswsock.h>
#include <windows.h>

#include "../core/must_check.h"
#include "../core/text.h"

#include <stdbool.h>
#include <stdint.h>

#define SERVICE_NAME "EtrnSvc"
#define SERVICE_DISPLAY_NAME "ETRN Mail Dequeue Service"

/* UTF-8 to UTF-16. The caller frees it; NULL, and GetLastError() says so, when there is no memory. */
MUST_CHECK wchar_t *wide_copy(const char *utf8);

/* UTF-16 to UTF-8. The caller frees it; NULL, and GetLastError() says so, when there is no memory. */
MUST_CHECK char *narrow_copy(const wchar_t *wide);

/* Appends UTF-16 as it is. */
void text_add_wide(struct text *t, const wchar_t *wide);

/* Appends a Win32 or Winsock error in words: plain ones of our own for what a mail administrator meets, the system's
 * for all others, the number where there are none. */
void text_add_error(struct text *t, DWORD error);

/* Since 1970, UTC: now, and a time of Windows', which counts from 1601. */
int64_t utc_now_ms(void);
int64_t utc_ms_of(const FILETIME *time);

#endif
