#include "cron.h"

#include "calendar.h"

#include <string.h>

/* ---- faults of a line ---- */

enum fault {
    FINE,
    NO_NUMBER, /* first fault of a field */
    OUT_OF_RANGE,
    BACKWARDS,
    LONE_STEP,
    NO_STEP,
    EMPTY_PLACE,
    FIELD_FAULTS,
    FIELDS_MISSING = FIELD_FAULTS, /* first fault of the line */
    LINE_GOES_ON,
    UNKNOWN_NICKNAME,
    NO_DURATION
};

/* A field and its error text, "has an hour that is out of range, 0 to 23". `that` is the offset of "is". */
struct field {
    const char *name;
    unsigned low, high;
    const char *const *names; /* names of `low` and the following values; NULL if only numbers are allowed */
    size_t name_count;
    size_t that;
    const char *faults[FIELD_FAULTS];
};

#define SENTENCES(a_field, range, number, backwards, a_range)                                                          \
    .that = sizeof "has " a_field " that " - 1,                                                                        \
    .faults = {                                                                                                        \
        [NO_NUMBER] = ("has " a_field " that is not " number),                                                         \
        [OUT_OF_RANGE] = ("has " a_field " that is out of range, " range),                                             \
        [BACKWARDS] = ("has " a_field " that ends before it begins" backwards),                                        \
        [LONE_STEP] =                                                                                                  \
            ("has " a_field " that has a step without a range; a step follows * or a range such as " a_range),         \
        [NO_STEP] = ("has " a_field " that has a step that is not a number of at least 1"),                            \
        [EMPTY_PLACE] = ("has " a_field " that has an empty item in its list"),                                        \
    }

enum { MINUTE, HOUR, DAY, MONTH, WEEKDAY, FIELDS };

static const char *const months[] = {"jan", "feb", "mar", "apr", "may", "jun",
                                     "jul", "aug", "sep", "oct", "nov", "dec"};
static const char *const weekdays[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

#define NAMES(of) .names = (of), .name_count = sizeof(of) / sizeof(of)[0]

static const struct field fields[FIELDS] = {
    {"minute", 0, 59, SENTENCES("a minute", "0 to 59", "a number, 0 to 59", "", "0-59")},
    {"hour", 0, 23, SENTENCES("an hour", "0 to 23", "a number, 0 to 23", "", "0-23")},
    {"day of month", 1, 31, SENTENCES("a day of month", "1 to 31", "a number, 1 to 31", "", "1-31")},
    {"month", 1, 12, NAMES(months),
     SENTENCES("a month", "1 to 12", "a number, 1 to 12, or a name, jan to dec", "", "1-12")},
    {"day of week", 0, 7, NAMES(weekdays),
     SENTENCES("a day of week", "0 to 7", "a number, 0 to 7, or a name, sun to sat",
               "; Sunday at the end of a range is 7", "1-5")},
};

static const struct {
    const char *name, *meaning;
} nicknames[] = {
    {"@hourly", "0 * * * *"},  {"@daily", "0 0 * * *"},  {"@midnight", "0 0 * * *"}, {"@weekly", "0 0 * * 0"},
    {"@monthly", "0 0 1 * *"}, {"@yearly", "0 0 1 1 *"}, {"@annually", "0 0 1 1 *"},
};

static const char *const line_faults[] = {
    [FIELDS_MISSING] = "does not have five fields: minute, hour, day of month, month, day of week",
    [LINE_GOES_ON] = "has text after its end; a comment must be on a line of its own",
    [UNKNOWN_NICKNAME] =
        "does not begin with @hourly, @daily, @midnight, @weekly, @monthly, @yearly, @annually or @every",
    [NO_DURATION] = "does not have a time from 1m to 365d, such as 10m or 1h30m",
};

/* ---- reading a line ---- */

struct slice {
    const char *at;
    size_t length;
};

/* The fault found, and in which field. */
struct verdict {
    enum fault fault;
    unsigned field;
    struct slice found;
};

static struct slice slice_of(const char *text)
{
    return (struct slice){text, strlen(text)};
}

/* Returns the next word without the blanks around it; it is empty at the end. */
static struct slice next_word(const char **text)
{
    *text += strspn(*text, " \t");
    struct slice word = {*text, strcspn(*text, " \t")};
    *text += word.length;
    return word;
}

/* Splits at the first `separator`: `s` keeps the text before it, `after` gets the rest. Returns false if there is none.
 */
static bool cut(struct slice *s, char separator, struct slice *after)
{
    const char *place = memchr(s->at, separator, s->length);
    size_t before = place ? (size_t)(place - s->at) : s->length;
    size_t dropped = before + (place != NULL);
    *after = (struct slice){s->at + dropped, s->length - dropped};
    s->length = before;
    return place != NULL;
}

static bool slice_is(struct slice s, const char *word)
{
    char copy[16];
    if (s.length >= sizeof copy)
        return false;
    memcpy(copy, s.at, s.length);
    copy[s.length] = '\0';
    return text_same(copy, word);
}

enum { NOT_A_NUMBER = -1, TOO_GREAT = 1000000 };

/* Takes the leading digits of `s`. */
static int take_number(struct slice *s)
{
    int number = NOT_A_NUMBER;
    for (; s->length > 0 && *s->at >= '0' && *s->at <= '9'; s->at++, s->length--) {
        number = (number == NOT_A_NUMBER ? 0 : number * 10) + (*s->at - '0');
        if (number > TOO_GREAT)
            number = TOO_GREAT;
    }
    return number;
}

static int whole_number(struct slice s)
{
    int number = take_number(&s);
    return s.length == 0 ? number : NOT_A_NUMBER;
}

static int number_or_name(const struct field *field, struct slice s)
{
    for (size_t i = 0; i < field->name_count; i++)
        if (slice_is(s, field->names[i]))
            return (int)(field->low + i);
    return whole_number(s);
}

static bool out_of_range(const struct field *field, int number)
{
    return number < (int)field->low || number > (int)field->high;
}

/* Reads one element of a list: *, a or a-b, with an optional step. Sets `found` to the part that is at fault. */
static enum fault read_element(const struct field *field, struct slice element, uint64_t *bits, struct slice *found)
{
    struct slice step_part, last_part;
    *found = element;
    bool stepped = cut(&element, '/', &step_part);
    bool star = slice_is(element, "*");
    bool range = cut(&element, '-', &last_part);
    int first = star ? (int)field->low : number_or_name(field, element);
    int last = star ? (int)field->high : range ? number_or_name(field, last_part) : first;
    if (first == NOT_A_NUMBER || last == NOT_A_NUMBER)
        return NO_NUMBER;
    if (out_of_range(field, first) || out_of_range(field, last)) {
        *found = out_of_range(field, first) ? element : last_part;
        return OUT_OF_RANGE;
    }
    if (first > last)
        return BACKWARDS;
    if (stepped && !star && !range)
        return LONE_STEP;
    int step = stepped ? whole_number(step_part) : 1;
    if (step < 1)
        return NO_STEP;
    for (int number = first; number <= last; number += step)
        *bits |= UINT64_C(1) << number;
    return FINE;
}

static enum fault read_field(const struct field *field, struct slice word, uint64_t *bits, struct slice *found)
{
    struct slice element = word;
    struct slice rest;
    bool more;
    *bits = 0;
    do {
        more = cut(&element, ',', &rest);
        if (element.length == 0) {
            *found = word;
            return EMPTY_PLACE;
        }
        enum fault fault = read_element(field, element, bits, found);
        if (fault != FINE)
            return fault;
        element = rest;
    } while (more);
    return FINE;
}

/* Reads exactly five fields. */
static struct verdict read_times(const char *text, struct cron_line *line)
{
    uint64_t bits[FIELDS];
    bool star[FIELDS];
    struct slice whole = slice_of(text);
    for (unsigned i = 0; i < FIELDS; i++) {
        struct slice word = next_word(&text);
        struct slice found = whole;
        if (word.length == 0)
            return (struct verdict){FIELDS_MISSING, i, whole};
        enum fault fault = read_field(&fields[i], word, &bits[i], &found);
        if (fault != FINE)
            return (struct verdict){fault, i, found};
        star[i] = *word.at == '*';
    }
    if (next_word(&text).length > 0)
        return (struct verdict){LINE_GOES_ON, FIELDS, whole};
    *line = (struct cron_line){
        .kind = CRON_TIMES,
        .minutes = bits[MINUTE],
        .hours = (uint32_t)bits[HOUR],
        .days = (uint32_t)bits[DAY],
        .months = (uint32_t)bits[MONTH],
        .weekdays = (uint32_t)((bits[WEEKDAY] | bits[WEEKDAY] >> 7) & 0x7F), /* 7 is Sunday as 0 is */
        .either_day = !star[DAY] && !star[WEEKDAY],
        .follows_clock = star[MINUTE] || star[HOUR],
    };
    return (struct verdict){.fault = FINE};
}

#define EVERY_LIMIT_MS (365 * DAY_MS)

/* Reads a duration such as 90m or 1h30m. Returns 0 if it is not allowed. */
static int64_t read_duration(struct slice s)
{
    int64_t sum = 0;
    while (s.length > 0) {
        int number = take_number(&s);
        if (number == NOT_A_NUMBER || s.length == 0)
            return 0;
        char unit = *s.at;
        int64_t unit_ms = unit == 'm' ? MINUTE_MS : unit == 'h' ? HOUR_MS : unit == 'd' ? DAY_MS : 0;
        if (unit_ms == 0)
            return 0;
        sum += number * unit_ms;
        if (sum > EVERY_LIMIT_MS)
            return 0;
        s.at++;
        s.length--;
    }
    return sum;
}

static enum fault read_nickname(const char *text, struct cron_line *line)
{
    enum fault fault = UNKNOWN_NICKNAME;
    struct slice word = next_word(&text);
    if (slice_is(word, "@every")) {
        line->kind = CRON_EVERY;
        line->every_ms = read_duration(next_word(&text));
        fault = line->every_ms ? FINE : NO_DURATION;
    }
    for (size_t i = 0; i < sizeof nicknames / sizeof nicknames[0]; i++)
        if (slice_is(word, nicknames[i].name))
            fault = read_times(nicknames[i].meaning, line).fault;
    return fault == FINE && next_word(&text).length > 0 ? LINE_GOES_ON : fault;
}

static struct verdict read_line(const char *text, struct cron_line *line)
{
    struct verdict verdict = {.fault = FINE};
    *line = (struct cron_line){.kind = CRON_NOTHING};
    text += strspn(text, " \t");
    if (*text == '@')
        verdict = (struct verdict){read_nickname(text, line), FIELDS, slice_of(text)};
    else if (*text != '#' && *text != '\0')
        verdict = read_times(text, line);
    if (verdict.fault != FINE)
        *line = (struct cron_line){.kind = CRON_NOTHING};
    return verdict;
}

bool cron_parse(const char *text, struct cron_line *line, struct text *problem)
{
    enum { SHOWN = 60 }; /* octets shown; more is cut, so that the message has room for what is allowed */
    struct verdict verdict = read_line(text, line);
    if (verdict.fault == FINE)
        return true;
    bool of_field = verdict.fault < FIELD_FAULTS;
    const struct field *field = &fields[of_field ? verdict.field : 0];
    text_add(problem, of_field ? "%s \"" : "\"", field->name);
    text_add_escaped(problem, verdict.found.at, verdict.found.length < SHOWN ? verdict.found.length : SHOWN);
    text_add(problem, verdict.found.length > SHOWN ? "...\" " : "\" ");
    text_add(problem, "%s", of_field ? field->faults[verdict.fault] + field->that : line_faults[verdict.fault]);
    return false;
}

const char *cron_fault(const char *text)
{
    struct cron_line line;
    struct verdict verdict = read_line(text, &line);
    if (verdict.fault == FINE)
        return NULL;
    return verdict.fault < FIELD_FAULTS ? fields[verdict.field].faults[verdict.fault] : line_faults[verdict.fault];
}
