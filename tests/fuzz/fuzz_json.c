/* Any document: refused, or read; then what is written of it reads back the same. And any string can be written. */
#include "json.h"
#include "utf.h"

#include "fuzz.h"
#include "text.h"

static void check_instant(const struct json_value *v)
{
    int64_t instant = json_instant(v);
    if (instant == 0)
        return;
    struct json j;
    json_begin(&j);
    json_time(&j, NULL, instant);
    MUST(j.out.length == strlen(v->string) + 2 && memcmp(j.out.data + 1, v->string, j.out.length - 2) == 0);
    json_free(&j);
}

static void write_tree(struct json *j, const struct json_value *v)
{
    check_instant(v);
    switch (v->kind) {
    case JSON_NULL:
        json_null(j, v->key);
        return;
    case JSON_BOOL:
        json_bool(j, v->key, v->boolean);
        return;
    case JSON_NUMBER:
        json_number(j, v->key, v->number);
        return;
    case JSON_STRING:
        json_string(j, v->key, v->string);
        return;
    case JSON_ARRAY:
        json_open_array(j, v->key);
        break;
    case JSON_OBJECT:
        json_open_object(j, v->key);
        break;
    }
    for (const struct json_value *child = v->first; child; child = child->next)
        write_tree(j, child);
    json_close(j, v->kind == JSON_ARRAY ? ']' : '}');
}

static void check_text(const char *a, const char *b)
{
    MUST(a ? b && strcmp(a, b) == 0 : !b);
}

static void check_same(const struct json_value *a, const struct json_value *b)
{
    for (; a && b; a = a->next, b = b->next) {
        MUST(a->kind == b->kind && a->boolean == b->boolean && a->number == b->number);
        check_text(a->string, b->string);
        check_text(a->key, b->key);
        check_same(a->first, b->first);
    }
    MUST(!a && !b);
}

static struct json_value *read_text(const void *text, size_t length)
{
    void *exact = exactly(text, length);
    struct json_value *v = json_read(exact, length);
    free(exact);
    return v;
}

/* Octet for octet, but U+FFFD for each that is not UTF-8. */
static bool shows(const char *written, const char *string)
{
    size_t left = strlen(string);
    while (left > 0) {
        size_t length = utf8_length(string, left);
        const char *expected = length ? string : "\xEF\xBF\xBD";
        size_t count = length ? length : 3;
        if (strncmp(written, expected, count) != 0)
            return false;
        written += count;
        string += length ? length : 1;
        left -= length ? length : 1;
    }
    return !*written;
}

/* `string` ends in a NUL. */
static void write_string(const char *string)
{
    struct json j;
    json_begin(&j);
    json_string(&j, NULL, string);
    struct json_value *v = read_text(j.out.data, j.out.length);
    MUST(v && v->kind == JSON_STRING && shows(v->string, string));
    json_value_free(v);
    json_free(&j);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct json j;
    struct json_value *first = read_text(data, size);
    if (first) {
        json_begin(&j);
        write_tree(&j, first);
        struct json_value *second = read_text(j.out.data, j.out.length);
        MUST(second);
        check_same(first, second);
        json_value_free(first);
        json_value_free(second);
        json_free(&j);
    }

    char *string = malloc(size + 1);
    MUST(string);
    memcpy(string, data, size);
    string[size] = '\0';
    write_string(string);
    free(string);
    return 0;
}
