#define _DEFAULT_SOURCE /* gmtime_r, strdup */
#include "json.h"
#include "random.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define BYTES(literal) literal, sizeof literal - 1
#define FFFD "\xEF\xBF\xBD"

/* ---- writing ---- */

static void check_written(struct json *j, const char *expected)
{
    assert_false(j->out.failed);
    assert_non_null(j->out.data);
    assert_string_equal(j->out.data, expected);
    assert_int_equal(j->out.length, strlen(expected));
    assert_int_equal(j->depth, 0);
    json_free(j);
    assert_null(j->out.data);
}

static void a_document_is_written_one_member_a_line(void **state)
{
    (void)state;
    struct json j;
    json_begin(&j);
    json_open_object(&j, NULL);
    json_string(&j, "name", "mx.example");
    json_string(&j, "none", NULL);
    json_number(&j, "number", -7);
    json_bool(&j, "yes", true);
    json_bool(&j, "no", false);
    json_null(&j, "null");
    json_open_array(&j, "empty");
    json_close(&j, ']');
    json_open_object(&j, "hollow");
    json_close(&j, '}');
    json_open_array(&j, "list");
    json_number(&j, NULL, 1);
    json_open_array(&j, NULL);
    json_string(&j, NULL, "deep");
    json_close(&j, ']');
    json_open_object(&j, NULL);
    json_null(&j, "k");
    json_close(&j, '}');
    json_close(&j, ']');
    json_number(&j, "last", 0);
    json_close(&j, '}');
    check_written(&j, "{\n"
                      "  \"name\": \"mx.example\",\n"
                      "  \"none\": null,\n"
                      "  \"number\": -7,\n"
                      "  \"yes\": true,\n"
                      "  \"no\": false,\n"
                      "  \"null\": null,\n"
                      "  \"empty\": [],\n"
                      "  \"hollow\": {},\n"
                      "  \"list\": [\n"
                      "    1,\n"
                      "    [\n"
                      "      \"deep\"\n"
                      "    ],\n"
                      "    {\n"
                      "      \"k\": null\n"
                      "    }\n"
                      "  ],\n"
                      "  \"last\": 0\n"
                      "}\n");
}

static void what_is_empty_takes_one_line(void **state)
{
    (void)state;
    struct json j;
    json_begin(&j);
    json_open_object(&j, NULL);
    json_close(&j, '}');
    check_written(&j, "{}\n");
    json_begin(&j);
    json_open_array(&j, NULL);
    json_close(&j, ']');
    check_written(&j, "[]\n");
}

/* Octets that are not UTF-8 become U+FFFD, controls are escaped: the document is always valid. */
static void strings_are_escaped(void **state)
{
    (void)state;
    static const struct {
        const char *value, *written;
    } rows[] = {
        {"", ""},
        {"a/b'", "a/b'"},
        {"\"\\", "\\\"\\\\"},
        {"\t\r\n", "\\u0009\\u000d\\n"},
        {"\x01\x1f\x7f", "\\u0001\\u001f\\u007f"},
        {"\x1b[2J", "\\u001b[2J"},
        {"\xc3\xbc\xe2\x82\xac\xf0\x9f\x93\xa7", "\xc3\xbc\xe2\x82\xac\xf0\x9f\x93\xa7"},
        {"\xff", FFFD},
        {"a\xc3", "a" FFFD},
        {"\xc3\"", FFFD "\\\""},
        {"\xe2\x82", FFFD FFFD},
        {"\xed\xa0\x80z", FFFD FFFD FFFD "z"},
        {"\xc0\xaf", FFFD FFFD},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char expected[100];
        struct json j;
        json_begin(&j);
        json_open_object(&j, NULL);
        json_string(&j, rows[i].value, rows[i].value); /* as a key too */
        json_close(&j, '}');
        snprintf(expected, sizeof expected, "{\n  \"%s\": \"%s\"\n}\n", rows[i].written, rows[i].written);
        check_written(&j, expected);
    }
}

static void numbers_are_written_in_full(void **state)
{
    (void)state;
    struct json j;
    json_begin(&j);
    json_open_array(&j, NULL);
    json_number(&j, NULL, INT64_MAX);
    json_number(&j, NULL, INT64_MIN);
    json_close(&j, ']');
    check_written(&j, "[\n  9223372036854775807,\n  -9223372036854775808\n]\n");
}

static void indentation_stops_at_sixteen(void **state)
{
    (void)state;
    struct json j;
    json_begin(&j);
    for (int i = 0; i < 20; i++)
        json_open_array(&j, NULL);
    json_null(&j, NULL);
    for (int i = 0; i < 20; i++)
        json_close(&j, ']');
    const char *null = strstr(j.out.data, "null");
    assert_memory_equal(null - 33, "\n                                ", 33);
    json_free(&j);
}

/* ---- instants ---- */

/* The stamp that json_time() writes, or "null". */
static void stamp_of(int64_t utc_ms, char *stamp, size_t size)
{
    struct json j;
    json_begin(&j);
    json_open_array(&j, NULL);
    json_time(&j, NULL, utc_ms);
    json_close(&j, ']');
    struct json_value *document = json_read(j.out.data, j.out.length);
    assert_non_null(document);
    const struct json_value *value = document->first;
    snprintf(stamp, size, "%s", value->kind == JSON_NULL ? "null" : value->string);
    json_value_free(document);
    json_free(&j);
}

static int64_t instant_of(const char *stamp)
{
    char *copy = strdup(stamp);
    struct json_value value = {.kind = JSON_STRING, .string = copy};
    int64_t instant = json_instant(&value);
    free(copy);
    return instant;
}

static void check_instant(int64_t utc_ms)
{
    char stamp[60], expected[60], date[40];
    time_t seconds = utc_ms / 1000;
    struct tm tm;
    gmtime_r(&seconds, &tm);
    strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(expected, sizeof expected, "%s.%03dZ", date, (int)(utc_ms % 1000));
    stamp_of(utc_ms, stamp, sizeof stamp);
    CHECK_TEXT("an instant", stamp, expected);
    CHECK(instant_of(stamp) == utc_ms, "%s was read as %lld", stamp, (long long)instant_of(stamp));
}

/* From 1970 to 2200: each day's first and last millisecond, and a hundred thousand at random. */
static void instants_are_written_as_gmtime_has_them_and_read_back(void **state)
{
    (void)state;
    const int64_t day = 86400000;
    const int64_t end = 84006 * day; /* 2200-01-01 */
    for (int64_t at = day; at <= end; at += day) {
        check_instant(at);
        check_instant(at - 1);
    }
    check_instant(1);
    struct random r = random_begin();
    for (int i = 0; i < 100000; i++)
        check_instant(1 + (int64_t)random_below(&r, (uint64_t)end));
}

static void no_instant_is_null(void **state)
{
    (void)state;
    char stamp[60];
    stamp_of(0, stamp, sizeof stamp);
    assert_string_equal(stamp, "null");
    stamp_of(-1, stamp, sizeof stamp);
    assert_string_equal(stamp, "null");
}

static void what_is_no_instant_reads_as_zero(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        "null",
        "2026-11-21",
        "2026-11-21T18:20:01Z",
        "2026-11-21T18:20:01.123",
        "2026-11-21T18:20:01.123z",
        "2026-11-21T18:20:01.123Z ",
        "2026-11-21T18:20:01.123ZZ",
        " 2026-11-21T18:20:01.123Z",
        "2026-11-21T18:20:01.1234Z",
        "2026-11-21T18:20:01.12Z",
        "2026-11-21 18:20:01.123Z",
        "+026-11-21T18:20:01.123Z",
        "-026-11-21T18:20:01.123Z",
        "2026- 1-21T18:20:01.123Z",
        "2026--1-21T18:20:01.123Z",
        "2026-1-21T18:20:01.123Z",
        "2026-00-21T18:20:01.123Z",
        "2026-13-21T18:20:01.123Z",
        "2026-11-00T18:20:01.123Z",
        "2026-11-31T18:20:01.123Z",
        "2026-02-29T18:20:01.123Z",
        "2100-02-29T18:20:01.123Z",
        "2026-11-21T24:20:01.123Z",
        "2026-11-21T18:60:01.123Z",
        "2026-11-21T18:20:60.123Z",
        "1970-01-01T00:00:00.000Z",
        "1969-12-31T23:59:59.999Z",
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        CHECK(instant_of(rows[i]) == 0, "\"%s\" was read as %lld", rows[i], (long long)instant_of(rows[i]));
    struct json_value number = {.kind = JSON_NUMBER, .number = 5};
    assert_int_equal(json_instant(&number), 0);
    assert_int_equal(instant_of("2024-02-29T00:00:00.000Z"), 1709164800000);
    assert_int_equal(instant_of("9999-12-31T23:59:59.999Z"), 253402300799999);
}

/* ---- reading ---- */

/* From memory of exactly its size, so that the sanitizer sees a look behind its end. */
static struct json_value *read_exactly(const char *text, size_t length)
{
    char *exact = malloc(length ? length : 1);
    memcpy(exact, text, length);
    struct json_value *value = json_read(exact, length);
    free(exact);
    return value;
}

static void show_string(const char *s, char *out, size_t size)
{
    snprintf(out + strlen(out), size - strlen(out), "%s", s);
}

/* On one line, without blanks and escapes: {k:[1,"s",true,null]}. */
static void show(const struct json_value *v, char *out, size_t size)
{
    char number[30];
    switch (v->kind) {
    case JSON_NULL:
        show_string("null", out, size);
        break;
    case JSON_BOOL:
        show_string(v->boolean ? "true" : "false", out, size);
        break;
    case JSON_NUMBER:
        snprintf(number, sizeof number, "%lld", (long long)v->number);
        show_string(number, out, size);
        break;
    case JSON_STRING:
        show_string("\"", out, size);
        show_string(v->string, out, size);
        show_string("\"", out, size);
        break;
    case JSON_ARRAY:
    case JSON_OBJECT:
        show_string(v->kind == JSON_ARRAY ? "[" : "{", out, size);
        for (const struct json_value *child = v->first; child; child = child->next) {
            if (child != v->first)
                show_string(",", out, size);
            assert_int_equal(child->key != NULL, v->kind == JSON_OBJECT);
            if (child->key) {
                show_string(child->key, out, size);
                show_string(":", out, size);
            }
            show(child, out, size);
        }
        show_string(v->kind == JSON_ARRAY ? "]" : "}", out, size);
        break;
    }
    assert_int_equal(v->string != NULL, v->kind == JSON_STRING);
    assert_true(!v->first || v->kind == JSON_ARRAY || v->kind == JSON_OBJECT);
}

static void documents_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *document, *shown;
    } rows[] = {
        {"null", "null"},
        {"true", "true"},
        {"false", "false"},
        {" \t\r\n0 \t\r\n", "0"},
        {"-0", "0"},
        {"42", "42"},
        {"-42", "-42"},
        {"9223372036854775807", "9223372036854775807"},
        {"-9223372036854775807", "-9223372036854775807"},
        {"-9223372036854775808", "-9223372036854775808"},
        {"3.99", "3"},
        {"-3.99", "-3"},
        {"0.000", "0"},
        {"\"\"", "\"\""},
        {"\"a b\"", "\"a b\""},
        {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\"\\/\b\f\n\r\t\""},
        {"\"\\u0041\\u00fc\\u20AC\\uFFFD\"", "\"A\xc3\xbc\xe2\x82\xac\xef\xbf\xbd\""},
        {"\"\\ud83d\\udce7\"", "\"\xf0\x9f\x93\xa7\""},
        {"\"\\uDBFF\\uDFFF\\uD800\\uDC00\"", "\"\xf4\x8f\xbf\xbf\xf0\x90\x80\x80\""},
        {"\"\\u007f\\u0080\\u07ff\\u0800\\ud7ff\\ue000\\uffff\"",
         "\"\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf\""},
        {"\"\xc3\xbc\xf0\x9f\x93\xa7\x7f\"", "\"\xc3\xbc\xf0\x9f\x93\xa7\x7f\""},
        {"[]", "[]"},
        {"{}", "{}"},
        {"[ ]", "[]"},
        {"{ }", "{}"},
        {"[1,2 , 3]", "[1,2,3]"},
        {"[[],{},[[]]]", "[[],{},[[]]]"},
        {"{\"a\":1}", "{a:1}"},
        {" { \"a\" : 1 , \"b\" : [ true , null ] } ", "{a:1,b:[true,null]}"},
        {"{\"\":false}", "{:false}"},
        {"{\"\\u0061\\\"\":\"x\"}", "{a\":\"x\"}"},
        {"{\"a\":1,\"a\":2}", "{a:1,a:2}"},
        {"[[[[[[[[[[[[[[[[0]]]]]]]]]]]]]]]]", "[[[[[[[[[[[[[[[[0]]]]]]]]]]]]]]]]"},
        {"[[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[]]",
         "[[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[]]"}, /* wide is not deep */
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char shown[200] = "";
        struct json_value *value = read_exactly(rows[i].document, strlen(rows[i].document));
        CHECK(value, "%s", rows[i].document);
        assert_null(value->key);
        assert_null(value->next);
        show(value, shown, sizeof shown);
        CHECK_TEXT(rows[i].document, shown, rows[i].shown);
        json_value_free(value);
    }
}

static void what_is_not_json_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *document;
        size_t length;
    } rows[] = {
        {BYTES("")},
        {BYTES(" ")},
        {BYTES("\0")},
        {BYTES("nul")},
        {BYTES("nulll")},
        {BYTES("Null")},
        {BYTES("True")},
        {BYTES("'a'")},
        {BYTES("1 2")},
        {BYTES("1,")},
        {BYTES("{} {}")},
        {BYTES("{}\0")},
        {BYTES("\v1")},
        {BYTES("-")},
        {BYTES("+1")},
        {BYTES("- 1")},
        {BYTES("01")},
        {BYTES("-01")},
        {BYTES(".5")},
        {BYTES("1.")},
        {BYTES("-1.")},
        {BYTES("1.x")},
        {BYTES("[1.]")},
        {BYTES("1e5")}, /* JSON, but not taken */
        {BYTES("0x1")},
        {BYTES("9223372036854775808")},
        {BYTES("-9223372036854775809")},
        {BYTES("99999999999999999999999999")},
        {BYTES("\"")},
        {BYTES("\"a")},
        {BYTES("\"a\\")},
        {BYTES("\"a\\\"")},
        {BYTES("\"\\x\"")},
        {BYTES("\"\\\0\"")},
        {BYTES("\"\\U0041\"")},
        {BYTES("\"\\u\"")},
        {BYTES("\"\\u004\"")},
        {BYTES("\"\\u004g\"")},
        {BYTES("\"\\u\x10\x10\x14\x11\"")},
        {BYTES("\"\\u 041\"")},
        {BYTES("\"\\u0000\"")}, /* no string here can hold it */
        {BYTES("\"\\ud83d\"")},
        {BYTES("\"\\ud83dx\"")},
        {BYTES("\"\\ud83d\\n\"")},
        {BYTES("\"\\ud83d\\u0041\"")},
        {BYTES("\"\\ud83d\\ud83d\"")},
        {BYTES("\"\\ud83d\\ue000\"")},
        {BYTES("\"\\udce7\"")},
        {BYTES("\"\\udfff\"")},
        {BYTES("\"a\nb\"")},
        {BYTES("\"a\tb\"")},
        {BYTES("\"a\0b\"")},
        {BYTES("\"\x1f\"")},
        {BYTES("\"\xff\"")},
        {BYTES("\"\xc3\"")},
        {BYTES("\"\xed\xa0\x80\"")},
        {BYTES("\"\\\xc3\xbc\"")},
        {BYTES("{\"\xff\":1}")},
        {BYTES("[")},
        {BYTES("[1")},
        {BYTES("[1,")},
        {BYTES("[1,]")},
        {BYTES("[,1]")},
        {BYTES("[1 2]")},
        {BYTES("[1}")},
        {BYTES("]")},
        {BYTES("{")},
        {BYTES("{]")},
        {BYTES("{1:2}")},
        {BYTES("{a:2}")},
        {BYTES("{\"a\"}")},
        {BYTES("{\"a\" 1}")},
        {BYTES("{\"a\":}")},
        {BYTES("{\"a\":1,}")},
        {BYTES("{\"a\":1 \"b\":2}")},
        {BYTES("{\"a\":1]")},
        {BYTES("[[[[[[[[[[[[[[[[[0]]]]]]]]]]]]]]]]]")},
        {BYTES("[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]")},
        {BYTES("{\"a\":[[[[[[[[[[[[[[[{}]]]]]]]]]]]]]]]}")},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct json_value *value = read_exactly(rows[i].document, rows[i].length);
        CHECK(!value, "row %zu: %s was taken", i, rows[i].document);
    }
}

static const char sample[] = "{\n"
                             "  \"schema\": 1,\n"
                             "  \"version\": \"0.1.0\",\n"
                             "  \"written\": \"2026-11-21T18:20:01.123Z\",\n"
                             "  \"enabled\": true, \"paused\": false, \"next\": null,\n"
                             "  \"text\": \"\\u00fc \\ud83d\\udce7 \xe2\x82\xac \\\"\\\\\",\n"
                             "  \"number\": -12.50,\n"
                             "  \"hosts\": [{\"nodes\": [[], {}, \"a\", 7]}]\n"
                             "}";

static void a_document_cut_anywhere_is_refused(void **state)
{
    (void)state;
    struct json_value *whole = read_exactly(sample, strlen(sample));
    assert_non_null(whole);
    json_value_free(whole);
    for (size_t length = 0; length < strlen(sample); length++) {
        struct json_value *value = read_exactly(sample, length);
        CHECK(!value, "cut at octet %zu", length);
    }
}

/* Whatever becomes of it, it is read to its end or refused. */
static void a_document_with_any_octet_changed_does_no_harm(void **state)
{
    (void)state;
    char document[sizeof sample];
    for (size_t i = 0; i < sizeof sample - 1; i++)
        for (int octet = 0; octet < 256; octet++) {
            memcpy(document, sample, sizeof sample);
            document[i] = (char)octet;
            json_value_free(read_exactly(document, sizeof sample - 1));
        }
}

static void a_very_deep_document_is_refused_early(void **state)
{
    (void)state;
    enum { LENGTH = 1000000 };
    char *document = malloc(LENGTH);
    memset(document, '[', LENGTH);
    assert_null(json_read(document, LENGTH));
    free(document);
}

static void members_are_found_by_their_key(void **state)
{
    (void)state;
    struct json_value *v = read_exactly(BYTES("{\"a\":{\"b\":7},\"c\":1,\"c\":2,\"A\":3,\"list\":[4]}"));
    assert_int_equal(json_member(json_member(v, "a"), "b")->number, 7);
    assert_int_equal(json_member(v, "c")->number, 1); /* of two, the first */
    assert_int_equal(json_member(v, "A")->number, 3);
    assert_int_equal(json_member(v, "d")->kind, JSON_NULL);
    assert_int_equal(json_member(json_member(json_member(v, "d"), "e"), "f")->kind, JSON_NULL);
    assert_int_equal(json_member(json_member(v, "list"), "x")->kind, JSON_NULL);
    assert_int_equal(json_member(json_member(v, "c"), "x")->kind, JSON_NULL);
    assert_int_equal(json_instant(json_member(v, "d")), 0);
    json_value_free(v);
    json_value_free(NULL);
}

/* ---- there and back ---- */

static struct json_value *random_tree(struct random *r, unsigned depth)
{
    char string[200];
    struct json_value *v = calloc(1, sizeof *v);
    v->kind = (enum json_kind)random_below(r, depth < JSON_DEPTH_LIMIT ? 6 : 4);
    switch (v->kind) {
    case JSON_NULL:
        break;
    case JSON_BOOL:
        v->boolean = random_below(r, 2);
        break;
    case JSON_NUMBER:
        v->number = (int64_t)(random_next(r) >> random_below(r, 64));
        v->number = random_below(r, 2) ? v->number : ~v->number;
        break;
    case JSON_STRING:
        random_string(r, "ab \"\\/\t\r\n\x1b\x7f", 40, string);
        v->string = strdup(string);
        break;
    case JSON_ARRAY:
    case JSON_OBJECT:
        for (struct json_value **next = &v->first; random_below(r, 4); next = &(*next)->next) {
            *next = random_tree(r, depth + 1);
            random_string(r, "ab \"\\:{", 8, string);
            (*next)->key = v->kind == JSON_OBJECT ? strdup(string) : NULL;
        }
        break;
    }
    return v;
}

static void write_tree(struct json *j, const struct json_value *v)
{
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

static bool same_text(const char *a, const char *b)
{
    return (!a && !b) || (a && b && strcmp(a, b) == 0);
}

static bool same_tree(const struct json_value *a, const struct json_value *b)
{
    for (; a && b; a = a->next, b = b->next)
        if (a->kind != b->kind || a->boolean != b->boolean || a->number != b->number ||
            !same_text(a->string, b->string) || !same_text(a->key, b->key) || !same_tree(a->first, b->first))
            return false;
    return !a && !b;
}

static void what_is_written_is_read_back_the_same(void **state)
{
    (void)state;
    struct random r = random_begin();
    for (unsigned round = 0; round < 20000; round++) {
        struct json j;
        struct json_value *before = random_tree(&r, 0);
        json_begin(&j);
        write_tree(&j, before);
        assert_false(j.out.failed);
        struct json_value *after = json_read(j.out.data, j.out.length);
        CHECK(after && same_tree(before, after), "tree %u:\n%s", round, j.out.data);
        json_free(&j);
        json_value_free(before);
        json_value_free(after);
    }
}

static void what_was_read_is_copied_completely(void **state)
{
    (void)state;
    static const char text[] =
        "{\n  \"a\": [\n    1,\n    \"two\",\n    {\n      \"b\": null\n    },\n    [],\n    true\n  ]\n}\n";
    struct json_value *read = json_read(text, strlen(text));
    struct json j;
    json_begin(&j);
    json_copy(&j, NULL, read);
    assert_string_equal(j.out.data, text);
    json_value_free(read);
    json_free(&j);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_document_is_written_one_member_a_line),
        cmocka_unit_test(what_is_empty_takes_one_line),
        cmocka_unit_test(strings_are_escaped),
        cmocka_unit_test(numbers_are_written_in_full),
        cmocka_unit_test(indentation_stops_at_sixteen),
        cmocka_unit_test(instants_are_written_as_gmtime_has_them_and_read_back),
        cmocka_unit_test(no_instant_is_null),
        cmocka_unit_test(what_is_no_instant_reads_as_zero),
        cmocka_unit_test(documents_are_read),
        cmocka_unit_test(what_is_not_json_is_refused),
        cmocka_unit_test(a_document_cut_anywhere_is_refused),
        cmocka_unit_test(a_document_with_any_octet_changed_does_no_harm),
        cmocka_unit_test(a_very_deep_document_is_refused_early),
        cmocka_unit_test(members_are_found_by_their_key),
        cmocka_unit_test(what_is_written_is_read_back_the_same),
        cmocka_unit_test(what_was_read_is_copied_completely),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
