/* credentials: what a session authenticates with, from its beginning to its end alone. */
#ifndef ETRN_CREDENTIALS_H
#define ETRN_CREDENTIALS_H

#include "core/outcome.h"
#include "core/config.h"
#include "win/secret.h"

struct credentials {
    struct auth_credentials auth;
    char password[SECRET_SIZE];
};

/* Reads those of the host, whose settings must stay, for credentials_free(); `*c` is NULL when it has no user or is not
 * asked by SMTP. False when its password cannot be had: `failure` then says why, to all its nodes. */
bool credentials_read(struct credentials **c, const struct host_settings *host, struct result *failure);

/* Wipes them first; NULL is fine. */
void credentials_free(struct credentials *c);

#endif
