/* etrnctl backup, and the automatic backup before every change. */
#include "backup.h"

#include "../service/core/regfile_write.h"
#include "../service/win/file.h"
#include "../service/win/folder.h"
#include "arguments.h"
#include "failure.h"
#include "output.h"
#include "parameters.h"
#include "regtree.h"

#include <stdio.h>
#include <stdlib.h>
#include <wchar.h>

enum { KEPT = 20 };

/* Writes SERVICE's Parameters key to `path`. The file begins by deleting the key, so that it restores exactly this
 * state. */
static DWORD save(const char *service, const wchar_t *path)
{
    TEXT_SCRATCH(key, 600);
    struct regfile file = {0};
    size_t size;
    parameters_path(service, &key);
    DWORD error = regtree_save(key.data, &file);
    void *data = error ? NULL : regfile_write(&file, &size);
    if (!error) /* regtree_save() has checked the names: they can be written */
        error = data ? file_save(path, data, size) : ERROR_NOT_ENOUGH_MEMORY;
    free(data);
    regfile_free(&file);
    return error;
}

/* ---- automatic backup ---- */

struct names {
    wchar_t **items;
    size_t count;
};

static void collect(void *owner, const wchar_t *path)
{
    struct names *names = owner;
    wchar_t **items = realloc(names->items, (names->count + 1) * sizeof *items);
    if (!items)
        return;
    names->items = items;
    items[names->count] = _wcsdup(path);
    names->count += items[names->count] != NULL;
}

static int by_name(const void *a, const void *b)
{
    return wcscmp(wcsrchr(*(wchar_t *const *)a, L'\\'), wcsrchr(*(wchar_t *const *)b, L'\\'));
}

/* A name begins with the time, so names sort by age. */
static void delete_oldest(void)
{
    struct names names = {0};
    DWORD error = folder_visit(FOLDER_BACKUP, L"*.reg", collect, &names);
    qsort(names.items, names.count, sizeof *names.items, by_name);
    for (size_t i = 0; i < names.count; i++) {
        if (!error && i + KEPT < names.count)
            DeleteFileW(names.items[i]);
        free(names.items[i]);
    }
    free(names.items);
}

/* Returns a new name for the present time: 20261121-182001-EtrnSvc.reg, or with .002, .003 after the time. */
static wchar_t *new_path(const char *service)
{
    SYSTEMTIME now;
    GetLocalTime(&now);
    for (unsigned again = 1; again < 1000; again++) {
        char name[400];
        char suffix[16] = "";
        if (again > 1)
            snprintf(suffix, sizeof suffix, ".%03u", again);
        snprintf(name, sizeof name, "%04u%02u%02u-%02u%02u%02u%s-%s.reg", now.wYear, now.wMonth, now.wDay, now.wHour,
                 now.wMinute, now.wSecond, suffix, service);
        wchar_t *wide = wide_copy(name);
        wchar_t *path = wide ? folder_path(FOLDER_BACKUP, wide) : NULL;
        free(wide);
        DWORD error = path && GetFileAttributesW(path) == INVALID_FILE_ATTRIBUTES ? GetLastError() : 0;
        if (!path || error == ERROR_FILE_NOT_FOUND || error == ERROR_PATH_NOT_FOUND)
            return path;
        free(path);
        if (error) { /* the name may exist: an existing backup is not replaced */
            SetLastError(error);
            return NULL;
        }
    }
    SetLastError(ERROR_FILE_EXISTS);
    return NULL;
}

static DWORD save_new(const char *service)
{
    wchar_t *path = new_path(service);
    DWORD error = path ? folder_make(FOLDER_BACKUP) : GetLastError();
    if (!error)
        error = save(service, path);
    free(path);
    return error;
}

enum exit_code backup_by_itself(const char *service)
{
    static bool saved; /* once per process: not between two changes of one command */
    DWORD error = saved ? 0 : save_new(service);
    if (error) {
        enum exit_code code = fail(error, "cannot save a backup of the settings");
        talk("Nothing was changed.\n");
        return code;
    }
    if (!saved)
        delete_oldest();
    saved = true;
    return EXIT_DONE;
}

/* ---- the command ---- */

enum exit_code run_backup(const struct arguments *a)
{
    const char *service = service_option(a);
    HKEY key;
    DWORD error = parameters_open(service, NULL, KEY_QUERY_VALUE, &key);
    if (!error)
        RegCloseKey(key);
    if (error && error != ERROR_FILE_NOT_FOUND)
        return fail_service(error, service);
    wchar_t *path = wide_copy(a->words[0]);
    error = path ? save(service, path) : ERROR_NOT_ENOUGH_MEMORY;
    free(path);
    if (error)
        return fail(error, "cannot write %s", a->words[0]);
    out("The Parameters key of %s was saved to %s.\n", service, a->words[0]);
    return EXIT_DONE;
}
