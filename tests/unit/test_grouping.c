#include "grouping.h"
#include "unit.h"

/* A row of words; the same is to be said of those that begin with the same letter. */
static const void *next(const void *item)
{
    return (const char *const *)item + 1;
}

static const char *name(const void *item)
{
    return *(const char *const *)item;
}

static bool same(const void *a, const void *b)
{
    return name(a)[0] == name(b)[0];
}

static void each_group_is_reported_once_with_all_its_names(void **state)
{
    (void)state;
    static const char *const words[] = {"apple", "bean", "almond", "cherry", "beet", "anise"};
    static const char *const expected[] = {"apple, almond, anise", "bean, beet", NULL, "cherry", NULL, NULL};
    struct grouping g = {.first = words, .end = words + COUNT(words), .next = next, .same = same, .name = name};
    for (size_t i = 0; i < COUNT(words); i++) {
        TEXT_SCRATCH(names, 60);
        CHECK(grouping_begins(&g, &words[i]) == (expected[i] != NULL), "%s", words[i]);
        grouping_add_names(&g, &words[i], &names);
        if (expected[i])
            CHECK_TEXT(words[i], names.data, expected[i]);
    }
}

static void a_group_may_begin_within_the_row(void **state)
{
    (void)state;
    static const char *const words[] = {"apple", "bean", "almond"};
    struct grouping g = {.first = &words[1], .end = words + COUNT(words), .next = next, .same = same, .name = name};
    assert_true(grouping_begins(&g, &words[2]));
}

static void names_that_do_not_fit_are_cut(void **state)
{
    (void)state;
    static const char *const words[] = {"apple", "almond", "anise"};
    struct grouping g = {.first = words, .end = words + COUNT(words), .next = next, .same = same, .name = name};
    TEXT_SCRATCH(names, 12);
    grouping_add_names(&g, words, &names);
    assert_string_equal(names.data, "apple, a...");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_group_is_reported_once_with_all_its_names),
        cmocka_unit_test(a_group_may_begin_within_the_row),
        cmocka_unit_test(names_that_do_not_fit_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
