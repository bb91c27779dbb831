/* parameters: the Parameters key of a service, on the computer that the command works on. */
#ifndef ETRN_PARAMETERS_H
#define ETRN_PARAMETERS_H

#include "../service/core/must_check.h"
#include "../service/win/win.h"

/* The path of SERVICE's Parameters key below HKEY_LOCAL_MACHINE. */
void parameters_path(const char *service, struct text *path);

/* Opens SERVICE's Parameters key, or that of a host below it ("" for the key of all hosts; NULL for Parameters itself).
 * Returns 0 or a Win32 error: ERROR_SERVICE_DOES_NOT_EXIST when there is no such service, ERROR_FILE_NOT_FOUND when
 * there is no such key. */
MUST_CHECK DWORD parameters_open(const char *service, const char *host, REGSAM access, HKEY *key);

/* The same, but makes a key that is missing; Parameters of our own service gets its access rights. */
MUST_CHECK DWORD parameters_make(const char *service, const char *host, REGSAM access, HKEY *key);

#endif
