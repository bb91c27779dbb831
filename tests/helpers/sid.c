/* sid: the SIDs of the services named by the arguments, then the access control list that rights_service_only() makes.
 */

#include "../../service/win/rights.h"
#include "../../service/win/sid.h"
#include <sddl.h>
#include <stdio.h>

int wmain(int count, wchar_t **words)
{
    wchar_t sid[SERVICE_SID_TEXT];
    wchar_t *text;
    for (int i = 1; i < count; i++)
        if (service_sid(words[i], sid))
            printf("%ls\n", sid);
    PSECURITY_DESCRIPTOR only = rights_service_only(L"EtrnSvc", KEY_READ);
    if (ConvertSecurityDescriptorToStringSecurityDescriptorW(only, SDDL_REVISION_1, DACL_SECURITY_INFORMATION, &text,
                                                             NULL))
        printf("%ls\n", text);
    return 0;
}
