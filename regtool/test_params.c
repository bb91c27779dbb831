#include "test_params.h"

#include "../service/win/digest.h"
#include "failure.h"
#include "names.h"
#include "output.h"
#include "password.h"
#include "store.h"

#include <stdlib.h>

enum { SESSION_TIMEOUT_MS = 900000 };

/* ---- the host ---- */

/* Applies the words of an option, checked by the rules of the setting that it stands for. */
static enum exit_code set_words(struct test_params *p, const struct option *o, const struct option_words *words)
{
    TEXT_SCRATCH(problem, 300);
    struct value value = {0};
    const struct setting *s = setting_find(SCOPE_HOST, o->setting);
    bool set =
        setting_encode(s, words->items, words->count, &value, &problem) &&
        config_apply(&p->given, p->given.hosts, s, ORIGIN_PARAMETERS, value.type, value.data, value.size, &problem);
    free(value.data);
    if (set)
        return EXIT_DONE;
    talk("etrnctl: %s: %s\n", o->name, problem.data);
    return p->given.incomplete ? EXIT_FAILED : EXIT_INVALID;
}

static enum exit_code set_option(struct test_params *p, const struct arguments *a, const struct option *o)
{
    struct option_words words;
    enum exit_code code = option_words(a, o->name, &words);
    if (code == EXIT_DONE && words.count > 0)
        code = set_words(p, o, &words);
    option_words_free(&words);
    return code;
}

static enum exit_code set_options(struct test_params *p, const struct arguments *a)
{
    unsigned long port;
    enum exit_code code = option_number(a, "--port", 65535, &port);
    for (const struct option *o = a->command->options; code == EXIT_DONE && o->name; o++)
        if (o->setting)
            code = set_option(p, a, o);
    return code;
}

static enum exit_code take_host(struct test_params *p, const struct arguments *a)
{
    char address[NODE_LIMIT + 1];
    unsigned port = 0;
    enum exit_code code = name_split_host(a->words[0], p->address, sizeof p->address, &port);
    if (code != EXIT_DONE)
        return code;
    if (!config_add_host(&p->given, p->address))
        return fail(ERROR_NOT_ENOUGH_MEMORY, "cannot start");
    if (port)
        p->given.hosts->port = port;
    code = set_options(p, a);
    host_server(p->given.hosts, 0, address, sizeof address, &p->link.port);
    return code;
}

static enum exit_code take_timeout(struct test_params *p, const struct arguments *a)
{
    unsigned long timeout = 60;
    enum exit_code code = option_number(a, "--timeout", 600, &timeout);
    p->link.connect_timeout_ms = p->link.session.reply_timeout_ms = (int64_t)timeout * 1000;
    p->link.session_timeout_ms = SESSION_TIMEOUT_MS;
    return code;
}

/* ---- the nodes ---- */

static enum exit_code check_node(const char *word, const char *ascii)
{
    enum node_fault fault = node_fault(ascii);
    if (fault == NODE_FINE)
        return EXIT_DONE;
    talk("etrnctl: \"%s\" %s; expected a domain, @domain or #queue\n", word, node_fault_text(fault));
    return EXIT_INVALID;
}

static enum exit_code take_nodes(struct test_params *p, const struct arguments *a)
{
    struct session_params *session = &p->link.session;
    enum exit_code code = EXIT_DONE;
    p->nodes = calloc((size_t)a->count, sizeof *p->nodes);
    if (!p->nodes)
        return fail(ERROR_NOT_ENOUGH_MEMORY, "cannot start");
    session->nodes = (const char *const *)p->nodes;
    for (int i = 1; code == EXIT_DONE && i < a->count; i++) {
        char **node = &p->nodes[session->node_count++];
        code = name_to_ascii(a->words[i], node);
        if (code == EXIT_DONE)
            code = check_node(a->words[i], *node);
    }
    return code;
}

/* ---- the user ---- */

/* Returns the configured host that has this address and a user. */
static const struct host_settings *find_user(const struct config *config, const char *address)
{
    for (size_t i = 0; i < config->host_count; i++) {
        const struct host_settings *host = &config->hosts[i];
        if (text_same(host_address(host), address) && host->user && *host->user)
            return host;
    }
    return NULL;
}

static void set_credentials(struct test_params *p, const char *user, bool in_clear)
{
    p->credentials = (struct auth_credentials){user, p->password, in_clear, digest_hmac_md5};
    p->link.session.auth = &p->credentials;
}

/* Takes the user from the option and asks for the password. */
static enum exit_code take_given_user(struct test_params *p, const char *user, bool in_clear)
{
    if (!*user)
        return EXIT_DONE;
    enum exit_code code = password_read(user, p->address, p->password);
    if (code == EXIT_DONE)
        set_credentials(p, user, in_clear);
    return code;
}

/* Takes the configured user and the stored password, if this account may read it. */
static void take_configured_user(struct test_params *p, const struct host_settings *host, bool in_clear)
{
    TEXT_SCRATCH(words, 400);
    DWORD error = secret_read(host->name, p->password);
    if (!error) {
        set_credentials(p, host->user, in_clear);
        return;
    }
    secret_trouble(error, host->name, &words);
    talk("Note: authentication is not attempted: %s.\n", words.data);
}

static enum exit_code take_user(struct test_params *p, const struct arguments *a)
{
    const char *given = option_value(a, "--user");
    enum exit_code code = store_read(&p->configured, true);
    if (code != EXIT_DONE)
        return code;
    const struct host_settings *host = find_user(&p->configured, p->address);
    bool in_clear = option_value(a, "--auth-in-clear") || (host && host->auth_in_clear);
    if (given)
        return take_given_user(p, given, in_clear);
    if (host)
        take_configured_user(p, host, in_clear);
    return EXIT_DONE;
}

/* ---- all parameters ---- */

static void fill(struct test_params *p)
{
    p->link.address = p->address;
    link_params_set(&p->link, p->given.hosts);
}

enum exit_code test_params_take(struct test_params *p, const struct arguments *a)
{
    *p = (struct test_params){0};
    config_init(&p->given);
    enum exit_code code = take_host(p, a);
    if (code == EXIT_DONE)
        code = take_timeout(p, a);
    if (code == EXIT_DONE)
        code = take_nodes(p, a);
    if (code == EXIT_DONE)
        code = take_user(p, a);
    if (code == EXIT_DONE)
        fill(p);
    return code;
}

void test_params_free(struct test_params *p)
{
    SecureZeroMemory(p->password, sizeof p->password);
    for (size_t i = 0; i < p->link.session.node_count; i++)
        free(p->nodes[i]);
    free(p->nodes);
    config_free(&p->given);
    config_free(&p->configured);
}
