#include "configured.h"

#include <stdio.h>

#define CRON_LINES "crontab lines with five fields, or @hourly, @daily, @every 10m and similar"

/* ---- the table ---- */

static void the_table_is_sound(void **state)
{
    (void)state;
    size_t rows[2] = {0, 0};
    for (size_t i = 0; i < settings_count; i++) {
        const struct setting *s = &settings[i];
        assert_int_equal(setting_index(s), rows[s->scope]++);
        CHECK(i == 0 || s[-1].scope <= s->scope, "%s stands apart from its scope", s->name);
        CHECK(*s->name && strspn(s->name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") == strlen(s->name),
              "%s", s->name);
        CHECK(s->help && *s->help, "%s has no help", s->name);
        assert_ptr_equal(setting_find(s->scope, s->name), s); /* so the name is unique */
    }
    assert_in_range(rows[SCOPE_SERVICE], 1, SETTING_COUNT_LIMIT);
    assert_in_range(rows[SCOPE_HOST], 1, SETTING_COUNT_LIMIT);
}

static void each_row_has_what_its_type_needs(void **state)
{
    (void)state;
    for (size_t i = 0; i < settings_count; i++) {
        const struct setting *s = &settings[i];
        bool inherits = s->scope == SCOPE_HOST && strcmp(s->name, "IntervalMinutes") == 0; /* 0: the service's */
        switch (s->type) {
        case SETTING_DWORD:
            CHECK(s->minimum < s->maximum, "%s: its range is empty", s->name);
            CHECK(inherits ? s->initial == 0 : s->initial >= s->minimum && s->initial <= s->maximum,
                  "%s: its default is out of range", s->name);
            CHECK(s->unit, "%s: NULL for its unit", s->name);
            break;
        case SETTING_CHOICE:
            assert_in_range(s->initial, 0, s->maximum);
            for (uint32_t word = 0; word <= s->maximum; word++)
                assert_non_null(s->word(word));
            break;
        case SETTING_STRING:
        case SETTING_EXPAND:
        case SETTING_STRINGS:
            CHECK(s->fault && s->expected, "%s cannot be checked", s->name);
            break;
        }
    }
}

/* Names, ranges and defaults are a contract with administrators: a change here must be meant. */
static void names_ranges_and_defaults_are_as_promised(void **state)
{
    (void)state;
    static const struct {
        enum setting_scope scope;
        const char *name, *type, *allowed, *initial;
    } rows[] = {
        {SCOPE_SERVICE, "AlwaysUseETRN", "REG_DWORD", "0 or 1", "0"},
        {SCOPE_SERVICE, "IntervalMinutes", "REG_DWORD", "1 to 10080 minutes", "15"},
        {SCOPE_SERVICE, "Schedule", "REG_MULTI_SZ", CRON_LINES, ""},
        {SCOPE_SERVICE, "RunAtStart", "REG_DWORD", "0 or 1", "1"},
        {SCOPE_SERVICE, "RunOnNetworkChange", "REG_DWORD", "0 or 1", "1"},
        {SCOPE_SERVICE, "LocalPort", "REG_DWORD", "0 to 65535", "25"},
        {SCOPE_SERVICE, "RetrySeconds", "REG_DWORD", "10 to 86400 seconds", "60"},
        {SCOPE_SERVICE, "MinimumGapSeconds", "REG_DWORD", "0 to 3600 seconds", "30"},
        {SCOPE_SERVICE, "MaxConnections", "REG_DWORD", "1 to 10000 connections", "500"},
        {SCOPE_SERVICE, "TimeoutSeconds", "REG_DWORD", "5 to 600 seconds", "300"},
        {SCOPE_SERVICE, "ConnectTimeoutSeconds", "REG_DWORD", "5 to 300 seconds", "30"},
        {SCOPE_SERVICE, "SessionTimeoutSeconds", "REG_DWORD", "30 to 3600 seconds", "900"},
        {SCOPE_SERVICE, "ProtocolLog", "REG_DWORD", "0 or 1", "0"},
        {SCOPE_HOST, "Host", "REG_SZ", "a domain name or an IP address", ""},
        {SCOPE_HOST, "Port", "REG_DWORD", "0 to 65535", "0"},
        {SCOPE_HOST, "Enabled", "REG_DWORD", "0 or 1", "1"},
        {SCOPE_HOST, "Domains", "REG_MULTI_SZ", "a list of domains, each in the form domain, @domain or #queue", ""},
        {SCOPE_HOST, "Fallback", "REG_MULTI_SZ", "a list of hosts, each HOST or HOST:PORT", ""},
        {SCOPE_HOST, "Method", "REG_SZ", "one of etrn, finger, program", "etrn"},
        {SCOPE_HOST, "WakeHost", "REG_SZ", "a host name or an IPv4 address", ""},
        {SCOPE_HOST, "WakeSeconds", "REG_DWORD", "1 to 600 seconds", "60"},
        {SCOPE_HOST, "WakeRequired", "REG_DWORD", "0 or 1", "1"},
        {SCOPE_HOST, "Program", "REG_EXPAND_SZ", "a full path in quotation marks, followed by arguments", ""},
        {SCOPE_HOST, "RunService", "REG_SZ", "the name of a service", ""},
        {SCOPE_HOST, "HoldSeconds", "REG_DWORD", "0 to 86400 seconds", "60"},
        {SCOPE_HOST, "HeloName", "REG_SZ", "a domain name or an address literal such as [192.0.2.1]", ""},
        {SCOPE_HOST, "LocalAddress", "REG_SZ", "an IPv4 or IPv6 address", ""},
        {SCOPE_HOST, "Tls", "REG_SZ", "one of none, may, require, implicit", "may"},
        {SCOPE_HOST, "TlsFingerprint", "REG_SZ",
         "the SHA-256 fingerprint of a certificate, 64 hexadecimal digits with or without colons", ""},
        {SCOPE_HOST, "User", "REG_SZ", "a user name of at most 255 bytes", ""},
        {SCOPE_HOST, "AuthInClear", "REG_DWORD", "0 or 1", "0"},
        {SCOPE_HOST, "ForceETRN", "REG_DWORD", "0 or 1", "0"},
        {SCOPE_HOST, "EtrnsPerConnection", "REG_DWORD", "1 to 100 domains", "7"},
        {SCOPE_HOST, "ConnectionsPerHost", "REG_DWORD", "1 to 32 connections", "4"},
        {SCOPE_HOST, "IntervalMinutes", "REG_DWORD", "1 to 10080 minutes", ""},
        {SCOPE_HOST, "Schedule", "REG_MULTI_SZ", CRON_LINES, ""},
    };
    struct fixture f;
    set_up(&f);
    assert_int_equal(COUNT(rows), settings_count);
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct setting *s = setting_find(rows[i].scope, rows[i].name);
        CHECK(s, "%s is gone", rows[i].name);
        char buffer[100];
        struct text allowed;
        text_begin(&allowed, buffer, sizeof buffer);
        setting_allowed(s, &allowed);
        CHECK_TEXT(rows[i].name, buffer, rows[i].allowed);
        CHECK_TEXT(rows[i].name, setting_type_name(s), rows[i].type);
        CHECK_TEXT(rows[i].name, show(&f, rows[i].scope, rows[i].name), rows[i].initial);
        assert_int_equal(origin_of(&f, rows[i].scope, rows[i].name), ORIGIN_DEFAULT);
    }
    config_free(&f.config);
}

static void names_are_found_without_case_and_in_their_scope(void **state)
{
    (void)state;
    assert_ptr_equal(setting_find(SCOPE_SERVICE, "alwaysuseetrn"), setting_find(SCOPE_SERVICE, "AlwaysUseETRN"));
    assert_ptr_not_equal(setting_find(SCOPE_SERVICE, "IntervalMinutes"), setting_find(SCOPE_HOST, "IntervalMinutes"));
    assert_null(setting_find(SCOPE_SERVICE, "Port"));
    assert_null(setting_find(SCOPE_HOST, "AlwaysUseETRN"));
    assert_null(setting_find(SCOPE_HOST, "Por"));
    assert_null(setting_find(SCOPE_HOST, ""));
}

/* ---- words from a person ---- */

struct words {
    enum setting_scope scope;
    const char *name;
    const char *words[4];
    const char *shown, *problem; /* NULL: they are allowed */
};

static void user_input_becomes_values(void **state)
{
    (void)state;
    static const struct words rows[] = {
        {SCOPE_SERVICE, "AlwaysUseETRN", {"1"}, "1", NULL},
        {SCOPE_SERVICE, "AlwaysUseETRN", {"0"}, "0", NULL},
        {SCOPE_SERVICE, "RetrySeconds", {"86400"}, "86400", NULL},
        {SCOPE_SERVICE, "RetrySeconds", {"0010"}, "10", NULL},
        {SCOPE_HOST, "Port", {"65535"}, "65535", NULL},
        {SCOPE_HOST, "Tls", {"require"}, "require", NULL},
        {SCOPE_HOST, "Tls", {"None"}, "none", NULL},
        {SCOPE_HOST, "Host", {"mx2.example"}, "mx2.example", NULL},
        {SCOPE_HOST, "Host", {"::1"}, "::1", NULL},
        {SCOPE_HOST, "Host", {""}, "", NULL},
        {SCOPE_HOST, "HeloName", {"[192.0.2.1]"}, "[192.0.2.1]", NULL},
        {SCOPE_HOST, "HeloName", {""}, "", NULL},
        {SCOPE_HOST, "Domains", {NULL}, "", NULL},
        {SCOPE_HOST, "Domains", {"a.example"}, "a.example", NULL},
        {SCOPE_HOST, "Domains", {"a.example", "@b.example", "#q/7"}, "a.example @b.example #q/7", NULL},
        {SCOPE_HOST, "Domains", {"a.example", "A.example", "b"}, "a.example b", NULL},

        {SCOPE_SERVICE, "AlwaysUseETRN", {"2"}, NULL, "2 is out of range; allowed: 0 or 1"},
        {SCOPE_SERVICE, "AlwaysUseETRN", {"yes"}, NULL, "\"yes\" is not a number; allowed: 0 or 1"},
        {SCOPE_SERVICE, "AlwaysUseETRN", {""}, NULL, "\"\" is not a number; allowed: 0 or 1"},
        {SCOPE_SERVICE, "AlwaysUseETRN", {NULL}, NULL, "takes one value; allowed: 0 or 1"},
        {SCOPE_SERVICE, "AlwaysUseETRN", {"0", "1"}, NULL, "takes one value; allowed: 0 or 1"},
        {SCOPE_SERVICE, "RetrySeconds", {"9"}, NULL, "9 is out of range; allowed: 10 to 86400 seconds"},
        {SCOPE_SERVICE, "RetrySeconds", {"86401"}, NULL, "86401 is out of range; allowed: 10 to 86400 seconds"},
        {SCOPE_SERVICE,
         "RetrySeconds",
         {"4294967306"},
         NULL,
         "\"4294967306\" is not a number; allowed: 10 to 86400 seconds"},
        {SCOPE_SERVICE, "RetrySeconds", {"-60"}, NULL, "\"-60\" is not a number; allowed: 10 to 86400 seconds"},
        {SCOPE_SERVICE, "RetrySeconds", {"60\x1b"}, NULL, "\"60\\x1b\" is not a number; allowed: 10 to 86400 seconds"},
        {SCOPE_HOST, "IntervalMinutes", {"0"}, NULL, "0 is out of range; allowed: 1 to 10080 minutes"},
        {SCOPE_HOST, "Tls", {"ssl"}, NULL, "\"ssl\" is unknown; allowed: one of none, may, require, implicit"},
        {SCOPE_HOST, "Tls", {"may", "require"}, NULL, "takes one value; allowed: one of none, may, require, implicit"},
        {SCOPE_HOST,
         "Host",
         {"a b"},
         NULL,
         "\"a b\" is neither a domain name nor an IP address; allowed: a domain name or an IP address"},
        {SCOPE_HOST, "LocalAddress", {"192.0.2.1"}, "192.0.2.1", NULL},
        {SCOPE_HOST, "LocalAddress", {"2001:db8::25"}, "2001:db8::25", NULL},
        {SCOPE_HOST, "LocalAddress", {""}, "", NULL},
        {SCOPE_HOST,
         "LocalAddress",
         {"mx.example"},
         NULL,
         "\"mx.example\" is not an IP address; allowed: an IPv4 or IPv6 address"},
        {SCOPE_HOST,
         "LocalAddress",
         {"192.0.2.1:25"},
         NULL,
         "\"192.0.2.1:25\" is not an IP address; allowed: an IPv4 or IPv6 address"},
        {SCOPE_HOST,
         "HeloName",
         {"[x]"},
         NULL,
         "\"[x]\" is not an address literal; allowed: a domain name or an address literal such as [192.0.2.1]"},
        {SCOPE_HOST,
         "HeloName",
         {"@a"},
         NULL,
         "\"@a\" is not a domain name; allowed: a domain name or an address literal such as [192.0.2.1]"},
        {SCOPE_HOST,
         "Domains",
         {"a", "b c"},
         NULL,
         "\"b c\" has a character that is not allowed in a domain; allowed: a list of domains, each in the form "
         "domain, @domain or #queue"},
        {SCOPE_HOST,
         "Domains",
         {""},
         NULL,
         "\"\" contains no name; allowed: a list of domains, each in the form domain, @domain or #queue"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct words *row = &rows[i];
        struct fixture f;
        struct value value;
        size_t count = 0;
        set_up(&f);
        while (row->words[count])
            count++;
        bool fine = setting_encode(setting_find(row->scope, row->name), row->words, count, &value, &f.problem);
        CHECK_TEXT(row->name, f.problem_buffer, row->problem ? row->problem : "");
        assert_int_equal(fine, row->problem == NULL);
        if (fine) {
            assert_true(apply(&f, row->scope, row->name, value.type, value.data, value.size));
            CHECK_TEXT(row->name, show(&f, row->scope, row->name), row->shown);
        }
        free(value.data);
        config_free(&f.config);
    }
}

static void values_are_written_as_windows_writes_them(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *words[2];
        enum value_type type;
        const void *data;
        size_t size;
    } rows[] = {
        {"Port", {"2525"}, VALUE_DWORD, BYTES("\xdd\x09\0\0")},
        {"Tls", {"may"}, VALUE_SZ, U("may")},
        {"Host", {"mx"}, VALUE_SZ, U("mx")},
        {"Host", {""}, VALUE_SZ, U("")},
        {"Domains", {"a", "b"}, VALUE_MULTI_SZ, U("a\0b\0")},
        {"Domains", {NULL}, VALUE_MULTI_SZ, U("")},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct value value;
        char buffer[100];
        struct text problem;
        text_begin(&problem, buffer, sizeof buffer);
        size_t count = rows[i].words[0] ? rows[i].words[1] ? 2 : 1 : 0;
        assert_true(setting_encode(setting_find(SCOPE_HOST, rows[i].name), rows[i].words, count, &value, &problem));
        assert_int_equal(value.type, rows[i].type);
        assert_int_equal(value.size, rows[i].size);
        assert_memory_equal(value.data, rows[i].data, rows[i].size);
        free(value.data);
    }
}

/* Every number of every row at and around its bounds, through encoding and back. */
static void every_bound_holds_both_ways(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    for (size_t i = 0; i < settings_count; i++) {
        const struct setting *s = &settings[i];
        if (s->type != SETTING_DWORD)
            continue;
        const int64_t numbers[] = {0,          (int64_t)s->minimum - 1, s->minimum,
                                   s->maximum, (int64_t)s->maximum + 1, UINT32_MAX};
        for (size_t k = 0; k < COUNT(numbers); k++) {
            if (numbers[k] < 0)
                continue;
            bool allowed = numbers[k] >= s->minimum && numbers[k] <= s->maximum;
            char word[30];
            snprintf(word, sizeof word, "%lld", (long long)numbers[k]);
            const char *words[] = {word};
            struct value value;
            text_begin(&f.problem, f.problem_buffer, sizeof f.problem_buffer);
            CHECK(setting_encode(s, words, 1, &value, &f.problem) == allowed, "%s %s", s->name, word);
            CHECK(!allowed || apply(&f, s->scope, s->name, value.type, value.data, value.size), "%s %s", s->name, word);
            CHECK(!allowed || strcmp(show(&f, s->scope, s->name), word) == 0, "%s %s", s->name, word);
            free(value.data);
        }
    }
    config_free(&f.config);
}

/* Whether a host's setting may be one word of that length. */
static bool length_is_allowed(const char *name, size_t length)
{
    struct fixture f;
    struct value value;
    char word[300];
    const char *words[] = {word};
    assert_true(length < sizeof word);
    memset(word, 'x', length);
    word[length] = '\0';
    set_up(&f);
    bool allowed = setting_encode(setting_find(SCOPE_HOST, name), words, 1, &value, &f.problem);
    free(value.data);
    config_free(&f.config);
    return allowed;
}

static void names_of_services_and_users_have_a_longest(void **state)
{
    (void)state;
    assert_true(length_is_allowed("RunService", 256)); /* as CreateService() allows */
    assert_false(length_is_allowed("RunService", 257));
    assert_true(length_is_allowed("User", 255)); /* RFC 4616 */
    assert_false(length_is_allowed("User", 256));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_is_sound),
        cmocka_unit_test(each_row_has_what_its_type_needs),
        cmocka_unit_test(names_ranges_and_defaults_are_as_promised),
        cmocka_unit_test(names_are_found_without_case_and_in_their_scope),
        cmocka_unit_test(user_input_becomes_values),
        cmocka_unit_test(values_are_written_as_windows_writes_them),
        cmocka_unit_test(every_bound_holds_both_ways),
        cmocka_unit_test(names_of_services_and_users_have_a_longest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
