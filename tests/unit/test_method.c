#include "settings.h"
#include "unit.h"

#include <stdio.h>

/* What administrators and other programs rely on. */
static void methods_are_as_promised(void **state)
{
    (void)state;
    static const struct {
        const char *word;
        uint16_t port;
        enum transport transport;
        enum node_batch batch;
        bool auth;
    } rows[] = {
        {"etrn", 25, TRANSPORT_SMTP, BATCH_SETTING, true},
        {"finger", 79, TRANSPORT_TEXT, BATCH_ONE, false},
        {"program", 0, TRANSPORT_PROGRAM, BATCH_PROGRAM, false},
    };
    assert_int_equal(COUNT(rows), METHOD_COUNT);
    for (uint32_t i = 0; i < METHOD_COUNT; i++) {
        assert_string_equal(methods[i].word, rows[i].word);
        assert_int_equal(methods[i].port, rows[i].port);
        assert_int_equal(methods[i].transport, rows[i].transport);
        assert_int_equal(methods[i].batch, rows[i].batch);
        assert_int_equal(methods[i].auth, rows[i].auth);
    }
}

static void the_setting_takes_each_word_for_its_method(void **state)
{
    (void)state;
    const struct setting *s = setting_find(SCOPE_HOST, "Method");
    assert_int_equal(s->maximum + 1, METHOD_COUNT);
    for (uint32_t i = 0; i < METHOD_COUNT; i++) {
        uint32_t number;
        assert_string_equal(method_word(i), methods[i].word);
        assert_true(setting_word(s, methods[i].word, &number));
        assert_int_equal(number, i);
    }
}

static void the_help_of_port_names_the_port_of_each_method(void **state)
{
    (void)state;
    const char *help = setting_find(SCOPE_HOST, "Port")->help;
    for (uint32_t i = 0; i < METHOD_COUNT; i++) {
        char words[40];
        snprintf(words, sizeof words, "%u for %s", methods[i].port, methods[i].word);
        CHECK(methods[i].port == 0 || strstr(help, words), "\"%s\" does not say \"%s\"", help, words);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(methods_are_as_promised),
        cmocka_unit_test(the_setting_takes_each_word_for_its_method),
        cmocka_unit_test(the_help_of_port_names_the_port_of_each_method),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
