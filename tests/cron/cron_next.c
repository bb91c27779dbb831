/* cron_next: service/core/cron, asked line by line, for tests in Python. Standard input:
 *
 *     zone OFFSET [AT OFFSET]...     the zone from here on: its first offset, and each change; at first it is UTC
 *     next AFTER LINE                answers with the first due instant after AFTER, or never
 *     all AFTER UNTIL LINE           answers with every one after AFTER and up to UNTIL
 *
 * All are milliseconds, instants since 1970. One line of answer each, but for zone; a LINE that is not allowed is
 * answered with what is wrong with it. */
#include "cron_next.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHANGES = 4000, INPUT_SIZE = 200000 };

struct played_zone {
    int64_t at[CHANGES], offset_ms[CHANGES]; /* the first is from ever on */
    size_t count;
};

/* Finds by halves the last change that is not after the instant. */
static int64_t offset_ms(void *context, int64_t utc_ms)
{
    const struct played_zone *zone = context;
    size_t low = 0;
    size_t high = zone->count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (zone->at[middle] <= utc_ms)
            low = middle;
        else
            high = middle;
    }
    return zone->offset_ms[low];
}

static int64_t take_number(char **text)
{
    return strtoll(*text, text, 10);
}

static void read_zone(struct played_zone *zone, char *text)
{
    zone->at[0] = INT64_MIN;
    zone->offset_ms[0] = take_number(&text);
    zone->count = 1;
    while (*text == ' ' && zone->count < CHANGES) {
        zone->at[zone->count] = take_number(&text);
        zone->offset_ms[zone->count++] = take_number(&text);
    }
}

static bool parse(const char *text, struct cron_line *line)
{
    char buffer[300];
    struct text problem;
    text_begin(&problem, buffer, sizeof buffer);
    bool fine = cron_parse(text, line, &problem);
    if (!fine)
        puts(buffer);
    return fine;
}

static void show_next(const struct cron_zone *zone, char *text)
{
    struct cron_line line;
    int64_t after = take_number(&text);
    if (!parse(text, &line))
        return;
    int64_t next = cron_next(&line, 1, zone, 0, after);
    if (next == CRON_NEVER)
        puts("never");
    else
        printf("%" PRId64 "\n", next);
}

static void show_all(const struct cron_zone *zone, char *text)
{
    struct cron_line line;
    int64_t at = take_number(&text);
    int64_t until = take_number(&text);
    if (!parse(text, &line))
        return;
    while ((at = cron_next(&line, 1, zone, 0, at)) <= until)
        printf("%" PRId64 " ", at);
    puts("");
}

int main(void)
{
    static char input[INPUT_SIZE];
    static struct played_zone played = {.at = {INT64_MIN}, .count = 1};
    struct cron_zone zone = {offset_ms, &played};
    while (fgets(input, sizeof input, stdin)) {
        input[strcspn(input, "\n")] = '\0';
        if (strncmp(input, "zone ", 5) == 0)
            read_zone(&played, input + 5);
        else if (strncmp(input, "next ", 5) == 0)
            show_next(&zone, input + 5);
        else if (strncmp(input, "all ", 4) == 0)
            show_all(&zone, input + 4);
        else
            return 2;
    }
    return 0;
}
