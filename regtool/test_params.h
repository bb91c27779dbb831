/* test_params: what etrnctl test is to ask of which host: from the command line, and what is configured of that host.
 */
#ifndef ETRN_TEST_PARAMS_H
#define ETRN_TEST_PARAMS_H

#include "../service/core/config.h"
#include "../service/core/node.h"
#include "../service/win/link.h"
#include "../service/win/secret.h"
#include "arguments.h"

struct test_params {
    struct link_params link;  /* points into the rest */
    struct config configured; /* on this computer */
    struct config given;      /* one host, of what the options say */
    char address[NODE_LIMIT + 1];
    char **nodes; /* as they are sent */
    struct auth_credentials credentials;
    char password[SECRET_SIZE];
};

/* Asks for the password where the command line names a user. What is wrong is reported. `p` must stay in place, and is
 * to be freed by test_params_free() in any case, which wipes the password. */
MUST_CHECK enum exit_code test_params_take(struct test_params *p, const struct arguments *a);
void test_params_free(struct test_params *p);

#endif
