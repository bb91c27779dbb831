#include "config.h"

#include "buffer.h"
#include "node.h"
#include "utf.h"

#include <stdlib.h>
#include <string.h>

/* ---- the fields of a configuration ---- */

static void *field_of(struct config *c, struct host_settings *host, const struct setting *s)
{
    return (char *)(host ? (void *)host : (void *)&c->service) + s->offset;
}

static void set_origin(struct config *c, struct host_settings *host, const struct setting *s, enum origin origin)
{
    (host ? host->origin : c->service.origin)[setting_index(s)] = (uint8_t)origin;
}

/* Sets the default. A string for which there is no memory stays NULL, which reads as empty. */
static void reset(struct config *c, struct host_settings *host, const struct setting *s)
{
    void *field = field_of(c, host, s);
    set_origin(c, host, s, ORIGIN_DEFAULT);
    switch (s->type) {
    case SETTING_DWORD:
    case SETTING_CHOICE:
        *(uint32_t *)field = s->initial;
        break;
    case SETTING_STRING:
    case SETTING_EXPAND:
        free(*(char **)field);
        *(char **)field = NULL;
        break;
    case SETTING_STRINGS:
        strings_free(field);
        break;
    }
}

static void reset_all(struct config *c, struct host_settings *host)
{
    enum setting_scope scope = host ? SCOPE_HOST : SCOPE_SERVICE;
    for (size_t i = 0; i < settings_count; i++)
        if (settings[i].scope == scope)
            reset(c, host, &settings[i]);
}

void config_init(struct config *c)
{
    *c = (struct config){.holders = 1};
    reset_all(c, NULL);
}

void config_free(struct config *c)
{
    for (size_t i = 0; i < c->host_count; i++) {
        reset_all(c, &c->hosts[i]);
        free(c->hosts[i].name);
    }
    free(c->hosts);
    reset_all(c, NULL);
    *c = (struct config){0};
}

struct config *config_new(void)
{
    struct config *c = malloc(sizeof *c);
    if (c)
        config_init(c);
    return c;
}

/* The reference count may change in a constant configuration. */
static struct config *counted(const struct config *c)
{
    return (struct config *)(uintptr_t)c;
}

const struct config *config_hold(const struct config *c)
{
    counted(c)->holders++;
    return c;
}

void config_release(const struct config *c)
{
    if (!c || --counted(c)->holders > 0)
        return;
    config_free(counted(c));
    free(counted(c));
}

/* ---- hosts ---- */

/* Returns the place of the host with this name, or where to insert it. */
static size_t host_place(const struct config *c, const char *name)
{
    size_t low = 0;
    size_t high = c->host_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (text_compare(c->hosts[middle].name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct host_settings *config_find_host(const struct config *c, const char *name)
{
    size_t place = host_place(c, name);
    return place < c->host_count && text_same(c->hosts[place].name, name) ? &c->hosts[place] : NULL;
}

struct host_settings *config_add_host(struct config *c, const char *name)
{
    size_t place = host_place(c, name);
    if (place < c->host_count && text_same(c->hosts[place].name, name))
        return &c->hosts[place];
    struct host_settings *hosts = array_grow(c->hosts, c->host_count, &c->host_room, sizeof *hosts);
    if (!hosts)
        return NULL;
    c->hosts = hosts;
    char *copy = text_copy(name);
    if (!copy)
        return NULL;
    struct host_settings *host = &c->hosts[place];
    memmove(host + 1, host, (c->host_count - place) * sizeof *host);
    *host = (struct host_settings){.name = copy};
    c->host_count++;
    reset_all(c, host);
    return host;
}

const char *host_address(const struct host_settings *host)
{
    return host->host && *host->host ? host->host : host->name;
}

uint16_t host_port(const struct host_settings *host)
{
    return (uint16_t)(host->port ? host->port : methods[host->method].port);
}

size_t host_batch(const struct host_settings *host)
{
    switch (methods[host->method].batch) {
    case BATCH_ONE:
        return 1;
    case BATCH_PROGRAM:
        return host->program && strstr(host->program, "{node}") ? 1 : BATCH_ALL;
    default:
        return host->etrns_per_connection;
    }
}

void host_server(const struct host_settings *host, size_t which, char *address, size_t size, uint16_t *port)
{
    bool fallback = which > 0 && which <= host->fallback.count; /* no longer, if the configuration has changed */
    unsigned number = methods[host->method].port;
    struct text t;
    text_begin(&t, address, size);
    if (!fallback || !host_split(host->fallback.items[which - 1], address, (unsigned)size, &number)) {
        text_add(&t, "%s", host_address(host));
        number = host_port(host);
    }
    *port = (uint16_t)number;
}

/* ---- registry values ---- */

static void refuse(const struct setting *s, enum value_type type, const void *data, size_t size, struct text *problem)
{
    text_add(problem, "found ");
    value_describe(type, data, size, problem);
    text_add(problem, "; allowed: %s, ", setting_type_name(s));
    setting_allowed(s, problem);
}

static bool apply_dword(uint32_t *field, const struct setting *s, const void *data)
{
    uint32_t number = value_number(data);
    if (number < s->minimum || number > s->maximum)
        return false;
    *field = number;
    return true;
}

static bool mark_incomplete(struct config *c, struct text *problem)
{
    c->incomplete = true;
    text_add(problem, "not enough memory");
    return false;
}

/* Keeps the valid items of a list and reports the others. */
static bool apply_strings(struct config *c, struct strings *field, const struct setting *s, const char *items,
                          size_t length, struct text *problem)
{
    bool all = true;
    for (const char *item = items; item < items + length; item += strlen(item) + 1) {
        const char *fault = *item ? s->fault(item) : NULL;
        if (!*item || strings_have(field, item))
            continue;
        bool too_many = field->count == STRINGS_LIMIT;
        if (too_many)
            fault = "and the items after it are not used: a list has at most 5,000 items";
        if (fault) {
            text_add(problem, "%s\"", all ? "" : "; ");
            text_add_escaped(problem, item, strlen(item));
            text_add(problem, "\" %s", fault);
            all = false;
            if (too_many)
                break;
        } else if (!strings_add(field, item)) {
            return mark_incomplete(c, problem);
        }
    }
    if (!all) {
        text_add(problem, "; allowed: ");
        setting_allowed(s, problem);
    }
    return all;
}

static bool apply_text(struct config *c, void *field, const struct setting *s, const void *data, size_t size,
                       struct text *problem)
{
    size_t length;
    char *utf8 = utf8_copy(data, size, &length);
    if (!utf8)
        return mark_incomplete(c, problem);
    bool fine = false;
    if (s->type == SETTING_STRINGS) {
        fine = apply_strings(c, field, s, utf8, length, problem);
    } else if (s->type == SETTING_CHOICE) {
        fine = setting_word(s, utf8, field);
    } else if (!*utf8 || !s->fault(utf8)) {
        *(char **)field = utf8;
        return true;
    }
    free(utf8);
    return fine;
}

bool config_apply(struct config *c, struct host_settings *host, const struct setting *s, enum origin origin,
                  enum value_type type, const void *data, size_t size, struct text *problem)
{
    void *field = field_of(c, host, s);
    size_t before = problem->length;
    bool readable = type == setting_stored_type(s) && size <= VALUE_SIZE_LIMIT;
    bool fine = false;
    reset(c, host, s);
    if (readable) {
        if (s->type != SETTING_DWORD)
            fine = apply_text(c, field, s, data, size, problem);
        else if (size == 4)
            fine = apply_dword(field, s, data);
    }
    if (fine || (readable && s->type == SETTING_STRINGS))
        set_origin(c, host, s, origin);
    if (!fine && problem->length == before)
        refuse(s, type, data, size, problem);
    return fine;
}

const struct strings *config_strings(const struct config *c, const struct host_settings *host, const struct setting *s)
{
    const void *field = (const char *)(host ? (const void *)host : (const void *)&c->service) + s->offset;
    return s->type == SETTING_STRINGS ? field : NULL;
}

/* Returns the separator for a list: items that contain spaces, such as crontab lines, need more than one space. */
static const char *between(const struct strings *strings)
{
    for (size_t i = 0; i < strings->count; i++)
        if (strchr(strings->items[i], ' '))
            return "; ";
    return " ";
}

void config_show(const struct config *c, const struct host_settings *host, const struct setting *s, struct text *out)
{
    const void *field = (const char *)(host ? (const void *)host : (const void *)&c->service) + s->offset;
    const struct strings *strings = field;
    switch (s->type) {
    case SETTING_DWORD:
        if (*(const uint32_t *)field >= s->minimum) /* below the minimum: not set, and without a fixed default */
            text_add(out, "%u", *(const uint32_t *)field);
        break;
    case SETTING_CHOICE:
        text_add(out, "%s", s->word(*(const uint32_t *)field));
        break;
    case SETTING_STRING:
    case SETTING_EXPAND:
        text_add(out, "%s", *(char *const *)field ? *(char *const *)field : "");
        break;
    case SETTING_STRINGS:
        for (size_t i = 0; i < strings->count; i++)
            text_add(out, "%s%s", i ? between(strings) : "", strings->items[i]);
        break;
    }
}
