#include "parameters.h"

#include "../service/win/rights.h"
#include "machine.h"

#include <stdlib.h>

void parameters_path(const char *service, struct text *path)
{
    text_add(path, "SYSTEM\\CurrentControlSet\\Services\\%s\\Parameters", service);
}

/* Opens the service's key, the parent of Parameters. */
static DWORD open_service_key(const char *service, REGSAM access, HKEY *key)
{
    TEXT_SCRATCH(path, 800);
    text_add(&path, "SYSTEM\\CurrentControlSet\\Services\\%s", service);
    wchar_t *wide = wide_copy(path.data);
    DWORD error =
        wide ? (DWORD)RegOpenKeyExW(machine_registry(), wide, 0, access, key) : (DWORD)ERROR_NOT_ENOUGH_MEMORY;
    free(wide);
    return error == ERROR_FILE_NOT_FOUND ? ERROR_SERVICE_DOES_NOT_EXIST : error;
}

/* Returns the path relative to the service's key. The caller frees it; NULL if memory is short. */
static wchar_t *path_below(const char *host)
{
    TEXT_SCRATCH(path, 800);
    text_add(&path, "Parameters%s%s%s", host ? "\\Hosts" : "", host && *host ? "\\" : "", host ? host : "");
    return wide_copy(path.data);
}

/* Creates Parameters first, because its subkeys inherit its rights. */
static DWORD make_parameters(HKEY root, const char *service)
{
    HKEY parameters;
    DWORD disposition;
    DWORD error = (DWORD)RegCreateKeyExW(root, L"Parameters", 0, NULL, 0, READ_CONTROL | WRITE_DAC, NULL, &parameters,
                                         &disposition);
    if (error)
        return error;
    if (disposition == REG_CREATED_NEW_KEY && text_same(service, SERVICE_NAME))
        error = rights_protect_parameters(parameters);
    RegCloseKey(parameters);
    return error;
}

static DWORD open_below(HKEY root, const char *host, REGSAM access, bool make, HKEY *key)
{
    wchar_t *path = path_below(host);
    if (!path)
        return ERROR_NOT_ENOUGH_MEMORY;
    DWORD error = (DWORD)(make ? RegCreateKeyExW(root, path, 0, NULL, 0, access, NULL, key, NULL)
                               : RegOpenKeyExW(root, path, 0, access, key));
    free(path);
    return error;
}

DWORD parameters_open(const char *service, const char *host, REGSAM access, HKEY *key)
{
    HKEY root;
    DWORD error = open_service_key(service, KEY_QUERY_VALUE, &root);
    if (error)
        return error;
    error = open_below(root, host, access, false, key);
    RegCloseKey(root);
    return error;
}

DWORD parameters_make(const char *service, const char *host, REGSAM access, HKEY *key)
{
    HKEY root;
    DWORD error = open_service_key(service, KEY_CREATE_SUB_KEY, &root);
    if (error)
        return error;
    error = make_parameters(root, service);
    if (!error)
        error = open_below(root, host, access, true, key);
    RegCloseKey(root);
    return error;
}
