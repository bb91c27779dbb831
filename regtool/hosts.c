/* etrnctl add, remove: the hosts that are asked. */
#include "../service/core/node.h"
#include "arguments.h"
#include "failure.h"
#include "grant.h"
#include "holders.h"
#include "names.h"
#include "output.h"
#include "password.h"
#include "store.h"

#include <stdio.h>
#include <stdlib.h>

enum { VALUES_LIMIT = 20 };

/* What is to be written to a host's key; all of it is checked before anything is. */
struct change {
    const struct setting *setting;
    struct value value;
};

struct changes {
    struct change items[VALUES_LIMIT];
    size_t count;
    char password[SECRET_SIZE]; /* "": none */
};

static void changes_free(struct changes *changes)
{
    SecureZeroMemory(changes->password, sizeof changes->password);
    for (size_t i = 0; i < changes->count; i++)
        free(changes->items[i].value.data);
}

static bool add_change(struct changes *changes, const char *name, const char *const *words, size_t count)
{
    char problem[400];
    struct text t;
    struct change *change = &changes->items[changes->count++];
    text_begin(&t, problem, sizeof problem);
    change->setting = setting_find(SCOPE_HOST, name);
    if (!setting_encode(change->setting, words, count, &change->value, &t)) {
        talk("etrnctl: %s: %s\n", name, problem);
        return false;
    }
    return true;
}

static bool add_option(struct changes *changes, const char *name, const char *word)
{
    return !word || add_change(changes, name, &word, 1);
}

/* A list that an option gives word by word, in place of the one that is there. */
static bool add_words(struct changes *changes, const char *name, const struct arguments *a, const char *option)
{
    struct option_words words;
    bool fine =
        option_words(a, option, &words) && (words.count == 0 || add_change(changes, name, words.items, words.count));
    option_words_free(&words);
    return fine;
}

static bool have(char *const *words, size_t count, const char *word)
{
    for (size_t i = 0; i < count; i++)
        if (text_same(words[i], word))
            return true;
    return false;
}

/* What is to be added: a host, and those that stand behind it. */
struct addition {
    const char *host;
    unsigned port; /* 0: not given */
    char *const *nodes;
    size_t node_count;
    const char *const *fallback;
    size_t fallback_count;
};

/* Those that were found and those that options name, in place of the ones that are there. */
static bool add_fallback(struct changes *changes, const struct arguments *a, const struct addition *add)
{
    struct option_words given;
    bool fine = option_words(a, "--fallback", &given);
    size_t count = add->fallback_count + given.count;
    const char **words = fine && count ? calloc(count, sizeof *words) : NULL;
    for (size_t i = 0; words && i < count; i++)
        words[i] = i < add->fallback_count ? add->fallback[i] : given.items[i - add->fallback_count];
    if (fine && count)
        fine = words && add_change(changes, "Fallback", words, count);
    free(words);
    option_words_free(&given);
    return fine;
}

/* The domains that the host has and the new ones, each once. */
static bool add_domains(struct changes *changes, const struct host_settings *known, const struct addition *add)
{
    size_t had = known ? known->domains.count : 0;
    char **words = calloc(had + add->node_count, sizeof *words);
    size_t all = 0;
    bool fine = words != NULL;
    for (size_t i = 0; fine && i < had; i++)
        fine = (words[all++] = text_copy(known->domains.items[i])) != NULL;
    if (!fine)
        fail(ERROR_NOT_ENOUGH_MEMORY, "Domains");
    for (size_t i = 0; fine && i < add->node_count; i++) {
        char *ascii = name_to_ascii(add->nodes[i]);
        fine = ascii != NULL;
        if (fine && !have(words, all, ascii))
            words[all++] = ascii;
        else
            free(ascii);
    }
    fine = fine && add_change(changes, "Domains", (const char *const *)words, all);
    while (all > 0)
        free(words[--all]);
    free(words);
    return fine;
}

/* Domains come last: a host without them is not asked, so that none is asked half configured. */
static bool collect(struct changes *changes, const struct arguments *a, const struct host_settings *known,
                    const struct addition *add)
{
    char digits[12];
    const char *given_port = option_value(a, "--port");
    snprintf(digits, sizeof digits, "%u", add->port);
    return add_option(changes, "Port",
                      given_port  ? given_port
                      : add->port ? digits
                                  : NULL) &&
           add_option(changes, "Tls", option_value(a, "--tls")) &&
           add_option(changes, "TlsFingerprint", option_value(a, "--tls-fingerprint")) &&
           add_option(changes, "HeloName", option_value(a, "--helo")) &&
           add_option(changes, "IntervalMinutes", option_value(a, "--interval")) &&
           add_words(changes, "Schedule", a, "--schedule") && add_option(changes, "User", option_value(a, "--user")) &&
           add_option(changes, "ForceETRN", option_value(a, "--force") ? "1" : NULL) &&
           add_option(changes, "Method", option_value(a, "--method")) &&
           add_option(changes, "Program", option_value(a, "--program")) &&
           add_option(changes, "WakeHost", option_value(a, "--wake")) &&
           add_option(changes, "RunService", option_value(a, "--run-service")) && add_fallback(changes, a, add) &&
           add_domains(changes, known, add);
}

/* The password comes first: a host with User is not asked without it. */
static enum exit_code write_values(const char *host, const struct changes *changes)
{
    DWORD failed = *changes->password ? store_set_password(host, changes->password) : 0;
    if (failed)
        return fail(failed, "writing " SECRET_NAME " of %s", host);
    for (size_t i = 0; i < changes->count; i++) {
        DWORD error = store_set(host, changes->items[i].setting, &changes->items[i].value);
        if (error)
            return fail(error, "writing %s of %s", changes->items[i].setting->name, host);
    }
    return EXIT_DONE;
}

/* Of a new host all is written or nothing. */
static enum exit_code write_changes(const char *host, const struct changes *changes, bool is_new)
{
    enum exit_code code = store_prepare(SERVICE_NAME);
    if (code != EXIT_DONE)
        return code;
    code = write_values(host, changes);
    if (code != EXIT_DONE && is_new && store_remove_host(host) == 0)
        talk("Nothing was added.\n");
    return code;
}

static void show_host(const char *name)
{
    struct config config;
    store_read(&config, true);
    const struct host_settings *host = config_find_host(&config, name);
    if (host) {
        out("%s, port %u, is asked for:\n", host_address(host), host->port);
        for (size_t i = 0; i < host->domains.count; i++)
            out("  %s\n", host->domains.items[i]);
    }
    if (!config.service.always_use_etrn)
        talk("ETRN is disabled; to enable it: etrnctl enable\n");
    config_free(&config);
}

/* "" where no user is given. */
static enum exit_code ask_password(const struct arguments *a, const char *host, char password[SECRET_SIZE])
{
    const char *user = option_value(a, "--user");
    password[0] = '\0';
    if (!user || !*user)
        return EXIT_DONE;
    enum exit_code code = password_can_be_kept(a->command);
    return code == EXIT_DONE ? password_read(user, host, password) : code;
}

/* Lets EtrnSvc start and stop what RunService names, if that is given, before anything is written. */
static enum exit_code write_and_grant(const struct addition *add, const struct changes *changes,
                                      const struct config *before, const char *service)
{
    enum exit_code code = service ? grant_give(service) : EXIT_DONE;
    if (code != EXIT_DONE)
        return code;
    code = write_changes(add->host, changes, !config_find_host(before, add->host));
    return service ? worse(code, grant_settle(before, service)) : code;
}

static enum exit_code add_host(const struct arguments *a, const struct addition *add)
{
    struct config config;
    struct changes changes = {0};
    enum exit_code code = store_read(&config, true);
    if (code == EXIT_DONE && !collect(&changes, a, config_find_host(&config, add->host), add))
        code = EXIT_INVALID;
    if (code == EXIT_DONE)
        code = ask_password(a, add->host, changes.password);
    if (code == EXIT_DONE)
        code = write_and_grant(add, &changes, &config, option_value(a, "--run-service"));
    if (code == EXIT_DONE)
        show_host(add->host);
    changes_free(&changes);
    config_free(&config);
    return code;
}

/* ---- hosts found by MX records ---- */

/* All domains of which the same host comes first; those behind it are its fallback. */
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
    enum exit_code code = nodes ? add_host(a, &add) : fail(ERROR_NOT_ENOUGH_MEMORY, "starting");
    free(nodes);
    return code;
}

/* Every domain needs a host before anything is written. */
static enum exit_code check_found(const struct holders *h)
{
    enum exit_code code = EXIT_DONE;
    for (size_t i = 0; i < h->domain_count; i++) {
        char words[300];
        struct text t;
        text_begin(&t, words, sizeof words);
        enum exit_code verdict = holders_verdict(&h->domains[i], &t);
        if (verdict != EXIT_DONE)
            talk("etrnctl: %s %s\n", h->domains[i].node, words);
        code = worse(code, verdict);
    }
    if (code != EXIT_DONE)
        talk("Nothing was added. What the hosts say: etrnctl discover DOMAIN\n");
    return code;
}

static enum exit_code add_from_mx(const struct arguments *a)
{
    struct holders h;
    if (option_value(a, "--computer"))
        return usage_error(a->command, "--from-mx looks from this computer, so it does not go with --computer");
    if (option_value(a, "--user"))
        return usage_error(a->command,
                           "--user does not go with --from-mx: a password is for a host that you name, not for "
                           "one that DNS names");
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
    struct addition add = {.host = host, .nodes = a->words + 1, .node_count = (size_t)a->count - 1};
    if (option_value(a, "--from-mx"))
        return add_from_mx(a);
    if (option_value(a, "--except"))
        return usage_error(a->command, "--except goes with --from-mx alone");
    if (a->count < 2)
        return usage_error(a->command, "more is needed: %s", a->command->words);
    if (!name_split_host(a->words[0], host, sizeof host, &add.port))
        return EXIT_INVALID;
    return add_host(a, &add);
}

enum exit_code run_remove(const struct arguments *a)
{
    struct config config;
    const char *name = a->words[0];
    enum exit_code code = store_read(&config, true);
    if (code == EXIT_DONE && !config_find_host(&config, name))
        code = name_unknown_host(&config, name);
    if (code == EXIT_DONE)
        code = store_prepare(SERVICE_NAME);
    if (code == EXIT_DONE) {
        DWORD error = store_remove_host(name);
        if (error == ERROR_FILE_NOT_FOUND) {
            talk(
                "etrnctl: %s is set by Group Policy (HKLM\\SOFTWARE\\Policies\\EtrnSvc\\Hosts) and can only be removed "
                "there\n",
                name);
            code = EXIT_NOT_FOUND;
        } else if (error) {
            code = fail(error, "removing %s", name);
        } else {
            out("%s is not asked any more.\n", name);
            code = grant_settle(&config, NULL);
        }
    }
    config_free(&config);
    return code;
}
