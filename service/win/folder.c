#include "folder.h"

#include "rights.h"
#include "sid.h"

#include <aclapi.h>
#include <sddl.h>
#include <shlobj.h>
#include <stdlib.h>
#include <wchar.h>

/* SDDL for the rights of the service and of users, inherited by everything in the folder. */
#define WRITES L"FA"
#define READS L"FRFX"

static const struct {
    const wchar_t *name; /* relative to the first folder */
    const wchar_t *service, *users;
} folders[FOLDER_COUNT] = {
    [FOLDER_DATA] = {L"", WRITES, READS},
    [FOLDER_BACKUP] = {L"backup", NULL, NULL}, /* may contain what protects a secret */
    [FOLDER_LOG] = {L"log", WRITES, NULL},
};

/* ---- paths ---- */

/* Returns "a\b", or a copy of `a` if `b` is empty; NULL if memory is short. */
static wchar_t *join(const wchar_t *a, const wchar_t *b)
{
    size_t size = wcslen(a) + wcslen(b) + 2;
    wchar_t *both = malloc(size * sizeof *both);
    if (both)
        _snwprintf(both, size, *b ? L"%ls\\%ls" : L"%ls", a, b);
    else
        SetLastError(ERROR_NOT_ENOUGH_MEMORY);
    return both;
}

static wchar_t *data_path(void)
{
    wchar_t *program_data = NULL;
    HRESULT result = SHGetKnownFolderPath(&FOLDERID_ProgramData, 0, NULL, &program_data);
    wchar_t *path = SUCCEEDED(result) ? join(program_data, TEXT(SERVICE_NAME)) : NULL;
    if (FAILED(result))
        SetLastError(ERROR_PATH_NOT_FOUND);
    CoTaskMemFree(program_data);
    return path;
}

wchar_t *folder_path(enum folder folder, const wchar_t *file)
{
    wchar_t *data = data_path();
    wchar_t *path = data ? join(data, folders[folder].name) : NULL;
    wchar_t *full = path ? join(path, file ? file : L"") : NULL;
    free(data);
    free(path);
    return full;
}

/* ---- rights ---- */

/* Returns a security descriptor. `owned` makes Administrators the owner, no matter which administrator creates the
 * folder. */
static PSECURITY_DESCRIPTOR rights_of(enum folder folder, bool owned)
{
    wchar_t sid[SERVICE_SID_TEXT];
    wchar_t service[SERVICE_SID_TEXT + 32] = L"";
    wchar_t users[32] = L"";
    wchar_t sddl[SERVICE_SID_TEXT + 160];
    if (!service_sid(TEXT(SERVICE_NAME), sid)) {
        SetLastError(ERROR_NOT_ENOUGH_MEMORY);
        return NULL;
    }
    if (folders[folder].service)
        _snwprintf(service, ARRAYSIZE(service), L"(A;OICI;%ls;;;%ls)", folders[folder].service, sid);
    if (folders[folder].users)
        _snwprintf(users, ARRAYSIZE(users), L"(A;OICI;%ls;;;BU)", folders[folder].users);
    _snwprintf(sddl, ARRAYSIZE(sddl), L"%lsD:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)%ls%ls", owned ? L"O:BA" : L"", service,
               users);
    return rights_read(sddl);
}

/* Whether this is the user that runs this program. */
static bool is_our_user(PSID sid)
{
    union {
        TOKEN_USER user;
        char room[sizeof(TOKEN_USER) + SECURITY_MAX_SID_SIZE];
    } ours;
    HANDLE token;
    DWORD size;
    if (!OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &token))
        return false;
    bool same = GetTokenInformation(token, TokenUser, &ours, sizeof ours, &size) && EqualSid(sid, ours.user.User.Sid);
    CloseHandle(token);
    return same;
}

static bool is_the_service(PSID sid)
{
    wchar_t expected[SERVICE_SID_TEXT];
    wchar_t *text;
    if (!service_sid(TEXT(SERVICE_NAME), expected) || !ConvertSidToStringSidW(sid, &text))
        return false;
    bool same = wcscmp(text, expected) == 0;
    LocalFree(text);
    return same;
}

/* Whether this is SYSTEM, Administrators, the service's account or SID, or the current user. */
static bool is_trusted(PSID sid)
{
    return IsWellKnownSid(sid, WinLocalSystemSid) || IsWellKnownSid(sid, WinBuiltinAdministratorsSid) ||
           IsWellKnownSid(sid, WinLocalServiceSid) || is_the_service(sid) || is_our_user(sid);
}

/* Whether this is neither a file nor a junction, which someone could have created to redirect us. */
static bool is_plain_folder(const wchar_t *path)
{
    DWORD attributes = GetFileAttributesW(path);
    return attributes != INVALID_FILE_ATTRIBUTES && (attributes & FILE_ATTRIBUTE_DIRECTORY) != 0 &&
           (attributes & FILE_ATTRIBUTE_REPARSE_POINT) == 0;
}

/* Checks whether a folder that already exists can be trusted. */
static DWORD check(wchar_t *path)
{
    PSECURITY_DESCRIPTOR descriptor = NULL;
    PSID owner = NULL;
    if (!is_plain_folder(path))
        return ERROR_BAD_PATHNAME;
    DWORD error =
        GetNamedSecurityInfoW(path, SE_FILE_OBJECT, OWNER_SECURITY_INFORMATION, &owner, NULL, NULL, NULL, &descriptor);
    if (!error && !(owner && is_trusted(owner)))
        error = ERROR_INVALID_OWNER;
    LocalFree(descriptor);
    return error;
}

/* ---- creating and removing ---- */

static DWORD create(const wchar_t *path, enum folder folder, bool owned)
{
    SECURITY_ATTRIBUTES security = {.nLength = sizeof security, .lpSecurityDescriptor = rights_of(folder, owned)};
    if (!security.lpSecurityDescriptor)
        return GetLastError();
    DWORD error = CreateDirectoryW(path, &security) ? 0 : GetLastError();
    LocalFree(security.lpSecurityDescriptor);
    return error;
}

DWORD folder_make(enum folder folder)
{
    DWORD error = folder == FOLDER_DATA ? 0 : folder_make(FOLDER_DATA);
    wchar_t *path = error ? NULL : folder_path(folder, NULL);
    if (error)
        return error;
    if (!path)
        return GetLastError();
    error = create(path, folder, true);
    if (error ==
        ERROR_INVALID_OWNER) /* a caller that is not an administrator, such as the service, cannot set the owner */
        error = create(path, folder, false);
    if (error == ERROR_ALREADY_EXISTS)
        error = check(path);
    free(path);
    return error;
}

static DWORD visit_found(HANDLE search, WIN32_FIND_DATAW *found, const wchar_t *folder,
                         void (*visit)(void *owner, const wchar_t *path), void *owner)
{
    do {
        if (found->dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY)
            continue;
        wchar_t *path = join(folder, found->cFileName);
        if (!path)
            return GetLastError();
        visit(owner, path);
        free(path);
    } while (FindNextFileW(search, found));
    return GetLastError() == ERROR_NO_MORE_FILES ? 0 : GetLastError();
}

static DWORD ignore_missing(DWORD error)
{
    return error == ERROR_FILE_NOT_FOUND || error == ERROR_PATH_NOT_FOUND ? 0 : error;
}

static DWORD visit_files(const wchar_t *folder, const wchar_t *pattern, void (*visit)(void *owner, const wchar_t *path),
                         void *owner)
{
    WIN32_FIND_DATAW found;
    wchar_t *all = join(folder, pattern);
    HANDLE search = all ? FindFirstFileW(all, &found) : INVALID_HANDLE_VALUE;
    DWORD error = GetLastError();
    free(all);
    if (search == INVALID_HANDLE_VALUE)
        return ignore_missing(error);
    error = visit_found(search, &found, folder, visit, owner);
    FindClose(search);
    return error;
}

DWORD folder_visit(enum folder folder, const wchar_t *pattern, void (*visit)(void *owner, const wchar_t *path),
                   void *owner)
{
    wchar_t *path = folder_path(folder, NULL);
    DWORD error = path ? visit_files(path, pattern, visit, owner) : GetLastError();
    free(path);
    return error;
}

static void delete_file(void *owner, const wchar_t *path)
{
    DWORD *error = owner;
    if (!DeleteFileW(path))
        *error = GetLastError();
}

static DWORD remove_folder(enum folder folder)
{
    wchar_t *path = folder_path(folder, NULL);
    DWORD undeleted = 0;
    if (!path)
        return GetLastError();
    DWORD error = is_plain_folder(path) ? visit_files(path, L"*", delete_file, &undeleted) : 0;
    if (!error)
        error = undeleted;
    if (!error && !RemoveDirectoryW(path))
        error = ignore_missing(GetLastError());
    free(path);
    return error;
}

/* Removes the first folder last, because the others are in it. */
DWORD folders_remove(void)
{
    DWORD error = 0;
    for (int folder = FOLDER_COUNT - 1; folder >= 0 && !error; folder--)
        error = remove_folder((enum folder)folder);
    return error;
}
