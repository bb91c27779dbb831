/* etrnctl discover: finds the hosts that hold a domain's mail by its MX records, and shows the command that adds them.
 */
#include "failure.h"
#include "holders.h"
#include "output.h"

#include <stdlib.h>

struct state_words {
    const char *machine, *person;
    enum shade shade;
};

static const struct state_words states[] = {
    [HOLDER_OFFERS] = {"offered", "offers ETRN", SHADE_GOOD},
    [HOLDER_LACKS] = {"not-offered", "does not offer ETRN", SHADE_BAD},
    [HOLDER_UNREACHABLE] = {"unreachable", "unreachable", SHADE_BAD},
    [HOLDER_OURS] = {"this-computer", "is this computer", SHADE_FAINT},
    [HOLDER_LEFT_OUT] = {"left-out", "excluded", SHADE_FAINT},
};

static const char *const findings[] = {
    [FOUND_MX] = "mx",           [FOUND_ADDRESS] = "address",     [FOUND_NULL_MX] = "null-mx",
    [FOUND_NOTHING] = "nothing", [FOUND_FAILURE] = "dns-failure",
};

/* Returns the number of hosts that were checked. */
static size_t host_count(const struct holder_domain *domain)
{
    return domain->finding == FOUND_MX || domain->finding == FOUND_ADDRESS ? domain->list.count : 0;
}

/* ---- the command that adds what was found ---- */

/* Quotes a word that begins with @, which has another meaning in PowerShell. */
static void add_word(struct text *t, const char *word)
{
    text_add(t, *word == '@' ? " \"%s\"" : " %s", word);
}

static size_t command_size(const struct holders *h)
{
    return 100 + h->domain_count * (NODE_LIMIT + 4) + MX_LIMIT * (sizeof h->first->server + 12);
}

/* Writes the command for the domains of one group: the first host, with the others as its fallback. */
static void write_command(struct text *t, const struct holders *h, size_t group)
{
    text_add(t, "etrnctl add %s", holders_offering(&h->domains[group], 0)->server);
    for (size_t i = 0; i < h->domain_count; i++)
        if (h->domains[i].group == group)
            add_word(t, h->domains[i].node);
    for (size_t i = 0; holders_fallback(h, group, i); i++)
        text_add(t, " --fallback %s", holders_fallback(h, group, i)->server);
    if (h->params.session.helo)
        text_add(t, " --helo %s", h->params.session.helo);
}

/* Calls `show` with each command. */
static bool each_command(struct holders *h, void (*show)(void *owner, const char *command), void *owner)
{
    size_t size = command_size(h);
    char *command = malloc(size);
    for (size_t i = 0; command && i < h->domain_count; i++) {
        struct text t;
        if (h->domains[i].group != i || !holders_offering(&h->domains[i], 0))
            continue;
        text_begin(&t, command, size);
        write_command(&t, h, i);
        show(owner, command);
    }
    free(command);
    return command != NULL;
}

/* ---- text output ---- */

static void show_host(const struct mx *mx, const struct holder *holder, bool with_preference, int width)
{
    char host[4 * sizeof mx->host];
    char preference[8];
    struct text t;
    text_begin(&t, host, sizeof host);
    text_add_escaped(&t, mx->host, strlen(mx->host));
    text_begin(&t, preference, sizeof preference);
    if (with_preference)
        text_add(&t, "%u", mx->preference);
    out("  %5s %-*s  %s%s%s\n", preference, width, host, shade(states[holder->state].shade),
        states[holder->state].person, shade(SHADE_PLAIN));
    if ((holder->state == HOLDER_LACKS && holder->result.outcome != OUTCOME_NOT_OFFERED) ||
        holder->state == HOLDER_UNREACHABLE)
        out_wrapped(8, *holder->result.text ? holder->result.text : outcome_meaning(&holder->result));
}

static void show_domain(const struct holder_domain *domain)
{
    char words[400];
    struct text t;
    int width = 0;
    text_begin(&t, words, sizeof words);
    text_add(&t, "%s ", domain->node);
    enum exit_code verdict = holders_verdict(domain, &t);
    if (domain->finding == FOUND_ADDRESS) {
        text_begin(&t, words, sizeof words);
        text_add(&t, "%s has no MX record, so its own address is used (RFC 5321 5.1)", domain->node);
    } else if (verdict == EXIT_DONE) {
        text_add(&t, "has these MX hosts");
    }
    text_add(&t, host_count(domain) ? ":" : ".");
    out_wrapped(0, words);
    for (size_t i = 0; i < host_count(domain); i++)
        if ((int)strlen(domain->list.items[i].host) > width)
            width = (int)strlen(domain->list.items[i].host);
    for (size_t i = 0; i < host_count(domain); i++)
        show_host(&domain->list.items[i], domain->holders[i], domain->finding == FOUND_MX, width);
}

static void show_command(void *owner, const char *command)
{
    bool *first = owner;
    out("%s  %s\n", *first ? "\nTo add what was found:\n" : "", command);
    *first = false;
}

/* ---- JSON ---- */

static void write_domain(struct json *j, const struct holder_domain *domain)
{
    TEXT_SCRATCH(words, 300);
    json_open_object(j, NULL);
    json_string(j, "domain", domain->node);
    json_string(j, "found", findings[domain->finding]);
    json_string(j, "problem", holders_verdict(domain, &words) == EXIT_DONE ? NULL : words.data);
    json_open_array(j, "hosts");
    for (size_t i = 0; i < host_count(domain); i++) {
        const struct holder *holder = domain->holders[i];
        json_open_object(j, NULL);
        json_string(j, "host", holder->host);
        if (domain->finding == FOUND_MX)
            json_number(j, "preference", domain->list.items[i].preference);
        else
            json_null(j, "preference");
        json_string(j, "etrn", states[holder->state].machine);
        json_string(j, "text", holder->result.text);
        json_close(j, '}');
    }
    json_close(j, ']');
    json_close(j, '}');
}

static void put_command(void *owner, const char *command)
{
    json_string(owner, NULL, command);
}

static bool write_all(struct holders *h)
{
    struct json j;
    json_begin(&j);
    json_open_object(&j, NULL);
    json_number(&j, "schema", 1);
    json_number(&j, "port", h->params.port);
    json_open_array(&j, "domains");
    for (size_t i = 0; i < h->domain_count; i++)
        write_domain(&j, &h->domains[i]);
    json_close(&j, ']');
    json_open_array(&j, "commands");
    bool written = each_command(h, put_command, &j);
    json_close(&j, ']');
    json_close(&j, '}');
    return out_json(&j) && written;
}

/* ---- the command ---- */

static enum exit_code show_all(struct holders *h, bool as_json)
{
    enum exit_code code = EXIT_DONE;
    bool first = true;
    for (size_t i = 0; i < h->domain_count; i++) {
        TEXT_SCRATCH(words, 300);
        code = worse(code, holders_verdict(&h->domains[i], &words));
    }
    if (as_json)
        return write_all(h) ? code : EXIT_FAILED;
    for (size_t i = 0; i < h->domain_count; i++)
        show_domain(&h->domains[i]);
    return each_command(h, show_command, &first) ? code : fail(ERROR_NOT_ENOUGH_MEMORY, "cannot print the result");
}

enum exit_code run_discover(const struct arguments *a)
{
    struct holders h;
    enum exit_code code = holders_find(&h, a, a->words, (size_t)a->count);
    if (code == EXIT_DONE)
        code = show_all(&h, option_value(a, "--json") != NULL);
    holders_free(&h);
    return code;
}
