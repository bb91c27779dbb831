/* Plays the cases that cases.py prints against the session: whole, in single octets, and with each segment cut in two
 * at every octet; the clock is simulated, with the link's deadlines. Says of each case whether it passed, with a line
 * in the file that the first argument names, and how many did. */
#include "case.h"
#include "session.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum {
    REPLY_TIMEOUT_MS = 5000,
    SESSION_TIMEOUT_MS = 30000,
    CUT_LIMIT = 400 /* octets of a segment that is still cut at every one of them */
};

static const char helo[] = "me.example";

/* How the input is cut: whole, in single octets, or segment number `segment` after `after` octets. */
struct cut {
    bool octets;
    size_t segment, after;
};

struct played {
    const struct fault_case *fault;
    struct cut cut;
    struct session session;
    struct text commands; /* those that the connection took, each ended by LF */
    char command_buffer[16384];
    size_t settled, sent, handed, replies, segments;
    int64_t now_ms, reply_due_ms;
    bool over, wrong;
};

static void wrong(struct played *p, const char *format, ...) TEXT_FORMAT(2, 3);
static void wrong(struct played *p, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "FAILED %s", p->fault->id);
    if (p->cut.octets)
        fprintf(stderr, " in single octets");
    else if (p->cut.after)
        fprintf(stderr, " with segment %zu cut after %zu octets", p->cut.segment, p->cut.after);
    fprintf(stderr, ": ");
    vfprintf(stderr, format, arguments);
    fprintf(stderr, "\n");
    va_end(arguments);
    p->wrong = true;
}

/* ---- what the session tells ---- */

static bool printable(const char *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if ((unsigned char)bytes[i] < 0x20 || bytes[i] == 0x7F)
            return false;
    return true;
}

/* Nothing of the password is told: neither itself nor in base64, with the user's name or without. */
static void check_secret(struct played *p, const char *bytes, size_t count)
{
    static const char *const forms[] = {"tanstaaf", "dGFuc3Rh", "AHRpbQB0YW5", "RhbnN0YWFm"};
    for (size_t i = 0; p->fault->password[0] && i < sizeof forms / sizeof forms[0]; i++)
        for (size_t at = 0; at + strlen(forms[i]) <= count; at++)
            if (memcmp(bytes + at, forms[i], strlen(forms[i])) == 0) {
                wrong(p, "the password is told: %.*s", (int)count, bytes);
                return;
            }
}

static void check_command(struct played *p, const struct session_event *event)
{
    size_t count;
    const char *out = session_output(&p->session, &count);
    if (p->sent != p->handed)
        wrong(p, "a second command before the first was sent");
    if (!out || count < 3 || memcmp(out + count - 2, "\r\n", 2) != 0 || !printable(out, count - 2) ||
        !printable(event->line, event->length))
        wrong(p, "a command that is not one line of text");
    p->sent++;
}

static void check_result(struct played *p, const struct session_event *event)
{
    const struct result *found = event->result;
    const struct expected *expected = &p->fault->results[event->node];
    if (event->node != p->settled || p->settled >= p->fault->node_count)
        wrong(p, "node %zu has its result after %zu others", event->node, p->settled);
    else if (strcmp(outcome_name(found->outcome), expected->outcome) != 0 || found->code != expected->code)
        wrong(p, "node %zu: %s %d (%s), not %s %d", event->node, outcome_name(found->outcome), found->code, found->text,
              expected->outcome, expected->code);
    else if (!strstr(found->text, expected->words))
        wrong(p, "node %zu: \"%s\" is not in \"%s\"", event->node, expected->words, found->text);
    if (!printable(found->text, strlen(found->text)))
        wrong(p, "node %zu: a text that is not to be shown", event->node);
    p->settled++;
}

/* Each ETRN has its reply, and QUIT was to follow: what happens to that cuts nothing short. */
static bool all_answered(const struct fault_case *c)
{
    bool quit = false;
    for (size_t i = 0; i < c->step_count; i++)
        quit = quit || (c->steps[i].kind == STEP_COMMAND && strcmp(c->steps[i].data, "QUIT") == 0);
    size_t asked = 0;
    for (size_t i = 0; i < c->step_count; i++)
        asked += c->steps[i].kind == STEP_COMMAND && strncmp(c->steps[i].data, "ETRN ", 5) == 0;
    return quit && asked > 0 && asked == c->node_count;
}

static void watch(void *owner, const struct session_event *event)
{
    struct played *p = owner;
    if (p->over)
        wrong(p, "an event after the last");
    if (event->line)
        check_secret(p, event->line, event->length);
    if (event->result)
        check_secret(p, event->result->text, strlen(event->result->text));
    switch (event->kind) {
    case SESSION_STATE:
    case SESSION_RECEIVED:
        break;
    case SESSION_SENT:
        check_command(p, event);
        break;
    case SESSION_NODE:
        check_result(p, event);
        break;
    case SESSION_ENDED:
        if (p->settled != p->fault->node_count)
            wrong(p, "ended with %zu of %zu results", p->settled, p->fault->node_count);
        if (all_answered(p->fault) && event->result->outcome != OUTCOME_NONE)
            wrong(p, "%s cut it short, though each node had its reply", outcome_name(event->result->outcome));
        p->over = true;
        break;
    }
}

/* ---- the connection ---- */

static void expect_reply(struct played *p)
{
    p->reply_due_ms = p->now_ms + session_timeout_ms(&p->session);
}

/* The connection takes the command, if there is one. */
static void hand_over(struct played *p)
{
    size_t count;
    const char *command = session_output(&p->session, &count);
    if (!command)
        return;
    bool introduction = strncmp(command, "EHLO ", 5) == 0 || strncmp(command, "HELO ", 5) == 0;
    text_add(&p->commands, "%.*s\n", introduction ? 4 : (int)count - 2, command);
    expect_reply(p);
    session_sent(&p->session);
    p->handed++;
}

/* The clock moves on, and a deadline may pass. */
static void pass(struct played *p, int64_t ms)
{
    char detail[100];
    struct text t;
    text_begin(&t, detail, sizeof detail);
    int64_t then_ms = p->now_ms + ms;
    bool whole = p->reply_due_ms >= SESSION_TIMEOUT_MS;
    int64_t due_ms = whole ? SESSION_TIMEOUT_MS : p->reply_due_ms;
    p->now_ms = then_ms < due_ms ? then_ms : due_ms;
    if (then_ms < due_ms || p->session.state == SESSION_OVER)
        return;
    if (whole)
        text_add(&t, "the session was not finished in %d s", SESSION_TIMEOUT_MS / 1000);
    else
        session_add_overdue(&p->session, &t);
    session_fail(&p->session, OUTCOME_TIMED_OUT, detail);
}

static void say(struct played *p, const char *bytes, size_t count)
{
    size_t segment = p->segments++;
    size_t first = p->cut.after && segment == p->cut.segment ? p->cut.after : 0;
    if (p->cut.octets)
        for (size_t i = 0; i < count; i++)
            session_input(&p->session, bytes + i, 1);
    else if (first)
        session_input(&p->session, bytes, first);
    if (!p->cut.octets)
        session_input(&p->session, bytes + first, count - first);
    hand_over(p);
}

/* The host's handshake: whether it came about, and whether the certificate proves anything. */
static void handshake(struct played *p, const char *what)
{
    const char *why = strchr(what, ':');
    if (p->session.state != SESSION_TLS)
        wrong(p, "a handshake before its turn");
    else if (strncmp(what, "fail", 4) == 0)
        session_fail(&p->session, OUTCOME_NO_TLS, why + 2);
    else
        session_secured(&p->session, strncmp(what, "unverified", 10) == 0 ? why + 2 : NULL);
    expect_reply(p);
    hand_over(p);
}

static void perform(struct played *p, const struct step *step)
{
    switch (step->kind) {
    case STEP_SAY:
        say(p, step->data, step->length);
        break;
    case STEP_DRIP:
        for (size_t i = 0; i < step->length; i++) {
            pass(p, step->ms);
            session_input(&p->session, step->data + i, 1);
            hand_over(p);
        }
        break;
    case STEP_WAIT:
        pass(p, step->ms);
        break;
    case STEP_CLOSE:
        session_closed(&p->session);
        break;
    case STEP_RESET:
        session_fail(&p->session, OUTCOME_LOST, "receiving: the connection was reset");
        break;
    case STEP_TLS:
        handshake(p, step->data);
        break;
    case STEP_COMMAND: /* compared at the end */
        break;
    }
}

/* ---- playing a case ---- */

static void check_commands(struct played *p)
{
    char expected_buffer[16384];
    struct text expected;
    text_begin(&expected, expected_buffer, sizeof expected_buffer);
    for (size_t i = 0; i < p->fault->step_count; i++)
        if (p->fault->steps[i].kind == STEP_COMMAND)
            text_add(&expected, "%s\n", p->fault->steps[i].data);
    if (strcmp(expected_buffer, p->command_buffer) != 0)
        wrong(p, "the host got\n%snot\n%s", p->command_buffer, expected_buffer);
}

/* Once it is over nothing moves it any more. */
static void check_over(struct played *p)
{
    size_t count;
    session_input(&p->session, "250 late\r\n", 10);
    session_secured(&p->session, NULL);
    session_finish(&p->session);
    session_closed(&p->session);
    session_fail(&p->session, OUTCOME_LOCAL, NULL);
    if (session_output(&p->session, &count) || !p->over)
        wrong(p, "it does not end");
}

/* Plays it, and returns whether all was as it should be. */
static bool play(const struct fault_case *c, struct cut cut)
{
    static struct played p;
    struct auth_credentials who = {.user = c->user, .password = c->password, .in_clear = c->in_clear};
    struct session_params params = {.helo = helo,
                                    .nodes = (const char *const *)c->nodes,
                                    .node_count = c->node_count,
                                    .force_etrn = c->force_etrn,
                                    .tls = c->tls,
                                    .reply_timeout_ms = REPLY_TIMEOUT_MS,
                                    .auth = c->user[0] ? &who : NULL};
    p = (struct played){.fault = c, .cut = cut};
    text_begin(&p.commands, p.command_buffer, sizeof p.command_buffer);
    session_begin(&p.session, &params, watch, &p);
    expect_reply(&p);
    for (size_t i = 0; i < c->step_count; i++)
        perform(&p, &c->steps[i]);
    if (p.session.state != SESSION_OVER)
        pass(&p, SESSION_TIMEOUT_MS);
    check_over(&p);
    check_commands(&p);
    return !p.wrong;
}

/* In every way; the first that fails is enough. */
static bool play_every_way(const struct fault_case *c, unsigned *ways)
{
    *ways += 2;
    if (!play(c, (struct cut){0}) || !play(c, (struct cut){.octets = true}))
        return false;
    size_t segment = 0;
    for (size_t i = 0; i < c->step_count; i++) {
        const struct step *step = &c->steps[i];
        if (step->kind != STEP_SAY)
            continue;
        for (size_t after = 1; after < step->length && step->length <= CUT_LIMIT; after++, ++*ways)
            if (!play(c, (struct cut){.segment = segment, .after = after}))
                return false;
        segment++;
    }
    return true;
}

int main(int count, char **words)
{
    static struct fault_case c;
    FILE *results = count > 1 ? fopen(words[1], "w") : NULL;
    unsigned cases = 0, passed = 0, ways = 0;
    if (!results) {
        fprintf(stderr, "usage: %s RESULTS < CASES\n", words[0]);
        return 2;
    }
    while (case_read(stdin, &c)) {
        bool fine = play_every_way(&c, &ways);
        fprintf(results, "%s %s\n", c.id, fine ? "passed" : "FAILED");
        cases++;
        passed += fine;
        case_free(&c);
    }
    fclose(results);
    printf("faults: %u of %u cases passed, played in %u ways\n", passed, cases, ways);
    return cases > 0 && passed == cases ? 0 : 1;
}
