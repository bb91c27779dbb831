#include "credentials.h"

#include "win/digest.h"

#include <stdlib.h>

bool credentials_read(struct credentials **c, const struct host_settings *host, struct result *failure)
{
    char words[400];
    struct text t;
    *c = NULL;
    if (!methods[host->method].auth || !host->user || !*host->user)
        return true;
    struct credentials *read = calloc(1, sizeof *read);
    if (!read) {
        result_set(failure, OUTCOME_LOCAL, 0, "not enough memory");
        return false;
    }
    DWORD error = secret_read(host->name, read->password);
    if (error) {
        credentials_free(read);
        text_begin(&t, words, sizeof words);
        secret_trouble(error, host->name, &t);
        result_set(failure, OUTCOME_NO_AUTH, 0, words);
        return false;
    }
    read->auth = (struct auth_credentials){host->user, read->password, host->auth_in_clear != 0, digest_hmac_md5};
    *c = read;
    return true;
}

void credentials_free(struct credentials *c)
{
    if (c)
        SecureZeroMemory(c, sizeof *c);
    free(c);
}
