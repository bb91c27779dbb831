#include "status.h"

#include "folder.h"

#include <stdio.h>
#include <stdlib.h>
#include <wchar.h>

enum { FILE_LIMIT = 64 << 20 };

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
    size_t room = wcslen(path) + sizeof ".new";
    wchar_t *aside = malloc(room * sizeof *aside);
    if (!aside)
        return ERROR_NOT_ENOUGH_MEMORY;
    _snwprintf(aside, room, L"%ls.new", path);
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
    wchar_t *path = folder_path(FOLDER_DATA, name);
    DWORD error = path ? folder_make(FOLDER_DATA) : GetLastError();
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
    folder_visit(FOLDER_DATA, REQUEST_PATTERN, take_request, &taker);
}
