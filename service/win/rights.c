#include "rights.h"

#include "sid.h"

#include <sddl.h>
#include <wchar.h>

PSECURITY_DESCRIPTOR rights_read(const wchar_t *sddl)
{
    PSECURITY_DESCRIPTOR descriptor;
    if (!ConvertStringSecurityDescriptorToSecurityDescriptorW(sddl, SDDL_REVISION_1, &descriptor, NULL))
        return NULL;
    return descriptor;
}

/* D:P blocks inherited entries: the parent key is readable by Users. */
PSECURITY_DESCRIPTOR rights_service_only(const wchar_t *name, DWORD access)
{
    wchar_t sid[SERVICE_SID_TEXT];
    wchar_t sddl[SERVICE_SID_TEXT + 64];
    if (!service_sid(name, sid)) {
        SetLastError(ERROR_NOT_ENOUGH_MEMORY);
        return NULL;
    }
    swprintf(sddl, ARRAYSIZE(sddl), L"D:P(A;CI;GA;;;SY)(A;CI;GA;;;BA)(A;CI;0x%lx;;;%ls)", (unsigned long)access, sid);
    return rights_read(sddl);
}

DWORD rights_protect_parameters(HKEY key)
{
    wchar_t sid[SERVICE_SID_TEXT];
    wchar_t sddl[SERVICE_SID_TEXT + 96];
    if (!service_sid(TEXT(SERVICE_NAME), sid))
        return ERROR_NOT_ENOUGH_MEMORY;
    swprintf(sddl, ARRAYSIZE(sddl), L"D:P(A;CI;KA;;;SY)(A;CI;KA;;;BA)(A;CI;KR;;;BU)(A;CI;KR;;;%ls)", sid);
    PSECURITY_DESCRIPTOR descriptor = rights_read(sddl);
    if (!descriptor)
        return GetLastError();
    DWORD error = (DWORD)RegSetKeySecurity(key, DACL_SECURITY_INFORMATION, descriptor);
    LocalFree(descriptor);
    return error;
}
