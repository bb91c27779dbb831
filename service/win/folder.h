/* folder: the folders %ProgramData%\EtrnSvc and below: where they are, who may do what there, and whether the one that
 * is there can be trusted. Any user may make folders in %ProgramData%, so one that is there already counts only when an
 * administrator or the service has made it. */
#ifndef ETRN_FOLDER_H
#define ETRN_FOLDER_H

#include "../core/must_check.h"
#include "win.h"

enum folder {
    FOLDER_DATA,   /* status.json, requests: the service writes, users may read */
    FOLDER_BACKUP, /* etrnctl's backups: for administrators alone */
    FOLDER_LOG,    /* the protocol log, which shows who sends mail to whom: for the service and administrators */
    FOLDER_COUNT
};

/* Full path of the folder, or of `file` in it, whether it is there or not. The caller frees it; NULL and GetLastError()
 * else. */
MUST_CHECK wchar_t *folder_path(enum folder folder, const wchar_t *file);

/* Makes the folder, and those above it, if it is missing, with its access rights. Returns 0 or a Win32 error:
 * ERROR_BAD_PATHNAME when there is a file or a junction in its place, ERROR_INVALID_OWNER when somebody else made it.
 */
MUST_CHECK DWORD folder_make(enum folder folder);

/* Calls `visit` for each file of the folder that the pattern names, in no order. Returns 0, also when there is no such
 * folder, or a Win32 error when some may be missing: nobody may then conclude that a file is not there. */
MUST_CHECK DWORD folder_visit(enum folder folder, const wchar_t *pattern,
                              void (*visit)(void *owner, const wchar_t *path), void *owner);

/* Deletes all of them with all files in them, if they are there. Returns 0 or a Win32 error. */
MUST_CHECK DWORD folders_remove(void);

#endif
