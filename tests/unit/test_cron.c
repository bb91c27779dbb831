#include "calendar.h"
#include "cron.h"
#include "unit.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* "0-3,7": bits as a field of a crontab. */
static void add_bits(struct text *out, uint64_t bits, const char *label)
{
    text_add(out, "%s", label);
    const char *between = "";
    for (int from = 0; from < 64; from++) {
        int to = from;
        if (!(bits >> from & 1))
            continue;
        while (to < 63 && bits >> (to + 1) & 1)
            to++;
        text_add(out, to > from ? "%s%d-%d" : "%s%d", between, from, to);
        between = ",";
        from = to;
    }
}

static const char *meaning(const struct cron_line *line)
{
    static char buffer[400];
    struct text out;
    text_begin(&out, buffer, sizeof buffer);
    if (line->kind == CRON_NOTHING) {
        text_add(&out, "nothing");
    } else if (line->kind == CRON_EVERY) {
        text_add(&out, "every %" PRId64 "m", line->every_ms / MINUTE_MS);
    } else {
        add_bits(&out, line->minutes, "");
        add_bits(&out, line->hours, " ");
        add_bits(&out, line->days, " ");
        add_bits(&out, line->months, " ");
        add_bits(&out, line->weekdays, " ");
        text_add(&out, "%s%s", line->either_day ? " either" : "", line->follows_clock ? " clock" : "");
    }
    return buffer;
}

static void every_form_is_read(void **state)
{
    (void)state;
    static const struct {
        const char *text, *meaning;
    } rows[] = {
        {"* * * * *", "0-59 0-23 1-31 1-12 0-6 clock"},
        {"0 0 1 1 0", "0 0 1 1 0 either"},
        {"59 23 31 12 6", "59 23 31 12 6 either"},
        {"5 4 * * 7", "5 4 1-31 1-12 0"},
        {"\t 5\t 4  * *\t7 \t", "5 4 1-31 1-12 0"},
        {"05 004 * * 00", "5 4 1-31 1-12 0"},
        /* lists, ranges, steps */
        {"1,2,5,9 0-4,8-12 * * *", "1-2,5,9 0-4,8-12 1-31 1-12 0-6"},
        {"9,5,5,4-6 0 * * *", "4-6,9 0 1-31 1-12 0-6"},
        {"7-7 0 * * *", "7 0 1-31 1-12 0-6"},
        {"0-23/2 0 * * *", "0,2,4,6,8,10,12,14,16,18,20,22 0 1-31 1-12 0-6"},
        {"10-59/20,3 0 * * *", "3,10,30,50 0 1-31 1-12 0-6"},
        {"0-59/1 0 * * *", "0-59 0 1-31 1-12 0-6"},
        {"0-9/10 0 * * *", "0 0 1-31 1-12 0-6"},
        {"1-9/99999999999999999999 0 * * *", "1 0 1-31 1-12 0-6"},
        {"0 0 */10 */5 *", "0 0 1,11,21,31 1,6,11 0-6"},
        {"0 0 * * */2", "0 0 1-31 1-12 0,2,4,6"},
        {"0 0 * * */7", "0 0 1-31 1-12 0"}, /* 0 and 7 */
        {"0 0 * * 5-7", "0 0 1-31 1-12 0,5-6"},
        {"0 0 * * 0-7", "0 0 1-31 1-12 0-6"},
        {"0 0 * * 0,7", "0 0 1-31 1-12 0"},
        /* names */
        {"0 0 * jan sun", "0 0 1-31 1 0"},
        {"0 0 * DEC SAT", "0 0 1-31 12 6"},
        {"0 0 * Feb-aPR,jun-Aug/2,10 mon-Fri", "0 0 1-31 2-4,6,8,10 1-5"},
        {"0 0 * may,jul,sep,oct,nov tue,wed,thu", "0 0 1-31 5,7,9-11 2-4"},
        {"0 0 * 1-mar sun-2", "0 0 1-31 1-3 0-2"},
        {"0 0 * * fri-7", "0 0 1-31 1-12 0,5-6"},
        /* what begins with a star: for the day rule, and for zone changes */
        {"0 0 1 * 1", "0 0 1 1-12 1 either"},
        {"0 0 */2 * 1", "0 0 1,3,5,7,9,11,13,15,17,19,21,23,25,27,29,31 1-12 1"},
        {"0 0 1 * */3", "0 0 1 1-12 0,3,6"},
        {"0 0 *,1 * 1", "0 0 1-31 1-12 1"},
        {"0 0 1,* * 1", "0 0 1-31 1-12 1 either"},
        {"0 0 1-31 * 0-7", "0 0 1-31 1-12 0-6 either"},
        {"*/30 5 * * *", "0,30 5 1-31 1-12 0-6 clock"},
        {"5 */12 * * *", "5 0,12 1-31 1-12 0-6 clock"},
        {"*,5 5 * * *", "0-59 5 1-31 1-12 0-6 clock"},
        {"0-59 0-23 * * *", "0-59 0-23 1-31 1-12 0-6"},
        {"5,* 5 * * *", "0-59 5 1-31 1-12 0-6"},
        /* nicknames */
        {"@hourly", "0 0-23 1-31 1-12 0-6 clock"},
        {"@daily", "0 0 1-31 1-12 0-6"},
        {"@midnight", "0 0 1-31 1-12 0-6"},
        {"@weekly", "0 0 1-31 1-12 0"},
        {"@monthly", "0 0 1 1-12 0-6"},
        {"@yearly", "0 0 1 1 0-6"},
        {"@annually", "0 0 1 1 0-6"},
        {" \t@Daily\t ", "0 0 1-31 1-12 0-6"},
        {"@every 1m", "every 1m"},
        {"@every 10m", "every 10m"},
        {"@EVERY \t2h ", "every 120m"},
        {"@every 3d", "every 4320m"},
        {"@every 1h30m", "every 90m"},
        {"@every 1d2h3m", "every 1563m"},
        {"@every 1m1d", "every 1441m"},
        {"@every 365d", "every 525600m"},
        /* nothing */
        {"", "nothing"},
        {" \t ", "nothing"},
        {"#", "nothing"},
        {"  # * * * * *", "nothing"},
        {"#0 0 * * *", "nothing"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char buffer[200];
        struct text problem;
        struct cron_line line = {.kind = CRON_EVERY, .hours = 1};
        text_begin(&problem, buffer, sizeof buffer);
        bool fine = cron_parse(rows[i].text, &line, &problem);
        CHECK(fine && problem.length == 0, "\"%s\" is refused: %s", rows[i].text, buffer);
        CHECK_TEXT(rows[i].text, meaning(&line), rows[i].meaning);
        CHECK(!cron_fault(rows[i].text), "\"%s\" %s", rows[i].text, cron_fault(rows[i].text));
    }
}

#define MISSING "does not have five fields: minute, hour, day of month, month, day of week"
#define GOES_ON "has text after its end; a comment must be on a line of its own"
#define NICKNAMES "does not begin with @hourly, @daily, @midnight, @weekly, @monthly, @yearly, @annually or @every"
#define NO_TIME "does not have a time from 1m to 365d, such as 10m or 1h30m"

/* The problem is `found` and `is`, the fault `has` and `is`. */
static const struct refusal {
    const char *text, *found, *has, *is;
} refusals[] = {
    {"60 0 * * *", "minute \"60\" ", "has a minute that ", "is out of range, 0 to 59"},
    {"0 24 * * *", "hour \"24\" ", "has an hour that ", "is out of range, 0 to 23"},
    {"0 0 0 * *", "day of month \"0\" ", "has a day of month that ", "is out of range, 1 to 31"},
    {"0 0 32 * *", "day of month \"32\" ", "has a day of month that ", "is out of range, 1 to 31"},
    {"0 0 * 0 *", "month \"0\" ", "has a month that ", "is out of range, 1 to 12"},
    {"0 0 * 13 *", "month \"13\" ", "has a month that ", "is out of range, 1 to 12"},
    {"0 0 * * 8", "day of week \"8\" ", "has a day of week that ", "is out of range, 0 to 7"},
    {"0 1,2,20-30 * * *", "hour \"30\" ", "has an hour that ", "is out of range, 0 to 23"},
    {"0 25-30 * * *", "hour \"25\" ", "has an hour that ", "is out of range, 0 to 23"},
    {"4294967296 0 * * *", "minute \"4294967296\" ", "has a minute that ", "is out of range, 0 to 59"},
    {"18446744073709551616 0 * * *", "minute \"18446744073709551616\" ", "has a minute that ",
     "is out of range, 0 to 59"},
    {"x 0 * * *", "minute \"x\" ", "has a minute that ", "is not a number, 0 to 59"},
    {"0 0x1 * * *", "hour \"0x1\" ", "has an hour that ", "is not a number, 0 to 23"},
    {"0 1.5 * * *", "hour \"1.5\" ", "has an hour that ", "is not a number, 0 to 23"},
    {"0 0 L * *", "day of month \"L\" ", "has a day of month that ", "is not a number, 1 to 31"},
    {"0 0 ? * *", "day of month \"?\" ", "has a day of month that ", "is not a number, 1 to 31"},
    {"0 0 15W * *", "day of month \"15W\" ", "has a day of month that ", "is not a number, 1 to 31"},
    {"0 0 * january *", "month \"january\" ", "has a month that ", "is not a number, 1 to 12, or a name, jan to dec"},
    {"0 0 * ja *", "month \"ja\" ", "has a month that ", "is not a number, 1 to 12, or a name, jan to dec"},
    {"0 0 * sun *", "month \"sun\" ", "has a month that ", "is not a number, 1 to 12, or a name, jan to dec"},
    {"0 0 * * jan", "day of week \"jan\" ", "has a day of week that ",
     "is not a number, 0 to 7, or a name, sun to sat"},
    {"0 0 * * mon#2", "day of week \"mon#2\" ", "has a day of week that ",
     "is not a number, 0 to 7, or a name, sun to sat"},
    {"0 mon * * *", "hour \"mon\" ", "has an hour that ", "is not a number, 0 to 23"},
    {"*5 0 * * *", "minute \"*5\" ", "has a minute that ", "is not a number, 0 to 59"},
    {"** 0 * * *", "minute \"**\" ", "has a minute that ", "is not a number, 0 to 59"},
    {"*-5 0 * * *", "minute \"*-5\" ", "has a minute that ", "is not a number, 0 to 59"},
    {"5-* 0 * * *", "minute \"5-*\" ", "has a minute that ", "is not a number, 0 to 59"},
    {"-5 0 * * *", "minute \"-5\" ", "has a minute that ", "is not a number, 0 to 59"},
    {"5- 0 * * *", "minute \"5-\" ", "has a minute that ", "is not a number, 0 to 59"},
    {"- 0 * * *", "minute \"-\" ", "has a minute that ", "is not a number, 0 to 59"},
    {"1-2-3 0 * * *", "minute \"1-2-3\" ", "has a minute that ", "is not a number, 0 to 59"},
    {"+5 0 * * *", "minute \"+5\" ", "has a minute that ", "is not a number, 0 to 59"},
    {"/5 0 * * *", "minute \"/5\" ", "has a minute that ", "is not a number, 0 to 59"},
    {"30-10 0 * * *", "minute \"30-10\" ", "has a minute that ", "ends before it begins"},
    {"0 22-2/2 * * *", "hour \"22-2/2\" ", "has an hour that ", "ends before it begins"},
    {"0 0 31-1 * *", "day of month \"31-1\" ", "has a day of month that ", "ends before it begins"},
    {"0 0 * oct-mar *", "month \"oct-mar\" ", "has a month that ", "ends before it begins"},
    {"0 0 * * fri-sun", "day of week \"fri-sun\" ", "has a day of week that ",
     "ends before it begins; Sunday at the end of a range is 7"},
    {"5/10 0 * * *", "minute \"5/10\" ", "has a minute that ",
     "has a step without a range; a step follows * or a range such as 0-59"},
    {"0 5/2 * * *", "hour \"5/2\" ", "has an hour that ",
     "has a step without a range; a step follows * or a range such as 0-23"},
    {"0 0 1,2/7 * *", "day of month \"2/7\" ", "has a day of month that ",
     "has a step without a range; a step follows * or a range such as 1-31"},
    {"0 0 * jan/3 *", "month \"jan/3\" ", "has a month that ",
     "has a step without a range; a step follows * or a range such as 1-12"},
    {"0 0 * * mon/2", "day of week \"mon/2\" ", "has a day of week that ",
     "has a step without a range; a step follows * or a range such as 1-5"},
    {"*/0 0 * * *", "minute \"*/0\" ", "has a minute that ", "has a step that is not a number of at least 1"},
    {"0 1-9/0 * * *", "hour \"1-9/0\" ", "has an hour that ", "has a step that is not a number of at least 1"},
    {"0 0 */ * *", "day of month \"*/\" ", "has a day of month that ", "has a step that is not a number of at least 1"},
    {"0 0 * */x *", "month \"*/x\" ", "has a month that ", "has a step that is not a number of at least 1"},
    {"0 0 * * */-1", "day of week \"*/-1\" ", "has a day of week that ",
     "has a step that is not a number of at least 1"},
    {"*/5/5 0 * * *", "minute \"*/5/5\" ", "has a minute that ", "has a step that is not a number of at least 1"},
    {"1,,2 0 * * *", "minute \"1,,2\" ", "has a minute that ", "has an empty item in its list"},
    {"0 ,1 * * *", "hour \",1\" ", "has an hour that ", "has an empty item in its list"},
    {"0 0 1, * *", "day of month \"1,\" ", "has a day of month that ", "has an empty item in its list"},
    {"0 0 * , *", "month \",\" ", "has a month that ", "has an empty item in its list"},
    {"0 0 * * 1,", "day of week \"1,\" ", "has a day of week that ", "has an empty item in its list"},
    {"0", "\"0\" ", "", MISSING},
    {"0 0 * *", "\"0 0 * *\" ", "", MISSING},
    {"MAILTO=root", "minute \"MAILTO=root\" ", "has a minute that ", "is not a number, 0 to 59"},
    {"0 0 * * * etrn", "\"0 0 * * * etrn\" ", "", GOES_ON},
    {"0 0 * * * # at night", "\"0 0 * * * # at night\" ", "", GOES_ON},
    {"@daily now", "\"@daily now\" ", "", GOES_ON},
    {"@every 1h 30m", "\"@every 1h 30m\" ", "", GOES_ON},
    {"@reboot", "\"@reboot\" ", "", NICKNAMES},
    {"@", "\"@\" ", "", NICKNAMES},
    {"@dail", "\"@dail\" ", "", NICKNAMES},
    {"@daily1", "\"@daily1\" ", "", NICKNAMES},
    {"@averyverylongnickname", "\"@averyverylongnickname\" ", "", NICKNAMES},
    {"@every", "\"@every\" ", "", NO_TIME},
    {"@every @daily", "\"@every @daily\" ", "", NO_TIME},
    {"@every 0m", "\"@every 0m\" ", "", NO_TIME},
    {"@every 10", "\"@every 10\" ", "", NO_TIME},
    {"@every m", "\"@every m\" ", "", NO_TIME},
    {"@every 90s", "\"@every 90s\" ", "", NO_TIME},
    {"@every 1h30", "\"@every 1h30\" ", "", NO_TIME},
    {"@every 1.5h", "\"@every 1.5h\" ", "", NO_TIME},
    {"@every -10m", "\"@every -10m\" ", "", NO_TIME},
    {"@every 366d", "\"@every 366d\" ", "", NO_TIME},
    {"@every 365d1m", "\"@every 365d1m\" ", "", NO_TIME},
    {"@every 99999999999999999999d", "\"@every 99999999999999999999d\" ", "", NO_TIME},
    {"0\r 0 * * *", "minute \"0\\x0d\" ", "has a minute that ", "is not a number, 0 to 59"},
    {"\x1b[2J 0 * * *", "minute \"\\x1b[2J\" ", "has a minute that ", "is not a number, 0 to 59"},
};

static void invalid_values_are_reported(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(refusals); i++) {
        const struct refusal *row = &refusals[i];
        char buffer[300], expected[300], fault[300];
        struct text problem;
        struct cron_line line = {.kind = CRON_EVERY, .hours = 1};
        snprintf(expected, sizeof expected, "Schedule line 2: %s%s", row->found, row->is);
        snprintf(fault, sizeof fault, "%s%s", row->has, row->is);
        text_begin(&problem, buffer, sizeof buffer);
        text_add(&problem, "Schedule line %d: ", 2);
        char *exact = text_copy(row->text); /* so that the sanitizer sees a look behind its end */
        CHECK(!cron_parse(exact, &line, &problem), "\"%s\" is accepted", row->text);
        CHECK_TEXT(row->text, buffer, expected);
        CHECK_TEXT(row->text, meaning(&line), "nothing");
        assert_int_equal(line.hours, 0);
        CHECK(cron_fault(exact), "\"%s\" has no fault", row->text);
        CHECK_TEXT(row->text, cron_fault(exact), fault);
        free(exact);
    }
}

static void a_long_find_leaves_room_for_what_is_allowed(void **state)
{
    (void)state;
    char line_text[5000];
    char buffer[200];
    struct text problem;
    struct cron_line line;
    memset(line_text, 'a', sizeof line_text);
    strcpy(line_text + sizeof line_text - 9, " * * * *");
    text_begin(&problem, buffer, sizeof buffer);
    assert_false(cron_parse(line_text, &line, &problem));
    assert_string_equal(buffer, "minute \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa...\" "
                                "is not a number, 0 to 59");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_is_read),
        cmocka_unit_test(invalid_values_are_reported),
        cmocka_unit_test(a_long_find_leaves_room_for_what_is_allowed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
