#include "result_json.h"

static const char *word_of(const struct result *result)
{
    return outcome_name(result->outcome);
}

static const char *text_of(const struct result *result)
{
    return result->text;
}

static const char *channel_of(const struct result *result)
{
    return channel_name(result->channel);
}

static const char *channel_meaning_of(const struct result *result)
{
    return channel_meaning(result->channel);
}

static const struct {
    const char *key;
    const char *(*string)(const struct result *result); /* NULL for the reply code */
} members[] = {
    {"outcome", word_of},
    {"code", NULL},
    {"text", text_of},
    {"meaning", outcome_meaning},
    {"advice", outcome_advice},
    {"channel", channel_of},
    {"channel_meaning", channel_meaning_of},
};

enum { MEMBER_COUNT = sizeof members / sizeof members[0] };

void result_write(struct json *j, const struct result *result)
{
    for (size_t i = 0; i < MEMBER_COUNT; i++)
        if (members[i].string)
            json_string(j, members[i].key, members[i].string(result));
        else if (result->code)
            json_number(j, members[i].key, result->code);
        else
            json_null(j, members[i].key);
}

void result_copy(struct json *j, const struct json_value *object)
{
    for (size_t i = 0; i < MEMBER_COUNT; i++)
        json_copy(j, members[i].key, json_member(object, members[i].key));
}
