#include "snapshot.h"
#include "unit.h"

#include <stdlib.h>
#include <uchar.h>

#define U(literal) u##literal, sizeof u##literal
#define BYTES(literal) literal, sizeof literal - 1

/* 2026-11-21T18:20:01.123Z, five minutes after the system started. */
static const struct moment first = {.steady_ms = 300000, .utc_ms = 1795285201123};

static struct moment later(int64_t ms)
{
    return (struct moment){.steady_ms = first.steady_ms + ms, .utc_ms = first.utc_ms + ms};
}

static void apply(struct config *c, const char *host, const char *name, enum value_type type, const void *data,
                  size_t size)
{
    char buffer[200];
    struct text problem;
    text_begin(&problem, buffer, sizeof buffer);
    const struct setting *s = setting_find(host ? SCOPE_HOST : SCOPE_SERVICE, name);
    struct host_settings *of = host ? config_add_host(c, host) : NULL;
    assert_true(config_apply(c, of, s, host ? ORIGIN_PARAMETERS : ORIGIN_POLICY, type, data, size, &problem));
}

static void answer(struct planner *p, struct planned_host *h, const char *node, int code, const char *text,
                   struct moment now)
{
    struct result result;
    result_set(&result, outcome_of_etrn(code), code, text);
    result.channel = code == 459 ? CHANNEL_CLEAR_NOT_OFFERED : CHANNEL_TLS;
    planner_node_done(p, h, node, &result, now);
}

static void check(const struct snapshot_facts *facts, const struct planner *p, const char *expected)
{
    struct json j;
    snapshot_write(&j, facts, p);
    assert_false(j.out.failed);
    assert_string_equal(j.out.data, expected);
    struct json_value *read = json_read(j.out.data, j.out.length);
    assert_non_null(read);
    json_value_free(read);
    json_free(&j);
}

/* a.example was asked and waits for its retry, b.example is being asked, gone.example was removed meanwhile. */
static void two_hosts_in_the_midst_of_things(void **state)
{
    (void)state;
    struct config before, config;
    struct planner p;
    struct assignment a, b, gone;
    config_init(&before);
    config_init(&config);
    apply(&before, NULL, "AlwaysUseETRN", VALUE_DWORD, BYTES("\1\0\0\0"));
    apply(&before, "gone.example", "Domains", VALUE_MULTI_SZ, U("c.example\0"));
    apply(&config, NULL, "AlwaysUseETRN", VALUE_DWORD, BYTES("\1\0\0\0"));
    apply(&config, "a.example", "Domains", VALUE_MULTI_SZ, U("one.example\0@two.example\0#three\0"));
    apply(&config, "b.example", "Domains", VALUE_MULTI_SZ, U("four.example\0five.example\0"));
    apply(&config, "b.example", "Host", VALUE_SZ, U("2001:db8::25"));
    apply(&config, "b.example", "Port", VALUE_DWORD, BYTES("\x4b\x02\0\0"));
    apply(&config, "b.example", "Enabled", VALUE_DWORD, BYTES("\1\0\0\0"));
    planner_init(&p, 1985, NULL);
    assert_true(planner_configure(&p, &before, TRIGGER_START, first));
    assert_true(planner_next(&p, first, &gone));
    assert_true(planner_configure(&p, &config, TRIGGER_ENABLE, first));
    assert_true(planner_next(&p, first, &b));
    assert_string_equal(b.host->name, "b.example");
    assert_true(planner_next(&p, first, &a));
    assert_string_equal(a.host->name, "a.example");
    answer(&p, a.host, "one.example", 253, "253 OK, 3 pending messages for node one.example started", later(1000));
    answer(&p, a.host, "@two.example", 459, "459 Node \"@two.example\" not allowed: \x1b[2J", later(2000));
    answer(&p, a.host, "#three", 451, "451 try again", later(3000));
    planner_session_done(&p, a.host, later(3500));
    assert_ptr_equal(planner_take_ended(&p), a.host);
    answer(&p, b.host, "four.example", 250, "250 \"ok\"", later(4000)); /* its QUIT is not answered yet */
    planner_trigger(&p, b.host, TRIGGER_REQUEST, later(5000));          /* comes after */
    const struct problem problems[] = {
        {"HKLM\\SYSTEM\\P", "IntervalMinutes", "found REG_DWORD 0; allowed: REG_DWORD, 1 to 10080 minutes"},
        {"HKLM\\SYSTEM\\P\\Hosts\\a.example", "", "x"},
    };
    const struct snapshot_facts facts = {.version = "0.1.0",
                                         .process = 4294967295,
                                         .started_utc_ms = first.utc_ms - 5000,
                                         .problems = problems,
                                         .problem_count = COUNT(problems),
                                         .now = later(60000)};
    check(&facts, &p,
          "{\n"
          "  \"schema\": 1,\n"
          "  \"version\": \"0.1.0\",\n"
          "  \"process\": 4294967295,\n"
          "  \"started\": \"2026-11-21T18:19:56.123Z\",\n"
          "  \"written\": \"2026-11-21T18:21:01.123Z\",\n"
          "  \"enabled\": true,\n"
          "  \"enabled_by\": \"policy\",\n"
          "  \"paused\": false,\n"
          "  \"awaited_port\": null,\n"
          "  \"sessions\": 2,\n"
          "  \"next\": \"2026-11-21T18:21:17.368Z\",\n"
          "  \"problems\": [\n"
          "    {\n"
          "      \"key\": \"HKLM\\\\SYSTEM\\\\P\",\n"
          "      \"name\": \"IntervalMinutes\",\n"
          "      \"problem\": \"found REG_DWORD 0; allowed: REG_DWORD, 1 to 10080 minutes\"\n"
          "    },\n"
          "    {\n"
          "      \"key\": \"HKLM\\\\SYSTEM\\\\P\\\\Hosts\\\\a.example\",\n"
          "      \"name\": \"\",\n"
          "      \"problem\": \"x\"\n"
          "    }\n"
          "  ],\n"
          "  \"hosts\": [\n"
          "    {\n"
          "      \"name\": \"a.example\",\n"
          "      \"host\": \"a.example\",\n"
          "      \"port\": 25,\n"
          "      \"enabled\": true,\n"
          "      \"asking\": false,\n"
          "      \"dequeues\": 1,\n"
          "      \"requests\": 0,\n"
          "      \"requests_answered\": 0,\n"
          "      \"trigger\": \"enable\",\n"
          "      \"started\": \"2026-11-21T18:20:01.123Z\",\n"
          "      \"ended\": \"2026-11-21T18:20:04.623Z\",\n"
          "      \"next\": \"2026-11-21T18:21:17.368Z\",\n"
          "      \"next_trigger\": \"retry\",\n"
          "      \"nodes\": [\n"
          "        {\n"
          "          \"node\": \"one.example\",\n"
          "          \"outcome\": \"pending\",\n"
          "          \"code\": 253,\n"
          "          \"text\": \"253 OK, 3 pending messages for node one.example started\",\n"
          "          \"meaning\": \"Mail is waiting for this domain, and the host has started to deliver it.\",\n"
          "          \"advice\": \"\",\n"
          "          \"channel\": \"tls\",\n"
          "          \"channel_meaning\": \"\",\n"
          "          \"messages\": 3,\n"
          "          \"output\": null,\n"
          "          \"server\": \"a.example\",\n"
          "          \"at\": \"2026-11-21T18:20:02.123Z\",\n"
          "          \"failing\": false,\n"
          "          \"since\": \"2026-11-21T18:20:02.123Z\"\n"
          "        },\n"
          "        {\n"
          "          \"node\": \"@two.example\",\n"
          "          \"outcome\": \"not-allowed\",\n"
          "          \"code\": 459,\n"
          "          \"text\": \"459 Node \\\"@two.example\\\" not allowed: \\\\x1b[2J\",\n"
          "          \"meaning\": \"The host does not permit ETRN for this domain.\",\n"
          "          \"advice\": \"Ask the host's operator to permit it (Postfix: fast_flush_domains), or check the "
          "spelling of the domain.\",\n"
          "          \"channel\": \"clear-not-offered\",\n"
          "          \"channel_meaning\": \"not encrypted: STARTTLS is not offered\",\n"
          "          \"messages\": 0,\n"
          "          \"output\": null,\n"
          "          \"server\": \"a.example\",\n"
          "          \"at\": \"2026-11-21T18:20:03.123Z\",\n"
          "          \"failing\": true,\n"
          "          \"since\": \"2026-11-21T18:20:03.123Z\"\n"
          "        },\n"
          "        {\n"
          "          \"node\": \"#three\",\n"
          "          \"outcome\": \"temporary\",\n"
          "          \"code\": 451,\n"
          "          \"text\": \"451 try again\",\n"
          "          \"meaning\": \"A local error occurred on the host.\",\n"
          "          \"advice\": \"The service tries again automatically.\",\n"
          "          \"channel\": \"tls\",\n"
          "          \"channel_meaning\": \"\",\n"
          "          \"messages\": 0,\n"
          "          \"output\": null,\n"
          "          \"server\": \"a.example\",\n"
          "          \"at\": \"2026-11-21T18:20:04.123Z\",\n"
          "          \"failing\": true,\n"
          "          \"since\": \"2026-11-21T18:20:04.123Z\"\n"
          "        }\n"
          "      ]\n"
          "    },\n"
          "    {\n"
          "      \"name\": \"b.example\",\n"
          "      \"host\": \"2001:db8::25\",\n"
          "      \"port\": 587,\n"
          "      \"enabled\": true,\n"
          "      \"asking\": true,\n"
          "      \"dequeues\": 0,\n"
          "      \"requests\": 1,\n"
          "      \"requests_answered\": 0,\n"
          "      \"trigger\": \"enable\",\n"
          "      \"started\": \"2026-11-21T18:20:01.123Z\",\n"
          "      \"ended\": null,\n"
          "      \"next\": null,\n"
          "      \"next_trigger\": null,\n"
          "      \"nodes\": [\n"
          "        {\n"
          "          \"node\": \"four.example\",\n"
          "          \"outcome\": \"started\",\n"
          "          \"code\": 250,\n"
          "          \"text\": \"250 \\\"ok\\\"\",\n"
          "          \"meaning\": \"The host has started to deliver the mail waiting for this domain.\",\n"
          "          \"advice\": \"\",\n"
          "          \"channel\": \"tls\",\n"
          "          \"channel_meaning\": \"\",\n"
          "          \"messages\": 0,\n"
          "          \"output\": null,\n"
          "          \"server\": \"2001:db8::25\",\n"
          "          \"at\": \"2026-11-21T18:20:05.123Z\",\n"
          "          \"failing\": false,\n"
          "          \"since\": \"2026-11-21T18:20:05.123Z\"\n"
          "        },\n"
          "        {\n"
          "          \"node\": \"five.example\",\n"
          "          \"outcome\": \"none\",\n"
          "          \"code\": null,\n"
          "          \"text\": \"\",\n"
          "          \"meaning\": \"Not asked yet.\",\n"
          "          \"advice\": \"\",\n"
          "          \"channel\": \"none\",\n"
          "          \"channel_meaning\": \"\",\n"
          "          \"messages\": 0,\n"
          "          \"output\": null,\n"
          "          \"server\": \"2001:db8::25\",\n"
          "          \"at\": null,\n"
          "          \"failing\": false,\n"
          "          \"since\": null\n"
          "        }\n"
          "      ]\n"
          "    }\n"
          "  ]\n"
          "}\n");
    planner_free(&p);
    config_free(&before);
    config_free(&config);
}

static void nothing_configured(void **state)
{
    (void)state;
    struct config config;
    struct planner p;
    config_init(&config);
    planner_init(&p, 1, NULL);
    assert_true(planner_configure(&p, &config, TRIGGER_START, first));
    const struct snapshot_facts facts = {.version = "0", .now = first};
    check(&facts, &p,
          "{\n"
          "  \"schema\": 1,\n"
          "  \"version\": \"0\",\n"
          "  \"process\": 0,\n"
          "  \"started\": null,\n"
          "  \"written\": \"2026-11-21T18:20:01.123Z\",\n"
          "  \"enabled\": false,\n"
          "  \"enabled_by\": \"default\",\n"
          "  \"paused\": false,\n"
          "  \"awaited_port\": null,\n"
          "  \"sessions\": 0,\n"
          "  \"next\": null,\n"
          "  \"problems\": [],\n"
          "  \"hosts\": []\n"
          "}\n");
    planner_free(&p);
    config_free(&config);
}

/* The clock stepped back an hour since: what comes next is told as the clock is now, what was as it was then. And
 * c.example is asked a second time. */
static void paused_and_the_clock_stepped(void **state)
{
    (void)state;
    struct config config;
    struct planner p;
    struct assignment a, c;
    config_init(&config);
    apply(&config, NULL, "AlwaysUseETRN", VALUE_DWORD, BYTES("\1\0\0\0"));
    apply(&config, "a.example", "Domains", VALUE_MULTI_SZ, U("one.example\0"));
    apply(&config, "b.example", "Enabled", VALUE_DWORD, BYTES("\0\0\0\0"));
    apply(&config, "c.example", "Domains", VALUE_MULTI_SZ, U("two.example\0"));
    planner_init(&p, 1985, NULL);
    assert_true(planner_configure(&p, &config, TRIGGER_START, first));
    assert_true(planner_next(&p, first, &a));
    assert_true(planner_next(&p, first, &c));
    answer(&p, a.host, "one.example", 250, "250 ok", first);
    answer(&p, c.host, "two.example", 251, "251 none", first);
    planner_session_done(&p, a.host, first);
    assert_ptr_equal(planner_take_ended(&p), a.host);
    planner_session_done(&p, c.host, first);
    assert_ptr_equal(planner_take_ended(&p), c.host);
    planner_trigger(&p, c.host, TRIGGER_REQUEST, later(50000));
    assert_true(planner_next(&p, later(50000), &c));
    answer(&p, c.host, "two.example", 252, "252 ok", later(51000));
    planner_pause(&p, true, later(50000));
    struct snapshot_facts facts = {.version = "0", .now = later(60000)};
    facts.now.utc_ms -= 3600000;
    check(&facts, &p,
          "{\n"
          "  \"schema\": 1,\n"
          "  \"version\": \"0\",\n"
          "  \"process\": 0,\n"
          "  \"started\": null,\n"
          "  \"written\": \"2026-11-21T17:21:01.123Z\",\n"
          "  \"enabled\": true,\n"
          "  \"enabled_by\": \"policy\",\n"
          "  \"paused\": true,\n"
          "  \"awaited_port\": null,\n"
          "  \"sessions\": 1,\n"
          "  \"next\": null,\n"
          "  \"problems\": [],\n"
          "  \"hosts\": [\n"
          "    {\n"
          "      \"name\": \"a.example\",\n"
          "      \"host\": \"a.example\",\n"
          "      \"port\": 25,\n"
          "      \"enabled\": true,\n"
          "      \"asking\": false,\n"
          "      \"dequeues\": 1,\n"
          "      \"requests\": 0,\n"
          "      \"requests_answered\": 0,\n"
          "      \"trigger\": \"start\",\n"
          "      \"started\": \"2026-11-21T18:20:01.123Z\",\n"
          "      \"ended\": \"2026-11-21T18:20:01.123Z\",\n"
          "      \"next\": \"2026-11-21T17:35:01.123Z\",\n"
          "      \"next_trigger\": \"interval\",\n"
          "      \"nodes\": [\n"
          "        {\n"
          "          \"node\": \"one.example\",\n"
          "          \"outcome\": \"started\",\n"
          "          \"code\": 250,\n"
          "          \"text\": \"250 ok\",\n"
          "          \"meaning\": \"The host has started to deliver the mail waiting for this domain.\",\n"
          "          \"advice\": \"\",\n"
          "          \"channel\": \"tls\",\n"
          "          \"channel_meaning\": \"\",\n"
          "          \"messages\": 0,\n"
          "          \"output\": null,\n"
          "          \"server\": \"a.example\",\n"
          "          \"at\": \"2026-11-21T18:20:01.123Z\",\n"
          "          \"failing\": false,\n"
          "          \"since\": \"2026-11-21T18:20:01.123Z\"\n"
          "        }\n"
          "      ]\n"
          "    },\n"
          "    {\n"
          "      \"name\": \"b.example\",\n"
          "      \"host\": \"b.example\",\n"
          "      \"port\": 25,\n"
          "      \"enabled\": false,\n"
          "      \"asking\": false,\n"
          "      \"dequeues\": 0,\n"
          "      \"requests\": 0,\n"
          "      \"requests_answered\": 0,\n"
          "      \"trigger\": null,\n"
          "      \"started\": null,\n"
          "      \"ended\": null,\n"
          "      \"next\": null,\n"
          "      \"next_trigger\": null,\n"
          "      \"nodes\": []\n"
          "    },\n"
          "    {\n"
          "      \"name\": \"c.example\",\n"
          "      \"host\": \"c.example\",\n"
          "      \"port\": 25,\n"
          "      \"enabled\": true,\n"
          "      \"asking\": true,\n"
          "      \"dequeues\": 1,\n"
          "      \"requests\": 1,\n"
          "      \"requests_answered\": 0,\n"
          "      \"trigger\": \"request\",\n"
          "      \"started\": \"2026-11-21T18:20:51.123Z\",\n"
          "      \"ended\": null,\n"
          "      \"next\": null,\n"
          "      \"next_trigger\": null,\n"
          "      \"nodes\": [\n"
          "        {\n"
          "          \"node\": \"two.example\",\n"
          "          \"outcome\": \"pending\",\n"
          "          \"code\": 252,\n"
          "          \"text\": \"252 ok\",\n"
          "          \"meaning\": \"Mail is waiting for this domain, and the host has started to deliver it.\",\n"
          "          \"advice\": \"\",\n"
          "          \"channel\": \"tls\",\n"
          "          \"channel_meaning\": \"\",\n"
          "          \"messages\": 0,\n"
          "          \"output\": null,\n"
          "          \"server\": \"c.example\",\n"
          "          \"at\": \"2026-11-21T18:20:52.123Z\",\n"
          "          \"failing\": false,\n"
          "          \"since\": \"2026-11-21T18:20:01.123Z\"\n"
          "        }\n"
          "      ]\n"
          "    }\n"
          "  ]\n"
          "}\n");
    planner_free(&p);
    config_free(&config);
}

/* The value of a member of the first node of the first host. */
/* A line of what is written. */
static void check_line(const struct snapshot_facts *facts, const struct planner *p, const char *line)
{
    struct json j;
    snapshot_write(&j, facts, p);
    CHECK(strstr(j.out.data, line), "%s is missing in\n%s", line, j.out.data);
    json_free(&j);
}

static void next_is_the_host_that_comes_first(void **state)
{
    (void)state;
    static const char *const hosts[] = {"a.example", "b.example", "c.example"};
    struct config config;
    struct planner p;
    config_init(&config);
    apply(&config, NULL, "AlwaysUseETRN", VALUE_DWORD, BYTES("\1\0\0\0"));
    apply(&config, NULL, "RunAtStart", VALUE_DWORD, BYTES("\0\0\0\0"));
    for (size_t i = 0; i < COUNT(hosts); i++)
        apply(&config, hosts[i], "Domains", VALUE_MULTI_SZ, U("one.example\0"));
    apply(&config, "a.example", "IntervalMinutes", VALUE_DWORD, BYTES("\4\0\0\0"));
    apply(&config, "b.example", "IntervalMinutes", VALUE_DWORD, BYTES("\2\0\0\0"));
    apply(&config, "c.example", "IntervalMinutes", VALUE_DWORD, BYTES("\3\0\0\0"));
    planner_init(&p, 1985, NULL);
    assert_true(planner_configure(&p, &config, TRIGGER_START, first));
    const struct snapshot_facts facts = {.version = "0", .awaited_port = 2525, .now = first};
    check_line(&facts, &p, "\n  \"next\": \"2026-11-21T18:22:01.123Z\",\n");
    check_line(&facts, &p, "\n  \"awaited_port\": 2525,\n");
    planner_free(&p);
    config_free(&config);
}

static void check_node(const struct planner *p, const char *key, const char *expected)
{
    struct json j;
    const struct snapshot_facts facts = {.version = "0", .now = first};
    snapshot_write(&j, &facts, p);
    struct json_value *read = json_read(j.out.data, j.out.length);
    assert_non_null(read);
    const struct json_value *node = json_member(json_member(read, "hosts")->first, "nodes")->first;
    CHECK_TEXT(key, json_member(node, key)->string, expected);
    json_value_free(read);
    json_free(&j);
}

static void output_is_written_in_lines_and_a_server_with_its_own_port(void **state)
{
    (void)state;
    struct config config;
    struct planner p;
    struct assignment a;
    const char *const servers[] = {"a.example", "b.example", "c.example:2525", "2001:db8::2", "[2001:db8::3]:587"};
    config_init(&config);
    apply(&config, NULL, "AlwaysUseETRN", VALUE_DWORD, BYTES("\1\0\0\0"));
    apply(&config, "a.example", "Domains", VALUE_MULTI_SZ, U("one.example\0"));
    apply(&config, "a.example", "Fallback", VALUE_MULTI_SZ,
          U("b.example\0c.example:2525\0[2001:db8::2]:25\0[2001:db8::3]:587\0"));
    planner_init(&p, 1985, NULL);
    assert_true(planner_configure(&p, &config, TRIGGER_START, first));
    for (size_t i = 0; i < COUNT(servers); i++) {
        assert_true(planner_next(&p, first, &a));
        answer(&p, a.host, "one.example", 451, "451 later", first);
        planner_session_done(&p, a.host, first);
        check_node(&p, "server", servers[i]);
    }
    planner_node_said(&p, a.host, "one.example", "one\ntwo \"quoted\"\n\\x1b[31m");
    check_node(&p, "output", "one\ntwo \"quoted\"\n\\x1b[31m");
    planner_free(&p);
    config_free(&config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(output_is_written_in_lines_and_a_server_with_its_own_port),
        cmocka_unit_test(two_hosts_in_the_midst_of_things),
        cmocka_unit_test(nothing_configured),
        cmocka_unit_test(next_is_the_host_that_comes_first),
        cmocka_unit_test(paused_and_the_clock_stepped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
