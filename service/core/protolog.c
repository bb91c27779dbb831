#include "protolog.h"

#include "calendar.h"
#include "stamp.h"

#include <stdlib.h>
#include <string.h>

enum { DATE_DIGITS = 8 };

/* ---- rows ---- */

static bool to_be_quoted(const char *field, size_t length)
{
    return length > 0 && (strcspn(field, ",\"") < length || field[0] == ' ' || field[length - 1] == ' ');
}

/* Adds a field, with quotes where CSV needs them; its characters are all printable. */
static void add_field(struct text *t, const char *field, size_t length)
{
    if (!to_be_quoted(field, length)) {
        text_add(t, ",%.*s", (int)length, field);
        return;
    }
    text_add(t, ",\"");
    for (size_t i = 0; i < length; i++)
        text_add(t, "%s%c", field[i] == '"' ? "\"" : "", field[i]);
    text_add(t, "\"");
}

static void add_escaped(struct text *t, const char *data, size_t length)
{
    TEXT_SCRATCH(shown, PROTOLOG_ROW_LIMIT / 4);
    text_add_escaped(&shown, data, length);
    add_field(t, shown.data, shown.length);
}

static void add_words(struct text *t, const char *words)
{
    add_escaped(t, words, strlen(words));
}

void protolog_add(struct text *t, const struct protolog_row *row)
{
    stamp_add(t, row->utc_ms);
    add_words(t, row->connector);
    text_add(t, ",%016llX,%lu", (unsigned long long)row->session, (unsigned long)row->sequence);
    add_words(t, row->local);
    add_words(t, row->remote);
    text_add(t, ",%c", (char)row->event);
    add_escaped(t, row->data, row->length);
    add_words(t, row->context);
    text_add(t, "\r\n");
}

void protolog_add_head(struct text *t, int64_t utc_ms, const char *version)
{
    text_add(t, "#Software: EtrnSvc\r\n#Version: %s\r\n#Log-type: SMTP Send Protocol Log\r\n#Date: ", version);
    stamp_add(t, utc_ms);
    text_add(t, "\r\n#Fields: date-time,connector-id,session-id,sequence-number,local-endpoint,remote-endpoint,event,"
                "data,context\r\n");
}

/* ---- files ---- */

static const char prefix[] = "ETRN";
static const char suffix[] = ".LOG";

void protolog_add_name(struct text *t, const struct protolog_file *file)
{
    struct date date = calendar_date(file->day);
    text_add(t, "%s%04lld%02u%02u-%lu%s", prefix, (long long)date.year, date.month, date.day,
             (unsigned long)file->number, suffix);
}

/* A name is ours only if it is exactly the name that we would give to a file with these values. */
bool protolog_read_name(const char *name, struct protolog_file *file)
{
    char copy[40];
    TEXT_SCRATCH(again, 40);
    unsigned long date;
    unsigned long number;
    size_t length = strlen(name);
    if (length >= sizeof copy || length <= sizeof prefix + DATE_DIGITS + sizeof suffix - 1)
        return false;
    memcpy(copy, name, length + 1);
    char *digits = copy + sizeof prefix - 1;
    char *dash = digits + DATE_DIGITS;
    if (*dash != '-')
        return false;
    *dash = '\0';
    copy[length - (sizeof suffix - 1)] = '\0';
    if (!text_number(digits, 99991231, &date) || !text_number(dash + 1, UINT32_MAX, &number))
        return false;
    *file = (struct protolog_file){.number = (uint32_t)number};
    file->day = calendar_days((int64_t)date / 10000, (unsigned)(date / 100 % 100), (unsigned)(date % 100));
    protolog_add_name(&again, file);
    return text_same(again.data, name);
}

bool protolog_turn(struct protolog_file *file, int64_t utc_ms, size_t more)
{
    int64_t day = calendar_day_of(utc_ms);
    if (file->number > 0 && file->day == day && file->size + more <= PROTOLOG_FILE_LIMIT)
        return false;
    file->number = file->day == day ? file->number + 1 : 1;
    file->day = day;
    file->size = 0;
    return true;
}

static int by_age(const void *left, const void *right)
{
    const struct protolog_file *a = left;
    const struct protolog_file *b = right;
    if (a->day != b->day)
        return a->day < b->day ? -1 : 1;
    return a->number < b->number ? -1 : a->number > b->number;
}

size_t protolog_surplus(struct protolog_file *files, size_t count, int64_t utc_ms)
{
    uint64_t size = 0;
    size_t kept = 0;
    if (count > 0)
        qsort(files, count, sizeof *files, by_age);
    while (kept < count) {
        const struct protolog_file *file = &files[count - kept - 1];
        size += file->size;
        if (size > PROTOLOG_TOTAL_LIMIT - PROTOLOG_FILE_LIMIT || file->day <= calendar_day_of(utc_ms) - PROTOLOG_DAYS)
            break;
        kept++;
    }
    return count - kept;
}
