#include "sid.h"

#include "digest.h"

#include <sddl.h>
#include <wchar.h>

enum { SHA1_SIZE = 20, NAME_LIMIT = 256 /* characters of a service's name, winsvc.h */ };

bool service_sid(const wchar_t *name, wchar_t text[SERVICE_SID_TEXT])
{
    wchar_t capitals[NAME_LIMIT];
    unsigned char digest[SHA1_SIZE];
    int length = LCMapStringEx(LOCALE_NAME_INVARIANT, LCMAP_UPPERCASE, name, (int)wcslen(name), capitals, NAME_LIMIT,
                               NULL, NULL, 0);
    if (length <= 0 || !digest_sha1(capitals, (size_t)length * sizeof *capitals, digest))
        return false;
    int used = swprintf(text, SERVICE_SID_TEXT, L"S-1-5-80");
    for (size_t i = 0; i < SHA1_SIZE; i += 4) {
        uint32_t number = (uint32_t)digest[i] | (uint32_t)digest[i + 1] << 8 | (uint32_t)digest[i + 2] << 16 |
                          (uint32_t)digest[i + 3] << 24;
        used += swprintf(text + used, SERVICE_SID_TEXT - (size_t)used, L"-%lu", (unsigned long)number);
    }
    return true;
}

/* D:P, and no ace that is inherited: what stands above the key, which Users may read, gives nothing here. */
PSECURITY_DESCRIPTOR service_only(const wchar_t *name, DWORD access)
{
    wchar_t sid[SERVICE_SID_TEXT];
    wchar_t sddl[SERVICE_SID_TEXT + 64];
    PSECURITY_DESCRIPTOR descriptor = NULL;
    if (!service_sid(name, sid)) {
        SetLastError(ERROR_NOT_ENOUGH_MEMORY);
        return NULL;
    }
    swprintf(sddl, ARRAYSIZE(sddl), L"D:P(A;CI;GA;;;SY)(A;CI;GA;;;BA)(A;CI;0x%lx;;;%ls)", (unsigned long)access, sid);
    return ConvertStringSecurityDescriptorToSecurityDescriptorW(sddl, SDDL_REVISION_1, &descriptor, NULL) ? descriptor
                                                                                                          : NULL;
}

DWORD parameters_protect(HKEY key)
{
    wchar_t sid[SERVICE_SID_TEXT];
    wchar_t sddl[SERVICE_SID_TEXT + 96];
    PSECURITY_DESCRIPTOR descriptor;
    if (!service_sid(TEXT(SERVICE_NAME), sid))
        return ERROR_NOT_ENOUGH_MEMORY;
    swprintf(sddl, ARRAYSIZE(sddl), L"D:P(A;CI;KA;;;SY)(A;CI;KA;;;BA)(A;CI;KR;;;BU)(A;CI;KR;;;%ls)", sid);
    if (!ConvertStringSecurityDescriptorToSecurityDescriptorW(sddl, SDDL_REVISION_1, &descriptor, NULL))
        return GetLastError();
    DWORD error = (DWORD)RegSetKeySecurity(key, DACL_SECURITY_INFORMATION, descriptor);
    LocalFree(descriptor);
    return error;
}
