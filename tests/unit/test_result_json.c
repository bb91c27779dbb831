#include "result_json.h"
#include "unit.h"

static const char written[] = "{\n"
                              "  \"outcome\": \"started\",\n"
                              "  \"code\": 250,\n"
                              "  \"text\": \"250 \\\\xff\",\n"
                              "  \"meaning\": \"The host has started to deliver the mail waiting for this domain.\",\n"
                              "  \"advice\": \"\",\n"
                              "  \"channel\": \"clear-refused\",\n"
                              "  \"channel_meaning\": \"not encrypted: STARTTLS was refused\"\n"
                              "}\n";

static void a_result_is_written_with_what_it_means(void **state)
{
    (void)state;
    struct result result;
    struct json j;
    result_set(&result, OUTCOME_STARTED, 250, "250 \xff");
    result.channel = CHANNEL_CLEAR_REFUSED;
    json_begin(&j);
    json_open_object(&j, NULL);
    result_write(&j, &result);
    json_close(&j, '}');
    assert_string_equal(j.out.data, written);
    json_free(&j);
}

static void a_result_without_a_reply_has_no_code(void **state)
{
    (void)state;
    struct result result;
    struct json j;
    result_set(&result, OUTCOME_TIMED_OUT, 0, "no greeting in 5 s");
    json_begin(&j);
    json_open_object(&j, NULL);
    result_write(&j, &result);
    json_close(&j, '}');
    struct json_value *read = json_read(j.out.data, j.out.length);
    assert_int_equal(json_member(read, "code")->kind, JSON_NULL);
    assert_string_equal(json_member(read, "text")->string, "no greeting in 5 s");
    json_value_free(read);
    json_free(&j);
}

static void a_result_that_was_read_is_copied_as_it_is(void **state)
{
    (void)state;
    static const char *const documents[] = {written, "{}"};
    for (size_t i = 0; i < COUNT(documents); i++) {
        struct json_value *read = json_read(documents[i], strlen(documents[i]));
        struct json j;
        json_begin(&j);
        json_open_object(&j, NULL);
        result_copy(&j, read);
        json_close(&j, '}');
        struct json_value *again = json_read(j.out.data, j.out.length);
        if (i == 0)
            assert_string_equal(j.out.data, written);
        else
            assert_int_equal(json_member(again, "outcome")->kind, JSON_NULL);
        json_value_free(again);
        json_value_free(read);
        json_free(&j);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_result_is_written_with_what_it_means),
        cmocka_unit_test(a_result_without_a_reply_has_no_code),
        cmocka_unit_test(a_result_that_was_read_is_copied_as_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
