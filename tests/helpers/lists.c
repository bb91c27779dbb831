/* lists: linked into etrnctl, it keeps the access control lists of services in files, C:\dacl\NAME.txt in SDDL, since
 * Wine has none. A file that is read-only is a list that may not be written. */

#include <windows.h>
#include <sddl.h>
#include <stdio.h>

static wchar_t path[300]; /* of the list of the service that was opened last */
static DWORD granted;

static SC_HANDLE WINAPI open_service(SC_HANDLE manager, const wchar_t *name, DWORD access)
{
    SC_HANDLE(WINAPI * open)
    (SC_HANDLE, const wchar_t *, DWORD) = (void *)GetProcAddress(GetModuleHandleW(L"advapi32"), "OpenServiceW");
    SC_HANDLE service = open(manager, name, access);
    _snwprintf(path, ARRAYSIZE(path), L"C:\\dacl\\%ls.txt", name);
    granted = access;
    if (service && access & WRITE_DAC && GetFileAttributesW(path) & FILE_ATTRIBUTE_READONLY &&
        GetFileAttributesW(path) != INVALID_FILE_ATTRIBUTES) {
        CloseServiceHandle(service);
        SetLastError(ERROR_ACCESS_DENIED);
        return NULL;
    }
    return service;
}

static BOOL WINAPI query(SC_HANDLE service, SECURITY_INFORMATION what, PSECURITY_DESCRIPTOR out, DWORD size,
                         DWORD *needed)
{
    char text[4000] = "";
    SECURITY_DESCRIPTOR open_to_all;
    PSECURITY_DESCRIPTOR made;
    FILE *file = _wfopen(path, L"r");
    if (what != DACL_SECURITY_INFORMATION || !(granted & READ_CONTROL) || !file) {
        SetLastError(ERROR_ACCESS_DENIED);
        return FALSE;
    }
    fread(text, 1, sizeof text - 1, file);
    fclose(file);
    if (!*text) /* no list: all may do all */
        return InitializeSecurityDescriptor(&open_to_all, SECURITY_DESCRIPTOR_REVISION) &&
               SetSecurityDescriptorDacl(&open_to_all, TRUE, NULL, FALSE) &&
               (*needed = size, MakeSelfRelativeSD(&open_to_all, out, needed));
    if (!ConvertStringSecurityDescriptorToSecurityDescriptorA(text, SDDL_REVISION_1, &made, needed))
        return FALSE;
    if (size < *needed) {
        SetLastError(ERROR_INSUFFICIENT_BUFFER);
        return FALSE;
    }
    memcpy(out, made, *needed);
    return TRUE;
}

static BOOL WINAPI set(SC_HANDLE service, SECURITY_INFORMATION what, PSECURITY_DESCRIPTOR given)
{
    char *text;
    FILE *file;
    if (what != DACL_SECURITY_INFORMATION || !(granted & WRITE_DAC) ||
        !ConvertSecurityDescriptorToStringSecurityDescriptorA(given, SDDL_REVISION_1, what, &text, NULL) ||
        !(file = _wfopen(path, L"w"))) {
        SetLastError(ERROR_ACCESS_DENIED);
        return FALSE;
    }
    fputs(text, file);
    fclose(file);
    return TRUE;
}

/* Found before those of the import library. */
void *__imp_OpenServiceW = open_service;
void *__imp_QueryServiceObjectSecurity = query;
void *__imp_SetServiceObjectSecurity = set;
