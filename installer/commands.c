#include "commands.h"

#include "../service/core/node.h"
#include "../service/core/settings.h"

#include <stdlib.h>
#include <string.h>

/* A backslash is literal, except before a quotation mark: there each one is doubled, and the mark is escaped.
 * https://learn.microsoft.com/en-us/cpp/c-language/parsing-c-command-line-arguments */
void commands_add_argument(struct text *commands, const char *argument)
{
    size_t backslashes = 0;
    text_add(commands, "%s\"", commands->length > 0 && commands->data[commands->length - 1] != '\n' ? " " : "");
    for (const char *c = argument; *c; c++) {
        for (size_t i = 0; *c == '"' && i <= backslashes; i++)
            text_add(commands, "\\");
        backslashes = *c == '\\' ? backslashes + 1 : 0;
        text_add(commands, "%c", *c);
    }
    for (size_t i = 0; i < backslashes; i++)
        text_add(commands, "\\");
    text_add(commands, "\"");
}

static bool check(const struct setting *s, const char *property, const char *const *words, size_t count,
                  struct text *problem)
{
    struct value value;
    text_add(problem, "%s: ", property);
    bool allowed = setting_encode(s, words, count, &value, problem);
    free(value.data);
    if (allowed)
        text_begin(problem, problem->data, problem->size);
    return allowed;
}

/* Adds a property that corresponds to one setting of the service. */
static bool add_setting(const char *property, const char *word, const char *name, struct text *commands,
                        struct text *problem)
{
    if (!*word)
        return true;
    if (!check(setting_find(SCOPE_SERVICE, name), property, &word, 1, problem))
        return false;
    const char *const arguments[] = {"config", "set", name, word};
    for (size_t i = 0; i < sizeof arguments / sizeof arguments[0]; i++)
        commands_add_argument(commands, arguments[i]);
    text_add(commands, "\n");
    return true;
}

/* Splits `list` at its commas, in place, and trims spaces around each item. The caller frees `*items`. */
static size_t split(char *list, const char ***items)
{
    size_t count = 1;
    for (const char *c = list; *c; c++)
        count += *c == ',';
    *items = malloc(count * sizeof **items);
    for (size_t i = 0; *items && i < count; i++) {
        char *end = list + strcspn(list, ",");
        char *next = end + 1;
        list += strspn(list, " ");
        while (end > list && end[-1] == ' ')
            end--;
        *end = '\0';
        (*items)[i] = list;
        list = next;
    }
    return *items ? count : 0;
}

static bool check_host(const char *host, struct text *problem)
{
    char name[NODE_LIMIT + 1];
    unsigned port;
    if (host_split(host, name, sizeof name, &port))
        return true;
    text_add(problem, "ETRNHOST: \"");
    text_add_escaped(problem, host, strlen(host));
    text_add(
        problem,
        "\" is not a valid host; expected a domain name or an IP address, optionally followed by :PORT (1 to 65535)");
    return false;
}

static bool add_host(const char *host, const char *domains, struct text *commands, struct text *problem)
{
    if (!*host && !*domains)
        return true;
    if (!*host || !*domains) {
        text_add(problem, "%s is missing: a host and at least one domain are required",
                 *host ? "ETRNDOMAINS" : "ETRNHOST");
        return false;
    }
    const char **items = NULL;
    char *list = text_copy(domains);
    size_t count = list ? split(list, &items) : 0;
    bool allowed = count > 0 && check_host(host, problem) &&
                   check(setting_find(SCOPE_HOST, "Domains"), "ETRNDOMAINS", items, count, problem);
    if (allowed) {
        commands_add_argument(commands, "add");
        commands_add_argument(commands, host);
        for (size_t i = 0; i < count; i++)
            commands_add_argument(commands, items[i]);
        text_add(commands, "\n");
    }
    free(items);
    free(list);
    return allowed;
}

/* The switch comes last: nothing is asked until everything is set. */
bool commands_from_properties(const struct properties *p, struct text *commands, struct text *problem)
{
    if (!add_setting("INTERVAL", p->interval, "IntervalMinutes", commands, problem) ||
        !add_host(p->host, p->domains, commands, problem) ||
        !add_setting("ENABLE", p->enable, "AlwaysUseETRN", commands, problem))
        return false;
    if (commands->cut || commands->length > COMMAND_LIMIT)
        text_add(problem,
                 "ETRNDOMAINS: too long for a Windows command line; add the other domains later with etrnctl add");
    return problem->length == 0;
}
