/* settings: ONE table of every registry value: its name, type, range, default and help. Validation, help texts and the
 * tool's commands come out of it. Values arrive as the registry stores them and leave as a struct config. */
#ifndef ETRN_SETTINGS_H
#define ETRN_SETTINGS_H

#include "text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The registry's value types (winnt.h REG_*). */
enum value_type {
    VALUE_NONE = 0,
    VALUE_SZ = 1,
    VALUE_EXPAND_SZ = 2,
    VALUE_BINARY = 3,
    VALUE_DWORD = 4,
    VALUE_MULTI_SZ = 7,
    VALUE_QWORD = 11
};

enum tls_mode { TLS_NONE, TLS_MAY, TLS_REQUIRE, TLS_IMPLICIT };

/* How a host is asked. */
enum method { METHOD_ETRN, METHOD_FINGER, METHOD_PROGRAM };

/* Where a value of the configuration comes from. A later one wins. */
enum origin { ORIGIN_DEFAULT, ORIGIN_PARAMETERS, ORIGIN_POLICY };

enum {
    VALUE_SIZE_LIMIT = 1 << 20, /* octets of one value; more is refused */
    SETTING_COUNT_LIMIT = 24,   /* rows of one scope */
    STRINGS_LIMIT = 5000        /* items of one list; what is behind them is refused */
};

struct strings {
    char **items; /* each from malloc, as the array */
    size_t count;
};

/* The fields are named as the table's rows. */
struct service_settings {
    uint32_t always_use_etrn, interval_minutes, run_at_start, retry_seconds, minimum_gap_seconds, max_connections;
    uint32_t timeout_seconds, connect_timeout_seconds, session_timeout_seconds;
    uint32_t run_on_network_change, local_port, protocol_log;
    struct strings schedule;
    uint8_t origin[SETTING_COUNT_LIMIT]; /* enum origin of each row */
};

struct host_settings {
    char *name; /* of the host's key */
    char *host; /* "" in the registry: the key's name */
    uint32_t port, enabled, tls, force_etrn, etrns_per_connection, connections_per_host;
    uint32_t interval_minutes; /* 0: the service's */
    struct strings domains, fallback, schedule;
    uint32_t method, wake_seconds, wake_required, hold_seconds;
    char *wake_host, *program, *run_service; /* "": none */
    char *helo_name;                         /* "": this computer's */
    char *tls_fingerprint;                   /* "": chain and name are verified instead */
    char *user;                              /* "": no AUTH */
    uint32_t auth_in_clear;
    uint8_t origin[SETTING_COUNT_LIMIT];
};

struct config {
    struct service_settings service;
    struct host_settings *hosts; /* sorted by name, as text_compare orders */
    size_t host_count, host_room;
    bool incomplete; /* there was no memory for something that was read: not to be relied on */
};

enum setting_scope { SCOPE_SERVICE, SCOPE_HOST };

enum setting_type {
    SETTING_DWORD,
    SETTING_CHOICE, /* REG_SZ, one of a few words; stored as its number */
    SETTING_STRING,
    SETTING_EXPAND, /* REG_EXPAND_SZ, or REG_SZ: a string in which %names% are replaced */
    SETTING_STRINGS /* REG_MULTI_SZ */
};

struct setting {
    const char *name;
    enum setting_scope scope;
    enum setting_type type;
    uint32_t minimum, maximum;              /* of a DWORD; maximum of a CHOICE is its last word */
    uint32_t initial;                       /* default of a DWORD or CHOICE; strings default to empty */
    const char *unit;                       /* "minutes", "" */
    const char *const *words;               /* of a CHOICE */
    const char *(*fault)(const char *item); /* what is wrong with one string, NULL when it is fine */
    const char *expected;                   /* of strings, for a person */
    bool verbatim;                          /* of strings: no domain names, whose letters outside ASCII are encoded */
    const char *help;
    size_t offset; /* of the field */
};

/* A value as the registry stores it. */
struct value {
    enum value_type type;
    unsigned char *data; /* from malloc */
    size_t size;         /* octets */
};

/* The table. The rows of one scope stand together, in the order in which they are shown. */
extern const struct setting settings[];
extern const size_t settings_count;

/* The row of that name, or NULL. Names compare without case, as in the registry. */
const struct setting *setting_find(enum setting_scope scope, const char *name);

/* Its place among the rows of its scope: the index into `origin`. */
size_t setting_index(const struct setting *s);

/* The registry type it is stored as: "REG_DWORD". */
const char *setting_type_name(const struct setting *s);

/* Its default, as a person writes it; "" when there is none. */
void setting_default(const struct setting *s, struct text *out);

/* "0 to 3600 seconds", "one of none, may, require, implicit": what is allowed. */
void setting_allowed(const struct setting *s, struct text *out);

/* A value as found, in a few words: REG_DWORD 2; REG_SZ "1"; REG_DWORD of 8 octets. */
void value_describe(enum value_type type, const void *value, size_t size, struct text *out);

/* A configuration of nothing but defaults. */
void config_init(struct config *c);
void config_free(struct config *c);

/* Finds the host of that key name, or adds one of nothing but defaults; NULL when there is no memory. Pointers to hosts
 * are good until the next one is added. */
struct host_settings *config_add_host(struct config *c, const char *name);
const struct host_settings *config_find_host(const struct config *c, const char *name);

/* The name or address to connect to first. */
const char *host_address(const struct host_settings *host);

/* The `which`th server to ask: 0 is the host itself, those behind it its Fallback; the host itself when there are not
 * so many. */
void host_server(const struct host_settings *host, size_t which, char *address, size_t size, uint16_t *port);

/* Takes one value as found in the registry (`data` of `size` octets; strings UTF-16LE, their last NULs may be missing).
 * `host` is NULL for the service's own. Returns false when it is not allowed or there is no memory: the field is then
 * its default, a list what of it is allowed, and `problem` says what was found and what is allowed. Without memory
 * `c->incomplete` is set. */
bool config_apply(struct config *c, struct host_settings *host, const struct setting *s, enum origin origin,
                  enum value_type type, const void *data, size_t size, struct text *problem);

/* What a configuration holds of this setting, as a person writes it; several strings are separated by spaces, or by
 * semicolons where they hold spaces. */
void config_show(const struct config *c, const struct host_settings *host, const struct setting *s, struct text *out);

/* The strings of a SETTING_STRINGS; NULL for other types. */
const struct strings *config_strings(const struct config *c, const struct host_settings *host, const struct setting *s);

/* Turns words from a person ("30", "require", "a.example b.example") into a value that config_apply() accepts. False
 * when they are not allowed or there is no memory; `problem` then says so. The caller frees value->data. */
bool setting_encode(const struct setting *s, const char *const *words, size_t count, struct value *value,
                    struct text *problem);

#endif
