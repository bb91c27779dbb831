#include "configured.h"
#include "node.h"

#include <stdio.h>
#include <uchar.h>

#define F32 "00112233445566778899aabbccddeeff"

#define CRON_LINES "crontab lines with five fields, or @hourly, @daily, @every 10m and similar"

/* ---- values from the registry ---- */

struct applied {
    enum setting_scope scope;
    const char *name;
    enum value_type type;
    const void *data;
    size_t size;
    const char *shown, *problem; /* NULL: it is allowed */
};

static void values_are_taken_or_refused_with_a_reason(void **state)
{
    (void)state;
    static const struct applied rows[] = {
        /* numbers */
        {SCOPE_SERVICE, "AlwaysUseETRN", VALUE_DWORD, BYTES("\1\0\0\0"), "1", NULL},
        {SCOPE_SERVICE, "AlwaysUseETRN", VALUE_DWORD, BYTES("\2\0\0\0"), "0",
         "found REG_DWORD 2; allowed: REG_DWORD, 0 or 1"},
        {SCOPE_SERVICE, "AlwaysUseETRN", VALUE_SZ, U("1"), "0", "found REG_SZ \"1\"; allowed: REG_DWORD, 0 or 1"},
        {SCOPE_SERVICE, "AlwaysUseETRN", VALUE_EXPAND_SZ, U("%X%"), "0",
         "found REG_EXPAND_SZ \"%X%\"; allowed: REG_DWORD, 0 or 1"},
        {SCOPE_SERVICE, "AlwaysUseETRN", VALUE_DWORD, BYTES("\1\0\0\0\0\0\0\0"), "0",
         "found REG_DWORD of 8 bytes; allowed: REG_DWORD, 0 or 1"},
        {SCOPE_SERVICE, "AlwaysUseETRN", VALUE_DWORD, BYTES("\1\0\0"), "0",
         "found REG_DWORD of 3 bytes; allowed: REG_DWORD, 0 or 1"},
        {SCOPE_SERVICE, "AlwaysUseETRN", VALUE_DWORD, BYTES(""), "0",
         "found REG_DWORD of 0 bytes; allowed: REG_DWORD, 0 or 1"},
        {SCOPE_SERVICE, "AlwaysUseETRN", VALUE_QWORD, BYTES("\1\0\0\0\0\0\0\0"), "0",
         "found REG_QWORD of 8 bytes; allowed: REG_DWORD, 0 or 1"},
        {SCOPE_SERVICE, "AlwaysUseETRN", VALUE_BINARY, BYTES("\1\0\0\0"), "0",
         "found REG_BINARY of 4 bytes; allowed: REG_DWORD, 0 or 1"},
        {SCOPE_SERVICE, "AlwaysUseETRN", VALUE_NONE, BYTES(""), "0",
         "found REG_NONE of 0 bytes; allowed: REG_DWORD, 0 or 1"},
        {SCOPE_SERVICE, "AlwaysUseETRN", (enum value_type)5, BYTES("\0\0\0\1"), "0",
         "found a value of another type of 4 bytes; allowed: REG_DWORD, 0 or 1"},
        {SCOPE_SERVICE, "AlwaysUseETRN", VALUE_MULTI_SZ, U("1\0"), "0",
         "found REG_MULTI_SZ of 6 bytes; allowed: REG_DWORD, 0 or 1"},
        {SCOPE_SERVICE, "IntervalMinutes", VALUE_DWORD, BYTES("\1\0\0\0"), "1", NULL},
        {SCOPE_SERVICE, "IntervalMinutes", VALUE_DWORD, BYTES("\x60\x27\0\0"), "10080", NULL},
        {SCOPE_SERVICE, "IntervalMinutes", VALUE_DWORD, BYTES("\x61\x27\0\0"), "15",
         "found REG_DWORD 10081; allowed: REG_DWORD, 1 to 10080 minutes"},
        {SCOPE_SERVICE, "IntervalMinutes", VALUE_DWORD, BYTES("\0\0\0\0"), "15",
         "found REG_DWORD 0; allowed: REG_DWORD, 1 to 10080 minutes"},
        {SCOPE_SERVICE, "IntervalMinutes", VALUE_DWORD, BYTES("\xff\xff\xff\xff"), "15",
         "found REG_DWORD 4294967295; allowed: REG_DWORD, 1 to 10080 minutes"},
        {SCOPE_HOST, "IntervalMinutes", VALUE_DWORD, BYTES("\0\0\0\0"), "",
         "found REG_DWORD 0; allowed: REG_DWORD, 1 to 10080 minutes"},
        {SCOPE_HOST, "Port", VALUE_DWORD, BYTES("\0\0\1\0"), "0",
         "found REG_DWORD 65536; allowed: REG_DWORD, 0 to 65535"},
        {SCOPE_HOST, "Port", VALUE_DWORD, BYTES("\1\0\0\1"), "0",
         "found REG_DWORD 16777217; allowed: REG_DWORD, 0 to 65535"},

        /* words */
        {SCOPE_HOST, "Tls", VALUE_SZ, U("require"), "require", NULL},
        {SCOPE_HOST, "Tls", VALUE_SZ, U("IMPLICIT"), "implicit", NULL},
        {SCOPE_HOST, "Tls", VALUE_SZ, u"none", 8, "none", NULL}, /* its NUL is missing */
        {SCOPE_HOST, "Tls", VALUE_SZ, U("maybe"), "may",
         "found REG_SZ \"maybe\"; allowed: REG_SZ, one of none, may, require, implicit"},
        {SCOPE_HOST, "Tls", VALUE_SZ, U(""), "may",
         "found REG_SZ \"\"; allowed: REG_SZ, one of none, may, require, implicit"},
        {SCOPE_HOST, "Tls", VALUE_SZ, BYTES(""), "may",
         "found REG_SZ \"\"; allowed: REG_SZ, one of none, may, require, implicit"},
        {SCOPE_HOST, "Tls", VALUE_DWORD, BYTES("\2\0\0\0"), "may",
         "found REG_DWORD 2; allowed: REG_SZ, one of none, may, require, implicit"},

        /* strings */
        {SCOPE_HOST, "User", VALUE_SZ, U("m\u00fcller@isp.example"), "m\xc3\xbcller@isp.example", NULL},
        {SCOPE_HOST, "User", VALUE_SZ, U("me and you"), "me and you", NULL},
        {SCOPE_HOST, "User", VALUE_SZ, U("a\tb"), "",
         "found REG_SZ \"a\\x09b\"; allowed: REG_SZ, a user name of at most 255 bytes"},
        {SCOPE_HOST, "AuthInClear", VALUE_DWORD, BYTES("\2\0\0\0"), "0",
         "found REG_DWORD 2; allowed: REG_DWORD, 0 or 1"},
        {SCOPE_HOST, "Host", VALUE_SZ, U("mail.example"), "mail.example", NULL},
        {SCOPE_HOST, "Host", VALUE_SZ, U("2001:db8::1"), "2001:db8::1", NULL},
        {SCOPE_HOST, "Host", VALUE_SZ, U(""), "", NULL},
        {SCOPE_HOST, "Host", VALUE_SZ, BYTES(""), "", NULL},
        {SCOPE_HOST, "Host", VALUE_SZ, u"mail", 8, "mail", NULL},
        {SCOPE_HOST, "Host", VALUE_SZ, u"mail", 7, "mai", NULL}, /* odd: half a character is dropped */
        {SCOPE_HOST, "Host", VALUE_SZ, U("mail\0\0"), "mail", NULL},
        {SCOPE_HOST, "Host", VALUE_SZ, U("mail\0hidden"), "mail", NULL}, /* Windows reads up to the first NUL */
        {SCOPE_HOST, "Host", VALUE_EXPAND_SZ, U("mail"), "",
         "found REG_EXPAND_SZ \"mail\"; allowed: REG_SZ, a domain name or an IP address"},
        {SCOPE_HOST, "Host", VALUE_SZ, U("a b"), "",
         "found REG_SZ \"a b\"; allowed: REG_SZ, a domain name or an IP address"},
        {SCOPE_HOST, "Host", VALUE_SZ, U("mail\r\n\x1b[2J"), "",
         "found REG_SZ \"mail\\x0d\\x0a\\x1b[2J\"; allowed: REG_SZ, a domain name or an IP address"},
        {SCOPE_HOST, "Host", VALUE_SZ, u"a\xD800", 6, "",
         "found REG_SZ \"a\xef\xbf\xbd\"; allowed: REG_SZ, a domain name or an IP address"},
        {SCOPE_HOST, "Host", VALUE_SZ,
         u"\xDC00"
         u"b",
         6, "",
         "found REG_SZ \"\xef\xbf\xbd"
         "b\"; allowed: REG_SZ, a domain name or an IP address"},
        {SCOPE_HOST, "Host", VALUE_SZ, U("b\u00fccher.example"), "",
         "found REG_SZ \"b\xc3\xbc"
         "cher.example\"; allowed: REG_SZ, a domain name or an IP address"},
        {SCOPE_HOST, "Host", VALUE_SZ, U("0123456789 0123456789 0123456789 0123456789 0123456789"), "",
         "found REG_SZ \"0123456789 0123456789 0123456789 0123456789 012345...\"; allowed: REG_SZ, a domain name or "
         "an IP "
         "address"},
        {SCOPE_HOST, "TlsFingerprint", VALUE_SZ, U("" F32 F32), F32 F32, NULL},
        {SCOPE_HOST, "TlsFingerprint", VALUE_SZ, U(""), "", NULL},
        {SCOPE_HOST, "TlsFingerprint", VALUE_SZ, U("" F32), "",
         "found REG_SZ \"" F32
         "\"; allowed: REG_SZ, the SHA-256 fingerprint of a certificate, 64 hexadecimal digits with or "
         "without colons"},
        {SCOPE_HOST, "HeloName", VALUE_SZ, U("[192.0.2.1]"), "[192.0.2.1]", NULL},
        {SCOPE_HOST, "HeloName", VALUE_SZ, U("[IPv6:2001:db8::1]"), "[IPv6:2001:db8::1]", NULL},
        {SCOPE_HOST, "HeloName", VALUE_SZ, U("me.example"), "me.example", NULL},
        {SCOPE_HOST, "HeloName", VALUE_SZ, U(""), "", NULL},
        {SCOPE_HOST, "HeloName", VALUE_SZ, U("@me"), "",
         "found REG_SZ \"@me\"; allowed: REG_SZ, a domain name or an address literal such as [192.0.2.1]"},
        {SCOPE_HOST, "HeloName", VALUE_SZ, U("#me"), "",
         "found REG_SZ \"#me\"; allowed: REG_SZ, a domain name or an address literal such as [192.0.2.1]"},
        {SCOPE_HOST, "HeloName", VALUE_SZ, U("[]"), "",
         "found REG_SZ \"[]\"; allowed: REG_SZ, a domain name or an address literal such as [192.0.2.1]"},
        {SCOPE_HOST, "HeloName", VALUE_SZ, U("[192.0.2.1"), "",
         "found REG_SZ \"[192.0.2.1\"; allowed: REG_SZ, a domain name or an address literal such as [192.0.2.1]"},
        {SCOPE_HOST, "HeloName", VALUE_SZ, U("[x\r\n]"), "",
         "found REG_SZ \"[x\\x0d\\x0a]\"; allowed: REG_SZ, a domain name or an address literal such as [192.0.2.1]"},

        {SCOPE_HOST, "LocalAddress", VALUE_SZ, U("192.0.2.1"), "192.0.2.1", NULL},
        {SCOPE_HOST, "LocalAddress", VALUE_SZ, U("[::1]"), "",
         "found REG_SZ \"[::1]\"; allowed: REG_SZ, an IPv4 or IPv6 address"},

        /* lists */
        {SCOPE_HOST, "Domains", VALUE_MULTI_SZ, U("a.example\0@b.example\0#c\0"), "a.example @b.example #c", NULL},
        {SCOPE_HOST, "Domains", VALUE_MULTI_SZ, U("a.example\0b.example"), "a.example b.example",
         NULL},                                                            /* one NUL short */
        {SCOPE_HOST, "Domains", VALUE_MULTI_SZ, u"a\0b", 6, "a b", NULL},  /* both missing */
        {SCOPE_HOST, "Domains", VALUE_MULTI_SZ, u"a\0bc", 7, "a b", NULL}, /* odd */
        {SCOPE_HOST, "Domains", VALUE_MULTI_SZ, U(""), "", NULL},
        {SCOPE_HOST, "Domains", VALUE_MULTI_SZ, BYTES(""), "", NULL},
        {SCOPE_HOST, "Domains", VALUE_MULTI_SZ, BYTES("a"), "", NULL},
        {SCOPE_HOST, "Domains", VALUE_MULTI_SZ, U("\0\0\0"), "", NULL},
        {SCOPE_HOST, "Domains", VALUE_MULTI_SZ, U("a\0\0b\0"), "a b", NULL}, /* an empty one does not end the list */
        {SCOPE_HOST, "Domains", VALUE_MULTI_SZ, U("a\0b\0A\0b\0"), "a b", NULL}, /* each once */
        {SCOPE_HOST, "Domains", VALUE_MULTI_SZ, U("a\0b b\0c\0"), "a c",
         "\"b b\" has a character that is not allowed in a domain; allowed: a list of domains, each in the form "
         "domain, @domain or #queue"},
        {SCOPE_HOST, "Domains", VALUE_MULTI_SZ, U("@\0a\0..\0"), "a",
         "\"@\" contains no name; \"..\" has a part between dots that is empty, is longer than 63 characters, or "
         "begins or ends with a "
         "hyphen; allowed: a list of domains, each in the form domain, @domain or #queue"},
        {SCOPE_HOST, "Domains", VALUE_MULTI_SZ, u"a\0\xD800\0", 8, "a",
         "\"\xef\xbf\xbd\" has a non-ASCII character; use its A-label form (xn--...); allowed: a list of "
         "domains, each in the form domain, @domain or #queue"},
        {SCOPE_HOST, "Domains", VALUE_SZ, U("a.example"), "",
         "found REG_SZ \"a.example\"; allowed: REG_MULTI_SZ, a list of domains, each in the form domain, @domain or "
         "#queue"},
        {SCOPE_SERVICE, "Schedule", VALUE_MULTI_SZ, U("0 8-18 * * mon-fri\0@every 2h\0"),
         "0 8-18 * * mon-fri; @every 2h", NULL},
        {SCOPE_SERVICE, "Schedule", VALUE_MULTI_SZ, U("# nights\0\0@daily\0"), "# nights; @daily", NULL},
        {SCOPE_SERVICE, "Schedule", VALUE_MULTI_SZ,
         U("@daily\0"
           "0 24 * * *\0@hourly\0"),
         "@daily @hourly", "\"0 24 * * *\" has an hour that is out of range, 0 to 23; allowed: " CRON_LINES},
        {SCOPE_SERVICE, "Schedule", VALUE_MULTI_SZ, U("* * *\0@every 30s\0"), "",
         "\"* * *\" does not have five fields: minute, hour, day of month, month, day of week; \"@every 30s\" does "
         "not have a time from 1m to 365d, such as 10m or 1h30m; allowed: " CRON_LINES},
        {SCOPE_HOST, "Schedule", VALUE_MULTI_SZ, U("\x1b[2J * * * *\0@daily\0"), "@daily",
         "\"\\x1b[2J * * * *\" has a minute that is not a number, 0 to 59; allowed: " CRON_LINES},
        {SCOPE_HOST, "Schedule", VALUE_SZ, U("@daily"), "",
         "found REG_SZ \"@daily\"; allowed: REG_MULTI_SZ, " CRON_LINES},
        {SCOPE_HOST, "Fallback", VALUE_MULTI_SZ,
         U("mx2\0mx3.example:2525\0[2001:db8::1]:26\0"
           "192.0.2.1\0"),
         "mx2 mx3.example:2525 [2001:db8::1]:26 192.0.2.1", NULL},
        {SCOPE_HOST, "Fallback", VALUE_MULTI_SZ, U("mx2:0\0mx3\0mx4:65536\0"), "mx3",
         "\"mx2:0\" is neither HOST nor HOST:PORT; \"mx4:65536\" is neither HOST nor HOST:PORT; allowed: a list of "
         "hosts, each HOST or HOST:PORT"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct applied *row = &rows[i];
        struct fixture f;
        set_up(&f);
        bool fine = apply(&f, row->scope, row->name, row->type, row->data, row->size);
        CHECK_TEXT(row->name, f.problem_buffer, row->problem ? row->problem : "");
        CHECK_TEXT(row->name, show(&f, row->scope, row->name), row->shown);
        assert_int_equal(fine, row->problem == NULL);
        bool some_of_a_list =
            row->type == VALUE_MULTI_SZ && setting_find(row->scope, row->name)->type == SETTING_STRINGS;
        CHECK(origin_of(&f, row->scope, row->name) == (fine || some_of_a_list ? ORIGIN_PARAMETERS : ORIGIN_DEFAULT),
              "%s, row %zu: its origin", row->name, i);
        config_free(&f.config);
    }
}

static void a_later_value_replaces_an_earlier_one(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    apply(&f, SCOPE_HOST, "Domains", VALUE_MULTI_SZ, U("a\0b\0"));
    apply(&f, SCOPE_HOST, "Domains", VALUE_MULTI_SZ, U("c\0"));
    assert_string_equal(show(&f, SCOPE_HOST, "Domains"), "c");
    apply(&f, SCOPE_HOST, "Host", VALUE_SZ, U("one"));
    apply(&f, SCOPE_HOST, "Host", VALUE_SZ, U("two"));
    assert_string_equal(host_address(f.host), "two");
    apply(&f, SCOPE_HOST, "Host", VALUE_SZ, U("t w o"));
    assert_string_equal(host_address(f.host), "mx.example");
    apply(&f, SCOPE_HOST, "Host", VALUE_SZ, U(""));
    assert_string_equal(host_address(f.host), "mx.example");
    apply(&f, SCOPE_HOST, "Domains", VALUE_DWORD, BYTES("\1\0\0\0"));
    assert_string_equal(show(&f, SCOPE_HOST, "Domains"), "");
    config_free(&f.config);
}

static void policy_wins_and_is_named_as_the_origin(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    const struct setting *s = setting_find(SCOPE_SERVICE, "RetrySeconds");
    assert_true(config_apply(&f.config, NULL, s, ORIGIN_PARAMETERS, VALUE_DWORD, "\x14\0\0\0", 4, &f.problem));
    assert_true(config_apply(&f.config, NULL, s, ORIGIN_POLICY, VALUE_DWORD, "\x1e\0\0\0", 4, &f.problem));
    assert_string_equal(show(&f, SCOPE_SERVICE, "RetrySeconds"), "30");
    assert_int_equal(origin_of(&f, SCOPE_SERVICE, "RetrySeconds"), ORIGIN_POLICY);
    assert_int_equal(origin_of(&f, SCOPE_SERVICE, "RunAtStart"), ORIGIN_DEFAULT);
    config_free(&f.config);
}

static void each_server_of_a_host_has_its_address_and_port(void **state)
{
    (void)state;
    static const struct {
        size_t which;
        const char *address;
        uint16_t port;
    } rows[] = {
        {0, "mx.example", 2525}, {1, "mx2", 25},         {2, "mx3.example", 26},
        {3, "2001:db8::1", 27},  {4, "2001:db8::2", 25}, {5, "mx.example", 2525}, /* there is none: the host itself */
    };
    struct fixture f;
    set_up(&f);
    apply(&f, SCOPE_HOST, "Port", VALUE_DWORD, BYTES("\xdd\x09\0\0"));
    apply(&f, SCOPE_HOST, "Fallback", VALUE_MULTI_SZ,
          U("mx2\0mx3.example:26\0[2001:db8::1]:27\0"
            "2001:db8::2\0"));
    for (size_t i = 0; i < COUNT(rows); i++) {
        char address[NODE_LIMIT + 1];
        uint16_t port;
        host_server(f.host, rows[i].which, address, sizeof address, &port);
        CHECK_TEXT("its address", address, rows[i].address);
        assert_int_equal(port, rows[i].port);
    }
    config_free(&f.config);
}

static void without_a_port_it_is_the_methods_own(void **state)
{
    (void)state;
    static const struct {
        const char *method;
        uint32_t port;              /* of the host, 0: not set */
        uint16_t own, plain, given; /* of the host, of a Fallback without a port, and of one with :26 */
    } rows[] = {
        {"etrn", 0, 25, 25, 26},    {"etrn", 2525, 2525, 25, 26}, {"finger", 0, 79, 79, 26}, {"finger", 25, 25, 79, 26},
        {"finger", 79, 79, 79, 26}, {"etrn", 79, 79, 25, 26},     {"program", 0, 0, 0, 26},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct fixture f;
        char address[NODE_LIMIT + 1];
        set_up(&f);
        assert_true(setting_word(setting_find(SCOPE_HOST, "Method"), rows[i].method, &f.host->method));
        f.host->port = rows[i].port;
        apply(&f, SCOPE_HOST, "Fallback", VALUE_MULTI_SZ, U("mx2\0mx3:26\0"));
        assert_int_equal(host_port(f.host), rows[i].own);
        const uint16_t expected[] = {rows[i].own, rows[i].plain, rows[i].given};
        for (size_t which = 0; which < COUNT(expected); which++) {
            uint16_t port;
            host_server(f.host, which, address, sizeof address, &port);
            CHECK(port == expected[which], "row %zu, server %zu: port %u", i, which, port);
        }
        config_free(&f.config);
    }
}

static void the_method_bounds_how_many_nodes_go_together(void **state)
{
    (void)state;
    static const struct {
        const char *method;
        char *program;
        size_t batch;
    } rows[] = {
        {"etrn", NULL, 5},
        {"finger", NULL, 1},
        {"program", NULL, BATCH_ALL},
        {"program", "\"C:\\fetch.exe\" {host}", BATCH_ALL},
        {"program", "\"C:\\fetch.exe\" {node}", 1},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct host_settings host = {.etrns_per_connection = 5, .program = rows[i].program};
        assert_true(setting_word(setting_find(SCOPE_HOST, "Method"), rows[i].method, &host.method));
        assert_int_equal(host_batch(&host), rows[i].batch);
    }
}

static void problems_are_appended_to_the_text(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    text_add(&f.problem, "Port: ");
    const struct setting *s = setting_find(SCOPE_HOST, "Port");
    assert_false(config_apply(&f.config, f.host, s, ORIGIN_PARAMETERS, VALUE_DWORD, "\0\0\1\0", 4, &f.problem));
    assert_string_equal(f.problem_buffer, "Port: found REG_DWORD 65536; allowed: REG_DWORD, 0 to 65535");
    config_free(&f.config);
}

static void a_list_has_an_end(void **state)
{
    (void)state;
    struct config c;
    char problem[400];
    struct text t;
    size_t size = 0;
    static uint16_t data[6000 * 8];
    for (unsigned i = 0; i < 6000; i++) {
        char item[8];
        snprintf(item, sizeof item, "d%05u", i);
        for (size_t k = 0; k < 7; k++)
            data[size++] = (uint16_t)item[k];
    }
    config_init(&c);
    struct host_settings *host = config_add_host(&c, "h");
    text_begin(&t, problem, sizeof problem);
    assert_false(config_apply(&c, host, setting_find(SCOPE_HOST, "Domains"), ORIGIN_PARAMETERS, VALUE_MULTI_SZ, data,
                              size * 2, &t));
    assert_int_equal(host->domains.count, STRINGS_LIMIT);
    assert_string_equal(host->domains.items[STRINGS_LIMIT - 1], "d04999");
    assert_string_equal(problem,
                        "\"d05000\" and the items after it are not used: a list has at most 5,000 items; allowed: "
                        "a list of domains, each in the form domain, @domain or #queue");
    config_free(&c);
}

static void a_value_of_more_than_a_megabyte_is_refused(void **state)
{
    (void)state;
    enum { LIMIT = 1 << 20 };
    char16_t *units = malloc(LIMIT + 2);
    for (size_t i = 0; i <= LIMIT / 2; i++)
        units[i] =
            i % 200 == 199 ? 0 : u'x'; /* the same long word again and again: invalid, so that it is short work */
    struct fixture f;
    set_up(&f);
    assert_false(apply(&f, SCOPE_HOST, "Domains", VALUE_MULTI_SZ, units, LIMIT + 2));
    assert_string_equal(f.problem_buffer,
                        "found REG_MULTI_SZ of 1048578 bytes; allowed: REG_MULTI_SZ, a list of domains, each "
                        "in the form domain, @domain or #queue");
    assert_int_equal(f.host->domains.count, 0);
    assert_false(apply(&f, SCOPE_HOST, "Host", VALUE_SZ, units, LIMIT + 2));
    for (size_t i = 0; i < LIMIT / 2; i++)
        units[i] = i % 21 == 20 ? 0 : u'x';
    assert_true(apply(&f, SCOPE_HOST, "Domains", VALUE_MULTI_SZ, units, LIMIT));
    assert_int_equal(f.host->domains.count, 2); /* the word, and the part of it at the end */
    free(units);
    config_free(&f.config);
}

/* The sanitizer sees what is used after it was freed, and what is never freed. */
static void a_configuration_stays_until_its_last_holder_releases_it(void **state)
{
    (void)state;
    struct config *c = config_new();
    assert_non_null(config_add_host(c, "mx.example"));
    assert_int_equal(c->service.interval_minutes, 15);
    const struct host_settings *host = config_find_host(config_hold(c), "mx.example");
    assert_ptr_equal(config_hold(c), c);
    config_release(c);
    config_release(c);
    assert_int_equal(c->holders, 1);
    assert_string_equal(host->name, "mx.example");
    config_release(c);
    config_release(NULL);
}

/* ---- hosts ---- */

static void ten_thousand_hosts_stay_sorted_and_findable(void **state)
{
    (void)state;
    enum { HOSTS = 10000 };
    unsigned *order = malloc(HOSTS * sizeof *order);
    struct config c;
    config_init(&c);
    uint32_t random = 1985;
    for (unsigned i = 0; i < HOSTS; i++) {
        unsigned other = (random = random * 1664525u + 1013904223u) % (i + 1);
        order[i] = order[other];
        order[other] = i;
    }
    for (unsigned i = 0; i < HOSTS; i++) {
        char name[30];
        snprintf(name, sizeof name, i % 2 ? "host%u.example" : "HOST%u.Example", order[i]);
        struct host_settings *host = config_add_host(&c, name);
        assert_string_equal(host->name, name);
        assert_int_equal(host->port, 0);
        host->port = order[i] + 1;
    }
    assert_int_equal(c.host_count, HOSTS);
    for (size_t i = 1; i < HOSTS; i++)
        assert_true(text_compare(c.hosts[i - 1].name, c.hosts[i].name) < 0);
    for (unsigned i = 0; i < HOSTS; i++) {
        char name[30];
        snprintf(name, sizeof name, "hOsT%u.eXample", i);
        assert_int_equal(config_find_host(&c, name)->port, i + 1);
        assert_ptr_equal(config_add_host(&c, name), config_find_host(&c, name));
    }
    assert_int_equal(c.host_count, HOSTS);
    assert_null(config_find_host(&c, "host10000.example"));
    assert_null(config_find_host(&c, ""));
    assert_null(config_find_host(&c, "zzz"));
    free(order);
    config_free(&c);
    assert_null(config_find_host(&c, "host1.example"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_taken_or_refused_with_a_reason),
        cmocka_unit_test(a_later_value_replaces_an_earlier_one),
        cmocka_unit_test(policy_wins_and_is_named_as_the_origin),
        cmocka_unit_test(each_server_of_a_host_has_its_address_and_port),
        cmocka_unit_test(without_a_port_it_is_the_methods_own),
        cmocka_unit_test(the_method_bounds_how_many_nodes_go_together),
        cmocka_unit_test(problems_are_appended_to_the_text),
        cmocka_unit_test(a_list_has_an_end),
        cmocka_unit_test(a_value_of_more_than_a_megabyte_is_refused),
        cmocka_unit_test(a_configuration_stays_until_its_last_holder_releases_it),
        cmocka_unit_test(ten_thousand_hosts_stay_sorted_and_findable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
