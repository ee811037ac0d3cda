#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "command/config_place.h"
#include "message/yaml_tree.h"

static const char text[] = "static_resources:\n"
                           "  clusters:\n"
                           "  - name: a\n"
                           "  - name: b\n"
                           "    loadAssignment:\n"
                           "      endpoints:\n"
                           "      - lb_endpoints:\n"
                           "        - {x: 1}\n"
                           "        - {x: 2}\n"
                           "matrix: [[1, 2], [3,\n"
                           "  4]]\n";

static void the_line_of_each_place(void **state)
{
    struct config_error error;
    struct tree *tree;

    (void)state;
    assert_int_equal(yaml_tree_read("file", text, strlen(text), &tree, &error), 0);
    assert_int_equal(config_place_line(tree, "static_resources.clusters[0]"), 3);
    assert_int_equal(config_place_line(tree, "static_resources.clusters[1].name"), 4);
    assert_int_equal(config_place_line(tree,
                                       "static_resources.clusters[1].load_assignment.endpoints[0]"
                                       ".lb_endpoints[1]"),
                     9);
    assert_int_equal(config_place_line(tree, "matrix[1][1]"), 11);
    tree_free(tree);
}

static void places_that_there_are_not(void **state)
{
    struct config_error error;
    struct tree *tree;
    char deep[400];

    (void)state;
    assert_int_equal(yaml_tree_read("file", text, strlen(text), &tree, &error), 0);
    assert_int_equal(config_place_line(tree, "static_resources.clusters[2]"), 0);
    assert_int_equal(config_place_line(tree, "static_resources.listeners"), 0);
    assert_int_equal(config_place_line(tree, "static_resources.clusters[1"), 0);
    assert_int_equal(config_place_line(tree, ""), 0);
    for (size_t i = 0; i + 2 < sizeof(deep); i += 2)
        memcpy(deep + i, "a.", 3);
    assert_int_equal(config_place_line(tree, deep), 0);
    memset(deep, 'a', sizeof(deep) - 1);
    deep[sizeof(deep) - 1] = '\0';
    assert_int_equal(config_place_line(tree, deep), 0);
    tree_free(tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_line_of_each_place),
        cmocka_unit_test(places_that_there_are_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
