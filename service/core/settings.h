/* settings: ONE table of every registry value: its name, type, range, default and help. Validation, help texts and the
 * tool's commands come out of it. */
#ifndef ETRN_SETTINGS_H
#define ETRN_SETTINGS_H

#include "method.h"
#include "must_check.h"
#include "value.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum tls_mode { TLS_NONE, TLS_MAY, TLS_REQUIRE, TLS_IMPLICIT };

/* Where a value of the configuration comes from. A later one wins. */
enum origin { ORIGIN_DEFAULT, ORIGIN_PARAMETERS, ORIGIN_POLICY };

/* "default", "Parameters", "policy": its name in what programs read; and as a sentence has it: "Group Policy". */
const char *origin_name(enum origin origin);
const char *origin_title(enum origin origin);

enum { SETTING_COUNT_LIMIT = 32 }; /* rows of one scope */

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
    char *local_address;                     /* "": as Windows chooses */
    char *tls_fingerprint;                   /* "": chain and name are verified instead */
    char *user;                              /* "": no AUTH */
    uint32_t auth_in_clear;
    uint8_t origin[SETTING_COUNT_LIMIT];
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
    const char *(*word)(uint32_t number);   /* of a CHOICE */
    const char *(*fault)(const char *item); /* what is wrong with one string, NULL when it is fine */
    const char *expected;                   /* of strings, for a person */
    bool verbatim;                          /* of strings: no domain names, whose letters outside ASCII are encoded */
    const char *help;
    size_t offset; /* of the field */
};

/* The table. The rows of one scope stand together, in the order in which they are shown. */
extern const struct setting settings[];
extern const size_t settings_count;

/* The row of that name, or NULL. Names compare without case, as in the registry. */
const struct setting *setting_find(enum setting_scope scope, const char *name);

/* Its place among the rows of its scope: the index into `origin`. */
size_t setting_index(const struct setting *s);

/* The registry type it is stored as, and its name: "REG_DWORD". */
enum value_type setting_stored_type(const struct setting *s);
const char *setting_type_name(const struct setting *s);

/* Its default, as a person writes it; "" when there is none. */
void setting_default(const struct setting *s, struct text *out);

/* "0 to 3600 seconds", "one of none, may, require, implicit": what is allowed. */
void setting_allowed(const struct setting *s, struct text *out);

/* The number of a word of a SETTING_CHOICE, without case. False when it is none of them. */
MUST_CHECK bool setting_word(const struct setting *s, const char *word, uint32_t *number);

/* Turns words from a person ("30", "require", "a.example b.example") into a value that config_apply() accepts. False
 * when they are not allowed or there is no memory; `problem` then says so. The caller frees value->data. */
MUST_CHECK bool setting_encode(const struct setting *s, const char *const *words, size_t count, struct value *value,
                               struct text *problem);

#endif
