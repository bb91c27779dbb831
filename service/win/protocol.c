#include "protocol.h"

#include "eventlog.h"
#include "folder.h"

#include <stdlib.h>
#include <wchar.h>

enum {
    GATHER_MS = 200,        /* collects rows into one write */
    ROWS_LIMIT = 256 << 10, /* octets of rows waiting to be written */
    FILES_LIMIT = 1000      /* most files to list */
};

void protocol_init(struct protocol_log *log, struct loop *loop)
{
    *log = (struct protocol_log){.loop = loop, .sessions = (uint64_t)utc_now_ms() << 20};
}

uint64_t protocol_session(struct protocol_log *log)
{
    return ++log->sessions;
}

/* ---- files ---- */

struct files {
    struct protolog_file items[FILES_LIMIT];
    size_t count;
};

static void note_file(void *owner, const wchar_t *path)
{
    struct files *files = owner;
    WIN32_FILE_ATTRIBUTE_DATA found;
    const wchar_t *slash = wcsrchr(path, L'\\');
    char *name = narrow_copy(slash ? slash + 1 : path);
    struct protolog_file file;
    if (name && files->count < FILES_LIMIT && protolog_read_name(name, &file) &&
        GetFileAttributesExW(path, GetFileExInfoStandard, &found)) {
        file.size = (uint64_t)found.nFileSizeHigh << 32 | found.nFileSizeLow;
        files->items[files->count++] = file;
    }
    free(name);
}

static wchar_t *path_of(const struct protolog_file *file)
{
    TEXT_SCRATCH(name, 40);
    protolog_add_name(&name, file);
    wchar_t *wide = wide_copy(name.data);
    wchar_t *path = wide ? folder_path(FOLDER_LOG, wide) : NULL;
    free(wide);
    return path;
}

static void delete_file(const struct protolog_file *file)
{
    wchar_t *path = path_of(file);
    if (path)
        DeleteFileW(path);
    free(path);
}

/* Deletes files that are too old or exceed the size limit. Returns the day's last file, zeroed if there is none. */
static struct protolog_file tidy(int64_t utc_ms)
{
    struct protolog_file last = {0};
    struct protolog_file today = {0};
    struct files *files = calloc(1, sizeof *files);
    if (!files)
        return last;
    DWORD error = folder_visit(FOLDER_LOG, L"*.LOG", note_file, files);
    protolog_turn(&today, utc_ms, 0);
    size_t surplus = error ? 0 : protolog_surplus(files->items, files->count, utc_ms);
    for (size_t i = 0; i < files->count; i++) {
        if (i < surplus)
            delete_file(&files->items[i]);
        else if (files->items[i].day == today.day)
            last = files->items[i];
    }
    free(files);
    return last;
}

static void close_file(struct protocol_log *log)
{
    if (log->handle)
        CloseHandle(log->handle);
    log->handle = NULL;
}

static DWORD append(HANDLE handle, const char *data, size_t size)
{
    DWORD written;
    if (!WriteFile(handle, data, (DWORD)size, &written, NULL))
        return GetLastError();
    return written == size ? 0 : ERROR_DISK_FULL;
}

/* Finds the end of the last complete row. A file without any row in its last PROTOLOG_ROW_LIMIT octets is not a log of
 * ours and is not truncated. */
static DWORD find_end_of_rows(HANDLE handle, const LARGE_INTEGER *size, LARGE_INTEGER *end)
{
    char tail[PROTOLOG_ROW_LIMIT];
    DWORD count = size->QuadPart < (LONGLONG)sizeof tail ? (DWORD)size->QuadPart : (DWORD)sizeof tail;
    LARGE_INTEGER from = {.QuadPart = size->QuadPart - count};
    DWORD read;
    *end = *size;
    if (!SetFilePointerEx(handle, from, NULL, FILE_BEGIN) || !ReadFile(handle, tail, count, &read, NULL))
        return GetLastError();
    if (read != count)
        return ERROR_HANDLE_EOF;
    while (count > 0 && tail[count - 1] != '\n')
        count--;
    if (count > 0 || from.QuadPart == 0)
        end->QuadPart = from.QuadPart + count;
    return 0;
}

static DWORD cut_partial_row(HANDLE handle)
{
    LARGE_INTEGER size;
    LARGE_INTEGER end;
    if (!GetFileSizeEx(handle, &size))
        return GetLastError();
    DWORD error = find_end_of_rows(handle, &size, &end);
    if (error || end.QuadPart == size.QuadPart)
        return error;
    return SetFilePointerEx(handle, end, NULL, FILE_BEGIN) && SetEndOfFile(handle) ? 0 : GetLastError();
}

/* If the service was terminated while it wrote a row, that row is incomplete and must go, or the next one would be
 * appended to it. */
static DWORD drop_partial_row(const wchar_t *path)
{
    HANDLE handle = CreateFileW(path, GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_DELETE, NULL,
                                OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, NULL);
    if (handle == INVALID_HANDLE_VALUE)
        return GetLastError() == ERROR_FILE_NOT_FOUND ? 0 : GetLastError();
    DWORD error = cut_partial_row(handle);
    CloseHandle(handle);
    return error;
}

/* Opens log->file, and writes the header if it is new. */
static DWORD open_file(struct protocol_log *log, int64_t utc_ms)
{
    TEXT_SCRATCH(head, PROTOLOG_HEAD_LIMIT);
    LARGE_INTEGER size = {0};
    wchar_t *path = path_of(&log->file);
    if (!path)
        return ERROR_NOT_ENOUGH_MEMORY;
    DWORD error = drop_partial_row(path);
    HANDLE handle = INVALID_HANDLE_VALUE;
    if (!error)
        handle = CreateFileW(path, FILE_APPEND_DATA | FILE_READ_ATTRIBUTES, FILE_SHARE_READ | FILE_SHARE_DELETE, NULL,
                             OPEN_ALWAYS, FILE_ATTRIBUTE_NORMAL, NULL);
    free(path);
    if (error)
        return error;
    if (handle == INVALID_HANDLE_VALUE)
        return GetLastError();
    log->handle = handle;
    if (!GetFileSizeEx(handle, &size))
        return GetLastError();
    log->file.size = (uint64_t)size.QuadPart;
    if (log->file.size > 0)
        return 0;
    protolog_add_head(&head, utc_ms, VERSION);
    log->file.size = head.length;
    return append(handle, head.data, head.length);
}

/* Makes sure that a file is open that has room for `more` octets. */
static DWORD ensure_file(struct protocol_log *log, int64_t utc_ms, size_t more)
{
    if (log->handle && !protolog_turn(&log->file, utc_ms, more))
        return 0;
    close_file(log);
    DWORD error = folder_make(FOLDER_LOG);
    if (error)
        return error;
    log->file = tidy(utc_ms);
    protolog_turn(&log->file, utc_ms, more);
    return open_file(log, utc_ms);
}

/* ---- rows ---- */

/* Reports an error once, until writing works again or the error changes. */
static void report(struct protocol_log *log, DWORD error)
{
    if (error && error != log->error)
        event_write_error(EVENT_CANNOT_WRITE, "The protocol log", error);
    log->error = error;
}

static void write_rows(struct protocol_log *log)
{
    int64_t utc_ms = utc_now_ms();
    if (log->length == 0)
        return;
    DWORD error = ensure_file(log, utc_ms, log->length);
    if (!error)
        error = append(log->handle, log->rows, log->length);
    if (error)
        close_file(log);
    log->file.size += log->length;
    log->length = 0;
    report(log, error);
}

static void gathered(struct loop_timer *timer)
{
    write_rows(CONTAINING_RECORD(timer, struct protocol_log, soon));
}

void protocol_add(struct protocol_log *log, struct protolog_row *row)
{
    struct text t;
    if (!log->on)
        return;
    if (log->length + PROTOLOG_ROW_LIMIT > ROWS_LIMIT)
        write_rows(log);
    row->utc_ms = utc_now_ms();
    text_begin(&t, log->rows + log->length, PROTOLOG_ROW_LIMIT);
    protolog_add(&t, row);
    log->length += t.length;
    if (!log->soon.set)
        loop_set_timer(log->loop, &log->soon, loop_now_ms() + GATHER_MS);
}

void protocol_follow(struct protocol_log *log, bool on)
{
    if (on == log->on)
        return;
    if (!on) {
        protocol_close(log);
        return;
    }
    log->soon.fire = gathered;
    log->rows = malloc(ROWS_LIMIT);
    log->on = log->rows != NULL;
    if (!log->on)
        report(log, ERROR_NOT_ENOUGH_MEMORY);
}

void protocol_close(struct protocol_log *log)
{
    if (!log->on)
        return;
    write_rows(log);
    loop_set_timer(log->loop, &log->soon, INT64_MAX);
    close_file(log);
    free(log->rows);
    log->rows = NULL;
    log->on = false;
}
