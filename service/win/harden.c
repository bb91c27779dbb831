#include "harden.h"

#include "win.h"

#include <stdlib.h>

/* In winnt.h the structures of these policies are bit fields in a DWORD; these are the bits. */
enum {
    PROHIBIT_DYNAMIC_CODE = 1 << 0,   /* Windows 8.1 */
    RAISE_ON_INVALID_HANDLE = 1 << 0, /* Windows 8 */
    INVALID_HANDLES_FOR_GOOD = 1 << 1,
    DISABLE_EXTENSION_POINTS = 1 << 0, /* Windows 8: AppInit_DLLs, input methods, Winsock providers' helpers */
    NO_REMOTE_IMAGES = 1 << 0,         /* Windows 10 1511 */
    NO_LOW_LABEL_IMAGES = 1 << 1,
    PREFER_SYSTEM32_IMAGES = 1 << 2 /* Windows 10 1607 */
};

static const struct {
    PROCESS_MITIGATION_POLICY policy;
    DWORD bits;
} mitigations[] = {
    {ProcessDynamicCodePolicy, PROHIBIT_DYNAMIC_CODE},
    {ProcessStrictHandleCheckPolicy, RAISE_ON_INVALID_HANDLE | INVALID_HANDLES_FOR_GOOD},
    {ProcessExtensionPointDisablePolicy, DISABLE_EXTENSION_POINTS},
    {ProcessImageLoadPolicy, NO_REMOTE_IMAGES | NO_LOW_LABEL_IMAGES}, /* all that Windows 10 1511 accepts */
    {ProcessImageLoadPolicy, NO_REMOTE_IMAGES | NO_LOW_LABEL_IMAGES | PREFER_SYSTEM32_IMAGES},
};

void harden_process(void)
{
    SetDefaultDllDirectories(LOAD_LIBRARY_SEARCH_SYSTEM32);
    SetDllDirectoryW(L"");
    HeapSetInformation(NULL, HeapEnableTerminationOnCorruption, NULL, 0);
    for (size_t i = 0; i < ARRAYSIZE(mitigations); i++) {
        DWORD bits = mitigations[i].bits;
        SetProcessMitigationPolicy(mitigations[i].policy, &bits, sizeof bits);
    }
}

static TOKEN_PRIVILEGES *privileges_of(HANDLE token)
{
    DWORD size = 0;
    GetTokenInformation(token, TokenPrivileges, NULL, 0, &size);
    TOKEN_PRIVILEGES *privileges = malloc(size ? size : 1);
    if (privileges && !GetTokenInformation(token, TokenPrivileges, privileges, size, &size)) {
        free(privileges);
        return NULL;
    }
    return privileges;
}

void drop_privileges(void)
{
    HANDLE token;
    LUID kept;
    if (!LookupPrivilegeValueW(NULL, SE_CHANGE_NOTIFY_NAME, &kept) ||
        !OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY | TOKEN_ADJUST_PRIVILEGES, &token))
        return;
    TOKEN_PRIVILEGES *privileges = privileges_of(token);
    for (DWORD i = 0; privileges && i < privileges->PrivilegeCount; i++) {
        LUID_AND_ATTRIBUTES *each = &privileges->Privileges[i];
        if (each->Luid.LowPart != kept.LowPart || each->Luid.HighPart != kept.HighPart)
            each->Attributes = SE_PRIVILEGE_REMOVED;
    }
    if (privileges)
        AdjustTokenPrivileges(token, FALSE, privileges, 0, NULL, NULL);
    free(privileges);
    CloseHandle(token);
}
