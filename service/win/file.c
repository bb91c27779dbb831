#include "file.h"

#include <stdlib.h>
#include <wchar.h>

enum {
    FILE_LIMIT = 64 << 20,
    TRIES = 11,
    PAUSE_MS = 20,
    NAMES = 100,      /* temporary file names to try */
    SUFFIX_LIMIT = 32 /* characters of ".4294967295-100.new" and NUL */
};

/* Whether a call failed because another program has the file open, which may soon be over: if so, waits a little, until
 * the attempts are used up. Renaming over an open file fails with ERROR_ACCESS_DENIED, as does opening a file that is
 * being replaced. */
static bool try_again(int *tries, DWORD error)
{
    bool held = error == ERROR_SHARING_VIOLATION || error == ERROR_ACCESS_DENIED || error == ERROR_LOCK_VIOLATION ||
                error == ERROR_DELETE_PENDING || error == ERROR_USER_MAPPED_FILE;
    if (!held || --*tries <= 0)
        return false;
    Sleep(PAUSE_MS);
    return true;
}

static DWORD open_file(const wchar_t *path, DWORD access, DWORD sharing, DWORD disposition, HANDLE *file)
{
    int tries = TRIES;
    DWORD error;
    do {
        *file = CreateFileW(path, access, sharing, NULL, disposition, FILE_ATTRIBUTE_NORMAL, NULL);
        error = *file == INVALID_HANDLE_VALUE ? GetLastError() : 0;
    } while (try_again(&tries, error));
    return error;
}

/* ---- replacing ---- */

/* Opens a file beside `path` for writing, and puts its name into `aside`, a buffer of `room` characters. */
typedef DWORD open_aside(const wchar_t *path, wchar_t *aside, size_t room, HANDLE *file);

/* A file that could not be opened belongs to someone else and is not deleted. */
static DWORD open_ours(const wchar_t *path, wchar_t *aside, size_t room, HANDLE *file)
{
    _snwprintf(aside, room, L"%ls.new", path);
    return open_file(aside, GENERIC_WRITE, 0, CREATE_ALWAYS, file);
}

/* A file with this name may exist, left by a terminated process that had our process id. */
static DWORD open_new(const wchar_t *path, wchar_t *aside, size_t room, HANDLE *file)
{
    DWORD error = ERROR_FILE_EXISTS;
    for (int name = 1; name <= NAMES && error == ERROR_FILE_EXISTS; name++) {
        _snwprintf(aside, room, L"%ls.%lu-%d.new", path, GetCurrentProcessId(), name);
        error = open_file(aside, GENERIC_WRITE, 0, CREATE_NEW, file);
    }
    return error;
}

static DWORD rename_over(const wchar_t *aside, const wchar_t *path)
{
    int tries = TRIES;
    DWORD error;
    do
        error = MoveFileExW(aside, path, MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH) ? 0 : GetLastError();
    while (try_again(&tries, error));
    return error;
}

static DWORD write_all(HANDLE file, const void *data, size_t size)
{
    DWORD written;
    if (!WriteFile(file, data, (DWORD)size, &written, NULL))
        return GetLastError();
    if (written != size)
        return ERROR_DISK_FULL;
    return FlushFileBuffers(file) ? 0 : GetLastError();
}

static DWORD write_aside(open_aside *open, const wchar_t *path, wchar_t *aside, size_t room, const void *data,
                         size_t size)
{
    HANDLE file;
    DWORD error = open(path, aside, room, &file);
    if (error)
        return error;
    error = write_all(file, data, size);
    CloseHandle(file);
    if (!error)
        error = rename_over(aside, path);
    if (error)
        DeleteFileW(aside); /* a file that remains does no harm */
    return error;
}

static DWORD replace(open_aside *open, const wchar_t *path, const void *data, size_t size)
{
    size_t room = wcslen(path) + SUFFIX_LIMIT;
    wchar_t *aside = malloc(room * sizeof *aside);
    DWORD error = aside ? write_aside(open, path, aside, room, data, size) : ERROR_NOT_ENOUGH_MEMORY;
    free(aside);
    return error;
}

DWORD file_replace(const wchar_t *path, const void *data, size_t size)
{
    return replace(open_ours, path, data, size);
}

DWORD file_save(const wchar_t *path, const void *data, size_t size)
{
    return replace(open_new, path, data, size);
}

/* ---- reading ---- */

static DWORD read_all(HANDLE file, char **data, size_t *size)
{
    LARGE_INTEGER length;
    DWORD read;
    if (!GetFileSizeEx(file, &length))
        return GetLastError();
    if (length.QuadPart > FILE_LIMIT)
        return ERROR_FILE_TOO_LARGE;
    *data = malloc((size_t)length.QuadPart + 1);
    if (!*data)
        return ERROR_NOT_ENOUGH_MEMORY;
    if (!ReadFile(file, *data, (DWORD)length.QuadPart, &read, NULL))
        return GetLastError();
    (*data)[read] = '\0';
    *size = read;
    return 0;
}

char *file_read(const wchar_t *path, size_t *size)
{
    DWORD sharing = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;
    HANDLE file;
    char *data = NULL;
    DWORD error = open_file(path, GENERIC_READ, sharing, OPEN_EXISTING, &file);
    if (!error) {
        error = read_all(file, &data, size);
        CloseHandle(file);
    }
    if (!error)
        return data;
    free(data);
    SetLastError(error);
    return NULL;
}
