#include "reply.h"
#include "text.h"
#include "unit.h"

#include <stdlib.h>

#define BYTES(literal) literal, sizeof literal - 1

static const char *const fault_names[] = {
    [REPLY_FINE] = "",
    [REPLY_BARE_LF] = "!bare-lf",
    [REPLY_BARE_CR] = "!bare-cr",
    [REPLY_CONTROL] = "!control",
    [REPLY_BAD_CODE] = "!code",
    [REPLY_BAD_SEPARATOR] = "!separator",
    [REPLY_CODES_DIFFER] = "!codes-differ",
    [REPLY_LINE_TOO_LONG] = "!line-too-long",
    [REPLY_TOO_LONG] = "!too-long",
};

/* Everything that a reader makes of the bytes that it was given: <a line that others follow>, [the last line],
 * !fault, and ~ when a line is left unfinished. */
struct reading {
    struct reply reply;
    struct text shown;
    char buffer[4000];
    bool unfinished;
};

static void begin(struct reading *r)
{
    reply_begin(&r->reply);
    text_begin(&r->shown, r->buffer, sizeof r->buffer);
    r->unfinished = false;
}

static void show_line(struct reading *r, char open, char close)
{
    assert_int_equal(r->reply.length, strlen(r->reply.line));
    text_add(&r->shown, "%c", open);
    text_add_escaped(&r->shown, r->reply.line, r->reply.length);
    text_add(&r->shown, "%c", close);
}

static void give(struct reading *r, const char *bytes, size_t count)
{
    while (count > 0 && r->reply.fault == REPLY_FINE) {
        size_t used;
        enum reply_status status = reply_input(&r->reply, bytes, count, &used);
        assert_in_range(used, 1, count);
        r->unfinished = status == REPLY_MORE;
        if (status == REPLY_MORE)
            assert_int_equal(used, count);
        else if (status == REPLY_LINE)
            show_line(r, '<', '>');
        else if (status == REPLY_LAST)
            show_line(r, '[', ']');
        else
            text_add(&r->shown, "%s", fault_names[r->reply.fault]);
        bytes += used;
        count -= used;
    }
}

static const char *shown(struct reading *r)
{
    if (r->unfinished)
        text_add(&r->shown, "~");
    return r->buffer;
}

struct row {
    const char *bytes;
    size_t count;
    const char *expected;
};

static const struct row rows[] = {
    /* valid */
    {BYTES("220 mx.example ESMTP\r\n"), "[220 mx.example ESMTP]"},
    {BYTES("250\r\n"), "[250]"},
    {BYTES("250 \r\n"), "[250 ]"},
    {BYTES("250-\r\n250-b\r\n250\r\n"), "<250-><250-b>[250]"},
    {BYTES("250-mx\r\n250-SIZE 0\r\n250 ETRN\r\n"), "<250-mx><250-SIZE 0>[250 ETRN]"},
    {BYTES("250 a\r\n251 b\r\n"), "[250 a][251 b]"},
    {BYTES("250-a\r\n250 a\r\n550-b\r\n550 b\r\n"), "<250-a>[250 a]<550-b>[550 b]"},
    {BYTES("250 a\tb\r\n"), "[250 a\\x09b]"},
    {BYTES("250 gr\xc3\xbc\xc3\x9f\r\n"), "[250 gr\xc3\xbc\xc3\x9f]"},
    {BYTES("250 \x80\xff\r\n"), "[250 \\x80\\xff]"},
    {BYTES("250  - -\r\n"), "[250  - -]"},
    {BYTES("200 a\r\n"), "[200 a]"},
    {BYTES("559 a\r\n"), "[559 a]"},
    {BYTES("571 a\r\n"), "[571 a]"}, /* RFC 5321 stops at 5 there; servers did not */
    {BYTES("354 a\r\n"), "[354 a]"},
    /* without an end */
    {BYTES(""), ""},
    {BYTES("250-a\r\n"), "<250-a>"},
    {BYTES("250-a\r\n250-b\r\n250-"), "<250-a><250-b>~"},
    {BYTES("2"), "~"},
    {BYTES("250 a"), "~"},
    {BYTES("250 a\r"), "~"},
    /* line ends */
    {BYTES("250 a\n"), "!bare-lf"},
    {BYTES("\n"), "!bare-lf"},
    {BYTES("250-a\r\n250 b\n"), "<250-a>!bare-lf"},
    {BYTES("250 a\rb\r\n"), "!bare-cr"},
    {BYTES("250 a\r\r\n"), "!bare-cr"},
    {BYTES("\r250 a\r\n"), "!bare-cr"},
    {BYTES("250 a\r\0\n"), "!bare-cr"},
    /* control characters */
    {BYTES("250 a\0b\r\n"), "!control"},
    {BYTES("\0"), "!control"},
    {BYTES("250 a\x1b[31m\r\n"), "!control"},
    {BYTES("250 a\x08\r\n"), "!control"},
    {BYTES("250 a\x0b\r\n"), "!control"},
    {BYTES("250 a\x1f\r\n"), "!control"},
    {BYTES("250 a\x7f\r\n"), "!control"},
    {BYTES("\x16\x03\x01\x02"), "!control"}, /* TLS on a plain port */
    /* codes */
    {BYTES("\r\n"), "!code"},
    {BYTES("2\r\n"), "!code"},
    {BYTES("25\r\n"), "!code"},
    {BYTES("25 a\r\n"), "!code"},
    {BYTES("25a b\r\n"), "!code"},
    {BYTES("2a0 b\r\n"), "!code"},
    {BYTES("a50 b\r\n"), "!code"},
    {BYTES(" 250 a\r\n"), "!code"},
    {BYTES("2500 a\r\n"), "!code"},
    {BYTES("25000 a\r\n"), "!code"},
    {BYTES("2500\r\n"), "!code"},
    {BYTES("000 a\r\n"), "!code"},
    {BYTES("150 a\r\n"), "!code"},
    {BYTES("199 a\r\n"), "!code"},
    {BYTES("650 a\r\n"), "!code"},
    {BYTES("600 a\r\n"), "!code"},
    {BYTES("-50 a\r\n"), "!code"},
    {BYTES("/50 a\r\n"), "!code"},
    {BYTES("25: a\r\n"), "!code"},
    {BYTES("HTTP/1.1 400 Bad Request\r\n"), "!code"},
    {BYTES("250-a\r\n b\r\n"), "<250-a>!code"},
    {BYTES("250-a\r\n\r\n"), "<250-a>!code"},
    /* separators */
    {BYTES("250a\r\n"), "!separator"},
    {BYTES("250\ta\r\n"), "!separator"},
    {BYTES("250_\r\n"), "!separator"},
    {BYTES("250\xc2\xa0"
           "a\r\n"),
     "!separator"},
    /* one reply, one code */
    {BYTES("250-a\r\n251 b\r\n"), "<250-a>!codes-differ"},
    {BYTES("250-a\r\n250-b\r\n550 c\r\n"), "<250-a><250-b>!codes-differ"},
    /* nothing is read behind a fault */
    {BYTES("250 a\r\n251 b\n252 c\r\n"), "[250 a]!bare-lf"},
};

static void replies_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct reading r;
        begin(&r);
        give(&r, rows[i].bytes, rows[i].count);
        CHECK_TEXT("whole", shown(&r), rows[i].expected);
    }
}

static void splitting_the_bytes_changes_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct reading r;
        for (size_t at = 0; at <= rows[i].count; at++) {
            begin(&r);
            give(&r, rows[i].bytes, at);
            give(&r, rows[i].bytes + at, rows[i].count - at);
            CHECK_TEXT("split in two", shown(&r), rows[i].expected);
        }
        begin(&r);
        for (size_t at = 0; at < rows[i].count; at++)
            give(&r, rows[i].bytes + at, 1);
        CHECK_TEXT("byte by byte", shown(&r), rows[i].expected);
    }
}

static void every_octet_is_a_control_character_or_is_kept(void **state)
{
    (void)state;
    for (int octet = 0; octet < 256; octet++) {
        bool control = (octet < 0x20 && octet != '\t' && octet != '\r' && octet != '\n') || octet == 0x7F;
        char line[] = "250 .x\r\n";
        line[4] = (char)octet;
        struct reply r;
        size_t used;
        reply_begin(&r);
        enum reply_status status = reply_input(&r, line, 8, &used);
        if (octet == '\n' || octet == '\r')
            assert_int_equal(r.fault, octet == '\n' ? REPLY_BARE_LF : REPLY_BARE_CR);
        else
            CHECK(status == (control ? REPLY_BROKEN : REPLY_LAST) && used == (control ? 5 : 8), "octet %02x",
                  (unsigned)octet);
        if (status == REPLY_LAST)
            assert_int_equal((unsigned char)r.line[4], octet);
    }
}

/* "250" or another beginning, filled up to `octets` with CRLF. */
static char *line_of(const char *begins, size_t octets)
{
    char *line = malloc(octets);
    memset(line, 'x', octets);
    memcpy(line, begins, strlen(begins));
    memcpy(line + octets - 2, "\r\n", 2);
    return line;
}

static void a_line_has_4096_octets_at_most(void **state)
{
    (void)state;
    struct reply r;
    size_t used;
    char *longest = line_of("250 ", REPLY_LINE_LIMIT);
    char *longer = line_of("250 ", REPLY_LINE_LIMIT + 1);
    reply_begin(&r);
    assert_int_equal(reply_input(&r, longest, REPLY_LINE_LIMIT, &used), REPLY_LAST);
    assert_int_equal(used, 4096);
    assert_int_equal(r.length, 4094);
    assert_int_equal(strlen(r.line), 4094);
    assert_int_equal(reply_input(&r, longer, REPLY_LINE_LIMIT + 1, &used), REPLY_BROKEN);
    assert_int_equal(r.fault, REPLY_LINE_TOO_LONG);
    assert_int_equal(used, 4095); /* the first octet for which CRLF leaves no room */
    assert_int_equal(strlen(r.line), 4094);
    free(longest);
    free(longer);
}

static void a_reply_has_65536_octets_at_most(void **state)
{
    (void)state;
    struct reply r;
    size_t used;
    char *goes_on = line_of("250-", REPLY_LINE_LIMIT);
    char *last = line_of("250 ", REPLY_LINE_LIMIT);
    reply_begin(&r);
    for (int twice = 0; twice < 2; twice++) { /* the count begins anew with each reply */
        for (int i = 0; i < 15; i++)
            assert_int_equal(reply_input(&r, goes_on, REPLY_LINE_LIMIT, &used), REPLY_LINE);
        assert_int_equal(reply_input(&r, last, REPLY_LINE_LIMIT, &used), REPLY_LAST);
        assert_int_equal(r.total, 65536);
    }
    for (int i = 0; i < 16; i++)
        assert_int_equal(reply_input(&r, goes_on, REPLY_LINE_LIMIT, &used), REPLY_LINE);
    assert_int_equal(reply_input(&r, "250 a\r\n", 7, &used), REPLY_BROKEN);
    assert_int_equal(r.fault, REPLY_TOO_LONG);
    assert_int_equal(used, 1);
    free(goes_on);
    free(last);
}

static void a_megabyte_without_an_end_of_line_is_refused_early(void **state)
{
    (void)state;
    struct reply r;
    size_t used;
    char *line = line_of("220 ", 1 << 20);
    reply_begin(&r);
    assert_int_equal(reply_input(&r, line, 1 << 20, &used), REPLY_BROKEN);
    assert_int_equal(used, 4095);
    free(line);
}

static void a_fault_stays_until_a_new_beginning(void **state)
{
    (void)state;
    struct reply r;
    size_t used;
    reply_begin(&r);
    assert_int_equal(reply_input(&r, "220 a\n220 b\r\n", 13, &used), REPLY_BROKEN);
    assert_int_equal(used, 6);
    assert_int_equal(reply_input(&r, "220 b\r\n", 7, &used), REPLY_BROKEN);
    assert_int_equal(used, 0);
    assert_string_equal(r.line, "220 a");
    reply_begin(&r);
    assert_int_equal(reply_input(&r, "220 b\r\n", 7, &used), REPLY_LAST);
}

static void before_its_first_line_a_reply_is_empty(void **state)
{
    (void)state;
    struct reply r;
    memset(&r, 'x', sizeof r);
    reply_begin(&r);
    assert_string_equal(r.line, "");
    assert_string_equal(reply_text(&r), "");
}

static void no_bytes_change_nothing(void **state)
{
    (void)state;
    struct reply r;
    size_t used = 9;
    reply_begin(&r);
    assert_int_equal(reply_input(&r, "", 0, &used), REPLY_MORE);
    assert_int_equal(used, 0);
    assert_int_equal(reply_input(&r, "250 a\r\n", 7, &used), REPLY_LAST);
    assert_int_equal(reply_input(&r, "", 0, &used), REPLY_MORE);
    assert_int_equal(r.code, 250);
    assert_string_equal(r.line, "250 a");
}

static void the_text_follows_code_and_separator(void **state)
{
    (void)state;
    static const struct {
        const char *line, *text;
        int code;
    } lines[] = {{"250\r\n", "", 250},
                 {"250 \r\n", "", 250},
                 {"451 a b\r\n", "a b", 451},
                 {"554-x\r\n", "x", 554},
                 {"220-\r\n", "", 220}};
    for (size_t i = 0; i < COUNT(lines); i++) {
        struct reply r;
        size_t used;
        reply_begin(&r);
        assert_int_not_equal(reply_input(&r, lines[i].line, strlen(lines[i].line), &used), REPLY_BROKEN);
        CHECK_TEXT(lines[i].line, reply_text(&r), lines[i].text);
        assert_int_equal(r.code, lines[i].code);
    }
}

static void each_fault_has_its_text(void **state)
{
    (void)state;
    for (enum reply_fault a = REPLY_FINE; a <= REPLY_TOO_LONG; a++) {
        assert_true(*reply_fault_text(a) != '\0');
        for (enum reply_fault b = REPLY_FINE; b < a; b++)
            assert_string_not_equal(reply_fault_text(a), reply_fault_text(b));
    }
    assert_string_equal(reply_fault_text(REPLY_BARE_LF), "a line that ends with LF without CR");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replies_are_read),
        cmocka_unit_test(splitting_the_bytes_changes_nothing),
        cmocka_unit_test(every_octet_is_a_control_character_or_is_kept),
        cmocka_unit_test(a_line_has_4096_octets_at_most),
        cmocka_unit_test(a_reply_has_65536_octets_at_most),
        cmocka_unit_test(a_megabyte_without_an_end_of_line_is_refused_early),
        cmocka_unit_test(a_fault_stays_until_a_new_beginning),
        cmocka_unit_test(before_its_first_line_a_reply_is_empty),
        cmocka_unit_test(no_bytes_change_nothing),
        cmocka_unit_test(the_text_follows_code_and_separator),
        cmocka_unit_test(each_fault_has_its_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
