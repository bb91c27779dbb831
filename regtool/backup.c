/* etrnctl backup, restore; and the backup that every change makes by itself. */
#include "backup.h"

#include "../service/win/folder.h"
#include "../service/win/status.h"
#include "grant.h"
#include "regtree.h"
#include "store.h"

#include <stdio.h>
#include <stdlib.h>
#include <wchar.h>

enum { KEPT = 20 };

/* Writes SERVICE's Parameters key to `path`, which reads back as exactly this state: it begins by deleting the key. */
static DWORD save(const char *service, const wchar_t *path)
{
    char key[600];
    struct text t;
    struct regfile file = {0};
    size_t size;
    text_begin(&t, key, sizeof key);
    store_path(service, &t);
    DWORD error = regtree_save(key, &file);
    void *data = error ? NULL : regfile_write(&file, &size);
    if (!error)
        error = data ? file_replace(path, data, size) : ERROR_INVALID_DATA; /* a key's name with a line end in it */
    free(data);
    regfile_free(&file);
    return error;
}

/* ---- by itself ---- */

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

/* The time stands first in the name: the names sort by age. */
static void delete_oldest(void)
{
    struct names names = {0};
    folder_visit(FOLDER_BACKUP, L"*.reg", collect, &names);
    qsort(names.items, names.count, sizeof *names.items, by_name);
    for (size_t i = 0; i < names.count; i++) {
        if (i + KEPT < names.count)
            DeleteFileW(names.items[i]);
        free(names.items[i]);
    }
    free(names.items);
}

/* A new name of this moment: 20261121-182001-EtrnSvc.reg, or with -2, -3 behind the time. */
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
        if (!path || GetFileAttributesW(path) == INVALID_FILE_ATTRIBUTES)
            return path;
        free(path);
    }
    SetLastError(ERROR_FILE_EXISTS);
    return NULL;
}

enum exit_code backup_by_itself(const char *service)
{
    wchar_t *path = new_path(service);
    DWORD error = path ? folder_make(FOLDER_BACKUP) : GetLastError();
    if (!error)
        error = save(service, path);
    free(path);
    if (error) {
        enum exit_code code = fail(error, "saving a backup first");
        talk("Nothing was changed.\n");
        return code;
    }
    delete_oldest();
    return EXIT_DONE;
}

/* ---- the commands ---- */

static const char *service_of(const struct arguments *a)
{
    const char *service = option_value(a, "--service");
    return service ? service : SERVICE_NAME;
}

enum exit_code run_backup(const struct arguments *a)
{
    const char *service = service_of(a);
    bool found;
    uint32_t value;
    char was[300];
    struct text t;
    text_begin(&t, was, sizeof was);
    DWORD error = store_get_switch(service, &found, &value, &t);
    if (error)
        return fail(error, "service %s", service);
    wchar_t *path = wide_copy(a->words[0]);
    error = path ? save(service, path) : ERROR_NOT_ENOUGH_MEMORY;
    free(path);
    if (error)
        return fail(error, "writing %s", a->words[0]);
    out("The Parameters key of %s is saved in %s.\n", service, a->words[0]);
    return EXIT_DONE;
}

/* Reads the file; what is wrong with it is told. */
static enum exit_code read_file(const char *name, struct regfile *file)
{
    char problem[300];
    struct text t;
    size_t size;
    wchar_t *path = wide_copy(name);
    char *data = path ? file_read(path, &size) : NULL;
    DWORD error = GetLastError();
    free(path);
    if (!data)
        return fail(error, "reading %s", name);
    text_begin(&t, problem, sizeof problem);
    bool fine = regfile_read(file, data, size, &t);
    free(data);
    if (fine)
        return EXIT_DONE;
    talk("etrnctl: %s, %s; nothing was written\n", name, problem);
    return EXIT_INVALID;
}

static enum exit_code check_entries(const char *name, const char *service, const struct regfile *file)
{
    char root[700];
    struct text t;
    text_begin(&t, root, sizeof root);
    text_add(&t, MACHINE_PREFIX);
    store_path(service, &t);
    for (size_t i = 0; i < file->count; i++) {
        if (regtree_lies_in(file->entries[i].key, root))
            continue;
        talk("etrnctl: %s: [%s] does not lie in %s; nothing was written\n", name, file->entries[i].key, root);
        return EXIT_INVALID;
    }
    return EXIT_DONE;
}

static enum exit_code write_entries(const char *name, const char *service, const struct regfile *file)
{
    char path[600];
    struct text t;
    size_t failed;
    text_begin(&t, path, sizeof path);
    store_path(service, &t);
    enum exit_code code = store_prepare(service);
    if (code != EXIT_DONE)
        return code;
    DWORD error = regtree_apply(path, file, &failed);
    if (error) {
        const struct regfile_entry *entry = failed < file->count ? &file->entries[failed] : NULL;
        code = fail(error, "%s: %s%s%s", name, entry ? entry->key : service, entry && *entry->name ? "\\" : "",
                    entry ? entry->name : "");
        talk("Nothing was changed: it is all as it was.\n");
        return code;
    }
    out("The Parameters key of %s is restored from %s.\n", service, name);
    return EXIT_DONE;
}

static enum exit_code apply(const char *name, const char *service, const struct regfile *file)
{
    struct config before;
    struct config now;
    if (!text_same(service, SERVICE_NAME))
        return write_entries(name, service, file);
    enum exit_code code = store_read(&before, true);
    if (code == EXIT_DONE)
        code = write_entries(name, service, file);
    if (code == EXIT_DONE) {
        store_protect();         /* the key was made anew */
        store_read(&now, false); /* tells what of it is not used */
        config_free(&now);
        code = grant_settle(&before, NULL);
    }
    config_free(&before);
    return code;
}

enum exit_code run_restore(const struct arguments *a)
{
    struct regfile file = {0};
    const char *service = service_of(a);
    enum exit_code code = read_file(a->words[0], &file);
    if (code != EXIT_DONE)
        return code;
    code = check_entries(a->words[0], service, &file);
    if (code == EXIT_DONE && !option_value(a, "-y") && on_console()) {
        char question[400];
        snprintf(question, sizeof question, "Write %s into the Parameters key of %s?", a->words[0], service);
        if (!confirm(question)) {
            talk("Cancelled; nothing was written.\n");
            code = EXIT_CANCELLED;
        }
    }
    if (code == EXIT_DONE)
        code = apply(a->words[0], service, &file);
    regfile_free(&file);
    return code;
}
