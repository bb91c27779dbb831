#include "protolog.h"
#include "stamp.h"
#include "unit.h"

#include <stdio.h>

enum { DAY_MS = 86400000 };

/* 2026-11-21T08:15:00.250Z */
static const int64_t instant = 1795248900250;

static void a_row_has_exchange_s_fields(void **state)
{
    (void)state;
    static const struct {
        struct protolog_row row;
        const char *expected;
    } rows[] = {
        {{.connector = "isp",
          .session = 0x8D1,
          .local = "",
          .remote = "192.0.2.1:25",
          .event = PROTOLOG_INFORMATION,
          .data = "",
          .context = "attempting to connect"},
         "isp,00000000000008D1,0,,192.0.2.1:25,*,,attempting to connect"},
        {{.connector = "isp",
          .session = UINT64_MAX,
          .sequence = 7,
          .local = "[::1]:1025",
          .remote = "[::1]:25",
          .event = PROTOLOG_SEND,
          .data = "ETRN @example.com and more",
          .length = 17,
          .context = ""},
         "isp,FFFFFFFFFFFFFFFF,7,[::1]:1025,[::1]:25,>,ETRN @example.com,"},
        {{.connector = "a,b",
          .local = "",
          .remote = "",
          .event = PROTOLOG_RECEIVE,
          .data = "250 \"Queuing\", started",
          .length = 22,
          .context = ""},
         "\"a,b\",0000000000000000,0,,,<,\"250 \"\"Queuing\"\", started\","},
        {{.connector = " a ", .local = "", .remote = "", .event = PROTOLOG_CONNECT, .data = "", .context = "b "},
         "\" a \",0000000000000000,0,,,+,,\"b \""},
        {{.connector = "h",
          .local = "",
          .remote = "",
          .event = PROTOLOG_RECEIVE,
          .data = "250 \x1b[2J\r\n1,2\0\xff",
          .length = 15,
          .context = ""},
         "h,0000000000000000,0,,,<,\"250 \\x1b[2J\\x0d\\x0a1,2\\x00\\xff\","},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char buffer[PROTOLOG_ROW_LIMIT];
        char expected[400];
        struct text t;
        struct protolog_row row = rows[i].row;
        row.utc_ms = instant;
        text_begin(&t, buffer, sizeof buffer);
        protolog_add(&t, &row);
        snprintf(expected, sizeof expected, "2026-11-21T08:15:00.250Z,%s\r\n", rows[i].expected);
        CHECK_TEXT("row", buffer, expected);
    }
}

/* However long: a row ends with its line, and has its nine fields. */
static void a_long_row_is_cut_within_its_fields(void **state)
{
    (void)state;
    char data[4000];
    char buffer[PROTOLOG_ROW_LIMIT];
    struct text t;
    memset(data, '"', sizeof data);
    text_begin(&t, buffer, sizeof buffer);
    struct protolog_row row = {.utc_ms = instant,
                               .connector = "h",
                               .local = "",
                               .remote = "",
                               .event = PROTOLOG_RECEIVE,
                               .data = data,
                               .length = sizeof data,
                               .context = "last, words"};
    protolog_add(&t, &row);
    assert_false(t.cut);
    assert_non_null(strstr(buffer, "...\",\"last, words\"\r\n"));
}

/* A quarter of the row for each field of free text, its NUL included. */
static void a_field_has_1023_octets_at_most(void **state)
{
    (void)state;
    char data[1024];
    memset(data, 'x', sizeof data);
    for (size_t length = 1023; length <= 1024; length++) {
        char buffer[PROTOLOG_ROW_LIMIT];
        struct text t;
        text_begin(&t, buffer, sizeof buffer);
        struct protolog_row row = {
            .utc_ms = instant, .connector = "", .local = "", .remote = "", .event = PROTOLOG_SEND, .context = ""};
        row.data = data;
        row.length = length;
        protolog_add(&t, &row);
        const char *field = strstr(buffer, ",>,") + 3;
        assert_int_equal(strcspn(field, ","), 1023);
        assert_int_equal(field[1022], length == 1023 ? 'x' : '.');
    }
}

static void a_file_begins_with_its_fields(void **state)
{
    (void)state;
    char buffer[PROTOLOG_HEAD_LIMIT];
    struct text t;
    text_begin(&t, buffer, sizeof buffer);
    protolog_add_head(&t, instant, "1.2.3");
    assert_false(t.cut);
    CHECK_TEXT("head", buffer,
               "#Software: EtrnSvc\r\n#Version: 1.2.3\r\n#Log-type: SMTP Send Protocol Log\r\n"
               "#Date: 2026-11-21T08:15:00.250Z\r\n#Fields: date-time,connector-id,session-id,sequence-number,"
               "local-endpoint,remote-endpoint,event,data,context\r\n");
}

static void names_contain_day_and_number(void **state)
{
    (void)state;
    char buffer[40];
    struct text t;
    struct protolog_file file = {.day = instant / DAY_MS, .number = 12, .size = 9};
    text_begin(&t, buffer, sizeof buffer);
    protolog_add_name(&t, &file);
    CHECK_TEXT("name", buffer, "ETRN20261121-12.LOG");
    struct protolog_file read;
    assert_true(protolog_read_name("etrn20261121-12.log", &read));
    assert_int_equal(read.day, file.day);
    assert_int_equal(read.number, 12);
    assert_int_equal(read.size, 0);
    assert_true(protolog_read_name("ETRN99991231-4294967295.LOG", &read));
    assert_int_equal(read.number, UINT32_MAX);
    static const char *const others[] = {"",
                                         "ETRN.LOG",
                                         "ETRN20261121-.LOG",
                                         "ETRN20261121-1.LOG.old",
                                         "ETRN20261121-01.LOG",
                                         "ETRN20261131-1.LOG",
                                         "ETRN20260021-1.LOG",
                                         "ETRN2026112x-1.LOG",
                                         "ETRN20261121_1.LOG",
                                         "SEND20261121-1.LOG",
                                         "ETRN20261121-1.TXT",
                                         "ETRN20261121-99999999999.LOG",
                                         "ETRN20261121-1234567890123456789012345678.LOG",
                                         "status.json"};
    for (size_t i = 0; i < COUNT(others); i++)
        CHECK(!protolog_read_name(others[i], &read), "%s was taken for a log", others[i]);
}

static void a_file_ends_with_its_day_or_when_it_is_full(void **state)
{
    (void)state;
    struct protolog_file file = {0};
    assert_true(protolog_turn(&file, instant, 100));
    assert_int_equal(file.day, instant / DAY_MS);
    assert_int_equal(file.number, 1);
    file.size = PROTOLOG_FILE_LIMIT - 100;
    assert_false(protolog_turn(&file, instant, 100));
    assert_true(protolog_turn(&file, instant, 101));
    assert_int_equal(file.number, 2);
    assert_int_equal(file.size, 0);
    assert_true(protolog_turn(&file, instant + DAY_MS, 1));
    assert_int_equal(file.number, 1);
    assert_true(protolog_turn(&file, instant, 1)); /* the clock was set back */
    assert_int_equal(file.day, instant / DAY_MS);
    file = (struct protolog_file){.day = instant / DAY_MS}; /* none of this day yet */
    assert_true(protolog_turn(&file, instant, 1));
    assert_int_equal(file.number, 1);
}

static void old_files_and_those_that_are_too_many_go(void **state)
{
    (void)state;
    int64_t today = instant / DAY_MS;
    const uint64_t full = PROTOLOG_FILE_LIMIT;
    struct protolog_file files[12] = {{today, 2, full}, {today - 30, 1, 1}, {today, 1, full}, {today - 29, 1, 1}};
    assert_int_equal(protolog_surplus(files, 4, instant), 1);
    assert_int_equal(files[0].day, today - 30);
    assert_int_equal(files[1].day, today - 29);
    assert_int_equal(files[2].number, 1);
    assert_int_equal(files[3].number, 2);
    assert_int_equal(protolog_surplus(files, 0, instant), 0);

    for (uint32_t i = 0; i < COUNT(files); i++)
        files[i] = (struct protolog_file){today, 12 - i, full};
    assert_int_equal(protolog_surplus(files, COUNT(files), instant), 3); /* 9 and the one to come: 100 MB */
    assert_int_equal(files[0].number, 1);
    assert_int_equal(files[3].number, 4);
    files[0] = (struct protolog_file){today - 1, 1, 1}; /* one octet more than there is room for */
    for (uint32_t i = 1; i < 10; i++)
        files[i] = (struct protolog_file){today, i, full};
    assert_int_equal(protolog_surplus(files, 10, instant), 1);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_has_exchange_s_fields),
        cmocka_unit_test(a_long_row_is_cut_within_its_fields),
        cmocka_unit_test(a_field_has_1023_octets_at_most),
        cmocka_unit_test(a_file_begins_with_its_fields),
        cmocka_unit_test(names_contain_day_and_number),
        cmocka_unit_test(a_file_ends_with_its_day_or_when_it_is_full),
        cmocka_unit_test(old_files_and_those_that_are_too_many_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
