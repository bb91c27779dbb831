/* The errand that sends ETRN. */
#include "conversation.h"

static void each_reply_to_etrn_is_its_own_nodes_outcome(void **state)
{
    (void)state;
    static const struct {
        int code;
        const char *outcome;
    } rows[] = {
        {250, "started"},         {251, "nothing-waiting"}, {252, "pending"},   {253, "pending"},
        {354, "broken"},          {450, "temporary"},       {451, "temporary"}, {454, "temporary"},
        {458, "unable-to-queue"}, {459, "not-allowed"},     {500, "refused"},   {501, "refused"},
        {502, "refused"},         {503, "refused"},         {504, "refused"},   {530, "needs-security"},
        {550, "refused"},         {554, "refused"},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        for (size_t node = 0; node < 3; node++) {
            char reply[30], expected[130], name[30];
            const char *others = "started 250";
            snprintf(reply, sizeof reply, "%d so\r\n", rows[i].code);
            snprintf(name, sizeof name, "%d for node %zu", rows[i].code, node);
            char this[40];
            snprintf(this, sizeof this, "%s %d", rows[i].outcome, rows[i].code);
            snprintf(expected, sizeof expected, "%s, %s, %s", node == 0 ? this : others, node == 1 ? this : others,
                     node == 2 ? this : others);
            struct conversation c = {
                name, {GREET, "250 ok\r\n", "250 ok\r\n", "250 ok\r\n", BYE}, EHLO A B C QUIT, expected, .ending = ""};
            c.host[2 + node] = reply;
            play_every_way(&c);
        }
}

static void nodes_that_cannot_be_sent_are_never_sent(void **state)
{
    (void)state;
    char longest[301] = "";
    memset(longest, 'a', sizeof longest - 1);
    const char *const bad[] = {"a.example\r\nRSET",
                               "a\rb",
                               "a\nb",
                               "a b",
                               " ",
                               "a\x01",
                               "a\x7f",
                               "b\xc3\xbc"
                               "cher.example",
                               "",
                               "@",
                               "#",
                               "a..b",
                               longest};
    for (size_t i = 0; i < COUNT(bad); i++) {
        const struct conversation conversations[] = {
            {"first",
             {GREET, "250 ok\r\n", "459 no\r\n", BYE},
             EHLO B C QUIT,
             "bad-node, started 250, not-allowed 459",
             .ending = "",
             .nodes = {bad[i], "b.example", "c.example"}},
            {"in the middle",
             {GREET, "250 ok\r\n", "250 ok\r\n", BYE},
             EHLO A C QUIT,
             "started 250, bad-node, started 250",
             .ending = "",
             .nodes = {"a.example", bad[i], "c.example"}},
            {"last, twice",
             {GREET, "250 ok\r\n", BYE},
             EHLO A QUIT,
             "started 250, bad-node, bad-node",
             .ending = "",
             .nodes = {"a.example", bad[i], bad[i]}},
            {"alone", {GREET, BYE}, EHLO QUIT, "bad-node", .ending = "", .nodes = {bad[i]}},
        };
        play_all(conversations, COUNT(conversations));
    }
}

/* The longest name and the longest node that the settings let pass fit into a command. */
static void the_longest_names_fit(void **state)
{
    (void)state;
    char name[256] = "";
    for (size_t i = 0; i < 255; i++)
        name[i] = i % 64 == 63 ? '.' : 'a';
    struct conversation c = {"longest", {GREET, "250 ok\r\n", BYE}, NULL, "started 250", .ending = "", .nodes = {name}};
    char commands[600];
    snprintf(commands, sizeof commands, EHLO "ETRN %s;" QUIT, name);
    c.commands = commands;
    play(&c, 0, 0);

    struct session session;
    struct seen seen;
    struct session_params params = {.helo = name};
    text_begin(&seen.text, seen.lines, sizeof seen.lines);
    session_begin(&session, &params, write_down, &seen);
    session_input(&session, "220 mx\r\n", 8);
    size_t count;
    const char *out = session_output(&session, &count);
    assert_int_equal(count, 5 + 255 + 2);
    assert_memory_equal(out + count - 3, "a\r\n", 3);
    assert_ptr_equal(out, session_output(&session, &count)); /* it stays until it is sent */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_reply_to_etrn_is_its_own_nodes_outcome),
        cmocka_unit_test(nodes_that_cannot_be_sent_are_never_sent),
        cmocka_unit_test(the_longest_names_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
