#include "secret.h"

#include "registry.h"
#include "rights.h"

#include <dpapi.h>
#include <stdio.h>
#include <stdlib.h>
#include <wchar.h>

enum { BLOB_LIMIT = 4096, KEY_PATH_LIMIT = 700 };

#define HOSTS_PATH PARAMETERS_KEY L"\\" HOSTS_KEY L"\\"
static const wchar_t value_name[] = TEXT(SECRET_NAME);
static const wchar_t key_name[] = L"Secret";

/* Prevents other programs that get the blob by mistake from decrypting it. */
static char entropy_octets[] = "EtrnSvc: password of a host";
static DATA_BLOB entropy = {sizeof entropy_octets, (BYTE *)entropy_octets};

/* Builds the path of the host's key, or of a subkey `below`. */
static bool host_path(const char *host, const wchar_t *below, wchar_t path[KEY_PATH_LIMIT])
{
    wchar_t *wide = wide_copy(host);
    int length = wide ? swprintf(path, KEY_PATH_LIMIT, L"%ls%ls%ls", HOSTS_PATH, wide, below) : -1;
    free(wide);
    return length > 0;
}

bool secret_path(const char *path)
{
    bool found = false;
    wchar_t *wide = wide_copy(path);
    size_t head = wcslen(HOSTS_PATH);
    if (wide && _wcsnicmp(wide, HOSTS_PATH, head) == 0) {
        const wchar_t *end = wcschr(wide + head, L'\\');
        size_t length = wcslen(key_name);
        found =
            end && _wcsnicmp(end + 1, key_name, length) == 0 && (end[1 + length] == L'\0' || end[1 + length] == L'\\');
    }
    bool unknown = !wide; /* if unsure, treat it as a secret: a backup must not contain a password */
    free(wide);
    return found || unknown;
}

/* ---- writing ---- */

/* Creates the key, or sets the rights of an existing one, before anything is written to it. */
static DWORD make_key(HKEY parent, PSECURITY_DESCRIPTOR descriptor, HKEY *key)
{
    SECURITY_ATTRIBUTES security = {.nLength = sizeof security, .lpSecurityDescriptor = descriptor};
    DWORD error = (DWORD)RegCreateKeyExW(parent, key_name, 0, NULL, 0, KEY_SET_VALUE | WRITE_DAC, &security, key, NULL);
    if (error)
        return error;
    error = (DWORD)RegSetKeySecurity(*key, DACL_SECURITY_INFORMATION | PROTECTED_DACL_SECURITY_INFORMATION, descriptor);
    if (error)
        RegCloseKey(*key);
    return error;
}

static DWORD open_for_writing(const char *host, HKEY *key)
{
    wchar_t path[KEY_PATH_LIMIT];
    HKEY parent;
    if (!host_path(host, L"", path))
        return ERROR_NOT_ENOUGH_MEMORY;
    PSECURITY_DESCRIPTOR descriptor = rights_service_only(TEXT(SERVICE_NAME), KEY_READ);
    if (!descriptor)
        return GetLastError();
    DWORD error = (DWORD)RegOpenKeyExW(HKEY_LOCAL_MACHINE, path, 0, KEY_CREATE_SUB_KEY, &parent);
    if (!error) {
        error = make_key(parent, descriptor, key);
        RegCloseKey(parent);
    }
    LocalFree(descriptor);
    return error;
}

DWORD secret_write(const char *host, const char *password)
{
    HKEY key = NULL;
    DATA_BLOB clear = {(DWORD)strlen(password), (BYTE *)password};
    DATA_BLOB blob;
    DWORD flags = CRYPTPROTECT_LOCAL_MACHINE | CRYPTPROTECT_UI_FORBIDDEN;
    if (!CryptProtectData(&clear, NULL, &entropy, NULL, NULL, flags, &blob))
        return GetLastError();
    DWORD error = open_for_writing(host, &key);
    if (!error) {
        error = (DWORD)RegSetValueExW(key, value_name, 0, REG_BINARY, blob.pbData, blob.cbData);
        RegCloseKey(key);
    }
    LocalFree(blob.pbData);
    return error;
}

/* ---- reading ---- */

static DWORD read_blob(const char *host, BYTE *octets, DWORD *size)
{
    HKEY key;
    DWORD type;
    wchar_t path[KEY_PATH_LIMIT];
    if (!host_path(host, L"\\Secret", path))
        return ERROR_NOT_ENOUGH_MEMORY;
    DWORD error = (DWORD)RegOpenKeyExW(HKEY_LOCAL_MACHINE, path, 0, KEY_QUERY_VALUE, &key);
    if (error)
        return error;
    error = (DWORD)RegQueryValueExW(key, value_name, NULL, &type, octets, size);
    RegCloseKey(key);
    return !error && type != REG_BINARY ? ERROR_INVALID_DATA : error;
}

DWORD secret_read(const char *host, char password[SECRET_SIZE])
{
    BYTE octets[BLOB_LIMIT];
    DATA_BLOB blob = {sizeof octets, octets};
    DATA_BLOB clear;
    password[0] = '\0';
    DWORD error = read_blob(host, octets, &blob.cbData);
    if (error)
        return error;
    if (!CryptUnprotectData(&blob, NULL, &entropy, NULL, NULL, CRYPTPROTECT_UI_FORBIDDEN, &clear))
        return GetLastError() ? GetLastError() : ERROR_INVALID_DATA;
    bool fits = clear.cbData > 0 && clear.cbData < SECRET_SIZE && !memchr(clear.pbData, '\0', clear.cbData);
    if (fits) {
        memcpy(password, clear.pbData, clear.cbData);
        password[clear.cbData] = '\0';
    }
    SecureZeroMemory(clear.pbData, clear.cbData);
    LocalFree(clear.pbData);
    return fits ? 0 : ERROR_INVALID_DATA;
}

void secret_trouble(DWORD error, const char *host, struct text *words)
{
    if (error == ERROR_FILE_NOT_FOUND) {
        text_add(words, "no password is stored for User; to store one: etrnctl config set " SECRET_NAME " --host %s",
                 host);
    } else if (error == ERROR_ACCESS_DENIED) {
        text_add(words, "this account is not permitted to read the stored password");
    } else if (error == ERROR_NOT_ENOUGH_MEMORY) {
        text_add_error(words, error);
    } else {
        text_add(
            words,
            "the stored password cannot be decrypted on this computer; set it again: etrnctl config set " SECRET_NAME
            " --host %s",
            host);
    }
}

bool secret_kept(HKEY machine, const char *host)
{
    HKEY key;
    wchar_t path[KEY_PATH_LIMIT];
    if (!host_path(host, L"\\Secret", path))
        return false;
    DWORD error = (DWORD)RegOpenKeyExW(machine, path, 0, KEY_QUERY_VALUE, &key);
    if (error)
        return error == ERROR_ACCESS_DENIED;
    error = (DWORD)RegQueryValueExW(key, value_name, NULL, NULL, NULL, NULL);
    RegCloseKey(key);
    return error == 0;
}

DWORD secret_remove(HKEY machine, const char *host)
{
    wchar_t path[KEY_PATH_LIMIT];
    return host_path(host, L"\\Secret", path) ? (DWORD)RegDeleteTreeW(machine, path) : ERROR_NOT_ENOUGH_MEMORY;
}
