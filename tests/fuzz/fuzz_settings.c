/* Registry values as they may be found: the row of the table, the type, the value's octets. What is taken can be shown,
 * and what is shown can be typed in again and is the same. */
#include "config.h"

#include "fuzz.h"

enum { ROOM = 1 << 16 };

static char problem[400], shown[ROOM], again[ROOM];

static void show(const struct config *c, const struct host_settings *host, const struct setting *s, char *buffer)
{
    struct text t;
    text_begin(&t, buffer, ROOM);
    config_show(c, host, s, &t);
    MUST(!t.cut);
}

static const struct strings *list_of(const struct host_settings *host, const struct setting *s)
{
    return (const void *)((const char *)host + s->offset);
}

/* What is shown, as words from a person. */
static bool encode(const struct host_settings *host, const struct setting *s, struct value *value, struct text *t)
{
    const char *const one[] = {shown};
    if (s->type != SETTING_STRINGS)
        return setting_encode(s, one, 1, value, t);
    const struct strings *list = list_of(host, s);
    return setting_encode(s, (const char *const *)list->items, list->count, value, t);
}

static void type_in(struct config *c, struct host_settings *host, const struct setting *s)
{
    struct text t;
    struct value value;
    text_begin(&t, problem, sizeof problem);
    MUST(encode(host, s, &value, &t) && !*problem);
    MUST(config_apply(c, host, s, ORIGIN_POLICY, value.type, value.data, value.size, &t) && !*problem);
    free(value.data);
    show(c, host, s, again);
    MUST(strcmp(shown, again) == 0);
}

static void check_list(const struct host_settings *host, const struct setting *s)
{
    const struct strings *list = list_of(host, s);
    for (size_t i = 0; i < list->count; i++)
        MUST(!s->fault(list->items[i]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    const struct setting *s = &settings[data[0] % settings_count];
    enum value_type type = (enum value_type)(data[1] % 13);
    void *value = exactly(data + 2, size - 2);
    struct config c;
    struct text t;
    config_init(&c);
    struct host_settings *host = config_add_host(&c, "mx.example");
    MUST(host);
    if (s->scope == SCOPE_SERVICE)
        host = NULL;
    show(&c, host, s, again);
    text_begin(&t, problem, sizeof problem);
    bool fine = config_apply(&c, host, s, ORIGIN_PARAMETERS, type, value, size - 2, &t);
    MUST(fine == !*problem);
    for (const char *at = problem; *at; at++)
        MUST((unsigned char)*at >= 0x20 && *at != 0x7F);
    show(&c, host, s, shown);
    const uint8_t *origins = host ? host->origin : c.service.origin;
    if (s->type == SETTING_STRINGS)
        check_list(host, s);
    else
        MUST(fine || strcmp(shown, again) == 0); /* the default */
    MUST(origins[setting_index(s)] == ORIGIN_PARAMETERS || (!fine && origins[setting_index(s)] == ORIGIN_DEFAULT));
    if (fine)
        type_in(&c, host, s);
    config_free(&c);
    free(value);
    return 0;
}
