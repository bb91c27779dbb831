#include "regtree.h"

#include "machine.h"

#include <ktmw32.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    NAME_LIMIT = 16384, /* characters of a value's name and its NUL */
    KEY_NAME_LIMIT = 256,
    DEPTH_LIMIT = 64
};

/* ---- saving ---- */

struct saver {
    struct regfile *file;
    wchar_t *name; /* of NAME_LIMIT */
    unsigned char *data;
    DWORD room;
    unsigned depth;
};

static DWORD add(struct saver *s, enum regfile_kind kind, const char *path, const char *name, const struct value *value)
{
    size_t size = sizeof MACHINE_PREFIX + strlen(path);
    char *full = malloc(size);
    bool fine = full != NULL;
    if (fine) {
        snprintf(full, size, "%s%s", MACHINE_PREFIX, path);
        fine = regfile_add(s->file, kind, full, name, value);
    }
    free(full);
    return fine ? 0 : ERROR_NOT_ENOUGH_MEMORY;
}

static DWORD save_value(struct saver *s, const char *path, DWORD type, DWORD size)
{
    struct value value = {.type = (enum value_type)type, .data = s->data, .size = size};
    char *name = narrow_copy(s->name);
    DWORD error = name ? add(s, REGFILE_VALUE, path, name, &value) : ERROR_NOT_ENOUGH_MEMORY;
    free(name);
    return error;
}

static DWORD save_values(struct saver *s, HKEY key, const char *path)
{
    for (DWORD i = 0;;) {
        DWORD type;
        DWORD length = NAME_LIMIT;
        DWORD size = s->room;
        DWORD error = (DWORD)RegEnumValueW(key, i, s->name, &length, NULL, &type, s->data, &size);
        if (error == ERROR_NO_MORE_ITEMS)
            return 0;
        if (error == ERROR_MORE_DATA && size > s->room) {
            unsigned char *data = realloc(s->data, size);
            if (!data)
                return ERROR_NOT_ENOUGH_MEMORY;
            s->data = data;
            s->room = size;
            continue;
        }
        if (!error)
            error = save_value(s, path, type, size);
        if (error)
            return error;
        i++;
    }
}

static DWORD save_key(struct saver *s, HKEY key, const char *path);

static DWORD save_subkey(struct saver *s, HKEY key, const char *path, const wchar_t *name)
{
    HKEY child;
    char *utf8 = narrow_copy(name);
    size_t size = utf8 ? strlen(path) + strlen(utf8) + 2 : 0;
    char *child_path = utf8 ? malloc(size) : NULL;
    DWORD error = ERROR_NOT_ENOUGH_MEMORY;
    if (child_path) {
        snprintf(child_path, size, "%s\\%s", path, utf8);
        error = (DWORD)RegOpenKeyExW(key, name, 0, KEY_READ, &child);
        if (!error) {
            error = save_key(s, child, child_path);
            RegCloseKey(child);
        }
    }
    free(child_path);
    free(utf8);
    return error;
}

static DWORD save_key(struct saver *s, HKEY key, const char *path)
{
    if (++s->depth > DEPTH_LIMIT)
        return ERROR_STACK_OVERFLOW;
    DWORD error = add(s, REGFILE_KEY, path, NULL, NULL);
    if (!error)
        error = save_values(s, key, path);
    for (DWORD i = 0; !error; i++) {
        wchar_t name[KEY_NAME_LIMIT];
        DWORD length = ARRAYSIZE(name);
        error = (DWORD)RegEnumKeyExW(key, i, name, &length, NULL, NULL, NULL, NULL);
        if (!error)
            error = save_subkey(s, key, path, name);
    }
    s->depth--;
    return error == ERROR_NO_MORE_ITEMS ? 0 : error;
}

DWORD regtree_save(const char *path, struct regfile *file)
{
    HKEY key;
    struct saver s = {.file = file, .name = malloc(NAME_LIMIT * sizeof(wchar_t)), .data = malloc(4096), .room = 4096};
    wchar_t *wide = wide_copy(path);
    DWORD error = s.name && s.data && wide ? add(&s, REGFILE_DELETE_KEY, path, NULL, NULL) : ERROR_NOT_ENOUGH_MEMORY;
    if (!error) {
        error = (DWORD)RegOpenKeyExW(machine_registry(), wide, 0, KEY_READ, &key);
        if (!error) {
            error = save_key(&s, key, path);
            RegCloseKey(key);
        } else if (error == ERROR_FILE_NOT_FOUND) {
            error = 0;
        }
    }
    free(wide);
    free(s.name);
    free(s.data);
    return error;
}

/* ---- applying ---- */

/* Opens or makes a key, within `transaction` when there is one. */
static DWORD make_key(HANDLE transaction, const wchar_t *path, HKEY *key)
{
    HKEY root = machine_registry();
    if (transaction)
        return (DWORD)RegCreateKeyTransactedW(root, path, 0, NULL, 0, KEY_ALL_ACCESS, NULL, key, NULL, transaction,
                                              NULL);
    return (DWORD)RegCreateKeyExW(root, path, 0, NULL, 0, KEY_ALL_ACCESS, NULL, key, NULL);
}

static DWORD delete_transacted(HANDLE transaction, HKEY parent, const wchar_t *path)
{
    HKEY key;
    wchar_t name[KEY_NAME_LIMIT];
    DWORD error = (DWORD)RegOpenKeyTransactedW(parent, path, 0, KEY_ALL_ACCESS, &key, transaction, NULL);
    if (error)
        return error;
    do {
        DWORD length = ARRAYSIZE(name);
        error = (DWORD)RegEnumKeyExW(key, 0, name, &length, NULL, NULL, NULL, NULL);
        if (!error)
            error = delete_transacted(transaction, key, name);
    } while (!error);
    RegCloseKey(key);
    if (error != ERROR_NO_MORE_ITEMS)
        return error;
    return (DWORD)RegDeleteKeyTransactedW(parent, path, 0, 0, transaction, NULL);
}

static DWORD delete_key(HANDLE transaction, const wchar_t *path)
{
    HKEY root = machine_registry();
    return transaction ? delete_transacted(transaction, root, path) : (DWORD)RegDeleteTreeW(root, path);
}

static DWORD apply_value(HANDLE transaction, const wchar_t *path, const struct regfile_entry *entry)
{
    HKEY key;
    wchar_t *name = wide_copy(entry->name);
    if (!name)
        return ERROR_NOT_ENOUGH_MEMORY;
    DWORD error = make_key(transaction, path, &key);
    if (!error) {
        const struct value *v = &entry->value;
        error = entry->kind == REGFILE_VALUE
                    ? (DWORD)RegSetValueExW(key, name, 0, (DWORD)v->type, v->data, (DWORD)v->size)
                    : (DWORD)RegDeleteValueW(key, name);
        RegCloseKey(key);
    }
    free(name);
    return error == ERROR_FILE_NOT_FOUND && entry->kind == REGFILE_DELETE_VALUE ? 0 : error;
}

static DWORD apply_entry(HANDLE transaction, const struct regfile_entry *entry)
{
    HKEY key;
    wchar_t *path = wide_copy(entry->key + strlen(MACHINE_PREFIX));
    DWORD error = path ? 0 : ERROR_NOT_ENOUGH_MEMORY;
    if (!error && entry->kind == REGFILE_KEY) {
        error = make_key(transaction, path, &key);
        if (!error)
            RegCloseKey(key);
    } else if (!error && entry->kind == REGFILE_DELETE_KEY) {
        error = delete_key(transaction, path);
        if (error == ERROR_FILE_NOT_FOUND)
            error = 0;
    } else if (!error) {
        error = apply_value(transaction, path, entry);
    }
    free(path);
    return error;
}

static DWORD apply_all(HANDLE transaction, const struct regfile *file, size_t *failed)
{
    DWORD error = 0;
    for (*failed = 0; *failed < file->count; ++*failed)
        if ((error = apply_entry(transaction, &file->entries[*failed])) != 0)
            break;
    return error;
}

/* winerror.h; MinGW's lacks them. */
#ifndef ERROR_RM_NOT_ACTIVE
#define ERROR_RM_NOT_ACTIVE 6801
#define ERROR_TRANSACTIONAL_OPEN_NOT_ALLOWED 6832
#endif

/* Systems and remote registries without transactions answer with one of these. */
static bool not_transacted(DWORD error)
{
    return error == ERROR_CALL_NOT_IMPLEMENTED || error == ERROR_NOT_SUPPORTED || error == ERROR_INVALID_FUNCTION ||
           error == ERROR_RM_NOT_ACTIVE || error == ERROR_TRANSACTIONAL_OPEN_NOT_ALLOWED;
}

/* The first call tells whether there are transactions at all: where there are none (Wine), no other must be made. */
static DWORD apply_in_transaction(const char *path, const struct regfile *file, size_t *failed)
{
    HKEY key;
    wchar_t what[] = L"etrnctl restore";
    wchar_t *wide = wide_copy(path);
    HANDLE transaction = wide ? CreateTransaction(NULL, NULL, 0, 0, 0, 0, what) : INVALID_HANDLE_VALUE;
    DWORD error = transaction != INVALID_HANDLE_VALUE ? make_key(transaction, wide, &key) : ERROR_NOT_SUPPORTED;
    free(wide);
    *failed = file->count;
    if (!error) {
        RegCloseKey(key);
        error = apply_all(transaction, file, failed);
    }
    if (!error && !CommitTransaction(transaction))
        error = GetLastError();
    if (transaction != INVALID_HANDLE_VALUE)
        CloseHandle(transaction); /* what was not committed is rolled back */
    return error;
}

static DWORD apply_or_undo(const char *path, const struct regfile *file, size_t *failed)
{
    size_t ignored;
    struct regfile before = {0};
    DWORD error = regtree_save(path, &before);
    *failed = file->count;
    if (!error) {
        error = apply_all(NULL, file, failed);
        if (error)
            apply_all(NULL, &before, &ignored);
    }
    regfile_free(&before);
    return error;
}

DWORD regtree_apply(const char *path, const struct regfile *file, size_t *failed)
{
    DWORD error = apply_in_transaction(path, file, failed);
    return not_transacted(error) ? apply_or_undo(path, file, failed) : error;
}
