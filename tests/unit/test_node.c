#include "node.h"
#include "unit.h"

#define A50 "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeee"
#define L63 A50 "1234567890123"
#define D255 L63 "." L63 "." L63 "." L63 /* 4 * 63 + 3 */

static void nodes_are_checked(void **state)
{
    (void)state;
    static const struct {
        const char *node;
        enum node_fault expected;
    } rows[] = {
        {"example.com", NODE_FINE},
        {"@example.com", NODE_FINE},
        {"#example.com", NODE_FINE},
        {"#Uucp/queue:7!", NODE_FINE},
        {"##", NODE_FINE},
        {"#@x", NODE_FINE},
        {"a", NODE_FINE},
        {"xn--bcher-kva.example", NODE_FINE},
        {"_tcp.host_1.example", NODE_FINE},
        {"0a.1b.9Z", NODE_FINE},
        {"a-b.c--d.example", NODE_FINE},
        {L63 ".example", NODE_FINE},
        {D255, NODE_FINE},
        {"#" A50 A50 A50 A50 A50 "1234", NODE_FINE},

        {"", NODE_EMPTY},
        {"@", NODE_EMPTY},
        {"#", NODE_EMPTY},

        {"@" D255, NODE_TOO_LONG},
        {"#" A50 A50 A50 A50 A50 "12345", NODE_TOO_LONG},
        {A50 A50 A50 A50 A50 A50, NODE_TOO_LONG},

        {"a b", NODE_CHARACTER},
        {" a", NODE_CHARACTER},
        {"a ", NODE_CHARACTER},
        {"a.example\r\nRSET", NODE_CHARACTER},
        {"a.example\r", NODE_CHARACTER},
        {"a.example\n", NODE_CHARACTER},
        {"a\tb", NODE_CHARACTER},
        {"a\x01", NODE_CHARACTER},
        {"a\x7f", NODE_CHARACTER},
        {"a/b", NODE_CHARACTER},
        {"a:b", NODE_CHARACTER},
        {"a@b", NODE_CHARACTER},
        {"@@a", NODE_CHARACTER},
        {"a[b", NODE_CHARACTER},
        {"a`b", NODE_CHARACTER},
        {"a{b", NODE_CHARACTER},
        {"#a b", NODE_CHARACTER},
        {"#a\r\nb", NODE_CHARACTER},
        {"#a\x1f", NODE_CHARACTER},
        {"#a\x7f", NODE_CHARACTER},

        {"b\xc3\xbc"
         "cher.example",
         NODE_NOT_ASCII},
        {"#b\xc3\xbc", NODE_NOT_ASCII},
        {"a\x80", NODE_NOT_ASCII},

        {".", NODE_LABEL},
        {".a", NODE_LABEL},
        {"a..b", NODE_LABEL},
        {"a.", NODE_LABEL},
        {"@.a", NODE_LABEL},
        {"-a", NODE_LABEL},
        {"a-", NODE_LABEL},
        {"a-.b", NODE_LABEL},
        {"a.-b", NODE_LABEL},
        {L63 "4", NODE_LABEL},
        {L63 "4.a", NODE_LABEL},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        CHECK_TEXT(rows[i].node, node_fault_text(node_fault(rows[i].node)), node_fault_text(rows[i].expected));
}

static void each_fault_has_its_text(void **state)
{
    (void)state;
    for (enum node_fault a = NODE_FINE; a <= NODE_LABEL; a++) {
        assert_true(*node_fault_text(a) != '\0');
        for (enum node_fault b = NODE_FINE; b < a; b++)
            assert_string_not_equal(node_fault_text(a), node_fault_text(b));
    }
}

static void host_names_are_checked(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool valid;
    } rows[] = {
        {"mx.example", true},
        {"localhost", true},
        {"192.0.2.1", true},
        {"::1", true},
        {"::", true},
        {"2001:db8::25", true},
        {"::ffff:192.0.2.1", true},
        {"FE80::1%12", true},
        {"fe80::1%eth0.1", true},
        {D255, true},
        {"", false},
        {"a b", false},
        {"@mx.example", false},
        {"#mx", false},
        {"mx..example", false},
        {"mx.example:25", false},
        {"[::1]", false},
        {"1:2:g", false},
        {"::1%", false},
        {"::1%a b", false},
        {"::1%\r\nQUIT", false},
        {"::1%1%2", false},
        {"mx%1", false},
        {"m\xc3\xbc.example", false},
        {D255 "a", false},
        {"a." D255, false},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        CHECK(host_name_valid(rows[i].name) == rows[i].valid, "\"%s\" should be %s", rows[i].name,
              rows[i].valid ? "valid" : "refused");
}

static void host_and_port_are_split(void **state)
{
    (void)state;
    static const struct {
        const char *text, *host; /* NULL: refused */
        unsigned port;           /* 7: left alone */
    } rows[] = {
        {"mx.example", "mx.example", 7},
        {"mx.example:25", "mx.example", 25},
        {"mx.example:1", "mx.example", 1},
        {"mx.example:65535", "mx.example", 65535},
        {"mx.example:00025", "mx.example", 25},
        {"192.0.2.1", "192.0.2.1", 7},
        {"192.0.2.1:2525", "192.0.2.1", 2525},
        {"::1", "::1", 7},
        {"2001:db8::25", "2001:db8::25", 7},
        {"fe80::1%3", "fe80::1%3", 7},
        {"[::1]", "::1", 7},
        {"[2001:db8::25]:2525", "2001:db8::25", 2525},
        {"[fe80::1%3]:25", "fe80::1%3", 25},
        {"", NULL, 0},
        {":", NULL, 0},
        {":25", NULL, 0},
        {"mx.example:", NULL, 0},
        {"mx.example:0", NULL, 0},
        {"mx.example:65536", NULL, 0},
        {"mx.example:99999999999999999999", NULL, 0},
        {"mx.example:-1", NULL, 0},
        {"mx.example:+25", NULL, 0},
        {"mx.example:25 ", NULL, 0},
        {"mx.example: 25", NULL, 0},
        {"mx.example:smtp", NULL, 0},
        {"mx.example:1:25", NULL, 0},
        {"mx example:25", NULL, 0},
        {"[::1", NULL, 0},
        {"[::1]25", NULL, 0},
        {"[::1]:", NULL, 0},
        {"[::1]:0", NULL, 0},
        {"[::1]:25:25", NULL, 0},
        {"[]", NULL, 0},
        {"[]:25", NULL, 0},
        {"[mx.example]:25", NULL, 0},
        {"::1]", NULL, 0},
        {"http://mx.example", NULL, 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char host[300] = "";
        unsigned port = 7;
        bool fine = host_split(rows[i].text, host, sizeof host, &port);
        CHECK(fine == (rows[i].host != NULL), "\"%s\" should be %s", rows[i].text, rows[i].host ? "split" : "refused");
        if (fine)
            CHECK(strcmp(host, rows[i].host) == 0 && port == rows[i].port, "\"%s\": found \"%s\" and %u", rows[i].text,
                  host, port);
    }
}

static void a_host_that_does_not_fit_is_refused(void **state)
{
    (void)state;
    char host[4];
    unsigned port = 7;
    assert_true(host_split("abc:25", host, sizeof host, &port));
    assert_string_equal(host, "abc");
    assert_false(host_split("abcd:25", host, sizeof host, &port));
    assert_true(host_split("[::1]", host, sizeof host, &port));
    assert_false(host_split("[1::1]", host, sizeof host, &port));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nodes_are_checked),
        cmocka_unit_test(each_fault_has_its_text),
        cmocka_unit_test(host_names_are_checked),
        cmocka_unit_test(host_and_port_are_split),
        cmocka_unit_test(a_host_that_does_not_fit_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
