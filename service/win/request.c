#include "request.h"

#include "file.h"
#include "folder.h"

#include <stdio.h>
#include <stdlib.h>
#include <wchar.h>

#define PATTERN L"request-*.txt"

/* ---- writing a request ---- */

/* Returns the names, one per line, from malloc; NULL if memory is short. */
static char *lines_of(const char *const *hosts, size_t count, size_t *length)
{
    size_t size = 1;
    for (size_t i = 0; i < count; i++)
        size += strlen(hosts[i]) + 1;
    char *lines = malloc(size);
    *length = 0;
    for (size_t i = 0; lines && i < count; i++)
        *length += (size_t)snprintf(lines + *length, size - *length, "%s\n", hosts[i]);
    return lines;
}

DWORD request_leave(const char *const *hosts, size_t count)
{
    wchar_t name[32];
    size_t length;
    char *lines = lines_of(hosts, count, &length);
    if (!lines)
        return ERROR_NOT_ENOUGH_MEMORY;
    _snwprintf(name, ARRAYSIZE(name), L"request-%lu.txt", GetCurrentProcessId());
    wchar_t *path = folder_path(FOLDER_DATA, name);
    DWORD error = path ? folder_make(FOLDER_DATA) : GetLastError();
    if (!error)
        error = file_replace(path, lines, length);
    free(path);
    free(lines);
    return error;
}

/* ---- taking requests ---- */

struct taker {
    void (*take)(void *owner, const char *host);
    void *owner;
    DWORD error;
};

static void take_lines(char *lines, const struct taker *taker)
{
    for (char *end; (end = strchr(lines, '\n')) != NULL; lines = end + 1) {
        *end = '\0';
        taker->take(taker->owner, lines);
    }
}

static void take_request(void *owner, const wchar_t *path)
{
    struct taker *taker = owner;
    size_t size;
    char *lines = file_read(path, &size);
    if (!lines) {
        taker->error = GetLastError();
        return;
    }
    DeleteFileW(path); /* a file that remains is taken twice: the host is asked once more, which does no harm */
    take_lines(lines, taker);
    free(lines);
}

DWORD request_take(void (*take)(void *owner, const char *host), void *owner)
{
    struct taker taker = {.take = take, .owner = owner};
    DWORD error = folder_visit(FOLDER_DATA, PATTERN, take_request, &taker);
    return taker.error ? taker.error : error;
}
