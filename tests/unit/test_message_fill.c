#include <errno.h>
#include <math.h>
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
#include "envoy/config/bootstrap/v3/bootstrap.pb-c.h"
#include "envoy/config/endpoint/v3/load_report.pb-c.h"
#include "google/protobuf/wrappers.pb-c.h"
#include "loadtap/v1/settings.pb-c.h"
#include "message/message_fill.h"
#include "message/yaml_tree.h"

static const ProtobufCMessageDescriptor *const known[] = {
    &loadtap__v1__settings__descriptor,
};
static const struct message_types types = {known, ARRAY_SIZE(known)};
static struct config_error error;

static int fill(const ProtobufCMessageDescriptor *type, const char *text, ProtobufCMessage **out)
{
    struct tree *tree;
    int failed = yaml_tree_read("f", text, strlen(text), &tree, &error);

    if (failed)
        return failed;
    failed = message_fill(tree, type, &types, out, &error);
    tree_free(tree);
    return failed;
}

static void *must_fill(const ProtobufCMessageDescriptor *type, const char *text)
{
    ProtobufCMessage *message = NULL;

    if (fill(type, text, &message))
        fail_msg("%s: %s", text, error.text);
    return message;
}

static void drop(void *message)
{
    protobuf_c_message_free_unpacked(message, NULL);
}

static void expect_error(const ProtobufCMessageDescriptor *type, const char *text,
                         const char *wanted)
{
    ProtobufCMessage *message = NULL;

    assert_int_equal(fill(type, text, &message), -EINVAL);
    assert_null(message);
    if (!strstr(error.text, wanted))
        fail_msg("found: %s\nwanted: %s", error.text, wanted);
}

#define BOOTSTRAP &envoy__config__bootstrap__v3__bootstrap__descriptor
#define CLUSTER &envoy__config__cluster__v3__cluster__descriptor
#define NODE &envoy__config__core__v3__node__descriptor
#define STATS &envoy__config__endpoint__v3__upstream_locality_stats__descriptor
#define METRIC &envoy__config__endpoint__v3__endpoint_load_metric_stats__descriptor
#define DURATION &google__protobuf__duration__descriptor
#define SOCKET_ADDRESS &envoy__config__core__v3__socket_address__descriptor

static void names_in_both_cases(void **state)
{
    Envoy__Config__Core__V3__Node *node =
        must_fill(NODE, "userAgentName: a\nclient_features: [x, w]\nlocality: {subZone: z}\n");

    (void)state;
    assert_string_equal(node->user_agent_name, "a");
    assert_int_equal(node->n_client_features, 2);
    assert_string_equal(node->client_features[1], "w");
    assert_string_equal(node->locality->sub_zone, "z");
    assert_string_equal(node->id, "");
    drop(node);
    expect_error(NODE, "userAgentName: a\nuser_agent_name: b\n", "f:2:1: user_agent_name: found");
}

static void unread_names_of_envoy(void **state)
{
    (void)state;
    drop(must_fill(CLUSTER, "circuit_breakers: {anything: [goes]}\noutlierDetection: 5\n"));
    drop(must_fill(BOOTSTRAP, "static_resources: {listeners: [1, {a: b}], secrets: ~}\n"));
    drop(must_fill(NODE, "extensions: []\ndynamic_parameters: {}\n"));
    drop(must_fill(SOCKET_ADDRESS, "network_namespace_filepath: /x\n"));
}

static void unknown_names(void **state)
{
    (void)state;
    expect_error(BOOTSTRAP, "static_resources:\n  clusters:\n  - nmae: x\n",
                 "f:3:5: static_resources.clusters[0].nmae: found the unknown key 'nmae', expected "
                 "a field of Cluster: did you mean 'name'?");
    expect_error(CLUSTER, "circuit_breaker: {}\n", "did you mean 'circuit_breakers'?");
    expect_error(CLUSTER, "zzzzzzzz: ~\n",
                 "f:1:1: zzzzzzzz: found the unknown key 'zzzzzzzz', "
                 "expected a field of Cluster");
    expect_error(CLUSTER, "Name: x\n", "did you mean 'name'?");
    expect_error(CLUSTER, "lbPolicY: 1\n", "unknown key");
}

static uint64_t requests(const char *text)
{
    Envoy__Config__Endpoint__V3__UpstreamLocalityStats *stats = must_fill(STATS, text);
    uint64_t value = stats->total_issued_requests;

    drop(stats);
    return value;
}

static void integers_at_their_edges(void **state)
{
    (void)state;
    assert_true(requests("total_issued_requests: 18446744073709551615") == UINT64_MAX);
    assert_true(requests("total_issued_requests: \"9007199254740993\"") == 9007199254740993u);
    assert_true(requests("total_issued_requests: 1e3") == 1000);
    assert_true(requests("total_issued_requests: 0x10") == 16);
    assert_true(requests("total_issued_requests: ~") == 0);
    expect_error(STATS, "total_issued_requests: 18446744073709551616", "an integer of 64 bits");
    expect_error(STATS, "total_issued_requests: -1",
                 "f:1:24: total_issued_requests: found the "
                 "number -1, expected an integer of 64 bits");
    expect_error(STATS, "total_issued_requests: 1.5", "expected an integer");
    expect_error(STATS, "total_issued_requests: '1 '", "expected an integer");
    expect_error(STATS, "total_issued_requests: ''", "expected an integer");
    expect_error(STATS, "total_issued_requests: inf", "expected an integer");
    expect_error(STATS, "total_issued_requests: [1]", "found a list, expected an integer");
    drop(must_fill(STATS, "priority: 4294967295"));
    expect_error(STATS, "priority: 4294967296", "an integer from 0 to 4294967295");
    Google__Protobuf__Duration *duration =
        must_fill(DURATION, "{seconds: -9223372036854775808, nanos: -2147483648}");
    assert_true(duration->seconds == INT64_MIN && duration->nanos == INT32_MIN);
    drop(duration);
    expect_error(DURATION, "{seconds: -9223372036854775809}", "an integer of 64 bits with sign");
    expect_error(DURATION, "{nanos: 2147483648}", "from -2147483648 to 2147483647");
}

static void floats(void **state)
{
    static const struct {
        const char *text;
        double value;
    } rows[] = {{"1.5", 1.5}, {"-2", -2}, {"'1e3'", 1000}, {"Infinity", INFINITY}, {"0", 0}};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char text[64] = "total_metric_value: ";

        Envoy__Config__Endpoint__V3__EndpointLoadMetricStats *metric =
            must_fill(METRIC, strcat(text, rows[i].text));
        assert_true(metric->total_metric_value == rows[i].value);
        drop(metric);
    }
    expect_error(METRIC, "total_metric_value: inf", "expected a number");
    expect_error(METRIC, "total_metric_value: '0x10'", "expected a number");
    expect_error(METRIC, "total_metric_value: 1e999", "expected a number");
    expect_error(METRIC, "total_metric_value: yes", "found the boolean yes, expected a number");
}

static void strings_are_not_guessed(void **state)
{
    (void)state;
    expect_error(NODE, "id: n",
                 "f:1:5: id: found the boolean n, expected a string: put it in "
                 "quotes");
    expect_error(NODE, "id: 123", "found the number 123, expected a string: put it in quotes");
    expect_error(NODE, "id: {}", "found a mapping, expected a string");
    expect_error(NODE, "id: \"a\\0b\"", "without NUL");
    Envoy__Config__Core__V3__Node *node = must_fill(NODE, "id: 1.5\ncluster: 'n'\n");
    assert_string_equal(node->id, "1.5");
    assert_string_equal(node->cluster, "n");
    drop(node);
}

static void enums_and_booleans(void **state)
{
    static const char *const same[] = {"protocol: UDP", "protocol: 1", "protocol: '1'",
                                       "protocol: udp"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(same); i++) {
        Envoy__Config__Core__V3__SocketAddress *address = must_fill(SOCKET_ADDRESS, same[i]);

        assert_int_equal(address->protocol, 1);
        drop(address);
    }
    expect_error(SOCKET_ADDRESS, "protocol: UDPP",
                 "found the string \"UDPP\", expected one of TCP, UDP: did you mean UDP?");
    expect_error(SOCKET_ADDRESS, "protocol: 2", "found the number 2, expected one of TCP, UDP");
    expect_error(SOCKET_ADDRESS, "protocol: -1", "expected one of TCP, UDP");
    expect_error(SOCKET_ADDRESS, "protocol: yes", "expected one of TCP, UDP");
    Envoy__Config__Core__V3__SocketAddress *address = must_fill(SOCKET_ADDRESS, "ipv4_compat: on");
    assert_true(address->ipv4_compat);
    drop(address);
    drop(must_fill(SOCKET_ADDRESS, "ipv4_compat: \"false\""));
    expect_error(SOCKET_ADDRESS, "ipv4_compat: 1", "found the number 1, expected true or false");
}

/* What another number means, the table of rules knows and no distance does. */
static void numbers_in_values(void **state)
{
    static const struct {
        const char *text, *hint;
    } rows[] = {
        {"ENVOY_1_35", NULL},         {"ENVOY_1_3", NULL},
        {"ENVOY_1_340", NULL},        {"ENVOY", NULL},
        {"ENVOI_1_34", "ENVOY_1_34"}, {"ENVOY_134", "ENVOY_1_34"},
        {"ENVOY-1.34", "ENVOY_1_34"}, {"1_34", NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char text[64], wanted[64];

        snprintf(text, sizeof(text), "emission_rules: '%s'", rows[i].text);
        expect_error(&loadtap__v1__settings__descriptor, text,
                     "expected one of ENVOY_1_39, ENVOY_1_37, ENVOY_1_36, ENVOY_1_34, ENVOY_1_33");
        snprintf(wanted, sizeof(wanted), ": did you mean %s?", rows[i].hint);
        if (!strstr(error.text, rows[i].hint ? wanted : "") ||
            (!rows[i].hint && strstr(error.text, "mean")))
            fail_msg("%s", error.text);
    }
}

static void oneofs(void **state)
{
    (void)state;
    expect_error(SOCKET_ADDRESS, "port_value: 1\nnamed_port: http\n",
                 "f:2:13: named_port: found named_port beside port_value, expected only one");
    Envoy__Config__Core__V3__SocketAddress *address =
        must_fill(SOCKET_ADDRESS, "port_value: ~\nnamed_port: http\n");
    assert_int_equal(address->port_specifier_case, 4);
    drop(address);
    /* A zero is a choice too. */
    address = must_fill(SOCKET_ADDRESS, "port_value: 0");
    assert_int_equal(address->port_specifier_case, 3);
    drop(address);
}

static void durations(void **state)
{
    static const struct {
        const char *text;
        int64_t seconds;
        int32_t nanos;
    } rows[] = {{"0.25s", 0, 250000000},
                {"-1.5s", -1, -500000000},
                {"0.000000001s", 0, 1},
                {"315576000000s", 315576000000, 0},
                {"{seconds: 2}", 2, 0}};
    static const char *const bad[] = {"5",   "'5'", "5S",  "5ms",           ".5s",           "5.s",
                                      "s",   "+5s", "5 s", "1.0000000001s", "315576000001s", "[]",
                                      "0x5s"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        Google__Protobuf__Duration *duration = must_fill(DURATION, rows[i].text);

        assert_true(duration->seconds == rows[i].seconds);
        assert_int_equal(duration->nanos, rows[i].nanos);
        drop(duration);
    }
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        expect_error(DURATION, bad[i], "expected a duration in seconds like 5s or 0.25s");
}

static void wrappers_and_bytes(void **state)
{
    static const struct {
        const char *text, *value;
    } rows[] = {{"aGk=", "hi"}, {"aGk", "hi"}, {"''", ""}, {"'-_-_'", "\xfb\xff\xbf"}};

    (void)state;
    Google__Protobuf__UInt32Value *wrapped =
        must_fill(&google__protobuf__uint32_value__descriptor, "7");
    assert_int_equal(wrapped->value, 7);
    drop(wrapped);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        Google__Protobuf__BytesValue *bytes =
            must_fill(&google__protobuf__bytes_value__descriptor, rows[i].text);

        assert_int_equal(bytes->value.len, strlen(rows[i].value));
        assert_memory_equal(bytes->value.data, rows[i].value, bytes->value.len);
        drop(bytes);
    }
    expect_error(&google__protobuf__bytes_value__descriptor, "a", "expected a string in base64");
    expect_error(&google__protobuf__bytes_value__descriptor, "'a b='", "in base64");
    expect_error(&google__protobuf__float_value__descriptor, "1e39", "single precision");
}

static void structs(void **state)
{
    Envoy__Config__Core__V3__Node *node =
        must_fill(NODE, "metadata: {a: 1, b: yes, c: 1.5, d: ~, e: [x, ~], f: {g: {}}}");
    Google__Protobuf__Struct *metadata = node->metadata;

    (void)state;
    assert_int_equal(metadata->n_fields, 6);
    assert_string_equal(metadata->fields[0]->key, "a");
    assert_true(metadata->fields[0]->value->number_value == 1);
    assert_true(metadata->fields[1]->value->bool_value);
    assert_string_equal(metadata->fields[2]->value->string_value, "1.5");
    assert_int_equal(metadata->fields[3]->value->kind_case,
                     GOOGLE__PROTOBUF__VALUE__KIND_NULL_VALUE);
    assert_int_equal(metadata->fields[4]->value->list_value->n_values, 2);
    assert_string_equal(metadata->fields[5]->value->struct_value->fields[0]->key, "g");
    drop(node);
    expect_error(NODE, "metadata: [1]", "f:1:11: metadata: found a list, expected a mapping");
}

static void lists_and_maps(void **state)
{
    (void)state;
    Envoy__Config__Core__V3__Node *node = must_fill(NODE, "client_features: alone");
    assert_int_equal(node->n_client_features, 1);
    drop(node);
    drop(must_fill(NODE, "client_features: []"));
    expect_error(NODE, "client_features: [a, ~]", "client_features[1]: found null");
    Envoy__Config__Core__V3__Metadata *metadata =
        must_fill(&envoy__config__core__v3__metadata__descriptor, "filter_metadata: {a: ~, b: {}}");
    assert_int_equal(metadata->n_filter_metadata, 2);
    assert_null(metadata->filter_metadata[0]->value);
    assert_non_null(metadata->filter_metadata[1]->value);
    drop(metadata);
    expect_error(&envoy__config__core__v3__metadata__descriptor, "filter_metadata: {a: 5}",
                 "filter_metadata[\"a\"]: found the number 5, expected a mapping");
}

static void any(void **state)
{
    const ProtobufCMessageDescriptor *type =
        &envoy__config__core__v3__typed_extension_config__descriptor;
    Envoy__Config__Core__V3__TypedExtensionConfig *config = must_fill(
        type,
        "typed_config: {\"@type\": type.googleapis.com/loadtap.v1.Settings, cgroup_path: /x}");

    (void)state;
    Loadtap__V1__Settings *settings = loadtap__v1__settings__unpack(
        NULL, config->typed_config->value.len, config->typed_config->value.data);
    assert_string_equal(settings->cgroup_path, "/x");
    drop(settings);
    drop(config);
    config = must_fill(type, "typed_config: {'@type': x/envoy.Other, any: [thing]}");
    assert_string_equal(config->typed_config->type_url, "x/envoy.Other");
    assert_int_equal(config->typed_config->value.len, 0);
    drop(config);
    drop(must_fill(type, "typed_config: {}"));
    expect_error(type, "typed_config: {a: b}", "found no key \"@type\"");
    expect_error(type, "typed_config: {'@type': loadtap.v1.Settings}", "typed_config.@type: found");
    expect_error(type, "typed_config: {'@type': x/loadtap.v1.Setting}",
                 "did you mean loadtap.v1.Settings?");
    expect_error(type, "typed_config: {'@type': x/loadtap.v1.Settings, cgroup: /x}",
                 "typed_config.cgroup: found the unknown key 'cgroup'");
    expect_error(type, "typed_config: 5", "expected a mapping with the key \"@type\"");
}

static void out_of_memory(void **state)
{
    static const char text[] = "node: {id: a, metadata: {b: [1, {c: d}]}}\n"
                               "bootstrap_extensions:\n"
                               "- typed_config: {'@type': x/loadtap.v1.Settings, cgroup_path: /x}\n"
                               "static_resources: {clusters: [{name: e, connect_timeout: 1s}]}\n";
    struct tree *tree;

    (void)state;
    if (!MEMORY_CAN_FAIL)
        return;
    assert_int_equal(yaml_tree_read("f", text, strlen(text), &tree, &error), 0);
    for (long left = 0; left < 10000; left++) {
        ProtobufCMessage *message = NULL;
        long live = memory_live;

        memory_left = left;
        int failed = message_fill(tree, BOOTSTRAP, &types, &message, &error);
        memory_left = -1;
        if (!failed) {
            assert_true(left > 20);
            drop(message);
            assert_int_equal(memory_live, live);
            tree_free(tree);
            return;
        }
        assert_int_equal(failed, -ENOMEM);
        assert_null(message);
        assert_int_equal(memory_live, live);
    }
    fail_msg("never enough memory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_in_both_cases),
        cmocka_unit_test(unread_names_of_envoy),
        cmocka_unit_test(unknown_names),
        cmocka_unit_test(integers_at_their_edges),
        cmocka_unit_test(floats),
        cmocka_unit_test(strings_are_not_guessed),
        cmocka_unit_test(enums_and_booleans),
        cmocka_unit_test(numbers_in_values),
        cmocka_unit_test(oneofs),
        cmocka_unit_test(durations),
        cmocka_unit_test(wrappers_and_bytes),
        cmocka_unit_test(structs),
        cmocka_unit_test(lists_and_maps),
        cmocka_unit_test(any),
        cmocka_unit_test(out_of_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
