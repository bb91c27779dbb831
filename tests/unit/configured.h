/* configured: a configuration of one host, and values that are applied to it as the registry would give them. */
#ifndef ETRN_CONFIGURED_H
#define ETRN_CONFIGURED_H

#include "config.h"
#include "unit.h"

#include <stdlib.h>

/* UTF-16LE as the registry has it, with its last NUL; this machine is little-endian, as every Windows is. */
#define U(literal) u##literal, sizeof u##literal
#define BYTES(literal) literal, sizeof literal - 1

struct fixture {
    struct config config;
    struct host_settings *host;
    struct text problem, shown;
    char problem_buffer[400], shown_buffer[400];
};

static inline void set_up(struct fixture *f)
{
    config_init(&f->config);
    f->host = config_add_host(&f->config, "mx.example");
    text_begin(&f->problem, f->problem_buffer, sizeof f->problem_buffer);
}

/* Applies one value as the registry would give it, from memory of exactly its size. */
static inline bool apply(struct fixture *f, enum setting_scope scope, const char *name, enum value_type type,
                         const void *data, size_t size)
{
    const struct setting *s = setting_find(scope, name);
    assert_non_null(s);
    void *exact = malloc(size ? size : 1);
    memcpy(exact, data, size);
    text_begin(&f->problem, f->problem_buffer, sizeof f->problem_buffer);
    struct host_settings *host = scope == SCOPE_HOST ? f->host : NULL;
    bool fine = config_apply(&f->config, host, s, ORIGIN_PARAMETERS, type, exact, size, &f->problem);
    free(exact);
    return fine;
}

static inline const char *show(struct fixture *f, enum setting_scope scope, const char *name)
{
    text_begin(&f->shown, f->shown_buffer, sizeof f->shown_buffer);
    const struct host_settings *host = scope == SCOPE_HOST ? f->host : NULL;
    config_show(&f->config, host, setting_find(scope, name), &f->shown);
    return f->shown_buffer;
}

static inline enum origin origin_of(struct fixture *f, enum setting_scope scope, const char *name)
{
    size_t index = setting_index(setting_find(scope, name));
    return scope == SCOPE_HOST ? f->host->origin[index] : f->config.service.origin[index];
}

#endif
