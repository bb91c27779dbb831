#include "store.h"

#include "../service/win/registry.h"
#include "../service/win/secret.h"
#include "../service/win/sid.h"
#include "backup.h"
#include "machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <wchar.h>

static void tell_problem(void *owner, const char *key, const char *name, const char *problem)
{
    const bool *quietly = owner;
    if (!*quietly)
        talk("etrnctl: %s\\%s is not used: %s\n", key, name, problem);
}

enum exit_code store_read(struct config *config, bool quietly)
{
    DWORD error = registry_read(machine_registry(), config, tell_problem, &quietly);
    return error ? fail(error, "reading the configuration") : EXIT_DONE;
}

const char *store_origin(const struct config *config, const struct host_settings *host, const struct setting *s)
{
    static const char *const names[] = {"default", "Parameters", "policy"};
    return names[(host ? host->origin : config->service.origin)[setting_index(s)]];
}

void store_path(const char *service, struct text *path)
{
    text_add(path, "SYSTEM\\CurrentControlSet\\Services\\%s\\Parameters", service);
}

/* Makes the key, where it lacks; Parameters of our own with their access rights. */
static DWORD make_key(HKEY root, const char *service, const wchar_t *path, REGSAM access, HKEY *key)
{
    HKEY parameters;
    DWORD disposition;
    DWORD error = (DWORD)RegCreateKeyExW(root, L"Parameters", 0, NULL, 0, READ_CONTROL | WRITE_DAC, NULL, &parameters,
                                         &disposition);
    if (error)
        return error;
    if (disposition == REG_CREATED_NEW_KEY && text_same(service, SERVICE_NAME))
        error = parameters_protect(parameters);
    RegCloseKey(parameters);
    return error ? error : (DWORD)RegCreateKeyExW(root, path, 0, NULL, 0, access, NULL, key, NULL);
}

/* SERVICE's Parameters key, or that of the host below it ("" for the key of all hosts). Only these are ever made. */
static DWORD open_key(const char *service, const char *host, REGSAM access, bool make, HKEY *key)
{
    char path[800];
    struct text t;
    HKEY root;
    text_begin(&t, path, sizeof path);
    text_add(&t, "SYSTEM\\CurrentControlSet\\Services\\%s", service);
    wchar_t *wide = wide_copy(path);
    DWORD error =
        wide ? (DWORD)RegOpenKeyExW(machine_registry(), wide, 0, make ? KEY_CREATE_SUB_KEY : KEY_QUERY_VALUE, &root)
             : ERROR_NOT_ENOUGH_MEMORY;
    free(wide);
    if (error)
        return error == ERROR_FILE_NOT_FOUND ? ERROR_SERVICE_DOES_NOT_EXIST : error;
    text_begin(&t, path, sizeof path);
    text_add(&t, "Parameters%s%s%s", host ? "\\Hosts" : "", host && *host ? "\\" : "", host ? host : "");
    wide = wide_copy(path);
    if (!wide)
        error = ERROR_NOT_ENOUGH_MEMORY;
    else if (make)
        error = make_key(root, service, wide, access, key);
    else
        error = (DWORD)RegOpenKeyExW(root, wide, 0, access, key);
    free(wide);
    RegCloseKey(root);
    return error;
}

DWORD store_protect(void)
{
    HKEY key;
    DWORD error = open_key(SERVICE_NAME, NULL, READ_CONTROL | WRITE_DAC, false, &key);
    if (error)
        return error == ERROR_FILE_NOT_FOUND ? 0 : error; /* whoever makes it gives it its rights */
    error = parameters_protect(key);
    RegCloseKey(key);
    return error;
}

enum exit_code store_prepare(const char *service)
{
    HKEY key;
    DWORD error = open_key(service, NULL, KEY_QUERY_VALUE, false, &key);
    if (error == ERROR_SERVICE_DOES_NOT_EXIST && text_same(service, SERVICE_NAME)) {
        talk("etrnctl: %s is not installed; to install it: etrnctl service install\n", service);
        return EXIT_NOT_FOUND;
    }
    if (error && error != ERROR_FILE_NOT_FOUND)
        return fail(error, "service %s", service);
    if (!error)
        RegCloseKey(key);
    return backup_by_itself(service);
}

DWORD store_set(const char *host, const struct setting *s, const struct value *value)
{
    HKEY key;
    wchar_t *name = wide_copy(s->name);
    DWORD error = name ? open_key(SERVICE_NAME, host, KEY_SET_VALUE, true, &key) : ERROR_NOT_ENOUGH_MEMORY;
    if (!error) {
        error = (DWORD)RegSetValueExW(key, name, 0, (DWORD)value->type, value->data, (DWORD)value->size);
        RegCloseKey(key);
    }
    free(name);
    return error;
}

DWORD store_set_password(const char *host, const char *password)
{
    HKEY key;
    DWORD error = open_key(SERVICE_NAME, host, KEY_QUERY_VALUE, true, &key);
    if (error)
        return error;
    RegCloseKey(key);
    return secret_write(host, password);
}

DWORD store_unset(const char *host, const struct setting *s)
{
    HKEY key;
    wchar_t *name = wide_copy(s->name);
    DWORD error = name ? open_key(SERVICE_NAME, host, KEY_SET_VALUE, false, &key) : ERROR_NOT_ENOUGH_MEMORY;
    if (!error) {
        error = (DWORD)RegDeleteValueW(key, name);
        RegCloseKey(key);
    }
    free(name);
    return error;
}

DWORD store_remove_host(const char *host)
{
    HKEY key;
    wchar_t *wide = wide_copy(host);
    REGSAM access = DELETE | KEY_ENUMERATE_SUB_KEYS | KEY_QUERY_VALUE | KEY_SET_VALUE;
    DWORD error = wide ? open_key(SERVICE_NAME, "", access, false, &key) : ERROR_NOT_ENOUGH_MEMORY;
    if (!error) {
        error = (DWORD)RegDeleteTreeW(key, wide);
        RegCloseKey(key);
    }
    free(wide);
    return error;
}

static const wchar_t switch_name[] = L"AlwaysUseETRN";

DWORD store_get_switch(const char *service, bool *found, uint32_t *value, struct text *was)
{
    HKEY key;
    DWORD type = REG_NONE;
    unsigned char data[256];
    DWORD size = sizeof data;
    *found = false;
    DWORD error = open_key(service, NULL, KEY_QUERY_VALUE, false, &key);
    if (!error) {
        error = (DWORD)RegQueryValueExW(key, switch_name, NULL, &type, data, &size);
        RegCloseKey(key);
    }
    if (error == ERROR_FILE_NOT_FOUND)
        text_add(was, "not set");
    if (error == ERROR_MORE_DATA)
        text_add(was, "a value of %lu octets", size);
    if (error)
        return error == ERROR_FILE_NOT_FOUND || error == ERROR_MORE_DATA ? 0 : error;
    *found = type == REG_DWORD && size == sizeof *value;
    if (*found) {
        memcpy(value, data, sizeof *value);
        text_add(was, "%u", *value);
    } else {
        value_describe((enum value_type)type, data, size, was);
    }
    return 0;
}

DWORD store_set_switch(const char *service, uint32_t value)
{
    HKEY key;
    DWORD error = open_key(service, NULL, KEY_SET_VALUE, true, &key);
    if (!error) {
        error = (DWORD)RegSetValueExW(key, switch_name, 0, REG_DWORD, (const BYTE *)&value, sizeof value);
        RegCloseKey(key);
    }
    return error;
}
