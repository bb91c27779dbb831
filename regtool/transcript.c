#include "transcript.h"

#include "output.h"
#include "security.h"

#include <stdarg.h>

struct capability_words {
    const char *keyword;
    const char *offered, *lacking; /* descriptions */
};

static const struct capability_words capabilities[] = {
    [CAPABILITY_ETRN] = {"ETRN", "ETRN is offered", "ETRN is not offered"},
    [CAPABILITY_STARTTLS] = {"STARTTLS", "TLS is offered (STARTTLS)", "no TLS"},
    [CAPABILITY_AUTH] = {"AUTH", "authentication is offered (AUTH)", "no authentication"},
};

const char *capability_name(enum capability capability)
{
    return capabilities[capability].keyword;
}

void transcript_begin(struct transcript *record, struct result *results, struct json *json)
{
    *record = (struct transcript){.as_json = json != NULL, .json = json, .results = results, .connected_ms = -1};
}

/* ---- output, as text or into the JSON's "conversation" ---- */

static void print(const struct transcript *record, const char *format, ...) TEXT_FORMAT(2, 3);

static void print(const struct transcript *record, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    if (!record->as_json)
        out_list(format, arguments);
    va_end(arguments);
}

static void print_exchange(struct transcript *record, const char *arrow, const char *from, const char *line)
{
    print(record, "%s %s\n", arrow, line);
    if (!record->as_json)
        return;
    json_open_object(record->json, NULL);
    json_string(record->json, "from", from);
    json_string(record->json, "line", line);
    json_close(record->json, '}');
}

static void explain(const struct transcript *record, const struct result *result)
{
    if (record->as_json)
        return;
    out_wrapped(5, outcome_meaning(result));
    if (*outcome_advice(result))
        out_wrapped(5, outcome_advice(result));
}

static void explain_offer(struct transcript *record)
{
    TEXT_SCRATCH(words, 200);
    if (record->explained || !record->introduced || record->as_json)
        return;
    record->explained = true;
    for (size_t i = 0; i < CAPABILITY_COUNT; i++)
        if (i != CAPABILITY_STARTTLS || !record->secured)
            text_add(&words, "%s%s", i ? "; " : "",
                     record->offered[i] ? capabilities[i].offered : capabilities[i].lacking);
    text_add(&words, ".");
    out_wrapped(5, words.data);
}

/* Explains what ended the conversation early; printed when it happens, and once. */
static void explain_ending(struct transcript *record, const struct result *ending)
{
    if (ending->outcome == OUTCOME_NONE || record->ending.outcome != OUTCOME_NONE)
        return;
    bool shown = ending->code || ending->outcome == OUTCOME_NO_CONNECTION ||
                 (ending->outcome == OUTCOME_NO_TLS && record->secured); /* explained with the certificate */
    record->ending = *ending;
    if (*ending->text && !shown)
        print(record, "-- %s\n", ending->text);
    explain(record, ending);
}

/* ---- events ---- */

static void note_capability(struct transcript *record, const char *line)
{
    char keyword[16];
    struct text t;
    record->introduced = true;
    if (strlen(line) < 5)
        return;
    text_begin(&t, keyword, sizeof keyword);
    text_add(&t, "%.*s", (int)strcspn(line + 4, " "), line + 4);
    for (size_t i = 0; i < CAPABILITY_COUNT; i++)
        record->offered[i] = record->offered[i] || text_same(keyword, capabilities[i].keyword);
}

static void measure(struct transcript *record)
{
    LARGE_INTEGER now;
    LARGE_INTEGER frequency;
    if (!record->sent.QuadPart)
        return;
    QueryPerformanceCounter(&now);
    QueryPerformanceFrequency(&frequency);
    int64_t took_us = (now.QuadPart - record->sent.QuadPart) * 1000000 / frequency.QuadPart;
    if (!record->round_trip_us || took_us < record->round_trip_us)
        record->round_trip_us = took_us > 0 ? took_us : 1;
    record->sent.QuadPart = 0;
}

static void on_sent(struct transcript *record, const struct session_event *event, const char *line)
{
    explain_offer(record);
    explain_ending(record, event->result);
    print_exchange(record, "->", "client", line);
    QueryPerformanceCounter(&record->sent);
}

static void on_received(struct transcript *record, const struct session_event *event, const char *line)
{
    measure(record);
    print_exchange(record, "<-", "server", line);
    if (event->state == SESSION_CAPABILITIES && event->code == 250)
        note_capability(record, event->line);
}

static void on_node(struct transcript *record, const struct session_event *event)
{
    record->results[event->node] = *event->result;
    if (event->state == SESSION_NODE_REPLY && event->result->code && event->result->code != 421)
        explain(record, event->result);
}

void transcript_session(struct transcript *record, const struct session_event *event)
{
    char line[REPLY_LINE_LIMIT];
    struct text t;
    text_begin(&t, line, sizeof line);
    if (event->kind == SESSION_SENT || event->kind == SESSION_RECEIVED)
        text_add_escaped(&t, event->line, event->length);
    switch (event->kind) {
    case SESSION_STATE:
        break;
    case SESSION_SENT:
        on_sent(record, event, line);
        break;
    case SESSION_RECEIVED:
        on_received(record, event, line);
        break;
    case SESSION_NODE:
        on_node(record, event);
        break;
    case SESSION_ENDED:
        explain_offer(record);
        explain_ending(record, event->result);
        break;
    }
}

/* Capabilities offered before TLS, or in an earlier connection, no longer apply. */
static void introduce_again(struct transcript *record)
{
    bool starttls = record->offered[CAPABILITY_STARTTLS];
    memset(record->offered, 0, sizeof record->offered);
    record->offered[CAPABILITY_STARTTLS] = starttls;
    record->introduced = record->explained = false;
}

static void note_security(struct transcript *record, const struct stream_security *security)
{
    char lines[SECURITY_LINES][SECURITY_LINE_SIZE];
    struct text t;
    record->secured = true;
    record->security = *security;
    if (security->unverified) {
        text_begin(&t, record->unverified, sizeof record->unverified);
        text_add(&t, "%s", security->unverified);
        record->security.unverified = record->unverified;
    }
    security_explain(security, lines);
    for (size_t i = 0; i < SECURITY_LINES; i++)
        if (*lines[i])
            print_exchange(record, "--", "tool", lines[i]);
}

/* Describes the step; writes nothing if it is shown in another way. */
static void add_step(struct text *t, const struct link_note *note)
{
    switch (note->step) {
    case LINK_ADDRESS:
        text_add(t, "address %s", note->address);
        break;
    case LINK_TRYING:
        text_add(t, "connecting to %s", note->address);
        break;
    case LINK_CONNECTED:
        text_add(t, "connected in %lld ms", (long long)note->elapsed_ms);
        break;
    case LINK_FAILED:
        text_add(t, "%s: ", note->address);
        text_add_error(t, note->error);
        break;
    case LINK_TLS_FAILED:
        text_add(t, "%s; trying again without TLS", note->words);
        break;
    case LINK_SECURED:
        break;
    }
}

void transcript_note(struct transcript *record, const struct link_note *note)
{
    TEXT_SCRATCH(line, 300);
    add_step(&line, note);
    if (note->step == LINK_SECURED)
        note_security(record, note->security);
    else
        print_exchange(record, "--", "tool", line.data);
    if (note->step == LINK_CONNECTED)
        record->connected_ms = note->elapsed_ms;
    if (note->step == LINK_SECURED || note->step == LINK_TLS_FAILED)
        introduce_again(record);
}
