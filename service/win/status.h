/* status: the files below %ProgramData%\EtrnSvc: status.json, by which the service tells how it is, the requests by
 * which etrnctl asks it for single hosts, the protocol log, and etrnctl's backups. */
#ifndef ETRN_STATUS_H
#define ETRN_STATUS_H

#include "win.h"

/* User-defined service controls. 128 asks all hosts; 129 those that request files name. The others stand in for news of
 * the system: an address came up, the machine woke. */
enum { CONTROL_RUN_ALL = 128, CONTROL_RUN_REQUESTED = 129, CONTROL_NETWORK_GREW = 130, CONTROL_RESUMED = 131 };

/* Full path of the folder, or of `file` in it, whether it is there or not. The caller frees it; NULL and GetLastError()
 * else. */
wchar_t *status_path(const wchar_t *file);

/* Makes the folder when it lacks, with its access rights: for those who write there, and before. Returns 0 or a Win32
 * error. */
DWORD status_make_folder(void);

/* Replaces a file as a whole: it is written aside, flushed, and renamed, so that a reader, a crash or a full disk never
 * leaves half of it. Returns 0 or a Win32 error. */
DWORD file_replace(const wchar_t *path, const void *data, size_t size);

/* The whole of a file of at most 64 MB and a NUL behind it; the caller frees it. NULL and GetLastError() else. */
char *file_read(const wchar_t *path, size_t *size);

/* Leaves a request for these hosts, for CONTROL_RUN_REQUESTED to be sent next. Returns 0 or a Win32 error. */
DWORD request_leave(const char *const *hosts, size_t count);

/* Calls `take` for each host that a request names, and deletes the requests. */
void request_take(void (*take)(void *owner, const char *host), void *owner);

/* The same for the folder of backups, which administrators alone may enter. */
wchar_t *backup_path(const wchar_t *file);
DWORD backup_make_folder(void);

/* Calls `visit` for each backup, in no order. */
void backup_visit(void (*visit)(void *owner, const wchar_t *path), void *owner);

/* The same for the folder of the protocol log, into which users may not look. */
wchar_t *log_path(const wchar_t *file);
DWORD log_make_folder(void);
void log_visit(void (*visit)(void *owner, const wchar_t *path), void *owner);

/* Deletes the folder with all that we put into it, if it is there. Returns 0 or a Win32 error. */
DWORD status_remove(void);

#endif
