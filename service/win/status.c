#include "status.h"

#include <sddl.h>
#include <shlobj.h>
#include <stdio.h>
#include <stdlib.h>
#include <wchar.h>

enum { FILE_LIMIT = 64 << 20 };

/* SYSTEM, Administrators and LocalService, as which the service runs, write; users may read how it is. */
#define FOLDER_RIGHTS L"D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;FA;;;LS)(A;OICI;FRFX;;;BU)"

/* A backup may hold what protects a secret. */
#define BACKUP_RIGHTS L"D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)"
#define BACKUP_FOLDER L"backup"

/* The protocol log tells who sends mail to whom. */
#define LOG_RIGHTS L"D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;FA;;;LS)"
#define LOG_FOLDER L"log"

/* "a" + "b"; NULL when there is no memory. */
static wchar_t *join(const wchar_t *a, const wchar_t *b)
{
    size_t size = wcslen(a) + wcslen(b) + 1;
    wchar_t *both = malloc(size * sizeof *both);
    if (both)
        _snwprintf(both, size, L"%ls%ls", a, b);
    else
        SetLastError(ERROR_NOT_ENOUGH_MEMORY);
    return both;
}

static wchar_t *folder_path(void)
{
    wchar_t *program_data = NULL;
    HRESULT result = SHGetKnownFolderPath(&FOLDERID_ProgramData, 0, NULL, &program_data);
    wchar_t *folder = SUCCEEDED(result) ? join(program_data, L"\\" TEXT(SERVICE_NAME)) : NULL;
    if (FAILED(result))
        SetLastError(ERROR_PATH_NOT_FOUND);
    CoTaskMemFree(program_data);
    return folder;
}

/* Neither a file, nor a junction that somebody has put there to lead us elsewhere. */
static bool is_plain_folder(const wchar_t *folder)
{
    DWORD attributes = GetFileAttributesW(folder);
    return attributes != INVALID_FILE_ATTRIBUTES && (attributes & FILE_ATTRIBUTE_DIRECTORY) != 0 &&
           (attributes & FILE_ATTRIBUTE_REPARSE_POINT) == 0;
}

static DWORD make_folder(const wchar_t *folder, const wchar_t *rights)
{
    SECURITY_ATTRIBUTES security = {.nLength = sizeof security};
    if (!folder)
        return GetLastError();
    if (!ConvertStringSecurityDescriptorToSecurityDescriptorW(rights, SDDL_REVISION_1, &security.lpSecurityDescriptor,
                                                              NULL))
        return GetLastError();
    DWORD error = CreateDirectoryW(folder, &security) ? 0 : GetLastError();
    LocalFree(security.lpSecurityDescriptor);
    if (error == ERROR_ALREADY_EXISTS)
        return is_plain_folder(folder) ? 0 : ERROR_BAD_PATHNAME;
    return error;
}

/* "folder\\file", or a copy of the folder's own path when `file` is NULL. */
static wchar_t *inside(const wchar_t *folder, const wchar_t *file)
{
    if (!file)
        return join(folder, L"");
    wchar_t *with_slash = join(folder, L"\\");
    wchar_t *path = with_slash ? join(with_slash, file) : NULL;
    free(with_slash);
    return path;
}

wchar_t *status_path(const wchar_t *file)
{
    wchar_t *folder = folder_path();
    wchar_t *path = folder ? inside(folder, file) : NULL;
    free(folder);
    return path;
}

DWORD status_make_folder(void)
{
    wchar_t *folder = folder_path();
    DWORD error = make_folder(folder, FOLDER_RIGHTS);
    free(folder);
    return error;
}

/* The path of a folder in the folder, or of `file` in it. */
static wchar_t *below(const wchar_t *name, const wchar_t *file)
{
    wchar_t *folder = status_path(name);
    wchar_t *path = folder ? inside(folder, file) : NULL;
    free(folder);
    return path;
}

static DWORD make_below(const wchar_t *name, const wchar_t *rights)
{
    DWORD error = status_make_folder();
    wchar_t *folder = error ? NULL : status_path(name);
    if (!error)
        error = make_folder(folder, rights);
    free(folder);
    return error;
}

wchar_t *backup_path(const wchar_t *file)
{
    return below(BACKUP_FOLDER, file);
}

DWORD backup_make_folder(void)
{
    return make_below(BACKUP_FOLDER, BACKUP_RIGHTS);
}

wchar_t *log_path(const wchar_t *file)
{
    return below(LOG_FOLDER, file);
}

DWORD log_make_folder(void)
{
    return make_below(LOG_FOLDER, LOG_RIGHTS);
}

static DWORD write_whole(const wchar_t *path, const void *data, size_t size)
{
    DWORD written;
    HANDLE file = CreateFileW(path, GENERIC_WRITE, 0, NULL, CREATE_ALWAYS, FILE_ATTRIBUTE_NORMAL, NULL);
    if (file == INVALID_HANDLE_VALUE)
        return GetLastError();
    DWORD error = WriteFile(file, data, (DWORD)size, &written, NULL) ? 0 : GetLastError();
    if (!error && written != size)
        error = ERROR_DISK_FULL;
    if (!error && !FlushFileBuffers(file))
        error = GetLastError();
    CloseHandle(file);
    return error;
}

DWORD file_replace(const wchar_t *path, const void *data, size_t size)
{
    wchar_t *aside = join(path, L".new");
    if (!aside)
        return ERROR_NOT_ENOUGH_MEMORY;
    DWORD error = write_whole(aside, data, size);
    if (!error && !MoveFileExW(aside, path, MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH))
        error = GetLastError();
    if (error)
        DeleteFileW(aside);
    free(aside);
    return error;
}

char *file_read(const wchar_t *path, size_t *size)
{
    DWORD sharing = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;
    HANDLE file = CreateFileW(path, GENERIC_READ, sharing, NULL, OPEN_EXISTING, 0, NULL);
    LARGE_INTEGER length;
    char *data = NULL;
    DWORD read = 0;
    if (file == INVALID_HANDLE_VALUE)
        return NULL;
    DWORD error = GetFileSizeEx(file, &length) ? 0 : GetLastError();
    if (!error && length.QuadPart > FILE_LIMIT)
        error = ERROR_FILE_TOO_LARGE;
    if (!error && !(data = malloc((size_t)length.QuadPart + 1)))
        error = ERROR_NOT_ENOUGH_MEMORY;
    if (!error && !ReadFile(file, data, (DWORD)length.QuadPart, &read, NULL))
        error = GetLastError();
    CloseHandle(file);
    if (error) {
        free(data);
        SetLastError(error);
        return NULL;
    }
    data[read] = '\0';
    *size = read;
    return data;
}

/* ---- requests: request-PID.txt, a host's name a line ---- */

#define REQUEST_PATTERN L"request-*.txt"

DWORD request_leave(const char *const *hosts, size_t count)
{
    wchar_t name[32];
    size_t size = 1;
    for (size_t i = 0; i < count; i++)
        size += strlen(hosts[i]) + 1;
    char *lines = malloc(size);
    if (!lines)
        return ERROR_NOT_ENOUGH_MEMORY;
    size_t length = 0;
    for (size_t i = 0; i < count; i++)
        length += (size_t)snprintf(lines + length, size - length, "%s\n", hosts[i]);
    _snwprintf(name, ARRAYSIZE(name), L"request-%lu.txt", GetCurrentProcessId());
    wchar_t *path = status_path(name);
    DWORD error = path ? status_make_folder() : GetLastError();
    if (!error)
        error = file_replace(path, lines, length);
    free(path);
    free(lines);
    return error;
}

static void take_lines(char *lines, void (*take)(void *owner, const char *host), void *owner)
{
    for (char *end; (end = strchr(lines, '\n')) != NULL; lines = end + 1) {
        *end = '\0';
        take(owner, lines);
    }
}

/* Calls `visit` for each file of `folder` that the pattern names. */
static void visit_files(const wchar_t *folder, const wchar_t *pattern, void (*visit)(void *owner, const wchar_t *path),
                        void *owner)
{
    WIN32_FIND_DATAW found;
    wchar_t *all = folder ? inside(folder, pattern) : NULL;
    HANDLE search = all ? FindFirstFileW(all, &found) : INVALID_HANDLE_VALUE;
    free(all);
    if (search == INVALID_HANDLE_VALUE)
        return;
    do {
        wchar_t *path = found.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY ? NULL : inside(folder, found.cFileName);
        if (path)
            visit(owner, path);
        free(path);
    } while (FindNextFileW(search, &found));
    FindClose(search);
}

void backup_visit(void (*visit)(void *owner, const wchar_t *path), void *owner)
{
    wchar_t *folder = backup_path(NULL);
    visit_files(folder, L"*.reg", visit, owner);
    free(folder);
}

void log_visit(void (*visit)(void *owner, const wchar_t *path), void *owner)
{
    wchar_t *folder = log_path(NULL);
    visit_files(folder, L"*.LOG", visit, owner);
    free(folder);
}

struct taker {
    void (*take)(void *owner, const char *host);
    void *owner;
};

static void take_request(void *owner, const wchar_t *path)
{
    const struct taker *taker = owner;
    size_t size;
    char *lines = file_read(path, &size);
    DeleteFileW(path);
    if (lines)
        take_lines(lines, taker->take, taker->owner);
    free(lines);
}

void request_take(void (*take)(void *owner, const char *host), void *owner)
{
    struct taker taker = {take, owner};
    wchar_t *folder = status_path(NULL);
    visit_files(folder, REQUEST_PATTERN, take_request, &taker);
    free(folder);
}

static void delete_file(void *owner, const wchar_t *path)
{
    (void)owner;
    DeleteFileW(path);
}

static DWORD remove_folder(wchar_t *folder)
{
    if (!folder)
        return GetLastError();
    if (is_plain_folder(folder))
        visit_files(folder, L"*", delete_file, NULL);
    DWORD error = RemoveDirectoryW(folder) ? 0 : GetLastError();
    free(folder);
    return error == ERROR_FILE_NOT_FOUND || error == ERROR_PATH_NOT_FOUND ? 0 : error;
}

DWORD status_remove(void)
{
    DWORD error = remove_folder(backup_path(NULL));
    if (!error)
        error = remove_folder(log_path(NULL));
    return error ? error : remove_folder(status_path(NULL));
}
