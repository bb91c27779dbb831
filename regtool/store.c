#include "store.h"

#include "../service/win/registry.h"
#include "command.h"

#include <stdio.h>
#include <stdlib.h>

#define SERVICES_KEY L"SYSTEM\\CurrentControlSet\\Services\\"

/* L"a" + UTF-8 b + L"c"; NULL when there is no memory. */
static wchar_t *path_of(const wchar_t *before, const char *name, const wchar_t *after)
{
    wchar_t *wide = wide_copy(name);
    size_t size = wcslen(before) + (wide ? wcslen(wide) : 0) + wcslen(after) + 1;
    wchar_t *path = wide ? malloc(size * sizeof *path) : NULL;
    if (path)
        _snwprintf(path, size, L"%ls%ls%ls", before, wide, after);
    free(wide);
    return path;
}

static DWORD open_key(const char *host, REGSAM access, bool make, HKEY *key)
{
    wchar_t *path = host ? path_of(PARAMETERS_KEY L"\\Hosts\\", host, L"") : path_of(PARAMETERS_KEY, "", L"");
    if (!path)
        return ERROR_NOT_ENOUGH_MEMORY;
    DWORD error =
        make ? (DWORD)RegCreateKeyExW(HKEY_LOCAL_MACHINE, path, 0, NULL, 0, access, NULL, key, NULL)
             : (DWORD)RegOpenKeyExW(HKEY_LOCAL_MACHINE, path, 0, access, key);
    free(path);
    return error;
}

DWORD store_set(const char *host, const struct setting *s, const struct value *value)
{
    HKEY key;
    wchar_t *name = wide_copy(s->name);
    if (!name)
        return ERROR_NOT_ENOUGH_MEMORY;
    DWORD error = open_key(host, KEY_SET_VALUE, true, &key);
    if (!error) {
        error = (DWORD)RegSetValueExW(key, name, 0, (DWORD)value->type, value->data, (DWORD)value->size);
        RegCloseKey(key);
    }
    free(name);
    return error;
}

DWORD store_unset(const char *host, const struct setting *s)
{
    HKEY key;
    wchar_t *name = wide_copy(s->name);
    if (!name)
        return ERROR_NOT_ENOUGH_MEMORY;
    DWORD error = open_key(host, KEY_SET_VALUE, false, &key);
    if (!error) {
        error = (DWORD)RegDeleteValueW(key, name);
        RegCloseKey(key);
    }
    free(name);
    return error;
}

DWORD store_remove_host(const char *host)
{
    wchar_t *path = path_of(PARAMETERS_KEY L"\\Hosts\\", host, L"");
    DWORD error = path ? (DWORD)RegDeleteTreeW(HKEY_LOCAL_MACHINE, path) : ERROR_NOT_ENOUGH_MEMORY;
    free(path);
    return error;
}

/* Opens SERVICE's Parameters key; that the service exists is told by its own key. */
static DWORD open_parameters(const char *service, REGSAM access, bool make, HKEY *key)
{
    HKEY root;
    wchar_t *path = path_of(SERVICES_KEY, service, L"");
    if (!path)
        return ERROR_NOT_ENOUGH_MEMORY;
    REGSAM root_access = make ? KEY_CREATE_SUB_KEY : KEY_QUERY_VALUE;
    DWORD error = (DWORD)RegOpenKeyExW(HKEY_LOCAL_MACHINE, path, 0, root_access, &root);
    free(path);
    if (error)
        return error == ERROR_FILE_NOT_FOUND ? ERROR_SERVICE_DOES_NOT_EXIST : error;
    error = make ? (DWORD)RegCreateKeyExW(root, L"Parameters", 0, NULL, 0, access, NULL, key, NULL)
                 : (DWORD)RegOpenKeyExW(root, L"Parameters", 0, access, key);
    RegCloseKey(root);
    return error;
}

DWORD store_get_switch(const char *service, const char *name, bool *found, uint32_t *value)
{
    HKEY key;
    DWORD type;
    DWORD size = sizeof *value;
    wchar_t *wide = wide_copy(name);
    *found = false;
    if (!wide)
        return ERROR_NOT_ENOUGH_MEMORY;
    DWORD error = open_parameters(service, KEY_QUERY_VALUE, false, &key);
    if (!error) {
        error = (DWORD)RegQueryValueExW(key, wide, NULL, &type, (BYTE *)value, &size);
        *found = !error && type == REG_DWORD && size == sizeof *value;
        RegCloseKey(key);
    }
    free(wide);
    return error == ERROR_FILE_NOT_FOUND || error == ERROR_MORE_DATA ? 0 : error;
}

DWORD store_set_switch(const char *service, const char *name, uint32_t value)
{
    HKEY key;
    wchar_t *wide = wide_copy(name);
    if (!wide)
        return ERROR_NOT_ENOUGH_MEMORY;
    DWORD error = open_parameters(service, KEY_SET_VALUE, true, &key);
    if (!error) {
        error = (DWORD)RegSetValueExW(key, wide, 0, REG_DWORD, (const BYTE *)&value, sizeof value);
        RegCloseKey(key);
    }
    free(wide);
    return error;
}

static void tell_problem(void *owner, const char *key, const char *name, const char *problem)
{
    (void)owner;
    talk("etrnctl: %s\\%s: %s\n", key, name, problem);
}

DWORD store_read(struct config *config)
{
    return registry_read(config, tell_problem, NULL);
}
