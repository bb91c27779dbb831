#include "store.h"

#include "../service/win/registry.h"
#include "../service/win/secret.h"
#include "../service/win/rights.h"
#include "backup.h"
#include "failure.h"
#include "machine.h"
#include "output.h"
#include "parameters.h"

#include <stdlib.h>

static void print_problem(void *owner, const char *key, const char *name, const char *problem)
{
    const bool *quietly = owner;
    if (!*quietly)
        talk("etrnctl: %s\\%s is not used: %s\n", key, name, problem);
}

enum exit_code store_read(struct config *config, bool quietly)
{
    DWORD error = registry_read(machine_registry(), config, print_problem, &quietly);
    return error ? fail(error, "cannot read the configuration") : EXIT_DONE;
}

const char *store_origin(const struct config *config, const struct host_settings *host, const struct setting *s)
{
    return origin_name((host ? host->origin : config->service.origin)[setting_index(s)]);
}

DWORD store_protect(void)
{
    HKEY key;
    DWORD error = parameters_open(SERVICE_NAME, NULL, READ_CONTROL | WRITE_DAC, &key);
    if (error)
        return error == ERROR_FILE_NOT_FOUND ? 0 : error; /* whoever creates it sets its rights */
    error = rights_protect_parameters(key);
    RegCloseKey(key);
    return error;
}

enum exit_code store_prepare(const char *service)
{
    HKEY key;
    DWORD error = parameters_open(service, NULL, KEY_QUERY_VALUE, &key);
    if (error && error != ERROR_FILE_NOT_FOUND)
        return fail_service(error, service);
    if (!error)
        RegCloseKey(key);
    return backup_by_itself(service);
}

DWORD store_set(const char *host, const struct setting *s, const struct value *value)
{
    HKEY key;
    wchar_t *name = wide_copy(s->name);
    DWORD error = name ? parameters_make(SERVICE_NAME, host, KEY_SET_VALUE, &key) : ERROR_NOT_ENOUGH_MEMORY;
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
    DWORD error = parameters_make(SERVICE_NAME, host, KEY_QUERY_VALUE, &key);
    if (error)
        return error;
    RegCloseKey(key);
    return secret_write(host, password);
}

DWORD store_unset(const char *host, const struct setting *s)
{
    HKEY key;
    wchar_t *name = wide_copy(s->name);
    DWORD error = name ? parameters_open(SERVICE_NAME, host, KEY_SET_VALUE, &key) : ERROR_NOT_ENOUGH_MEMORY;
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
    DWORD error = wide ? parameters_open(SERVICE_NAME, "", access, &key) : ERROR_NOT_ENOUGH_MEMORY;
    if (!error) {
        error = (DWORD)RegDeleteTreeW(key, wide);
        RegCloseKey(key);
    }
    free(wide);
    return error;
}

static const wchar_t switch_name[] = L"AlwaysUseETRN";

/* Describes in `was` a value that is not a REG_DWORD. */
static bool take_switch(DWORD type, const unsigned char *data, DWORD size, uint32_t *value, struct text *was)
{
    if (type != REG_DWORD || size != sizeof *value) {
        value_describe((enum value_type)type, data, size, was);
        return false;
    }
    memcpy(value, data, sizeof *value);
    text_add(was, "%u", *value);
    return true;
}

DWORD store_get_switch(const char *service, bool *found, uint32_t *value, struct text *was)
{
    HKEY key;
    DWORD type = REG_NONE;
    unsigned char data[256];
    DWORD size = sizeof data;
    *found = false;
    DWORD error = parameters_open(service, NULL, KEY_QUERY_VALUE, &key);
    if (!error) {
        error = (DWORD)RegQueryValueExW(key, switch_name, NULL, &type, data, &size);
        RegCloseKey(key);
    }
    if (error == ERROR_FILE_NOT_FOUND)
        text_add(was, "not set");
    else if (error == ERROR_MORE_DATA)
        text_add(was, "a value of %lu bytes", size);
    else if (!error)
        *found = take_switch(type, data, size, value, was);
    return error == ERROR_FILE_NOT_FOUND || error == ERROR_MORE_DATA ? 0 : error;
}

DWORD store_set_switch(const char *service, uint32_t value)
{
    HKEY key;
    DWORD error = parameters_make(service, NULL, KEY_SET_VALUE, &key);
    if (!error) {
        error = (DWORD)RegSetValueExW(key, switch_name, 0, REG_DWORD, (const BYTE *)&value, sizeof value);
        RegCloseKey(key);
    }
    return error;
}
