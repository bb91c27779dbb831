#include "dialogue.h"

#include "wipe.h"

#include <string.h>

void dialogue_emit(const struct session *s, struct session_event event)
{
    event.state = s->state;
    s->sink(s->owner, &event);
}

void dialogue_enter(struct session *s, enum session_state state)
{
    enum session_state from = s->state;
    s->state = state;
    if (state != from)
        dialogue_emit(s, (struct session_event){.kind = SESSION_STATE, .from = from});
}

/* ---- commands ---- */

static void emit_sent(const struct session *s, const char *shown, size_t length)
{
    dialogue_emit(s,
                  (struct session_event){.kind = SESSION_SENT, .line = shown, .length = length, .result = &s->ending});
}

void dialogue_perform(struct session *s, enum session_state state, const char *verb, const char *argument)
{
    struct text line;
    text_begin(&line, s->out, SESSION_COMMAND_LIMIT);
    text_add(&line, "%s%s%s\r\n", verb, *verb && *argument ? " " : "", argument);
    dialogue_enter(s, state);
    s->command = line.length;
    emit_sent(s, s->out, line.length - 2);
}

void dialogue_send(struct session *s, enum session_state state, const char *shown)
{
    size_t length = strlen(s->out);
    s->out[length++] = '\r';
    s->out[length++] = '\n';
    dialogue_enter(s, state);
    s->command = length;
    emit_sent(s, shown, strlen(shown));
}

void dialogue_forget_command(struct session *s)
{
    wipe(s->out, s->command);
    s->command = 0;
}

void dialogue_quit(struct session *s)
{
    dialogue_perform(s, SESSION_FAREWELL, "QUIT", "");
}

/* ---- results ---- */

void dialogue_settle(struct session *s, enum outcome outcome, int code, const char *text)
{
    struct result result;
    result_set(&result, outcome, code, text);
    result.channel = s->channel;
    dialogue_emit(s, (struct session_event){.kind = SESSION_NODE, .node = s->node, .result = &result});
    s->node++;
}

void dialogue_settle_rest(struct session *s, enum outcome outcome, int code, const char *text)
{
    if (s->state != SESSION_FAREWELL && s->ending.outcome == OUTCOME_NONE) {
        result_set(&s->ending, outcome, code, text);
        s->ending.channel = s->channel;
    }
    while (s->node < s->params->node_count)
        dialogue_settle(s, outcome, code, text);
}

void dialogue_give_up(struct session *s, enum outcome outcome, int code, const char *text)
{
    dialogue_settle_rest(s, outcome, code, text);
    dialogue_quit(s);
}

void dialogue_end(struct session *s)
{
    dialogue_enter(s, SESSION_OVER);
    dialogue_forget_command(s);
    wipe(&s->auth, sizeof s->auth);
    dialogue_emit(s, (struct session_event){.kind = SESSION_ENDED, .result = &s->ending});
}

void dialogue_fail(struct session *s, enum outcome why, const char *detail)
{
    dialogue_settle_rest(s, why, 0, detail);
    dialogue_end(s);
}
