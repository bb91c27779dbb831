/* file: whole files, read and replaced. Another program, such as a reader or a virus scanner, may hold a file for a
 * moment: what it keeps from us is tried again for 200 ms, during which these functions block. */
#ifndef ETRN_FILE_H
#define ETRN_FILE_H

#include "../core/must_check.h"
#include "win.h"

/* Replaces a file as a whole: it is written aside, flushed, and renamed, so that a reader, a crash or a full disk never
 * leaves half of it. Returns 0 or a Win32 error. The file aside is `path`.new, which is overwritten: for folders that
 * are ours alone. */
MUST_CHECK DWORD file_replace(const wchar_t *path, const void *data, size_t size);

/* The same in any folder: the file aside, `path`.PID-N.new, is made new, and no file but `path` is overwritten. */
MUST_CHECK DWORD file_save(const wchar_t *path, const void *data, size_t size);

/* The whole of a file of at most 64 MB and a NUL after it; the caller frees it. NULL and GetLastError() else. */
MUST_CHECK char *file_read(const wchar_t *path, size_t *size);

#endif
