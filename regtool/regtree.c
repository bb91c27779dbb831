#include "regtree.h"

#include "../service/win/secret.h"
#include "machine.h"

#include <ktmw32.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    NAME_LIMIT = 16384, /* characters of a value's name including NUL */
    KEY_NAME_LIMIT = 256,
    DEPTH_LIMIT = 64
};

bool regtree_lies_in(const char *key, const char *root)
{
    size_t length = strlen(root);
    return strlen(key) >= length && _strnicmp(key, root, length) == 0 && (key[length] == '\\' || key[length] == '\0');
}

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
    if (strpbrk(path, "\r\n")) /* a file cannot say it */
        return ERROR_INVALID_DATA;
    char *full = malloc(size);
    if (!full)
        return ERROR_NOT_ENOUGH_MEMORY;
    snprintf(full, size, "%s%s", MACHINE_PREFIX, path);
    bool added = regfile_add(s->file, kind, full, name, value);
    free(full);
    return added ? 0 : ERROR_NOT_ENOUGH_MEMORY;
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

static char *path_below(const char *path, const char *name)
{
    size_t size = strlen(path) + strlen(name) + 2;
    char *whole = malloc(size);
    if (whole)
        snprintf(whole, size, "%s\\%s", path, name);
    return whole;
}

/* Secrets are not saved: a file is easier to read than a protected key, and a secret is only valid on this computer. */
static DWORD save_subkey(struct saver *s, HKEY key, const char *path, const wchar_t *name)
{
    HKEY child;
    char *utf8 = narrow_copy(name);
    char *child_path = utf8 ? path_below(path, utf8) : NULL;
    DWORD error = child_path ? 0 : ERROR_NOT_ENOUGH_MEMORY;
    if (!error && !secret_path(child_path)) {
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

/* Opens or creates a key, in `transaction` if there is one. */
static DWORD make_key(HANDLE transaction, const wchar_t *path, HKEY *key)
{
    HKEY root = machine_registry();
    if (transaction)
        return (DWORD)RegCreateKeyTransactedW(root, path, 0, NULL, 0, KEY_ALL_ACCESS, NULL, key, NULL, transaction,
                                              NULL);
    return (DWORD)RegCreateKeyExW(root, path, 0, NULL, 0, KEY_ALL_ACCESS, NULL, key, NULL);
}

static DWORD open_below(HANDLE transaction, HKEY parent, const wchar_t *path, HKEY *key)
{
    if (transaction)
        return (DWORD)RegOpenKeyTransactedW(parent, path, 0, KEY_ALL_ACCESS, key, transaction, NULL);
    return (DWORD)RegOpenKeyExW(parent, path, 0, KEY_ALL_ACCESS, key);
}

static DWORD delete_values(HKEY key)
{
    wchar_t *name = malloc(NAME_LIMIT * sizeof *name);
    DWORD error = name ? 0 : ERROR_NOT_ENOUGH_MEMORY;
    while (!error) {
        DWORD length = NAME_LIMIT;
        error = (DWORD)RegEnumValueW(key, 0, name, &length, NULL, NULL, NULL, NULL);
        if (!error)
            error = (DWORD)RegDeleteValueW(key, name);
    }
    free(name);
    return error == ERROR_NO_MORE_ITEMS ? 0 : error;
}

static DWORD delete_below(HANDLE transaction, HKEY parent, const wchar_t *name, const char *path, bool *spared);

/* Deletes all subkeys. If `spared` is not NULL, keeps secrets and their parent keys, and sets `*spared` if there were
 * any. */
static DWORD delete_subkeys(HANDLE transaction, HKEY key, const char *path, bool *spared)
{
    for (DWORD i = 0;;) {
        wchar_t name[KEY_NAME_LIMIT];
        DWORD length = ARRAYSIZE(name);
        bool kept = false;
        DWORD error = (DWORD)RegEnumKeyExW(key, i, name, &length, NULL, NULL, NULL, NULL);
        if (error)
            return error == ERROR_NO_MORE_ITEMS ? 0 : error;
        char *utf8 = narrow_copy(name);
        char *child = utf8 ? path_below(path, utf8) : NULL;
        error = child ? delete_below(transaction, key, name, child, spared ? &kept : NULL) : ERROR_NOT_ENOUGH_MEMORY;
        free(child);
        free(utf8);
        if (error)
            return error;
        if (kept)
            *spared = true;
        i += kept;
    }
}

/* Deletes the subkey `name` of the parent, and everything in it; `path` is its full path. If `spared` is not NULL, keys
 * with secrets stay, without other contents: no backup could restore the secrets. */
static DWORD delete_below(HANDLE transaction, HKEY parent, const wchar_t *name, const char *path, bool *spared)
{
    HKEY key;
    if (spared && secret_path(path)) {
        *spared = true;
        return 0;
    }
    DWORD error = open_below(transaction, parent, name, &key);
    if (error)
        return error;
    error = delete_subkeys(transaction, key, path, spared);
    bool stays = spared && *spared;
    if (!error && stays)
        error = delete_values(key);
    RegCloseKey(key);
    if (error || stays)
        return error;
    return transaction ? (DWORD)RegDeleteKeyTransactedW(parent, name, 0, 0, transaction, NULL)
                       : (DWORD)RegDeleteKeyW(parent, name);
}

static DWORD delete_key(HANDLE transaction, const wchar_t *wide, const char *path)
{
    bool spared = false;
    DWORD error = delete_below(transaction, machine_registry(), wide, path, &spared);
    return error == ERROR_FILE_NOT_FOUND ? 0 : error;
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

static DWORD apply_key(HANDLE transaction, const wchar_t *path)
{
    HKEY key;
    DWORD error = make_key(transaction, path, &key);
    if (!error)
        RegCloseKey(key);
    return error;
}

static DWORD apply_entry(HANDLE transaction, const struct regfile_entry *entry)
{
    const char *below = entry->key + strlen(MACHINE_PREFIX);
    if (secret_path(below))
        return 0;
    wchar_t *path = wide_copy(below);
    DWORD error = path ? 0 : ERROR_NOT_ENOUGH_MEMORY;
    if (!error && entry->kind == REGFILE_KEY)
        error = apply_key(transaction, path);
    else if (!error && entry->kind == REGFILE_DELETE_KEY)
        error = delete_key(transaction, path, below);
    else if (!error)
        error = apply_value(transaction, path, entry);
    free(path);
    return error;
}

/* Whether the entries delete the key and no later entry creates it again. */
static bool deletes(const struct regfile *file, const char *path)
{
    bool gone = false;
    for (size_t i = 0; i < file->count; i++) {
        const struct regfile_entry *entry = &file->entries[i];
        const char *key = entry->key + strlen(MACHINE_PREFIX);
        if (entry->kind == REGFILE_DELETE_KEY)
            gone = gone || regtree_lies_in(path, key);
        else if (entry->kind != REGFILE_DELETE_VALUE && regtree_lies_in(key, path))
            gone = false;
    }
    return gone;
}

/* Deletes the host at this index if only its secret is left, and sets `*gone` then. */
static DWORD delete_host(HANDLE transaction, HKEY hosts, DWORD place, const struct regfile *file,
                         const char *hosts_path, bool *gone)
{
    wchar_t name[KEY_NAME_LIMIT];
    DWORD length = ARRAYSIZE(name);
    DWORD error = (DWORD)RegEnumKeyExW(hosts, place, name, &length, NULL, NULL, NULL, NULL);
    char *utf8 = error ? NULL : narrow_copy(name);
    char *path = utf8 ? path_below(hosts_path, utf8) : NULL;
    if (!error && !path)
        error = ERROR_NOT_ENOUGH_MEMORY;
    *gone = !error && deletes(file, path);
    if (*gone)
        error = delete_below(transaction, hosts, name, path, NULL);
    free(path);
    free(utf8);
    return error;
}

/* Deletes the hosts of which only the secret is left. `hosts` is the path of the key of all hosts. */
static DWORD delete_spared(HANDLE transaction, const struct regfile *file, const char *hosts)
{
    HKEY key;
    wchar_t *wide = wide_copy(hosts);
    DWORD error = wide ? open_below(transaction, machine_registry(), wide, &key) : ERROR_NOT_ENOUGH_MEMORY;
    free(wide);
    if (error)
        return error == ERROR_FILE_NOT_FOUND ? 0 : error;
    for (DWORD place = 0; !error;) {
        bool gone;
        error = delete_host(transaction, key, place, file, hosts, &gone);
        place += !gone;
    }
    RegCloseKey(key);
    return error == ERROR_NO_MORE_ITEMS ? 0 : error;
}

static DWORD apply_all(HANDLE transaction, const char *path, const struct regfile *file, size_t *failed)
{
    DWORD error = 0;
    for (*failed = 0; *failed < file->count; ++*failed)
        if ((error = apply_entry(transaction, &file->entries[*failed])) != 0)
            return error;
    char *hosts = path_below(path, "Hosts");
    error = hosts ? delete_spared(transaction, file, hosts) : ERROR_NOT_ENOUGH_MEMORY;
    free(hosts);
    return error;
}

/* In winerror.h, but missing in MinGW's. */
#ifndef ERROR_RM_NOT_ACTIVE
#define ERROR_RM_NOT_ACTIVE 6801
#define ERROR_TRANSACTIONAL_OPEN_NOT_ALLOWED 6832
#endif

/* Systems and remote registries that do not support transactions return one of these. */
static bool not_transacted(DWORD error)
{
    return error == ERROR_CALL_NOT_IMPLEMENTED || error == ERROR_NOT_SUPPORTED || error == ERROR_INVALID_FUNCTION ||
           error == ERROR_RM_NOT_ACTIVE || error == ERROR_TRANSACTIONAL_OPEN_NOT_ALLOWED;
}

/* The first call shows whether transactions are supported: if not (Wine), no others may be made. */
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
        error = apply_all(transaction, path, file, failed);
    }
    if (!error && !CommitTransaction(transaction))
        error = GetLastError();
    if (transaction != INVALID_HANDLE_VALUE)
        CloseHandle(transaction); /* rolls back unless committed */
    return error;
}

static DWORD apply_or_undo(const char *path, const struct regfile *file, size_t *failed)
{
    size_t ignored;
    struct regfile before = {0};
    DWORD error = regtree_save(path, &before);
    *failed = file->count;
    if (!error) {
        error = apply_all(NULL, path, file, failed);
        if (error)
            apply_all(NULL, path, &before, &ignored);
    }
    regfile_free(&before);
    return error;
}

DWORD regtree_apply(const char *path, const struct regfile *file, size_t *failed)
{
    DWORD error = apply_in_transaction(path, file, failed);
    return not_transacted(error) ? apply_or_undo(path, file, failed) : error;
}
