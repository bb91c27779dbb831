#include "credentials.h"

#include "win/digest.h"

bool credentials_read(struct credentials *c, const struct host_settings *host, struct result *failure)
{
    char words[400];
    struct text t;
    if (host->method != METHOD_ETRN || !host->user || !*host->user)
        return true;
    DWORD error = secret_read(host->name, c->password);
    text_begin(&t, c->user, sizeof c->user);
    text_add(&t, "%s", host->user);
    c->auth = (struct auth_credentials){c->user, c->password, host->auth_in_clear != 0, digest_hmac_md5};
    c->given = !error;
    if (!error)
        return true;
    text_begin(&t, words, sizeof words);
    secret_trouble(error, host->name, &t);
    result_set(failure, OUTCOME_NO_AUTH, 0, words);
    return false;
}

void credentials_wipe(struct credentials *c)
{
    SecureZeroMemory(c, sizeof *c);
}
