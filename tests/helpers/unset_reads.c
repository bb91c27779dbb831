/* unset_reads: what is said when a call fails whose result would be shown: a fingerprint that could not be computed, an
 * event whose text could not be had. */
#define CERT_CHAIN_PARA_HAS_EXTRA_FIELDS /* as verify.c has it, before wincrypt.h */
#include "../../service/win/win.h"

#include <wincrypt.h>

#define CryptHashCertificate2(...) ((void)size, FALSE)
#include "../../service/win/verify.c"

#define FormatMessageW(...) ((void)flags, SetLastError(ERROR_NOT_ENOUGH_MEMORY), 0)
#include "../../service/win/eventlog.c"

int wmain(void)
{
    static const CERT_CONTEXT certificate;
    struct verify v = {.certificate = &certificate, .name = "mail.isp.example"};
    check_fingerprint(&v, "aa");
    printf("%s\n", v.fault);
    eventlog_open(true);
    EVENT(EVENT_STARTED, "EtrnSvc", "1.0");
    return 0;
}
