#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "failing_memory.h"

#include "base/mem.h"
#include "envoy/config/bootstrap/v3/bootstrap.pb-c.h"
#include "message/message_fill.h"
#include "message/message_merge.h"
#include "message/yaml_tree.h"

#define BOOTSTRAP &envoy__config__bootstrap__v3__bootstrap__descriptor

typedef Envoy__Config__Bootstrap__V3__Bootstrap Bootstrap;

static Bootstrap *fill(const char *text)
{
    static const struct message_types none = {NULL, 0};
    static struct config_error error;
    ProtobufCMessage *message = NULL;
    struct tree *tree = NULL;

    assert_int_equal(yaml_tree_read("f", text, strlen(text), &tree, &error), 0);
    assert_int_equal(message_fill(tree, BOOTSTRAP, &none, &message, &error), 0);
    tree_free(tree);
    return (Bootstrap *)message;
}

static void drop(Bootstrap *message)
{
    protobuf_c_message_free_unpacked(&message->base, NULL);
}

static Bootstrap *merge(const char *first, const char *second)
{
    Bootstrap *into = fill(first), *from = fill(second);

    assert_int_equal(message_merge(&into->base, &from->base), 0);
    drop(from);
    return into;
}

static void scalars_replace_unless_default(void **state)
{
    Bootstrap *both = merge("node: {id: a, cluster: b, locality: {zone: z}}",
                            "node: {id: '', cluster: c, locality: {region: r}}");

    (void)state;
    assert_string_equal(both->node->id, "a");
    assert_string_equal(both->node->cluster, "c");
    assert_string_equal(both->node->locality->zone, "z");
    assert_string_equal(both->node->locality->region, "r");
    drop(both);
}

static void lists_append(void **state)
{
    Bootstrap *both = merge("static_resources: {clusters: [{name: a}]}",
                            "static_resources: {clusters: [{name: b}, {name: a}]}");

    (void)state;
    assert_int_equal(both->static_resources->n_clusters, 3);
    assert_string_equal(both->static_resources->clusters[0]->name, "a");
    assert_string_equal(both->static_resources->clusters[1]->name, "b");
    drop(both);
    both = merge("node: {id: a}", "node: {client_features: [f]}\nadmin: {}");
    assert_int_equal(both->node->n_client_features, 1);
    assert_non_null(both->admin);
    drop(both);
}

/* The case that protobuf-c's own merging of encodings gets wrong: the address was lost. */
static void the_same_choice_merges(void **state)
{
    Bootstrap *both = merge("admin: {address: {socket_address: {address: h, port_value: 1}}}",
                            "admin: {address: {socket_address: {port_value: 2}}}");

    (void)state;
    assert_string_equal(both->admin->address->socket_address->address, "h");
    assert_int_equal(both->admin->address->socket_address->port_value, 2);
    drop(both);
}

static void another_choice_replaces(void **state)
{
    Bootstrap *both = merge("admin: {address: {socket_address: {address: h, port_value: 1}}}",
                            "admin: {address: {pipe: {path: /p}}}");

    (void)state;
    assert_int_equal(both->admin->address->address_case,
                     ENVOY__CONFIG__CORE__V3__ADDRESS__ADDRESS_PIPE);
    assert_string_equal(both->admin->address->pipe->path, "/p");
    drop(both);
    both = merge("admin: {address: {socket_address: {address: h, port_value: 1}}}",
                 "admin: {address: {socket_address: {named_port: http}}}");
    assert_int_equal(both->admin->address->socket_address->port_specifier_case, 4);
    assert_string_equal(both->admin->address->socket_address->named_port, "http");
    drop(both);
    both = merge("admin: {address: {socket_address: {address: h, named_port: http}}}",
                 "admin: {address: {socket_address: {port_value: 0}}}");
    assert_int_equal(both->admin->address->socket_address->port_specifier_case, 3);
    drop(both);
}

static void map_entries_replace(void **state)
{
    Bootstrap *both =
        merge("node: {metadata: {a: {x: u}, b: 1}}", "node: {metadata: {c: 2, a: {z: v}}}");
    const Google__Protobuf__Struct *metadata = both->node->metadata;

    (void)state;
    assert_int_equal(metadata->n_fields, 3);
    assert_string_equal(metadata->fields[0]->key, "b");
    assert_string_equal(metadata->fields[2]->key, "a");
    assert_int_equal(metadata->fields[2]->value->struct_value->n_fields, 1);
    drop(both);
}

static void out_of_memory(void **state)
{
    (void)state;
    if (!MEMORY_CAN_FAIL)
        return;
    long live = memory_live;
    Bootstrap *into = fill("static_resources: {clusters: [{name: a}]}");
    Bootstrap *from = fill("static_resources: {clusters: [{name: b}]}");

    memory_left = 0;
    assert_int_not_equal(message_merge(&into->base, &from->base), 0);
    memory_left = -1;
    assert_int_equal(into->static_resources->n_clusters, 1);
    assert_int_equal(from->static_resources->n_clusters, 1);
    drop(into);
    drop(from);
    assert_int_equal(memory_live, live);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scalars_replace_unless_default),
        cmocka_unit_test(lists_append),
        cmocka_unit_test(the_same_choice_merges),
        cmocka_unit_test(another_choice_replaces),
        cmocka_unit_test(map_entries_replace),
        cmocka_unit_test(out_of_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
