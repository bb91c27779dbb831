/* rights: what Windows keeps of rights.
 *
 * rights key PATH: the access control list of a key of HKEY_LOCAL_MACHINE.
 * rights privileges [PROCESS]: the privileges of a process, by its number, or its own. */

#include <windows.h>
#include <aclapi.h>
#include <sddl.h>
#include <stdio.h>
#include <stdlib.h>

static int key(const wchar_t *path)
{
    PSECURITY_DESCRIPTOR found;
    wchar_t *text;
    HKEY key;
    if (RegOpenKeyExW(HKEY_LOCAL_MACHINE, path, 0, READ_CONTROL, &key) != 0 ||
        GetSecurityInfo(key, SE_REGISTRY_KEY, DACL_SECURITY_INFORMATION, NULL, NULL, NULL, NULL, &found) != 0)
        return 1;
    ConvertSecurityDescriptorToStringSecurityDescriptorW(found, SDDL_REVISION_1, DACL_SECURITY_INFORMATION, &text,
                                                         NULL);
    return printf("%ls\n", text) < 0;
}

static int privileges(DWORD process)
{
    static char room[4096];
    wchar_t name[100];
    HANDLE token;
    DWORD size;
    TOKEN_PRIVILEGES *all = (TOKEN_PRIVILEGES *)room;
    if (!OpenProcessToken(OpenProcess(PROCESS_QUERY_INFORMATION, FALSE, process), TOKEN_QUERY, &token) ||
        !GetTokenInformation(token, TokenPrivileges, all, sizeof room, &size))
        return 1;
    for (DWORD i = 0; i < all->PrivilegeCount; i++) {
        size = ARRAYSIZE(name);
        LookupPrivilegeNameW(NULL, &all->Privileges[i].Luid, name, &size);
        printf("%ls\n", name);
    }
    return 0;
}

int wmain(int count, wchar_t **words)
{
    return wcscmp(words[1], L"key") == 0 ? key(words[2])
                                         : privileges(count > 2 ? (DWORD)_wtoi(words[2]) : GetCurrentProcessId());
}
