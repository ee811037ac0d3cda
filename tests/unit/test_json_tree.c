#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "message/json_tree.h"

static struct config_error error;

static void expect_error(const char *text, const char *wanted)
{
    struct tree *tree = NULL;

    assert_int_equal(json_tree_read("f.json", text, strlen(text), &tree, &error), -EINVAL);
    assert_null(tree);
    if (!strstr(error.text, wanted))
        fail_msg("found: %s\nwanted: %s", error.text, wanted);
}

static struct tree *read(const char *text)
{
    struct tree *tree = NULL;

    assert_int_equal(json_tree_read("f.json", text, strlen(text), &tree, &error), 0);
    return tree;
}

static void places_and_kinds(void **state)
{
    struct tree *tree = read("{\n\t\"a\": [1.5e3, true, null],\n  \"\xc3\xa4\": \"x\"}\n");
    const struct tree_node *a = tree_find(tree->root, "a");

    (void)state;
    assert_int_equal(a->count, 3);
    assert_int_equal(a->entries[0].value->kind, TREE_NUMBER);
    assert_string_equal(a->entries[0].value->text, "1.5e3");
    assert_true(a->entries[1].value->flag);
    assert_int_equal(a->entries[2].value->kind, TREE_NULL);
    const struct tree_node *umlaut = tree_find(tree->root, "\xc3\xa4");
    assert_int_equal(umlaut->line, 3);
    assert_int_equal(umlaut->column, 8);
    tree_free(tree);
}

static void strings(void **state)
{
    static const struct {
        const char *text, *value;
    } rows[] = {
        {"\"\"", ""},
        {"\"a\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "a\"\\/\b\f\n\r\t"},
        {"\"\\u0041\\u00e4\\u20AC\"", "A\xc3\xa4\xe2\x82\xac"},
        {"\"\\ud83d\\ude00\"", "\xf0\x9f\x98\x80"},
        {"\"\\uDBFF\\uDFFF\"", "\xf4\x8f\xbf\xbf"},
        {"\"n\"", "n"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct tree *tree = read(rows[i].text);

        assert_int_equal(tree->root->kind, TREE_TEXT);
        assert_string_equal(tree->root->text, rows[i].value);
        tree_free(tree);
    }
    struct tree *tree = read("\"a\\u0000b\"");
    assert_int_equal(tree->root->text_size, 3);
    tree_free(tree);
}

static void mistakes_have_a_place(void **state)
{
    (void)state;
    expect_error("", "f.json:1:1: no valid JSON: found the end of the text, expected a value");
    expect_error("{\"a\": 1,\n \"a\": 2}", "f.json:2:2: found the key 'a' twice");
    expect_error("{\"a\": 1,}", "f.json:1:9: no valid JSON: found '}', expected a key");
    expect_error("{\"a\" 1}", "found '1', expected ':'");
    expect_error("[1 2]", "f.json:1:4: no valid JSON: found '2', expected ',' or ']'");
    expect_error("[1,\n", "f.json:2:1: no valid JSON: found the end of the text");
    expect_error("{} x", "f.json:1:4: no valid JSON: found 'x', expected the end");
    expect_error("\"abc", "expected \" at the end of a string");
    expect_error("\"a\nb\"", "found the byte 0x0a, expected \"");
    expect_error("\"\\x\"", "found 'x', expected one of");
    expect_error("\"\\u12G4\"", "found 'G', expected four hexadecimal digits");
    expect_error("\"\\ud83d\"", "second half of a surrogate pair");
    expect_error("\"\\ud83d\\u0041\"", "second half of a surrogate pair");
    expect_error("\"\\ude00\"", "first half of a surrogate pair");
    expect_error("{\"\\u0000\": 1}", "no NUL character in the key");
    expect_error("\"\\", "expected one of");
    expect_error("-", "expected a value");
    expect_error("1.", "expected a digit");
    expect_error("1e+", "expected a digit");
    expect_error("01", "found '1', expected the end");
    expect_error("truth", "found 't', expected a value");
    expect_error("\"\xff\"", "f.json:1:2: found the byte 0xff, expected UTF-8");
}

static void depth_is_bounded(void **state)
{
    char text[2 * TREE_DEPTH_MAX + 3] = "";

    (void)state;
    memset(text, '[', TREE_DEPTH_MAX);
    memset(text + TREE_DEPTH_MAX, ']', TREE_DEPTH_MAX);
    tree_free(read(text));
    memset(text, '[', TREE_DEPTH_MAX + 1);
    memset(text + TREE_DEPTH_MAX + 1, ']', TREE_DEPTH_MAX + 1);
    expect_error(text, "levels of nesting");
}

/* 6 MB without a line end: as fast as many lines, in the square of which it would take hours. */
static void one_long_line(void **state)
{
    const size_t count = 1000000;
    char *text = malloc(6 * count + 8), *end = text;
    struct tree *tree;

    (void)state;
    *end++ = '[';
    for (size_t i = 0; i < count; i++)
        end = stpcpy(end, "\"\xc3\xa4\", ");
    strcpy(end, "7]");
    tree = read(text);
    assert_int_equal(tree->root->count, count + 1);
    assert_int_equal(tree->root->entries[1].value->column, 7);
    assert_int_equal(tree->root->entries[count].value->column, 5 * count + 2);
    tree_free(tree);
    strcpy(end, "7,]");
    expect_error(text, "f.json:1:5000004: no valid JSON");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places_and_kinds),      cmocka_unit_test(strings),
        cmocka_unit_test(mistakes_have_a_place), cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(one_long_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
