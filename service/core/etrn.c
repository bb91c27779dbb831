#include "etrn.h"

#include "node.h"

/* Sends ETRN for the next node that can be sent, or QUIT. */
static void perform_etrn(struct session *s)
{
    for (; s->node < s->params->node_count; dialogue_settle(s, OUTCOME_BAD_NODE, 0, "not sent")) {
        const char *node = s->params->nodes[s->node];
        if (s->finishing) {
            dialogue_give_up(s, OUTCOME_CANCELLED, 0, NULL);
            return;
        }
        if (node_fault(node) == NODE_FINE) {
            dialogue_perform(s, SESSION_NODE_REPLY, "ETRN", node);
            return;
        }
    }
    dialogue_quit(s);
}

const struct session_errand etrn_errand = {.keyword = "ETRN", .begin = perform_etrn};

void etrn_reply(struct session *s, int code, const char *line)
{
    dialogue_settle(s, outcome_of_etrn(code), code, line);
    perform_etrn(s);
}
