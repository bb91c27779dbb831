/* secret: the password of a host's User. It is kept as a blob that this computer alone can decrypt (DPAPI, machine
 * scope), in a key that only SYSTEM, Administrators and the service may read: Parameters\Hosts\<name>\Secret, value
 * Password. It never comes from Group Policy, which every user may read, and is in no backup. */
#ifndef ETRN_SECRET_H
#define ETRN_SECRET_H

#include "../core/auth.h"
#include "../core/must_check.h"
#include "win.h"

enum { SECRET_SIZE = AUTH_PASSWORD_LIMIT + 1 };

#define SECRET_NAME "Password" /* as people call it; it is no setting: nobody is ever shown it */

/* Keeps the password of a host of this computer, whose key exists, in place of one that is there: at any instant one of
 * the two is whole. Returns 0 or a Win32 error. */
MUST_CHECK DWORD secret_write(const char *host, const char *password);

/* The password, which the caller wipes by SecureZeroMemory(). Returns 0; ERROR_FILE_NOT_FOUND when there is none;
 * ERROR_ACCESS_DENIED; any other when it cannot be decrypted. */
MUST_CHECK DWORD secret_read(const char *host, char password[SECRET_SIZE]);

/* Says what secret_read() has met, for a person, and what to do. */
void secret_trouble(DWORD error, const char *host, struct text *words);

/* Whether one is kept, on a computer of which this is HKEY_LOCAL_MACHINE, whoever may read it. */
MUST_CHECK bool secret_kept(HKEY machine, const char *host);

/* Forgets it. Returns 0 or a Win32 error; ERROR_FILE_NOT_FOUND when there is none. */
MUST_CHECK DWORD secret_remove(HKEY machine, const char *host);

/* Whether the path, below HKEY_LOCAL_MACHINE, is that of a key that holds a secret. */
MUST_CHECK bool secret_path(const char *path);

#endif
