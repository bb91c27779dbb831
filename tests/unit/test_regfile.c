#include "regfile_write.h"
#include "utf.h"
#include "random.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <uchar.h>

#define HEADER "Windows Registry Editor Version 5.00\n"
#define KEY "HKEY_LOCAL_MACHINE\\SYSTEM\\K"
#define NO_HEADER "line 1: the file does not begin with \"Windows Registry Editor Version 5.00\""
#define BYTES(literal) literal, sizeof literal - 1
#define U(literal) u##literal, sizeof u##literal /* UTF-16LE with its NUL */

/* ---- the forms in which a file comes ---- */

struct form {
    const char *name;
    bool utf16, bom, crlf;
};

static const struct form forms[] = {
    {"UTF-16LE, CRLF", true, true, true},        {"UTF-16LE, LF", true, true, false},
    {"UTF-8 with BOM, CRLF", false, true, true}, {"UTF-8 with BOM, LF", false, true, false},
    {"UTF-8, CRLF", false, false, true},         {"UTF-8, LF", false, false, false},
};

/* A document, here written with LF, in that form and in memory of exactly its size. */
static void *encode(const struct form *form, const char *document, size_t length, size_t *size)
{
    char *utf8 = malloc(length * 2 + 3);
    size_t count = 0;
    if (form->bom)
        for (const char *bom = "\xEF\xBB\xBF"; *bom; bom++)
            utf8[count++] = *bom;
    for (size_t i = 0; i < length; i++) {
        if (document[i] == '\n' && form->crlf)
            utf8[count++] = '\r';
        utf8[count++] = document[i];
    }
    *size = form->utf16 ? utf16_from_utf8(utf8, count, NULL, 0) : count;
    unsigned char *data = malloc(*size ? *size : 1);
    if (form->utf16)
        utf16_from_utf8(utf8, count, data, *size);
    else
        memcpy(data, utf8, count);
    free(utf8);
    return data;
}

static bool read_document(struct regfile *file, const struct form *form, const char *document, size_t length,
                          struct text *problem)
{
    size_t size;
    void *data = encode(form, document, length, &size);
    bool fine = regfile_read(file, data, size, problem);
    free(data);
    return fine;
}

/* One line an entry: "[key]", "[-key]", "key|name 4:2a000000", "key|name -". */
static void describe(const struct regfile *file, struct text *out)
{
    for (size_t i = 0; i < file->count; i++) {
        const struct regfile_entry *e = &file->entries[i];
        switch (e->kind) {
        case REGFILE_KEY:
        case REGFILE_DELETE_KEY:
            text_add(out, "[%s%s]\n", e->kind == REGFILE_KEY ? "" : "-", e->key);
            break;
        case REGFILE_VALUE:
            text_add(out, "%s|%s %x:", e->key, e->name, (unsigned)e->value.type);
            for (size_t k = 0; k < e->value.size; k++)
                text_add(out, "%02x", e->value.data[k]);
            text_add(out, "\n");
            break;
        case REGFILE_DELETE_VALUE:
            text_add(out, "%s|%s -\n", e->key, e->name);
            break;
        }
    }
}

/* ---- reading ---- */

struct accepted {
    const char *name, *document /* behind the header and [KEY] */, *entries /* behind the key's */;
};

static const struct accepted accepted[] = {
    {"nothing", "", ""},
    {"a number", "\"v\"=dword:0000002a\n", KEY "|v 4:2a000000\n"},
    {"all of its octets", "\"v\"=dword:12345678\n", KEY "|v 4:78563412\n"},
    {"few digits, upper case", "\"v\"=DWORD:aB\n", KEY "|v 4:ab000000\n"},
    {"a string", "\"v\"=\"ab\"\n", KEY "|v 1:610062000000\n"},
    {"an empty string", "\"v\"=\"\"\n", KEY "|v 1:0000\n"},
    {"quotes and backslashes", "\"v\"=\"\\\"\\\\\"\n", KEY "|v 1:22005c000000\n"},
    {"a backslash before the end", "\"v\"=\"C:\\\\\"\n", KEY "|v 1:43003a005c000000\n"},
    {"beyond ASCII", "\"\xc3\xbc\"=\"\xe2\x82\xac\xf0\x9f\x93\xa7\"\n", KEY "|\xc3\xbc 1:ac203dd8e7dc0000\n"},
    {"no end of line", "\"v\"=\"\"", KEY "|v 1:0000\n"},
    {"octets", "\"v\"=hex:00,ff,7F\n", KEY "|v 3:00ff7f\n"},
    {"one digit", "\"v\"=hex:1,2\n", KEY "|v 3:0102\n"},
    {"no octets", "\"v\"=hex:\n", KEY "|v 3:\n"},
    {"a comma at the end", "\"v\"=hex:01,02,\n", KEY "|v 3:0102\n"},
    {"a list, folded", "\"v\"=hex(7):61,00,\\\n  00,00,62,00,\\\n  00,00,00,00\n",
     KEY "|v 7:6100000062000000"
         "0000\n"},
    {"folded before the comma", "\"v\"=hex:01\\\n  ,02\n", KEY "|v 3:0102\n"},
    {"folded before the first", "\"v\"=hex:\\\n  01\n", KEY "|v 3:01\n"},
    {"folded with tabs and blanks", "\"v\"=hex:01,\\ \t\n\t02\n", KEY "|v 3:0102\n"},
    {"folded twice", "\"v\"=hex:01,\\\n \\\n  02\n", KEY "|v 3:0102\n"},
    {"folded to nothing", "\"v\"=hex:01,\\\n\n", KEY "|v 3:01\n"},
    {"expandable", "\"v\"=hex(2):25,00,00,00\n", KEY "|v 2:25000000\n"},
    {"64 bits", "\"v\"=hex(b):01,00,00,00,00,00,00,80\n", KEY "|v b:0100000000000080\n"},
    {"no type", "\"v\"=hex(0):\n", KEY "|v 0:\n"},
    {"a type of its own", "\"v\"=hex(FFFF0001):01\n", KEY "|v ffff0001:01\n"},
    {"a string in octets", "\"v\"=hex(1):61,00\n", KEY "|v 1:6100\n"},
    {"a number in octets", "\"v\"=hex(4):01,02\n", KEY "|v 4:0102\n"},
    {"the default", "@=\"x\"\n", KEY "| 1:78000000\n"},
    {"the default, named", "\"\"=\"x\"\n", KEY "| 1:78000000\n"},
    {"not the default", "\"@\"=hex:\n", KEY "|@ 3:\n"},
    {"a value deleted", "\"v\"=-\n@=-\n", KEY "|v -\n" KEY "| -\n"},
    {"blanks", " \t\"v\" = \tdword:1 \t\n", KEY "|v 4:01000000\n"},
    {"comments", "; one\n  ; two\n\"v\"=hex:01 ; three\n\"w\"=\"\";four\n\"x\"=- ;\n;",
     KEY "|v 3:01\n" KEY "|w 1:0000\n" KEY "|x -\n"},
    {"blank lines", "\n \n\t\n\"v\"=hex:\n\n", KEY "|v 3:\n"},
    {"a comment in another encoding", ";\xfc\n", ""},
    {"no comment", "\"v\"=\";\"\n", KEY "|v 1:3b000000\n"},
    {"a name that looks like a value", "\"a=\\\"b\\\"\"=hex:\n", KEY "|a=\"b\" 3:\n"},
    {"further keys", "\"v\"=hex:\n[a\\b]\n\"v\"=hex:\n", KEY "|v 3:\n[a\\b]\na\\b|v 3:\n"},
    {"brackets in a key's name", "[a\\]b[]\n\"v\"=hex:\n", "[a\\]b[]\na\\]b[|v 3:\n"},
    {"behind a key", "[a] ; comment\n", "[a]\n"},
    {"a key deleted", "[-a\\b]\n[c]\n\"v\"=-\n", "[-a\\b]\n[c]\nc|v -\n"},
    {"a key that begins with a hyphen below another", "[a\\-b]\n", "[a\\-b]\n"},
};

static void a_file_is_read_in_each_of_its_forms(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(accepted); i++)
        for (size_t k = 0; k < COUNT(forms); k++) {
            char document[600], entries[600], problem[200], expected[600], name[100];
            struct regfile file;
            struct text t, list;
            snprintf(document, sizeof document, HEADER "\n[" KEY "]\n%s", accepted[i].document);
            snprintf(expected, sizeof expected, "[" KEY "]\n%s", accepted[i].entries);
            snprintf(name, sizeof name, "%s in %s", accepted[i].name, forms[k].name);
            text_begin(&t, problem, sizeof problem);
            text_begin(&list, entries, sizeof entries);
            bool fine = read_document(&file, &forms[k], document, strlen(document), &t);
            CHECK(fine, "%s: %s", name, problem);
            describe(&file, &list);
            CHECK_TEXT(name, entries, expected);
            regfile_free(&file);
        }
}

/* A string or a name goes over lines as it stands; the octets are those of the form. */
static void a_string_may_go_over_lines(void **state)
{
    (void)state;
    static const char document[] = HEADER "[a]\n\"n\nm\"=\"1\n2\"\n";
    for (size_t k = 0; k < COUNT(forms); k++) {
        char entries[200], problem[200];
        struct regfile file;
        struct text t, list;
        text_begin(&t, problem, sizeof problem);
        text_begin(&list, entries, sizeof entries);
        assert_true(read_document(&file, &forms[k], document, strlen(document), &t));
        describe(&file, &list);
        CHECK_TEXT(forms[k].name, entries,
                   forms[k].crlf ? "[a]\na|n\r\nm 1:31000d000a0032000000\n" : "[a]\na|n\nm 1:31000a0032000000\n");
        regfile_free(&file);
    }
}

static void a_header_alone_has_no_entries(void **state)
{
    (void)state;
    static const char *const documents[] = {"Windows Registry Editor Version 5.00", HEADER, HEADER "\n\n",
                                            " windows registry editor version 5.00\n"};
    for (size_t i = 0; i < COUNT(documents); i++)
        for (size_t k = 0; k < COUNT(forms); k++) {
            char problem[200];
            struct regfile file;
            struct text t;
            text_begin(&t, problem, sizeof problem);
            CHECK(read_document(&file, &forms[k], documents[i], strlen(documents[i]), &t), "%s", problem);
            assert_int_equal(file.count, 0);
            regfile_free(&file);
        }
}

static void other_marks_than_those_of_utf16le_and_utf8_are_refused(void **state)
{
    (void)state;
    static const char header[] = "Windows Registry Editor Version 5.00";
    static const char *const marks[] = {"\xFF\xFF", "\xFE\xFE", "\xEF\xBB\xBB"};
    for (size_t i = 0; i < COUNT(marks); i++) {
        char data[100], problem[200];
        struct regfile file;
        struct text t;
        size_t mark = strlen(marks[i]);
        memcpy(data, marks[i], mark);
        size_t size = mark + utf16_from_utf8(header, strlen(header), data + mark, sizeof data - mark);
        text_begin(&t, problem, sizeof problem);
        assert_false(regfile_read(&file, data, size, &t));
        assert_string_equal(problem, NO_HEADER);
    }
}

static void a_carriage_return_alone_ends_a_line(void **state)
{
    (void)state;
    static const char document[] = "Windows Registry Editor Version 5.00\r\r[a]\r\"v\"=\"1\r2\"\r?";
    char problem[200];
    struct regfile file;
    struct text t;
    text_begin(&t, problem, sizeof problem);
    assert_false(regfile_read(&file, document, strlen(document), &t));
    assert_string_equal(problem, "line 6: expected a key in [brackets], or a value that begins with \" or @");
}

#define NO_VALUE "a value must be a string in quotation marks, dword:, hex: or -"
#define BEHIND "unexpected text after the value"
#define OPEN "a quotation mark is not closed"
#define OCTET "a byte of 1 or 2 hexadecimal digits is expected"
#define COMMA "a comma is expected between bytes"
#define TYPE "hex( requires a type and a closing bracket"
#define NOTHING_KNOWN "expected a key in [brackets], or a value that begins with \" or @"
#define NO_PATH "the key's path is empty"
#define UTF_8 "not UTF-8; save the file as UTF-8 or UTF-16LE"

struct refused {
    const char *document;
    size_t length;
    const char *problem;
};

static const struct refused refused[] = {
    {BYTES(""), NO_HEADER},
    {BYTES("REGEDIT4\n"), NO_HEADER},
    {BYTES("\n" HEADER), NO_HEADER},
    {BYTES("Windows Registry Editor Version 5.0"), NO_HEADER},
    {BYTES("Windows Registry Editor Version 5.000\n"), NO_HEADER},
    {BYTES("Windows\0Registry Editor Version 5.00\n"), NO_HEADER},
    {BYTES("Windows Registry Editor Version 5\x0e"
           "00\n"),
     NO_HEADER},
    {BYTES("Windows Registry Editor Version 5.00 [a]\n"), NO_HEADER},

    {BYTES(HEADER "x"), "line 2: " NOTHING_KNOWN},
    {BYTES(HEADER "\n\n v=1\n"), "line 4: " NOTHING_KNOWN},
    {BYTES(HEADER "[a]\n\0\n"), "line 3: " NOTHING_KNOWN},
    {BYTES(HEADER "\"v\"=hex:\n"), "line 2: a value is outside of any key"},
    {BYTES(HEADER "@=hex:\n"), "line 2: a value is outside of any key"},
    {BYTES(HEADER "[a]\n[-a]\n\"v\"=hex:\n"), "line 4: a value is outside of any key"},

    {BYTES(HEADER "[]\n"), "line 2: " NO_PATH},
    {BYTES(HEADER "[-]\n"), "line 2: " NO_PATH},
    {BYTES(HEADER "[a\0b]\n"), "line 2: a NUL character"},
    {BYTES(HEADER "\n[a\n]\n"), "line 3: ] is missing"},
    {BYTES(HEADER "["), "line 2: ] is missing"},
    {BYTES(HEADER "[a"), "line 2: ] is missing"},

    {BYTES(HEADER "[a]\n\n\"v\n\n"), "line 4: " OPEN},
    {BYTES(HEADER "[a]\n\"v\\\"=hex:\n"), "line 3: " OPEN},
    {BYTES(HEADER "[a]\n\"v\\"), "line 3: " OPEN},
    {BYTES(HEADER "[a]\n\""), "line 3: " OPEN},
    {BYTES(HEADER "[a]\n\"v\"=\"x\n"), "line 3: " OPEN},
    {BYTES(HEADER "[a]\n\"v\0w\"=hex:\n"), "line 3: a NUL character"},
    {BYTES(HEADER "[a]\n\"v\\\0w\"=hex:\n"), "line 3: a NUL character"},
    {BYTES(HEADER "[a]\n\"v\"=\"x\n\0\"\n"), "line 4: a NUL character"},

    {BYTES(HEADER "[a]\n\"v\"\n"), "line 3: = is expected after the name"},
    {BYTES(HEADER "[a]\n\"v\""), "line 3: = is expected after the name"},
    {BYTES(HEADER "[a]\n@x\n"), "line 3: = is expected after the name"},
    {BYTES(HEADER "[a]\n\"v\"\x1dhex:\n"), "line 3: = is expected after the name"},
    {BYTES(HEADER "[a]\n\"v\nw\":hex:\n"), "line 4: = is expected after the name"},
    {BYTES(HEADER "[a]\n\"v\"=\n"), "line 3: the value is missing"},
    {BYTES(HEADER "[a]\n\"v\"= \t"), "line 3: the value is missing"},
    {BYTES(HEADER "[a]\n\"v\"=;x\n"), "line 3: " NO_VALUE},
    {BYTES(HEADER "[a]\n\"v\"=1\n"), "line 3: " NO_VALUE},
    {BYTES(HEADER "[a]\n\"v\"=\0\n"), "line 3: " NO_VALUE},
    {BYTES(HEADER "[a]\n\"v\"=dword\n"), "line 3: " NO_VALUE},
    {BYTES(HEADER "[a]\n\"v\"=dword\x1a"
                  "1\n"),
     "line 3: " NO_VALUE},
    {BYTES(HEADER "[a]\n\"v\"=qword:1\n"), "line 3: " NO_VALUE},
    {BYTES(HEADER "[a]\n\"v\"=he"), "line 3: " NO_VALUE},

    {BYTES(HEADER "[a]\n\"v\"=dword:\n"), "line 3: dword: requires 1 to 8 hexadecimal digits"},
    {BYTES(HEADER "[a]\n\"v\"=dword:"), "line 3: dword: requires 1 to 8 hexadecimal digits"},
    {BYTES(HEADER "[a]\n\"v\"=dword:g\n"), "line 3: dword: requires 1 to 8 hexadecimal digits"},
    {BYTES(HEADER "[a]\n\"v\"=dword:123456789\n"), "line 3: " BEHIND},
    {BYTES(HEADER "[a]\n\"v\"=dword:1 2\n"), "line 3: " BEHIND},
    {BYTES(HEADER "[a]\n\"v\"=\"x\"y\n"), "line 3: " BEHIND},
    {BYTES(HEADER "[a]\n\"v\"=\"x\ny\"z\n"), "line 4: " BEHIND},
    {BYTES(HEADER "[a]\n\"v\"=-1\n"), "line 3: " BEHIND},

    {BYTES(HEADER "[a]\n\"v\"=hex\n"), "line 3: hex requires a colon"},
    {BYTES(HEADER "[a]\n\"v\"=hex"), "line 3: hex requires a colon"},
    {BYTES(HEADER "[a]\n\"v\"=hex(7)01\n"), "line 3: hex requires a colon"},
    {BYTES(HEADER "[a]\n\"v\"=hex(7)\x1a"
                  "01\n"),
     "line 3: hex requires a colon"},
    {BYTES(HEADER "[a]\n\"v\"=hex():\n"), "line 3: " TYPE},
    {BYTES(HEADER "[a]\n\"v\"=hex(g):\n"), "line 3: " TYPE},
    {BYTES(HEADER "[a]\n\"v\"=hex(7:\n"), "line 3: " TYPE},
    {BYTES(HEADER "[a]\n\"v\"=hex(7\t:\n"), "line 3: " TYPE},
    {BYTES(HEADER "[a]\n\"v\"=hex(123456789):\n"), "line 3: " TYPE},
    {BYTES(HEADER "[a]\n\"v\"=hex(7"), "line 3: " TYPE},
    {BYTES(HEADER "[a]\n\"v\"=hex:g\n"), "line 3: " OCTET},
    {BYTES(HEADER "[a]\n\"v\"=hex:,01\n"), "line 3: " OCTET},
    {BYTES(HEADER "[a]\n\"v\"=hex:01,,02\n"), "line 3: " OCTET},
    {BYTES(HEADER "[a]\n\"v\"=hex:01,;\n"), "line 3: " OCTET},
    {BYTES(HEADER "[a]\n\"v\"=hex:01,\\\n  02,\\\n  xx\n"), "line 5: " OCTET},
    {BYTES(HEADER "[a]\n\"v\"=hex:01,\\"), "line 3: " OCTET},
    {BYTES(HEADER "[a]\n\"v\"=hex:01,\\02\n"), "line 3: " OCTET},
    {BYTES(HEADER "[a]\n\"v\"=hex:01,\\\n\"w\"=hex:\n"), "line 4: " OCTET},
    {BYTES(HEADER "[a]\n\"v\"=hex:001\n"), "line 3: " COMMA},
    {BYTES(HEADER "[a]\n\"v\"=hex:01 02\n"), "line 3: " COMMA},
    {BYTES(HEADER "[a]\n\"v\"=hex:01\\"), "line 3: " COMMA},
    {BYTES(HEADER "[a]\n\"v\"=hex:01\\\n  02\n"), "line 4: " COMMA},
};

/* UTF-16 cannot say these. */
static const struct refused refused_in_utf8[] = {
    {BYTES(HEADER "[a\xfc]\n"), "line 2: " UTF_8},
    {BYTES(HEADER "[a]\n\"\xc3\"=hex:\n"), "line 3: " UTF_8},
    {BYTES(HEADER "[a]\n\"v\"=\"\n\xed\xa0\x80\"\n"), "line 4: " UTF_8},
};

static void check_refused(const struct refused *row, size_t number, const struct form *form)
{
    char problem[200], name[100];
    struct regfile file;
    struct text t;
    snprintf(name, sizeof name, "row %zu in %s", number, form->name);
    text_begin(&t, problem, sizeof problem);
    bool fine = read_document(&file, form, row->document, row->length, &t);
    CHECK_TEXT(name, problem, row->problem);
    CHECK(!fine && file.count == 0 && !file.entries, "%s: %zu entries", name, file.count);
    regfile_free(&file);
}

static void a_fault_is_reported_with_its_line_and_nothing_is_kept(void **state)
{
    (void)state;
    for (size_t k = 0; k < COUNT(forms); k++) {
        for (size_t i = 0; i < COUNT(refused); i++)
            check_refused(&refused[i], i, &forms[k]);
        for (size_t i = 0; i < COUNT(refused_in_utf8) && !forms[k].utf16; i++)
            check_refused(&refused_in_utf8[i], i, &forms[k]);
    }
}

/* ---- writing ---- */

static void add_value(struct regfile *file, const char *key, const char *name, enum value_type type, const void *data,
                      size_t size)
{
    unsigned char *exact = malloc(size ? size : 1);
    memcpy(exact, data, size);
    struct value value = {.type = type, .data = exact, .size = size};
    assert_true(regfile_add(file, REGFILE_VALUE, key, name, &value));
    free(exact);
}

/* What is written, in UTF-8 and without its byte order mark; from malloc. */
static char *written(const struct regfile *file)
{
    size_t size;
    unsigned char *data = regfile_write(file, &size);
    assert_non_null(data);
    assert_int_equal(data[0], 0xFF);
    assert_int_equal(data[1], 0xFE);
    size_t length = utf8_from_utf16(data + 2, size - 2, NULL, 0);
    char *utf8 = malloc(length + 1);
    utf8_from_utf16(data + 2, size - 2, utf8, length);
    utf8[length] = '\0';
    free(data);
    return utf8;
}

/* As regedit's /e writes this tree. */
static void a_tree_is_written_as_regedit_writes_it(void **state)
{
    (void)state;
    struct regfile file = {0};
    unsigned char octets[60];
    for (size_t i = 0; i < sizeof octets; i++)
        octets[i] = (unsigned char)i;
    assert_true(regfile_add(&file, REGFILE_DELETE_KEY, KEY, NULL, NULL));
    assert_true(regfile_add(&file, REGFILE_KEY, KEY, NULL, NULL));
    add_value(&file, KEY, "", VALUE_SZ, U("default \"q\" \\ b"));
    add_value(&file, KEY, "number", VALUE_DWORD, BYTES("\x2a\0\0\x80"));
    add_value(&file, KEY, "nothing", VALUE_BINARY, BYTES(""));
    add_value(&file, KEY, "none", VALUE_NONE, BYTES(""));
    add_value(&file, KEY, "short", VALUE_DWORD, BYTES("\1\2"));
    add_value(&file, KEY, "big", (enum value_type)5, BYTES("\0\0\0\1"));
    add_value(&file, KEY, "\xe2\x82\xac \"\\]", VALUE_QWORD, BYTES("\1\2\3\4\5\6\7\x8"));
    add_value(&file, KEY, "ImagePath", VALUE_EXPAND_SZ, U("%SystemRoot%\\system32\\svchost.exe -k netsvcs"));
    assert_true(regfile_add(&file, REGFILE_DELETE_VALUE, KEY, "gone", NULL));
    assert_true(regfile_add(&file, REGFILE_DELETE_VALUE, KEY, "", NULL));
    assert_true(regfile_add(&file, REGFILE_KEY, KEY "\\Hosts", NULL, NULL));
    assert_true(regfile_add(&file, REGFILE_KEY, KEY "\\Hosts\\m]x", NULL, NULL));
    add_value(&file, KEY "\\Hosts\\m]x", "Domains", VALUE_MULTI_SZ, U("a.example\0b.example\0"));
    add_value(&file, KEY "\\Hosts\\m]x", "n22", VALUE_BINARY, octets, 22);
    add_value(&file, KEY "\\Hosts\\m]x", "n23", VALUE_BINARY, octets, 23);
    add_value(&file, KEY "\\Hosts\\m]x", "n24", VALUE_BINARY, octets, 24);
    add_value(&file, KEY "\\Hosts\\m]x", "nn23", VALUE_BINARY, octets, 23);
    add_value(&file, KEY "\\Hosts\\m]x", "n48", VALUE_BINARY, octets, 48);
    add_value(&file, KEY "\\Hosts\\m]x", "n49", VALUE_BINARY, octets, 49);
    add_value(&file, KEY "\\Hosts\\m]x",
              "a name so long that no octet of its value finds room in the line where it stands", VALUE_BINARY, octets,
              2);
    char *text = written(&file);
    regfile_free(&file);
    assert_string_equal(
        text, "Windows Registry Editor Version 5.00\r\n"
              "\r\n"
              "[-" KEY "]\r\n"
              "\r\n"
              "[" KEY "]\r\n"
              "@=\"default \\\"q\\\" \\\\ b\"\r\n"
              "\"number\"=dword:8000002a\r\n"
              "\"nothing\"=hex:\r\n"
              "\"none\"=hex(0):\r\n"
              "\"short\"=hex(4):01,02\r\n"
              "\"big\"=hex(5):00,00,00,01\r\n"
              "\"\xe2\x82\xac \\\"\\\\]\"=hex(b):01,02,03,04,05,06,07,08\r\n"
              "\"ImagePath\"=hex(2):25,00,53,00,79,00,73,00,74,00,65,00,6d,00,52,00,6f,00,6f,00,\\\r\n"
              "  74,00,25,00,5c,00,73,00,79,00,73,00,74,00,65,00,6d,00,33,00,32,00,5c,00,73,\\\r\n"
              "  00,76,00,63,00,68,00,6f,00,73,00,74,00,2e,00,65,00,78,00,65,00,20,00,2d,00,\\\r\n"
              "  6b,00,20,00,6e,00,65,00,74,00,73,00,76,00,63,00,73,00,00,00\r\n"
              "\"gone\"=-\r\n"
              "@=-\r\n"
              "\r\n"
              "[" KEY "\\Hosts]\r\n"
              "\r\n"
              "[" KEY "\\Hosts\\m]x]\r\n"
              "\"Domains\"=hex(7):61,00,2e,00,65,00,78,00,61,00,6d,00,70,00,6c,00,65,00,00,00,\\\r\n"
              "  62,00,2e,00,65,00,78,00,61,00,6d,00,70,00,6c,00,65,00,00,00,00,00\r\n"
              "\"n22\"=hex:00,01,02,03,04,05,06,07,08,09,0a,0b,0c,0d,0e,0f,10,11,12,13,14,15\r\n"
              "\"n23\"=hex:00,01,02,03,04,05,06,07,08,09,0a,0b,0c,0d,0e,0f,10,11,12,13,14,15,16\r\n"
              "\"n24\"=hex:00,01,02,03,04,05,06,07,08,09,0a,0b,0c,0d,0e,0f,10,11,12,13,14,15,16,\\\r\n"
              "  17\r\n"
              "\"nn23\"=hex:00,01,02,03,04,05,06,07,08,09,0a,0b,0c,0d,0e,0f,10,11,12,13,14,15,\\\r\n"
              "  16\r\n"
              "\"n48\"=hex:00,01,02,03,04,05,06,07,08,09,0a,0b,0c,0d,0e,0f,10,11,12,13,14,15,16,\\\r\n"
              "  17,18,19,1a,1b,1c,1d,1e,1f,20,21,22,23,24,25,26,27,28,29,2a,2b,2c,2d,2e,2f\r\n"
              "\"n49\"=hex:00,01,02,03,04,05,06,07,08,09,0a,0b,0c,0d,0e,0f,10,11,12,13,14,15,16,\\\r\n"
              "  17,18,19,1a,1b,1c,1d,1e,1f,20,21,22,23,24,25,26,27,28,29,2a,2b,2c,2d,2e,2f,\\\r\n"
              "  30\r\n"
              "\"a name so long that no octet of its value finds room in the line where it stands\"=hex:\\\r\n"
              "  00,01\r\n"
              "\r\n");
    free(text);
}

static void nothing_is_written_as_a_header(void **state)
{
    (void)state;
    struct regfile file = {0};
    char *text = written(&file);
    assert_string_equal(text, "Windows Registry Editor Version 5.00\r\n\r\n");
    free(text);
}

/* What quotation marks would change is written as octets. */
static void a_string_is_quoted_if_it_reads_back_the_same(void **state)
{
    (void)state;
    static const struct {
        enum value_type type;
        const void *data;
        size_t size;
        const char *text;
    } rows[] = {
        {VALUE_SZ, U(""), "\"\""},
        {VALUE_SZ, U("a"), "\"a\""},
        {VALUE_SZ, U("a\tb"), "\"a\tb\""},
        {VALUE_SZ, U("\"\\"), "\"\\\"\\\\\""},
        {VALUE_SZ, U("\u20ac\U0001F4E7\uFFFD"), "\"\xe2\x82\xac\xf0\x9f\x93\xa7\xef\xbf\xbd\""},
        {VALUE_SZ, BYTES(""), "hex(1):"},
        {VALUE_SZ, BYTES("\0"), "hex(1):00"},
        {VALUE_SZ, BYTES("a"), "hex(1):61"},
        {VALUE_SZ, BYTES("a\0"), "hex(1):61,00"},      /* no NUL */
        {VALUE_SZ, BYTES("a\0\0"), "hex(1):61,00,00"}, /* half of one */
        {VALUE_SZ, BYTES("a\0\0\0b"), "hex(1):61,00,00,00,62"},
        {VALUE_SZ, U("a\0"), "hex(1):61,00,00,00,00,00"}, /* two */
        {VALUE_SZ, U("\0a"), "hex(1):00,00,61,00,00,00"},
        {VALUE_SZ, u"\xD800", 4, "hex(1):00,d8,00,00"},
        {VALUE_SZ, u"\xDC00", 4, "hex(1):00,dc,00,00"},
        {VALUE_SZ, U("\r"), "hex(1):0d,00,00,00"},
        {VALUE_SZ, U("a\n"), "hex(1):61,00,0a,00,00,00"},
        {VALUE_EXPAND_SZ, U("a"), "hex(2):61,00,00,00"},
        {VALUE_MULTI_SZ, U("a"), "hex(7):61,00,00,00"},
        {VALUE_BINARY, U("a"), "hex:61,00,00,00"},
        {VALUE_DWORD, BYTES("\1\2\3"), "hex(4):01,02,03"},
        {VALUE_DWORD, BYTES("\1\2\3\4\5"), "hex(4):01,02,03,04,05"},
        {(enum value_type)0xFFFFFFFF, BYTES("\1"), "hex(ffffffff):01"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char name[40], expected[200];
        struct regfile file = {0};
        snprintf(name, sizeof name, "row %zu", i);
        snprintf(expected, sizeof expected, "Windows Registry Editor Version 5.00\r\n\"v\"=%s\r\n\r\n", rows[i].text);
        add_value(&file, "a", "v", rows[i].type, rows[i].data, rows[i].size);
        char *text = written(&file);
        CHECK_TEXT(name, text, expected);
        free(text);
        regfile_free(&file);
    }
}

/* Written down it would be another key, or several lines of anything. */
static void a_key_with_a_line_end_in_its_name_is_not_written(void **state)
{
    (void)state;
    static const char *const keys[] = {"a\n", "a\rb", "a]\r\n[-b"};
    for (size_t i = 0; i < COUNT(keys); i++)
        for (int deleted = 0; deleted < 2; deleted++) {
            size_t size;
            struct regfile file = {0};
            assert_true(regfile_add(&file, deleted ? REGFILE_DELETE_KEY : REGFILE_KEY, keys[i], NULL, NULL));
            assert_null(regfile_write(&file, &size));
            regfile_free(&file);
        }
}

/* ---- there and back ---- */

static size_t random_size(struct random *r)
{
    static const uint64_t limits[] = {2, 9, 60, 60, 400, 5001};
    return random_below(r, limits[random_below(r, COUNT(limits))]);
}

static void random_value(struct random *r, struct value *value)
{
    static const enum value_type types[] = {VALUE_NONE,  VALUE_SZ,        VALUE_SZ,       VALUE_SZ,    VALUE_DWORD,
                                            VALUE_QWORD, VALUE_EXPAND_SZ, VALUE_MULTI_SZ, VALUE_BINARY};
    size_t type = random_below(r, COUNT(types) + 1);
    value->type = type < COUNT(types) ? types[type] : (enum value_type)(uint32_t)random_next(r);
    if (value->type == VALUE_SZ && random_below(r, 4)) {
        char utf8[200];
        random_string(r, "ab \"\\;=@[]\r\n", 40, utf8);
        value->size = utf16_from_utf8(utf8, strlen(utf8) + 1, NULL, 0);
        value->data = malloc(value->size);
        utf16_from_utf8(utf8, strlen(utf8) + 1, value->data, value->size);
        return;
    }
    value->size = value->type == VALUE_DWORD && random_below(r, 4) ? 4 : random_size(r);
    value->data = malloc(value->size ? value->size : 1);
    for (size_t i = 0; i < value->size; i++)
        value->data[i] = (unsigned char)random_next(r);
}

static void random_entries(struct random *r, struct regfile *file)
{
    for (uint64_t keys = random_below(r, 4); keys > 0; keys--) {
        char key[300] = "HKEY_LOCAL_MACHINE\\";
        random_string(r, "ab \"\\;=@[]-\t", 30, key + strlen(key));
        for (char *c = key; *c; c++)
            if (*c == '\r' || *c == '\n')
                *c = '.';
        bool deletion = random_below(r, 5) == 0;
        assert_true(regfile_add(file, deletion ? REGFILE_DELETE_KEY : REGFILE_KEY, key, NULL, NULL));
        for (uint64_t values = deletion ? 0 : random_below(r, 4); values > 0; values--) {
            char name[200];
            struct value value = {0};
            random_string(r, "ab \"\\;=@[]\r\n", 40, name);
            if (random_below(r, 6))
                random_value(r, &value);
            assert_true(regfile_add(file, value.data ? REGFILE_VALUE : REGFILE_DELETE_VALUE, key, name, &value));
            free(value.data);
        }
    }
}

static void check_same(const struct regfile *a, const struct regfile *b, unsigned round)
{
    CHECK(a->count == b->count, "tree %u: %zu entries became %zu", round, a->count, b->count);
    for (size_t i = 0; i < a->count; i++) {
        const struct regfile_entry *x = &a->entries[i];
        const struct regfile_entry *y = &b->entries[i];
        CHECK(x->kind == y->kind && strcmp(x->key, y->key) == 0, "tree %u: [%s] became [%s]", round, x->key, y->key);
        CHECK(strcmp(x->name, y->name) == 0, "tree %u: \"%s\" became \"%s\"", round, x->name, y->name);
        if (x->kind != REGFILE_VALUE)
            continue;
        CHECK(x->value.type == y->value.type && x->value.size == y->value.size &&
                  memcmp(x->value.data, y->value.data, x->value.size) == 0,
              "tree %u: the value \"%s\", type %x of %zu octets, became another", round, x->name,
              (unsigned)x->value.type, x->value.size);
    }
}

static void what_is_written_is_read_back_the_same(void **state)
{
    (void)state;
    struct random r = random_begin();
    for (unsigned round = 0; round < 10000; round++) {
        char problem[200];
        size_t size;
        struct regfile before = {0};
        struct regfile after;
        struct text t;
        random_entries(&r, &before);
        void *data = regfile_write(&before, &size);
        assert_non_null(data);
        text_begin(&t, problem, sizeof problem);
        bool fine = regfile_read(&after, data, size, &t);
        CHECK(fine, "tree %u: %s", round, problem);
        check_same(&before, &after, round);
        free(data);
        regfile_free(&before);
        regfile_free(&after);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_read_in_each_of_its_forms),
        cmocka_unit_test(a_string_may_go_over_lines),
        cmocka_unit_test(a_header_alone_has_no_entries),
        cmocka_unit_test(other_marks_than_those_of_utf16le_and_utf8_are_refused),
        cmocka_unit_test(a_carriage_return_alone_ends_a_line),
        cmocka_unit_test(a_fault_is_reported_with_its_line_and_nothing_is_kept),
        cmocka_unit_test(a_tree_is_written_as_regedit_writes_it),
        cmocka_unit_test(nothing_is_written_as_a_header),
        cmocka_unit_test(a_string_is_quoted_if_it_reads_back_the_same),
        cmocka_unit_test(a_key_with_a_line_end_in_its_name_is_not_written),
        cmocka_unit_test(what_is_written_is_read_back_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
