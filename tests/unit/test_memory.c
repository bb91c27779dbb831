/* What happens when there is no memory: each scenario is played again and again, and in the n-th round the n-th
 * allocation fails, alone or with all that follow. It must be told, nothing may leak (the sanitizer looks), and the
 * next round must be as if nothing had been. */
#include "buffer.h"
#include "regfile_write.h"
#include "snapshot.h"
#include "utf.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <uchar.h>

#define U(literal) u##literal, sizeof u##literal
#define BYTES(literal) literal, sizeof literal - 1

/* ---- memory that runs out; the linker's --wrap leads here ---- */

static struct {
    bool armed, lasting;
    unsigned left; /* allocations until the one that fails */
    bool failed;
} shortage;

static bool fails(void)
{
    if (!shortage.armed || (shortage.failed && !shortage.lasting))
        return false;
    if (!shortage.failed && --shortage.left > 0)
        return false;
    shortage.failed = true;
    return true;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *block, size_t size)
{
    return fails() ? NULL : __real_realloc(block, size);
}

/* A scenario checks its result, and returns whether it was told of no failure. */
typedef bool scenario(void);

/* Returns in how many rounds an allocation failed. `quiet` of them may end well all the same. */
static unsigned play(const char *name, scenario *run, unsigned quiet, bool lasting)
{
    for (unsigned n = 1;; n++) {
        shortage.armed = true;
        shortage.lasting = lasting;
        shortage.left = n;
        shortage.failed = false;
        bool fine = run();
        shortage.armed = false;
        if (!shortage.failed) {
            CHECK(fine, "%s: failed without a reason", name);
            return n - 1;
        }
        CHECK(!fine || quiet-- > 0, "%s: the failure of allocation %u was not told", name, n);
        CHECK(run(), "%s: no success after the failure of allocation %u", name, n);
    }
}

static void play_both_ways(const char *name, scenario *run, unsigned quiet, unsigned least)
{
    for (int lasting = 0; lasting < 2; lasting++) {
        unsigned rounds = play(name, run, lasting ? 0 : quiet, lasting);
        CHECK(rounds >= least, "%s: only %u allocations", name, rounds);
    }
}

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text);
    return length >= strlen(end) && strcmp(text + length - strlen(end), end) == 0;
}

/* ---- regfile ---- */

static const char document[] = "Windows Registry Editor Version 5.00\r\n"
                               "\r\n"
                               "[-HKEY_LOCAL_MACHINE\\a]\r\n"
                               "\r\n"
                               "[HKEY_LOCAL_MACHINE\\a]\r\n"
                               "@=\"default\"\r\n"
                               "\"number\"=dword:0000002a\r\n"
                               "\"gone\"=-\r\n"
                               "\"octets\"=hex:00,01,02,03,04,05,06,07,08,09,0a,0b,0c,0d,0e,0f,10,11,12,13,14,15,\\\r\n"
                               "  16,17,18,19,1a,1b,1c,1d,1e,1f,20,21,22,23,24,25,26,27,28,29,2a,2b,2c,2d,2e,\\\r\n"
                               "  2f,30,31,32,33,34,35,36,37,38,39,3a,3b,3c,3d,3e,3f,40,41,42,43,44,45,46,47,\\\r\n"
                               "  48,49,4a\r\n"
                               "\r\n"
                               "[HKEY_LOCAL_MACHINE\\a\\1]\r\n"
                               "\r\n"
                               "[HKEY_LOCAL_MACHINE\\a\\2]\r\n"
                               "\r\n"
                               "[HKEY_LOCAL_MACHINE\\a\\3]\r\n"
                               "\r\n"
                               "[HKEY_LOCAL_MACHINE\\a\\4]\r\n"
                               "\r\n"
                               "[HKEY_LOCAL_MACHINE\\a\\5]\r\n"
                               "\"v\"=\"x\"\r\n"
                               "\"w\"=\"x\"\r\n"
                               "\"x\"=\"x\"\r\n"
                               "\"y\"=\"x\"\r\n"
                               "\"z\"=\"x\"\r\n"
                               "\r\n";

static unsigned char utf16[4 * sizeof document];
static size_t utf16_size;

static void encode_document(void)
{
    utf16[0] = 0xFF;
    utf16[1] = 0xFE;
    utf16_size = 2 + utf16_from_utf8(document, sizeof document - 1, utf16 + 2, sizeof utf16 - 2);
}

static bool read_regfile(const void *data, size_t size)
{
    char problem[200];
    struct text t;
    struct regfile file;
    text_begin(&t, problem, sizeof problem);
    bool fine = regfile_read(&file, data, size, &t);
    if (fine)
        assert_int_equal(file.count, 16);
    else
        CHECK(ends_with(problem, "not enough memory") && file.count == 0 && !file.entries, "\"%s\", %zu entries",
              problem, file.count);
    regfile_free(&file);
    return fine;
}

static bool read_utf16(void)
{
    return read_regfile(utf16, utf16_size);
}

static bool read_utf8(void)
{
    return read_regfile(document, sizeof document - 1);
}

static bool add_and_write(void)
{
    static unsigned char octets[] = {0, 1, 2};
    struct value sz = {.type = VALUE_SZ, .data = (unsigned char *)u"x", .size = 4};
    struct value binary = {.type = VALUE_BINARY, .data = octets, .size = 3};
    struct regfile file = {0};
    bool fine = regfile_add(&file, REGFILE_KEY, "a", NULL, NULL);
    for (int i = 0; fine && i < 20; i++)
        fine = regfile_add(&file, REGFILE_VALUE, "a", "v", i % 2 ? &sz : &binary);
    regfile_free(&file);
    return fine;
}

static struct regfile whole;

/* A string for which there is no memory is written as octets: no less true. */
static bool write_regfile(void)
{
    size_t size;
    void *data = regfile_write(&whole, &size);
    if (!data)
        return false;
    bool armed = shortage.armed;
    shortage.armed = false;
    assert_true(read_regfile(data, size));
    assert_true(shortage.failed || (size == utf16_size && memcmp(data, utf16, size) == 0));
    shortage.armed = armed;
    free(data);
    return true;
}

static void registry_files(void **state)
{
    (void)state;
    char problem[200];
    struct text t;
    encode_document();
    play_both_ways("reading UTF-16", read_utf16, 0, 50);
    play_both_ways("reading UTF-8", read_utf8, 0, 50);
    play_both_ways("adding", add_and_write, 0, 60);
    text_begin(&t, problem, sizeof problem);
    assert_true(regfile_read(&whole, utf16, utf16_size, &t));
    play_both_ways("writing", write_regfile, 12 /* two for each of the strings */, 10);
    regfile_free(&whole);
}

/* ---- buffer ---- */

static bool fill_buffer(void)
{
    struct buffer b = {0};
    size_t added = 0;
    for (int i = 0; i < 200; i++) {
        buffer_add_text(&b, "0123456789");
        added += b.failed ? 0 : 10;
    }
    bool fine = !b.failed && buffer_reserve(&b, 10000);
    assert_int_equal(b.length, added); /* nothing follows what is missing */
    assert_true(!b.data || strlen(b.data) == added);
    buffer_free(&b);
    return fine;
}

static bool grow_array(void)
{
    unsigned *items = NULL;
    size_t room = 0;
    unsigned count = 0;
    for (; count < 100; count++) {
        size_t before = room;
        unsigned *grown = array_grow(items, count, &room, sizeof *items);
        if (!grown) {
            assert_int_equal(room, before);
            break;
        }
        items = grown;
        items[count] = count;
    }
    for (unsigned i = 0; i < count; i++)
        assert_int_equal(items[i], i);
    free(items);
    return count == 100;
}

static void memory_that_grows(void **state)
{
    (void)state;
    play_both_ways("filling", fill_buffer, 0, 10);
    play_both_ways("growing", grow_array, 0, 4);
}

/* ---- json ---- */

static bool write_json(void)
{
    struct json j;
    json_begin(&j);
    json_open_object(&j, NULL);
    for (int i = 0; i < 10; i++) {
        json_string(&j, "key", "a value of some length, so that there is more than one allocation");
        json_open_array(&j, "list");
        json_number(&j, NULL, i);
        json_bool(&j, NULL, true);
        json_null(&j, NULL);
        json_time(&j, NULL, 1);
        json_close(&j, ']');
    }
    json_close(&j, '}');
    bool fine = !j.out.failed;
    assert_true(!fine ||
                (j.out.length > 1000 && strlen(j.out.data) == j.out.length && ends_with(j.out.data, "]\n}\n")));
    json_free(&j);
    return fine;
}

static bool read_json(void)
{
    struct json_value *v =
        json_read(BYTES("{\"a\": [1, \"two\", {\"three\": null}, []], \"b\": {\"c\": true, \"d\": \"\\u20ac\"}}"));
    if (!v)
        return false;
    assert_string_equal(json_member(json_member(v, "b"), "d")->string, "\xe2\x82\xac");
    json_value_free(v);
    return true;
}

static void documents(void **state)
{
    (void)state;
    play_both_ways("writing JSON", write_json, 0, 5);
    play_both_ways("reading JSON", read_json, 0, 15);
}

/* ---- settings ---- */

static bool apply(struct config *c, struct host_settings *host, const char *name, const struct value *value)
{
    char problem[300], shown[300];
    struct text t;
    const struct setting *s = setting_find(host ? SCOPE_HOST : SCOPE_SERVICE, name);
    text_begin(&t, problem, sizeof problem);
    bool fine = config_apply(c, host, s, ORIGIN_PARAMETERS, value->type, value->data, value->size, &t);
    CHECK(fine ? !*problem : strstr(problem, "not enough memory") != NULL, "%s: %d, \"%s\"", name, fine, problem);
    CHECK(fine || c->incomplete, "%s: whole", name);
    text_begin(&t, shown, sizeof shown);
    config_show(c, host, s, &t); /* whatever is there can be shown */
    return fine;
}

/* What a person writes, made a value and applied. */
static bool set(struct config *c, struct host_settings *host, const char *name, const char *const *words, size_t count)
{
    char problem[300];
    struct text t;
    struct value value;
    text_begin(&t, problem, sizeof problem);
    bool fine = setting_encode(setting_find(host ? SCOPE_HOST : SCOPE_SERVICE, name), words, count, &value, &t);
    CHECK(fine ? !*problem : strcmp(problem, "not enough memory") == 0, "%s: %d, \"%s\"", name, fine, problem);
    fine = fine && apply(c, host, name, &value);
    free(value.data);
    return fine;
}

/* Adds a host, and as one that reads on, again when there was no memory. */
static struct host_settings *add_host(struct config *c, const char *name, bool *fine)
{
    struct host_settings *host = config_add_host(c, name);
    bool armed = shortage.armed;
    if (host)
        return host;
    *fine = false;
    shortage.armed = false;
    host = config_add_host(c, name);
    assert_non_null(host);
    shortage.armed = armed;
    return host;
}

/* Ten hosts; what cannot be set keeps its default, and all else goes on. */
static bool configure(void)
{
    static const char *const names[] = {"m", "b", "z", "a", "c", "x", "y", "w", "v", "k"};
    struct config c;
    bool fine = true;
    config_init(&c);
    for (size_t i = 0; i < COUNT(names); i++) {
        struct host_settings *host = add_host(&c, names[i], &fine);
        fine = set(&c, NULL, "IntervalMinutes", (const char *const[]){"7"}, 1) && fine;
        fine = set(&c, host, "Domains", (const char *const[]){"a.example", "@b.example", "#c"}, 3) && fine;
        fine = set(&c, host, "Domains", (const char *const[]){"d.example"}, 1) && fine;
        fine = set(&c, host, "Host", (const char *const[]){"192.0.2.1"}, 1) && fine;
        fine = set(&c, host, "HeloName", (const char *const[]){""}, 1) && fine;
        fine = set(&c, host, "Tls", (const char *const[]){"require"}, 1) && fine;
        CHECK(config_find_host(&c, names[i]) == host, "%s is lost", names[i]);
    }
    assert_int_equal(c.host_count, COUNT(names));
    for (size_t i = 1; i < c.host_count; i++)
        assert_true(text_compare(c.hosts[i - 1].name, c.hosts[i].name) < 0);
    config_free(&c);
    return fine;
}

static void configurations(void **state)
{
    (void)state;
    play_both_ways("settings", configure, 0, 100);
}

/* ---- planner ---- */

static struct config configs[3];
static const struct moment now = {.steady_ms = 300000, .utc_ms = 1700000000000};

static void add_nodes(struct config *c, const char *name, const char16_t *nodes, size_t size)
{
    struct value value = {.type = VALUE_MULTI_SZ, .data = (unsigned char *)(uintptr_t)nodes, .size = size};
    c->service.always_use_etrn = 1;
    assert_true(apply(c, config_add_host(c, name), "Domains", &value));
}

/* Follows, and as a caller is to do, again when there was no memory. */
static bool follow(struct planner *p, const struct config *c)
{
    if (planner_configure(p, c, TRIGGER_ENABLE, now))
        return true;
    bool armed = shortage.armed;
    shortage.armed = false;
    assert_true(planner_configure(p, c, TRIGGER_ENABLE, now));
    shortage.armed = armed;
    return false;
}

static void check_follows(struct planner *p, const struct config *c)
{
    for (size_t i = 0; i < c->host_count; i++) {
        const struct planned_host *h = planner_find(p, c->hosts[i].name);
        assert_non_null(h);
        assert_ptr_equal(h->settings, &c->hosts[i]);
        assert_true(h->usable);
        assert_int_equal(h->node_count, c->hosts[i].domains.count);
        for (size_t k = 0; k < h->node_count; k++)
            assert_string_equal(h->nodes[k].name, c->hosts[i].domains.items[k]);
    }
}

/* Three configurations follow each other while sessions are open; all nodes of the last are asked in the end. */
static bool plan(void)
{
    struct planner p;
    struct assignment open[40];
    size_t count = 0;
    bool fine = true;
    planner_init(&p, 7, NULL);
    for (size_t i = 0; i < COUNT(configs); i++) {
        fine = follow(&p, &configs[i]) && fine;
        check_follows(&p, &configs[i]);
        assert_true(planner_next(&p, now, &open[count++]));
    }
    while (count < COUNT(open) && planner_next(&p, now, &open[count]))
        count++;
    assert_in_range(count, 10, COUNT(open) - 1);
    assert_int_equal(p.sessions, count);
    while (count-- > 0)
        planner_session_done(&p, open[count].host, now);
    assert_int_equal(p.roster.count, configs[2].host_count); /* what was removed is gone */
    planner_free(&p);
    return fine;
}

static void planners(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(configs); i++)
        config_init(&configs[i]);
    add_nodes(&configs[0], "a", U("one\0two\0"));
    add_nodes(&configs[0], "b", U("one\0"));
    add_nodes(&configs[1], "a", U("two\0three\0four\0"));
    add_nodes(&configs[1], "c", U("one\0"));
    for (size_t i = 0; i < 9; i++)
        add_nodes(&configs[2], (char[]){'a', (char)('0' + i), '\0'}, U("x\0y\0"));
    add_nodes(&configs[2], "a", U("five\0"));
    add_nodes(&configs[2], "c", U("one\0two\0"));
    play_both_ways("planning", plan, 0, 40);
    for (size_t i = 0; i < COUNT(configs); i++)
        config_free(&configs[i]);
}

/* ---- snapshot ---- */

static struct planner planner;

static bool snapshot(void)
{
    struct json j;
    const struct snapshot_facts facts = {.version = "1", .now = now};
    snapshot_write(&j, &facts, &planner);
    bool fine = !j.out.failed;
    assert_true(!fine || ends_with(j.out.data, "]\n}\n"));
    json_free(&j);
    return fine;
}

static void snapshots(void **state)
{
    (void)state;
    config_init(&configs[0]);
    add_nodes(&configs[0], "a", U("one\0two\0"));
    planner_init(&planner, 7, NULL);
    assert_true(planner_configure(&planner, &configs[0], TRIGGER_ENABLE, now));
    play_both_ways("a snapshot", snapshot, 0, 5);
    planner_free(&planner);
    config_free(&configs[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(registry_files), cmocka_unit_test(memory_that_grows), cmocka_unit_test(documents),
        cmocka_unit_test(configurations), cmocka_unit_test(planners),          cmocka_unit_test(snapshots),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
