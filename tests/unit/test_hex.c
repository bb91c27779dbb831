#include "hex.h"
#include "unit.h"

static void digits_are_read_up_to_what_is_none(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        unsigned most, digits;
        uint32_t number;
    } rows[] = {
        {"", 4, 0, 0},
        {"0", 4, 1, 0},
        {"9f", 4, 2, 0x9F},
        {"aFgh", 4, 2, 0xAF},
        {"AbCdEf01", 8, 8, 0xABCDEF01},
        {"ffffffffff", 8, 8, 0xFFFFFFFF},
        {"12345", 4, 4, 0x1234},
        {"12", 1, 1, 1},
        {"G", 4, 0, 0},
        {"/", 4, 0, 0},
        {":", 4, 0, 0},
        {"@", 4, 0, 0},
        {"`", 4, 0, 0},
        {"g", 4, 0, 0},
        {"\xff", 4, 0, 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        const char *at = rows[i].text;
        uint32_t number = 77;
        unsigned digits = hex_read(&at, at + strlen(at), rows[i].most, &number);
        CHECK(digits == rows[i].digits && number == rows[i].number, "%s: %u digits, %x", rows[i].text, digits, number);
        assert_int_equal(at - rows[i].text, rows[i].digits);
    }
}

static void nothing_is_read_past_the_end(void **state)
{
    (void)state;
    static const char digits[] = "1234";
    const char *at = digits;
    uint32_t number;
    assert_int_equal(hex_read(&at, digits + 2, 8, &number), 2);
    assert_int_equal(number, 0x12);
}

static void octets_are_written_in_two_digits_each(void **state)
{
    (void)state;
    static const unsigned char octets[] = {0x00, 0x0F, 0xA0, 0xFF};
    char line[40];
    struct text t;
    text_begin(&t, line, sizeof line);
    hex_add(&t, octets, sizeof octets, "");
    text_add(&t, " ");
    hex_add(&t, octets, sizeof octets, ":");
    hex_add(&t, octets, 0, ":");
    assert_string_equal(line, "000fa0ff 00:0f:a0:ff");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digits_are_read_up_to_what_is_none),
        cmocka_unit_test(nothing_is_read_past_the_end),
        cmocka_unit_test(octets_are_written_in_two_digits_each),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
