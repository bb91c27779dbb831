/* regtree: a registry key with all below it, to and from the entries of a .reg file. */
#ifndef ETRN_REGTREE_H
#define ETRN_REGTREE_H

#include "../service/core/must_check.h"
#include "../service/core/regfile.h"
#include "../service/win/win.h"

/* Where .reg files and people begin a path; followed by the path below machine_registry(). */
#define MACHINE_PREFIX "HKEY_LOCAL_MACHINE\\"

/* Whether `key` is `root` or below it. */
bool regtree_lies_in(const char *key, const char *root);

/* Appends what makes the key `path` (below HKEY_LOCAL_MACHINE) again as it is: its deletion, then, if it exists, the
 * key, its values and all below; but no secrets (service/win/secret.h). Returns 0 or a Win32 error, ERROR_INVALID_DATA
 * for a key with a line end in its name, which a file cannot say. */
MUST_CHECK DWORD regtree_save(const char *path, struct regfile *file);

/* Does what the entries say, all or nothing, but leaves the secrets alone of hosts that are there afterwards: in a
 * transaction where the system has it; else what was done is undone from what `path`, in which all entries lie, held
 * before. Returns 0 or the Win32 error of the entry `*failed`, which is file->count when it was none's. */
MUST_CHECK DWORD regtree_apply(const char *path, const struct regfile *file, size_t *failed);

#endif
