#include "buffer.h"
#include "unit.h"

#include <stdlib.h>

static void pieces_follow_each_other(void **state)
{
    (void)state;
    struct buffer b = {0};
    buffer_add(&b, NULL, 0);
    assert_string_equal(b.data, "");
    for (size_t i = 0; i < 3000; i++) {
        char c = (char)('a' + i % 26);
        assert_int_equal(b.length, 2 * i);
        buffer_add(&b, &c, 1);
        buffer_add_text(&b, "-");
        assert_int_equal(b.data[b.length], '\0');
    }
    for (size_t i = 0; i < 3000; i++)
        assert_true(b.data[2 * i] == (char)('a' + i % 26) && b.data[2 * i + 1] == '-');
    assert_false(b.failed);
    buffer_free(&b);
    assert_null(b.data);
    assert_int_equal(b.length + b.room, 0);
}

static void reserved_room_is_there(void **state)
{
    (void)state;
    struct buffer b = {0};
    assert_true(buffer_reserve(&b, 100));
    const char *place = b.data;
    memset(b.data, 'x', 101);
    for (int i = 0; i < 10; i++)
        buffer_add_text(&b, "0123456789");
    assert_ptr_equal(b.data, place);
    assert_int_equal(b.length, 100);
    assert_true(buffer_reserve(&b, 0));
    assert_ptr_equal(b.data, place);
    buffer_free(&b);
}

static void an_array_grows_before_it_is_full(void **state)
{
    (void)state;
    uint32_t *items = NULL;
    size_t room = 0;
    for (uint32_t i = 0; i < 1000; i++) {
        items = array_grow(items, i, &room, sizeof *items);
        assert_non_null(items);
        assert_true(room > i);
        items[i] = i;
    }
    for (uint32_t i = 0; i < 1000; i++)
        assert_int_equal(items[i], i);
    free(items);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_follow_each_other),
        cmocka_unit_test(reserved_room_is_there),
        cmocka_unit_test(an_array_grows_before_it_is_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
