/* unit: what every test program here begins with: cmocka, and a check that names the row of a table that failed. */
#ifndef ETRN_UNIT_H
#define ETRN_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

#define CHECK(condition, ...)                                                                                          \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            fail_msg(__VA_ARGS__);                                                                                     \
    } while (0)

#define CHECK_TEXT(row, found, expected)                                                                               \
    CHECK(strcmp(found, expected) == 0, "%s\n  found    %s\n  expected %s", row, found, expected)

#endif
