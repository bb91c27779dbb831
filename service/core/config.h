/* config: the configuration in force: values as the registry stores them come in, one by one, and are a struct config.
 */
#ifndef ETRN_CONFIG_H
#define ETRN_CONFIG_H

#include "must_check.h"
#include "settings.h"

enum {
    VALUE_SIZE_LIMIT = 1 << 20, /* octets of one value; more is refused */
    STRINGS_LIMIT = 5000,       /* items of one list; what follows them is refused */
    BATCH_ALL = 1 << 30         /* nodes: more than any host has */
};

/* A configuration is filled once, by config_apply() and config_add_host(), and does not change afterwards: whoever
 * works by it holds it, with pointers into it, though another is in force by then. */
struct config {
    unsigned holders;
    struct service_settings service;
    struct host_settings *hosts; /* sorted by name, as text_compare orders */
    size_t host_count, host_room;
    bool incomplete; /* there was no memory for something that was read: not to be relied on */
};

/* A configuration of nothing but defaults, for its owner alone: to be freed by config_free(). */
void config_init(struct config *c);
void config_free(struct config *c);

/* The same from malloc, held by the caller; NULL when there is no memory. */
struct config *config_new(void);

/* One more holder, and one less: the last frees it. config_hold() returns its argument; NULL may be released. Not for
 * several threads. */
const struct config *config_hold(const struct config *c);
void config_release(const struct config *c);

/* Finds the host of that key name, or adds one of nothing but defaults; NULL when there is no memory. Pointers to hosts
 * are good until the next one is added. */
MUST_CHECK struct host_settings *config_add_host(struct config *c, const char *name);
const struct host_settings *config_find_host(const struct config *c, const char *name);

/* The name or address to connect to first. */
const char *host_address(const struct host_settings *host);

/* The TCP port of the host itself: Port, or its method's own; 0 for a method without one. */
uint16_t host_port(const struct host_settings *host);

/* How many nodes to ask for at once, at most. */
size_t host_batch(const struct host_settings *host);

/* The `which`th server to ask: 0 is the host itself, 1 and up its Fallback, which have the method's own port where none
 * is given; the host itself when there is no such Fallback. */
void host_server(const struct host_settings *host, size_t which, char *address, size_t size, uint16_t *port);

/* Takes one value as found in the registry (`data` of `size` octets; strings UTF-16LE, their last NULs may be missing).
 * `host` is NULL for the service's own. Returns false when it is not allowed or there is no memory: the field is then
 * its default, a list what of it is allowed, and `problem` says what was found and what is allowed. Without memory
 * `c->incomplete` is set. */
MUST_CHECK bool config_apply(struct config *c, struct host_settings *host, const struct setting *s, enum origin origin,
                             enum value_type type, const void *data, size_t size, struct text *problem);

/* What a configuration holds of this setting, as a person writes it; several strings are separated by spaces, or by
 * semicolons where they hold spaces. */
void config_show(const struct config *c, const struct host_settings *host, const struct setting *s, struct text *out);

/* The strings of a SETTING_STRINGS; NULL for other types. */
const struct strings *config_strings(const struct config *c, const struct host_settings *host, const struct setting *s);

#endif
