/* Lines of a Schedule, and when they are due: the hour and the season of a zone change, then lines up to LF each. What
 * is refused says why; what is taken is due after the instant asked about, and asked again from there it goes on. */
#include "cron_next.h"

#include "fuzz.h"

enum { LINES = 8, HOUR_MS = 3600000 };

static const int64_t now_ms = 1700000000000; /* November 2023 */

struct change {
    int64_t at_ms, before_ms, after_ms;
};

static int64_t offset_ms(void *context, int64_t utc_ms)
{
    const struct change *change = context;
    return utc_ms < change->at_ms ? change->before_ms : change->after_ms;
}

static bool parse(const char *text, struct cron_line *line)
{
    char problem[300];
    struct text t;
    text_begin(&t, problem, sizeof problem);
    bool fine = cron_parse(text, line, &t);
    MUST(fine == !*problem && fine == !cron_fault(text));
    MUST(fine || line->kind == CRON_NOTHING);
    for (const char *at = problem; *at; at++)
        MUST((unsigned char)*at >= 0x20 && *at != 0x7F);
    return fine;
}

static void follow(const struct cron_line *lines, size_t count, struct change *change)
{
    struct cron_zone zone = {offset_ms, change};
    int64_t after_ms = now_ms;
    for (int i = 0; i < 5; i++) {
        int64_t due_ms = cron_next(lines, count, &zone, now_ms, after_ms);
        if (due_ms == CRON_NEVER)
            return;
        MUST(due_ms > after_ms);
        MUST(cron_next(lines, count, &zone, now_ms, due_ms - 1) == due_ms);
        after_ms = due_ms;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cron_line lines[LINES];
    size_t count = 0;
    if (size < 2)
        return 0;
    struct change change = {.at_ms = now_ms + (int64_t)data[0] * HOUR_MS, .before_ms = HOUR_MS};
    change.after_ms = change.before_ms + (data[1] % 9 - 4) * HOUR_MS / 2;
    char *text = malloc(size - 1);
    MUST(text);
    memcpy(text, data + 2, size - 2);
    text[size - 2] = '\0';
    for (char *line = text; count < LINES && *line;) {
        size_t length = strcspn(line, "\n");
        bool last = line[length] == '\0';
        line[length] = '\0';
        count += parse(line, &lines[count]);
        line += length + !last;
    }
    follow(lines, count, &change);
    free(text);
    return 0;
}
