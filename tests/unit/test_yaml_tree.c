#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "failing_memory.h"

#include "base/mem.h"
#include "message/yaml_tree.h"

static struct config_error error;

static struct tree *read(const char *text)
{
    struct tree *tree = NULL;

    error.text[0] = '\0';
    if (yaml_tree_read("f.yaml", text, strlen(text), &tree, &error))
        assert_null(tree);
    return tree;
}

static void expect_error(const char *text, const char *wanted)
{
    struct tree *tree = read(text);

    assert_null(tree);
    if (!strstr(error.text, wanted))
        fail_msg("found: %s\nwanted: %s", error.text, wanted);
}

static void places_and_kinds(void **state)
{
    struct tree *tree = read("a: 1\nb:\n  - \"x\"\n  - {c: ~}\n");

    (void)state;
    assert_non_null(tree);
    assert_int_equal(tree->root->kind, TREE_MAPPING);
    const struct tree_node *a = tree_find(tree->root, "a"), *b = tree_find(tree->root, "b");
    assert_int_equal(a->kind, TREE_NUMBER);
    assert_int_equal(a->line, 1);
    assert_int_equal(a->column, 4);
    assert_int_equal(b->kind, TREE_SEQUENCE);
    assert_int_equal(b->entries[0].value->kind, TREE_TEXT);
    assert_int_equal(b->entries[1].value->line, 4);
    assert_int_equal(b->entries[1].value->column, 5);
    assert_int_equal(tree_find(b->entries[1].value, "c")->kind, TREE_NULL);
    assert_null(tree_find(tree->root, "c"));
    tree_free(tree);
}

/* Each row is what Envoy 1.40 does with `node: {id: …}`. */
static void type_of_plain_scalars(void **state)
{
    static const struct {
        const char *text;
        enum tree_kind kind;
        const char *value;
    } rows[] = {
        {"n", TREE_BOOL, "n"},
        {"Yes", TREE_BOOL, "Yes"},
        {"OFF", TREE_BOOL, "OFF"},
        {"true", TREE_BOOL, "true"},
        {"yEs", TREE_TEXT, "yEs"},
        {"123", TREE_NUMBER, "123"},
        {"-5", TREE_NUMBER, "-5"},
        {"+5", TREE_NUMBER, "5"},
        {"0x1f", TREE_NUMBER, "31"},
        {"010", TREE_NUMBER, "8"},
        {"08", TREE_TEXT, "08"},
        {"1.5", TREE_TEXT, "1.5"},
        {"1e3", TREE_TEXT, "1e3"},
        {"2147483647", TREE_NUMBER, "2147483647"},
        {"2147483648", TREE_TEXT, "2147483648"},
        {"99999999999999999999", TREE_TEXT, "99999999999999999999"},
        {"~", TREE_NULL, "~"},
        {"NULL", TREE_NULL, "NULL"},
        {"nULL", TREE_TEXT, "nULL"},
        {"", TREE_NULL, ""},
        {"'n'", TREE_TEXT, "n"},
        {"\"123\"", TREE_TEXT, "123"},
        {"!!str 123", TREE_TEXT, "123"},
        {"!!int 123", TREE_NUMBER, "123"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char text[64];

        snprintf(text, sizeof(text), "id: %s\n", rows[i].text);
        struct tree *tree = read(text);
        assert_non_null(tree);
        const struct tree_node *id = tree_find(tree->root, "id");
        assert_int_equal(id->kind, rows[i].kind);
        assert_string_equal(id->text, rows[i].value);
        tree_free(tree);
    }
}

static void anchors_and_merge_keys(void **state)
{
    struct tree *tree = read("!ignore base: &base {a: 1, b: 2}\n"
                             "!ignore more: &more {b: 3, c: 4}\n"
                             "x: {b: 5, <<: *base}\n"
                             "y: {<<: [*base, *more]}\n"
                             "z: *base\n");

    (void)state;
    assert_non_null(tree);
    assert_int_equal(tree->root->count, 3);
    const struct tree_node *x = tree_find(tree->root, "x"), *y = tree_find(tree->root, "y");
    assert_int_equal(x->count, 2);
    assert_string_equal(tree_find(x, "b")->text, "5");
    assert_string_equal(tree_find(x, "a")->text, "1");
    assert_int_equal(y->count, 3);
    assert_string_equal(tree_find(y, "b")->text, "2");
    assert_string_equal(tree_find(y, "c")->text, "4");
    assert_int_equal(tree_find(tree->root, "z")->count, 2);
    tree_free(tree);
}

static void mistakes_have_a_place(void **state)
{
    (void)state;
    expect_error("a: 1\nb: 2\na: 3\n", "f.yaml:3:1: found the key 'a' twice");
    expect_error("a: 1\na: 3\n<<: {b: 1}\n", "f.yaml:2:1: found the key 'a' twice");
    expect_error("a: *b\n", "f.yaml:1:4: found the alias *b");
    expect_error("a: &a [*a]\n", "f.yaml:1:8: found the alias *a");
    expect_error("a: 1\n<<: 5\n", "f.yaml:2:1: <<: found no mapping");
    expect_error("{a: 1}: 2\n", "f.yaml:1:1: found a key that is no scalar");
    expect_error("a:\n\tb: 1\n", "f.yaml:2:1: no valid YAML: ");
    expect_error("a: [1\n", "f.yaml:2:1: no valid YAML: ");
    expect_error("a: 1\n---\nb: 1\n", "f.yaml:2:1: found a second document");
    expect_error("# nothing\n", "f.yaml: found no content");
    expect_error("a: \"\xff\"\n", "f.yaml:1:5: found the byte 0xff, expected UTF-8");
    expect_error("a: 1\n\xc3\xa4\x01: 2\n", "f.yaml:2:2: found the control character 0x01");
}

static void encoding_at_its_edges(void **state)
{
    static const char *const good[] = {"\xc2\x80", "\xed\x9f\xbf", "\xee\x80\x80",
                                       "\xf4\x8f\xbf\xbf"};
    static const char *const bad[] = {"\xc1\xbf", "\xed\xa0\x80", "\xf4\x90\x80\x80",
                                      "\xe2\x82", "\x80",         "\xf5\x80\x80\x80"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(good); i++)
        assert_int_equal(tree_check_encoding("f", good[i], strlen(good[i]), &error), 0);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(tree_check_encoding("f", bad[i], strlen(bad[i]), &error), -EINVAL);
    assert_int_equal(tree_check_encoding("f", "a\0b", 3, &error), -EINVAL);
}

static void byte_order_mark_and_line_ends(void **state)
{
    struct tree *tree = read("\xef\xbb\xbf"
                             "a: 1\r\nb: 2\r\n");

    (void)state;
    assert_non_null(tree);
    assert_int_equal(tree_find(tree->root, "b")->line, 2);
    tree_free(tree);
}

static char *nested(size_t levels)
{
    char *text = calloc(1, 2 * levels + 1);

    assert_non_null(text);
    memset(text, '[', levels);
    memset(text + levels, ']', levels);
    return text;
}

static void depth_is_bounded(void **state)
{
    /* One scalar or empty list is a level of its own. */
    autofree char *deepest = nested(TREE_DEPTH_MAX), *deeper = nested(TREE_DEPTH_MAX + 1),
                  *abyss = nested(100000);
    struct tree *tree = read(deepest);

    (void)state;
    assert_non_null(tree);
    tree_free(tree);
    expect_error(deeper, "levels of nesting");
    expect_error(abyss, "levels of nesting");
}

/* Depth through aliases: each line is one level deeper than the one before. */
static void depth_counts_aliases(void **state)
{
    char text[8192] = "a0: &a0 [x]\n";
    size_t used = strlen(text);

    (void)state;
    for (int i = 1; i <= TREE_DEPTH_MAX; i++)
        used +=
            (size_t)snprintf(text + used, sizeof(text) - used, "a%d: &a%d [*a%d]\n", i, i, i - 1);
    expect_error(text, "levels of nesting");
}

static void billion_laughs(void **state)
{
    char text[4096] = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
    size_t used = strlen(text);

    (void)state;
    for (int i = 1; i < 12; i++) {
        used += (size_t)snprintf(text + used, sizeof(text) - used, "a%d: &a%d [", i, i);
        for (int k = 0; k < 10; k++)
            used += (size_t)snprintf(text + used, sizeof(text) - used, "*a%d,", i - 1);
        used += (size_t)snprintf(text + used, sizeof(text) - used, "]\n");
    }
    expect_error(text, "with aliases written out");
}

static void out_of_memory(void **state)
{
    static const char text[] = "a: &a {b: [1, \"x\", ~], <<: {c: d}}\ne: *a\n";
    struct tree *tree = NULL;

    (void)state;
    if (!MEMORY_CAN_FAIL)
        return;
    for (long left = 0; left < 10000; left++) {
        memory_left = left;
        int failed = yaml_tree_read("f", text, strlen(text), &tree, &error);
        memory_left = -1;
        if (!failed) {
            assert_true(left > 3);
            tree_free(tree);
            return;
        }
        assert_int_equal(failed, -ENOMEM);
        assert_null(tree);
    }
    fail_msg("never enough memory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places_and_kinds),       cmocka_unit_test(type_of_plain_scalars),
        cmocka_unit_test(anchors_and_merge_keys), cmocka_unit_test(mistakes_have_a_place),
        cmocka_unit_test(encoding_at_its_edges),  cmocka_unit_test(byte_order_mark_and_line_ends),
        cmocka_unit_test(depth_is_bounded),       cmocka_unit_test(depth_counts_aliases),
        cmocka_unit_test(billion_laughs),         cmocka_unit_test(out_of_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
