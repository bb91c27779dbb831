#include "finger.h"

#include "node.h"

/* The query is a single line (RFC 1288 section 2.3). */
void finger_begin(struct session *s)
{
    struct text line;
    text_begin(&s->answer, s->answer_text, sizeof s->answer_text);
    text_begin(&line, s->out, sizeof s->out - 2);
    s->state = SESSION_ANSWER;
    if (s->params->node_count == 0 || node_fault(s->params->nodes[0]) != NODE_FINE) {
        dialogue_settle_rest(s, OUTCOME_BAD_NODE, 0, "not sent");
        dialogue_end(s);
        return;
    }
    text_add(&line, "%s", s->params->nodes[0]);
    dialogue_send(s, SESSION_ANSWER, s->params->nodes[0]);
}

/* Status shows the output on one line. */
void finger_input(struct session *s, const char *bytes, size_t count)
{
    text_add_folded(&s->answer, bytes, count);
    dialogue_emit(s, (struct session_event){.kind = SESSION_RECEIVED, .line = bytes, .length = count});
}

void finger_closed(struct session *s)
{
    if (s->command > 0) { /* the query is not sent yet, so this cannot be the answer */
        dialogue_fail(s, OUTCOME_LOST, "the host closed the connection");
        return;
    }
    if (s->answer.length == 0) {
        dialogue_fail(s, OUTCOME_LOST, "the host closed the connection without a reply");
        return;
    }
    while (s->node < s->params->node_count)
        dialogue_settle(s, OUTCOME_STARTED, 0, s->answer.data);
    dialogue_end(s);
}
