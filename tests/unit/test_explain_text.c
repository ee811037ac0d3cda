#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "command/explain_text.h"
#include "message/yaml_tree.h"

static const char endpoint_text[] =
    "{'address': '10.0.0.1:80', 'names': [], 'leaving': false, 'counted': true, 'exact': true,"
    " 'counters': {'issued_requests': 9, 'successful_requests': 6, 'error_requests': 2},"
    " 'gauges': {'requests_in_progress': 1, 'active_connections': 3}}";

/* With ' in the place of ". */
static json_t *parse(const char *text)
{
    autofree char *copy = strdup(text);
    json_t *value;

    for (char *c = copy; *c; c++)
        *c = *c == '\'' ? '"' : *c;
    value = json_loads(copy, 0, NULL);
    assert_non_null(value);
    return value;
}

static char *cluster_text(json_t *answer)
{
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    explain_cluster_text(answer, out);
    fclose(out);
    json_decref(answer);
    return text;
}

static json_t *cluster_answer(void)
{
    json_t *answer =
        parse("{'cluster': {'name': 'backend', 'discovery': 'STATIC', 'protocol': 'auto',"
              " 'observed': true, 'reported': true, 'localities': [{'locality':"
              " {'region': 'eu', 'zone': 'a', 'sub_zone': 'r'}, 'priority': 2, 'index': 4,"
              " 'endpoints': []}]},"
              " 'next': {'load_stats_requests': [{'cluster_stats': []},"
              " {'cluster_stats': [{'cluster_name': 'backend'}]}]}}");
    json_t *group =
        json_array_get(json_object_get(json_object_get(answer, "cluster"), "localities"), 0);

    json_array_append_new(json_object_get(group, "endpoints"), parse(endpoint_text));
    return answer;
}

static void a_cluster(void **state)
{
    autofree char *text = cluster_text(cluster_answer());

    (void)state;
    assert_string_equal(text, "cluster backend: STATIC, protocol auto\n"
                              "  locality eu/a/r, priority 2 (load_assignment.endpoints[4])\n"
                              "    10.0.0.1:80: issued 9, success 6, error 2, in progress 1, "
                              "connections 3\n"
                              "The next report, if it were sent now:\n"
                              "{\n"
                              "  \"cluster_stats\": [\n"
                              "    {\n"
                              "      \"cluster_name\": \"backend\"\n"
                              "    }\n"
                              "  ]\n"
                              "}\n");
}

static void a_cluster_in_no_report(void **state)
{
    json_t *unobserved = cluster_answer(), *unasked = cluster_answer();
    autofree char *first = NULL, *second = NULL;

    (void)state;
    json_object_set_new(json_object_get(unobserved, "cluster"), "observed", json_false());
    json_object_set_new(json_object_get(unasked, "cluster"), "reported", json_false());
    first = cluster_text(unobserved);
    second = cluster_text(unasked);
    assert_non_null(strstr(first, "no socket shows its load"));
    assert_non_null(strstr(second, "the management server does not ask for it"));
}

/* Two clusters have it; the second one by a name. */
static json_t *address_answer(void)
{
    json_t *answer = parse(
        "{'address': '10.0.0.1:80', 'observed': true, 'next': {'load_stats_requests': []}, "
        "'hosts': ["
        "{'cluster': 'backend', 'locality': {'region': '', 'zone': '', 'sub_zone': ''}, "
        "'priority': 0,"
        " 'index': 0, 'why': 'traffic counts here', 'places': [{'path': 'clusters[0]', 'host':"
        " '10.0.0.1', 'found_by': 'address'}]},"
        "{'cluster': 'other', 'locality': {'region': 'eu', 'zone': '', 'sub_zone': ''}, "
        "'priority': 1,"
        " 'index': 0, 'why': 'another one stands before it', 'places': [{'path': 'clusters[1]', "
        "'host':"
        " 'db.local', 'found_by': 'DNS'}, {'path': 'clusters[7]', 'host': 'db.local', 'found_by':"
        " 'DNS'}]}]}");
    json_t *hosts = json_object_get(answer, "hosts"), *second = parse(endpoint_text);

    json_object_set_new(json_array_get(hosts, 0), "endpoint", parse(endpoint_text));
    json_object_set_new(second, "counted", json_false());
    json_object_set_new(second, "leaving", json_true());
    json_object_set_new(second, "exact", json_false());
    json_array_append_new(json_object_get(second, "names"), json_string("db.local"));
    json_array_append_new(json_object_get(second, "names"), json_string("x.local"));
    json_object_set_new(json_array_get(hosts, 1), "endpoint", second);
    return answer;
}

static void an_address_with_lines_of_the_bootstrap(void **state)
{
    static const char yaml[] = "clusters:\n- name: a\n- name: b\n";
    struct config_error error;
    struct explain_source source = {.file = "b.yaml"};
    struct tree *tree;
    autofree char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    json_t *answer = address_answer();

    (void)state;
    assert_int_equal(yaml_tree_read("b.yaml", yaml, strlen(yaml), &tree, &error), 0);
    source.tree = tree;
    explain_address_text(answer, &source, out);
    fclose(out);
    tree_free(tree);
    json_decref(answer);
    assert_string_equal(
        text, "cluster backend, no locality, priority 0: traffic counts here\n"
              "  b.yaml:2: clusters[0]: 10.0.0.1\n"
              "    10.0.0.1:80: issued 9, success 6, error 2, in progress 1, connections 3\n"
              "cluster other, locality eu//, priority 1: another one stands before it\n"
              "  b.yaml:3: clusters[1]: db.local, which DNS or the hosts file resolves to it\n"
              "  clusters[7]: db.local, which DNS or the hosts file resolves to it\n"
              "    10.0.0.1:80: issued 9, success 6, error 2, in progress 1, connections 3; not "
              "exact; counts "
              "elsewhere, `loadtap explain 10.0.0.1:80` says where; leaving, no name has it any "
              "more; by DNS "
              "from db.local, x.local\n"
              "The next report has nothing of it.\n");
}

static void an_address_without_the_bootstrap(void **state)
{
    const struct explain_source none = {0};
    autofree char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    json_t *answer = address_answer();

    (void)state;
    explain_address_text(answer, &none, out);
    fclose(out);
    json_decref(answer);
    assert_non_null(strstr(text, "\n  clusters[0]: 10.0.0.1\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cluster),
        cmocka_unit_test(a_cluster_in_no_report),
        cmocka_unit_test(an_address_with_lines_of_the_bootstrap),
        cmocka_unit_test(an_address_without_the_bootstrap),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
