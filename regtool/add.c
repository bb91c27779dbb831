/* etrnctl add: adds a host and its domains. */
#include "../service/core/node.h"
#include "arguments.h"
#include "changes.h"
#include "failure.h"
#include "grant.h"
#include "holders.h"
#include "names.h"
#include "output.h"
#include "password.h"
#include "store.h"

#include <stdio.h>
#include <stdlib.h>

/* What to add: a host and its fallback servers. */
struct addition {
    const char *host;
    unsigned port; /* 0 if not given */
    char *const *nodes;
    size_t node_count;
    const char *const *fallback;
    size_t fallback_count;
};

/* Adds the servers that were found and those that the option names. */
static enum exit_code add_servers(struct changes *changes, const struct addition *add, const struct option_words *given)
{
    size_t count = add->fallback_count + given->count;
    if (count == 0)
        return EXIT_DONE;
    const char **words = calloc(count, sizeof *words);
    if (!words)
        return fail(ERROR_NOT_ENOUGH_MEMORY, "cannot read Fallback");
    for (size_t i = 0; i < count; i++)
        words[i] = i < add->fallback_count ? add->fallback[i] : given->items[i - add->fallback_count];
    enum exit_code code = changes_add(changes, "Fallback", words, count);
    free(words);
    return code;
}

/* Replaces the existing fallback servers. */
static enum exit_code add_fallback(struct changes *changes, const struct arguments *a, const struct addition *add)
{
    struct option_words given;
    enum exit_code code = option_words(a, "--fallback", &given);
    if (code == EXIT_DONE)
        code = add_servers(changes, add, &given);
    option_words_free(&given);
    return code;
}

/* The items of the new Domains. */
struct words {
    char **items; /* the items and the array are from malloc */
    size_t count;
};

static void words_free(struct words *words)
{
    while (words->count > 0)
        free(words->items[--words->count]);
    free(words->items);
}

static bool have(const struct words *words, const char *word)
{
    for (size_t i = 0; i < words->count; i++)
        if (text_same(words->items[i], word))
            return true;
    return false;
}

/* Takes the domains that the host already has. */
static enum exit_code take_known(struct words *words, const struct host_settings *known)
{
    for (size_t i = 0; known && i < known->domains.count; i++) {
        char *copy = text_copy(known->domains.items[i]);
        if (!copy)
            return fail(ERROR_NOT_ENOUGH_MEMORY, "cannot read Domains");
        words->items[words->count++] = copy;
    }
    return EXIT_DONE;
}

/* Takes the new domains, without duplicates. */
static enum exit_code take_new(struct words *words, const struct addition *add)
{
    for (size_t i = 0; i < add->node_count; i++) {
        char *ascii;
        enum exit_code code = name_to_ascii(add->nodes[i], &ascii);
        if (code != EXIT_DONE)
            return code;
        if (have(words, ascii))
            free(ascii);
        else
            words->items[words->count++] = ascii;
    }
    return EXIT_DONE;
}

static enum exit_code add_domains(struct changes *changes, const struct host_settings *known,
                                  const struct addition *add)
{
    size_t most = (known ? known->domains.count : 0) + add->node_count;
    struct words words = {calloc(most + 1, sizeof *words.items), 0};
    if (!words.items)
        return fail(ERROR_NOT_ENOUGH_MEMORY, "cannot read Domains");
    enum exit_code code = take_known(&words, known);
    if (code == EXIT_DONE)
        code = take_new(&words, add);
    if (code == EXIT_DONE)
        code = changes_add(changes, "Domains", (const char *const *)words.items, words.count);
    words_free(&words);
    return code;
}

/* Sets the port of HOST:PORT, unless an option gives another. */
static enum exit_code add_port(struct changes *changes, const struct arguments *a, const struct addition *add)
{
    char digits[12];
    const char *word = digits;
    if (add->port == 0 || option_value(a, "--port"))
        return EXIT_DONE;
    snprintf(digits, sizeof digits, "%u", add->port);
    return changes_add(changes, "Port", &word, 1);
}

/* Domains come last: a host without domains is not asked, so no host is asked while it is only partly configured. */
static enum exit_code collect(struct changes *changes, const struct arguments *a, const struct host_settings *known,
                              const struct addition *add)
{
    enum exit_code code = add_port(changes, a, add);
    if (code == EXIT_DONE)
        code = changes_add_options(changes, a, "Fallback");
    if (code == EXIT_DONE)
        code = add_fallback(changes, a, add);
    return code == EXIT_DONE ? add_domains(changes, known, add) : code;
}

static void show_host(const struct host_settings *host)
{
    out("%s", host_address(host));
    if (host_port(host))
        out(", port %u,", host_port(host));
    out(" will be asked for:\n");
    for (size_t i = 0; i < host->domains.count; i++)
        out("  %s\n", host->domains.items[i]);
}

/* Shows the resulting configuration. */
static enum exit_code show_result(const char *name)
{
    struct config config;
    enum exit_code code = store_read(&config, true);
    const struct host_settings *host = code == EXIT_DONE ? config_find_host(&config, name) : NULL;
    if (host)
        show_host(host);
    if (code == EXIT_DONE && !config.service.always_use_etrn)
        talk("ETRN is disabled; to enable it: etrnctl enable\n");
    config_free(&config);
    return code;
}

/* The password is "" if no user is given. */
static enum exit_code ask_password(const struct arguments *a, const char *host, char password[SECRET_SIZE])
{
    const char *user = option_value(a, "--user");
    password[0] = '\0';
    if (!user || !*user)
        return EXIT_DONE;
    enum exit_code code = password_can_be_kept(a->command);
    return code == EXIT_DONE ? password_read(user, host, password) : code;
}

/* If RunService is given, grants EtrnSvc the right to start and stop that service before anything is written. */
static enum exit_code write_and_grant(const struct addition *add, const struct changes *changes,
                                      const struct config *before, const char *service)
{
    enum exit_code code = service ? grant_give(service) : EXIT_DONE;
    if (code != EXIT_DONE)
        return code;
    code = changes_write(changes, add->host, !config_find_host(before, add->host));
    return service ? worse(code, grant_settle(before, service)) : code;
}

static enum exit_code add_host(const struct arguments *a, const struct addition *add)
{
    struct config config;
    struct changes changes = {0};
    enum exit_code code = store_read(&config, true);
    if (code == EXIT_DONE)
        code = collect(&changes, a, config_find_host(&config, add->host), add);
    if (code == EXIT_DONE)
        code = ask_password(a, add->host, changes.password);
    if (code == EXIT_DONE)
        code = write_and_grant(add, &changes, &config, option_value(a, "--run-service"));
    if (code == EXIT_DONE)
        code = show_result(add->host);
    changes_free(&changes);
    config_free(&config);
    return code;
}

/* ---- hosts from MX records ---- */

/* Adds all domains that have the same first host; the following hosts become its fallback servers. */
static enum exit_code add_group(const struct arguments *a, const struct holders *h, size_t group)
{
    char **nodes = calloc(h->domain_count, sizeof *nodes);
    const char *fallback[MX_LIMIT];
    struct addition add = {.host = holders_offering(&h->domains[group], 0)->host};
    for (size_t i = 0; nodes && i < h->domain_count; i++)
        if (h->domains[i].group == group)
            nodes[add.node_count++] = h->domains[i].node;
    const struct holder *next;
    while ((next = holders_fallback(h, group, add.fallback_count)))
        fallback[add.fallback_count++] = next->server;
    add.nodes = nodes;
    add.fallback = fallback;
    enum exit_code code = nodes ? add_host(a, &add) : fail(ERROR_NOT_ENOUGH_MEMORY, "cannot start");
    free(nodes);
    return code;
}

/* Nothing is written unless every domain has a host. */
static enum exit_code check_found(const struct holders *h)
{
    enum exit_code code = EXIT_DONE;
    for (size_t i = 0; i < h->domain_count; i++) {
        TEXT_SCRATCH(words, 300);
        enum exit_code verdict = holders_verdict(&h->domains[i], &words);
        if (verdict != EXIT_DONE)
            talk("etrnctl: %s %s\n", h->domains[i].node, words.data);
        code = worse(code, verdict);
    }
    if (code != EXIT_DONE)
        talk("Nothing was added. To see the hosts' replies: etrnctl discover DOMAIN\n");
    return code;
}

static enum exit_code add_from_mx(const struct arguments *a)
{
    struct holders h;
    if (a->count == 0)
        return usage_error(a->command, "--from-mx requires DOMAIN...");
    if (option_value(a, "--computer"))
        return usage_error(a->command,
                           "--from-mx cannot be used with --computer: it looks up hosts from this computer only");
    if (option_value(a, "--user"))
        return usage_error(a->command, "--user cannot be used with --from-mx: a password is sent only to a host that "
                                       "you name, not to one found in DNS");
    enum exit_code code = holders_find(&h, a, a->words, (size_t)a->count);
    if (code == EXIT_DONE)
        code = check_found(&h);
    for (size_t i = 0; code == EXIT_DONE && i < h.domain_count; i++)
        if (h.domains[i].group == i)
            code = add_group(a, &h, i);
    holders_free(&h);
    return code;
}

enum exit_code run_add(const struct arguments *a)
{
    char host[NODE_LIMIT + 1];
    if (option_value(a, "--from-mx"))
        return add_from_mx(a);
    if (option_value(a, "--except"))
        return usage_error(a->command, "--except can only be used with --from-mx");
    if (a->count < 2)
        return usage_error(a->command, a->count == 0 ? "%s is required" : "missing argument; expected %s",
                           a->command->words);
    struct addition add = {.host = host, .nodes = a->words + 1, .node_count = (size_t)a->count - 1};
    enum exit_code code = name_split_host(a->words[0], host, sizeof host, &add.port);
    return code == EXIT_DONE ? add_host(a, &add) : code;
}
