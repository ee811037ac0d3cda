/* Messages as protobuf's JSON: every kind of field that proto/ has. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "envoy/service/load_stats/v3/lrs.pb-c.h"
#include "google/protobuf/any.pb-c.h"
#include "google/protobuf/wrappers.pb-c.h"
#include "message/message_json.h"

static void assert_json_of(const ProtobufCMessage *message, const char *expected)
{
    size_t unknown = 0;
    json_t *json = message_json(message, NULL, &unknown);
    autofree char *text = NULL;

    assert_non_null(json);
    text = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);
    assert_string_equal(text, expected);
    assert_int_equal(unknown, 0);
    json_decref(json);
}

static void assert_duration(int64_t seconds, int32_t nanos, const char *expected)
{
    Google__Protobuf__Duration duration = GOOGLE__PROTOBUF__DURATION__INIT;

    duration.seconds = seconds;
    duration.nanos = nanos;
    assert_json_of(&duration.base, expected);
}

static void durations(void **state)
{
    (void)state;
    assert_duration(0, 0, "\"0s\"");
    assert_duration(1, 123000, "\"1.000123s\"");
    assert_duration(1, 500000000, "\"1.500s\"");
    assert_duration(10, 0, "\"10s\"");
    assert_duration(0, 1, "\"0.000000001s\"");
    assert_duration(0, -500000000, "\"-0.500s\"");
    assert_duration(-1, 0, "\"-1s\"");
    assert_duration(-1, -1000, "\"-1.000001s\"");
    assert_duration(315576000000, 999999999, "\"315576000000.999999999s\"");
    /* No such form: the fields themselves, so that nothing is lost. */
    assert_duration(315576000001, 0, "{\"seconds\":\"315576000001\"}");
    assert_duration(INT64_MIN, 0, "{\"seconds\":\"-9223372036854775808\"}");
    assert_duration(0, 1000000000, "{\"nanos\":1000000000}");
    assert_duration(0, INT32_MIN, "{\"nanos\":-2147483648}");
    assert_duration(1, -1, "{\"seconds\":\"1\",\"nanos\":-1}");
    assert_duration(-1, 1, "{\"seconds\":\"-1\",\"nanos\":1}");
}

#define ASSERT_WRAPPER(Type, TYPE, content, expected)                                              \
    do {                                                                                           \
        Google__Protobuf__##Type wrapper = GOOGLE__PROTOBUF__##TYPE##__INIT;                       \
        wrapper.value = content;                                                                   \
        assert_json_of(&wrapper.base, expected);                                                   \
    } while (0)

static void wrappers(void **state)
{
    uint8_t bytes[] = {0xff, 0x00, 0x10, 0x83};

    (void)state;
    ASSERT_WRAPPER(DoubleValue, DOUBLE_VALUE, 1.5, "1.5");
    ASSERT_WRAPPER(DoubleValue, DOUBLE_VALUE, -0.0, "-0.0");
    ASSERT_WRAPPER(DoubleValue, DOUBLE_VALUE, NAN, "\"NaN\"");
    ASSERT_WRAPPER(DoubleValue, DOUBLE_VALUE, INFINITY, "\"Infinity\"");
    ASSERT_WRAPPER(DoubleValue, DOUBLE_VALUE, -INFINITY, "\"-Infinity\"");
    ASSERT_WRAPPER(FloatValue, FLOAT_VALUE, 0.25f, "0.25");
    ASSERT_WRAPPER(Int64Value, INT64_VALUE, INT64_MIN, "\"-9223372036854775808\"");
    ASSERT_WRAPPER(UInt64Value, UINT64_VALUE, UINT64_MAX, "\"18446744073709551615\"");
    ASSERT_WRAPPER(Int32Value, INT32_VALUE, INT32_MIN, "-2147483648");
    ASSERT_WRAPPER(UInt32Value, UINT32_VALUE, UINT32_MAX, "4294967295");
    ASSERT_WRAPPER(UInt32Value, UINT32_VALUE, 0, "0");
    ASSERT_WRAPPER(BoolValue, BOOL_VALUE, 1, "true");
    ASSERT_WRAPPER(BoolValue, BOOL_VALUE, 0, "false");
    ASSERT_WRAPPER(StringValue, STRING_VALUE, (char *)"a\"\n\xc3\xa9", "\"a\\\"\\n\xc3\xa9\"");
    ASSERT_WRAPPER(BytesValue, BYTES_VALUE, ((ProtobufCBinaryData){0, NULL}), "\"\"");
    ASSERT_WRAPPER(BytesValue, BYTES_VALUE, ((ProtobufCBinaryData){1, bytes}), "\"/w==\"");
    ASSERT_WRAPPER(BytesValue, BYTES_VALUE, ((ProtobufCBinaryData){2, bytes}), "\"/wA=\"");
    ASSERT_WRAPPER(BytesValue, BYTES_VALUE, ((ProtobufCBinaryData){3, bytes}), "\"/wAQ\"");
    ASSERT_WRAPPER(BytesValue, BYTES_VALUE, ((ProtobufCBinaryData){4, bytes}), "\"/wAQgw==\"");
}

static void any_is_plain(void **state)
{
    Google__Protobuf__Any any = GOOGLE__PROTOBUF__ANY__INIT;

    (void)state;
    assert_json_of(&any.base, "{}");
    any.type_url = (char *)"t/x";
    any.value = (ProtobufCBinaryData){2, (uint8_t *)"hi"};
    assert_json_of(&any.base, "{\"type_url\":\"t/x\",\"value\":\"aGk=\"}");
}

static void any_by_its_type(void **state)
{
    static const ProtobufCMessageDescriptor *const known[] = {
        &envoy__config__core__v3__locality__descriptor};
    const struct message_types types = {known, ARRAY_SIZE(known)};
    static const struct {
        const char *type, *value, *expected;
    } cases[] = {
        {"t/envoy.config.core.v3.Locality", "\x12\x01z",
         "{\"zone\":\"z\",\"@type\":\"t/envoy.config.core.v3.Locality\"}"},
        {"t/unknown", "secret", "{\"@type\":\"t/unknown\"}"},
        {"t/envoy.config.core.v3.Locality", "\x12\x09z",
         "{\"@type\":\"t/envoy.config.core.v3.Locality\"}"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        Google__Protobuf__Any any = GOOGLE__PROTOBUF__ANY__INIT;
        size_t unknown = 0;
        json_t *json;

        any.type_url = (char *)cases[i].type;
        any.value =
            (ProtobufCBinaryData){strlen(cases[i].value), (uint8_t *)(uintptr_t)cases[i].value};
        json = message_json(&any.base, &types, &unknown);
        autofree char *text = json_dumps(json, JSON_COMPACT);

        json_decref(json);
        assert_string_equal(text, cases[i].expected);
    }
}

static void values(void **state)
{
    Google__Protobuf__Value null = GOOGLE__PROTOBUF__VALUE__INIT, number = null, text = null,
                            truth = null, list = null, outer = null;
    Google__Protobuf__Value *items[] = {&null, &number, &text, &truth};
    Google__Protobuf__ListValue all = GOOGLE__PROTOBUF__LIST_VALUE__INIT;
    Google__Protobuf__Struct__FieldsEntry one = GOOGLE__PROTOBUF__STRUCT__FIELDS_ENTRY__INIT,
                                          two = one, *entries[] = {&one, &two};
    Google__Protobuf__Struct object = GOOGLE__PROTOBUF__STRUCT__INIT;

    (void)state;
    assert_json_of(&null.base, "null"); /* no kind set */
    null.kind_case = GOOGLE__PROTOBUF__VALUE__KIND_NULL_VALUE;
    number.kind_case = GOOGLE__PROTOBUF__VALUE__KIND_NUMBER_VALUE; /* 0, but set */
    text.kind_case = GOOGLE__PROTOBUF__VALUE__KIND_STRING_VALUE;
    text.string_value = (char *)"";
    truth.kind_case = GOOGLE__PROTOBUF__VALUE__KIND_BOOL_VALUE;
    list.kind_case = GOOGLE__PROTOBUF__VALUE__KIND_LIST_VALUE;
    list.list_value = &all;
    assert_json_of(&list.base, "[]");
    all.n_values = 4;
    all.values = items;
    assert_json_of(&list.base, "[null,0.0,\"\",false]");

    assert_json_of(&object.base, "{}");
    object.n_fields = 2;
    object.fields = entries;
    one.key = (char *)"a";
    one.value = &list;
    two.key = (char *)""; /* its value was not on the wire */
    outer.kind_case = GOOGLE__PROTOBUF__VALUE__KIND_STRUCT_VALUE;
    outer.struct_value = &object;
    assert_json_of(&outer.base, "{\"a\":[null,0.0,\"\",false],\"\":null}");
}

static void enums_and_oneofs(void **state)
{
    Envoy__Config__Core__V3__SocketAddress socket = ENVOY__CONFIG__CORE__V3__SOCKET_ADDRESS__INIT;
    Envoy__Config__Core__V3__Address address = ENVOY__CONFIG__CORE__V3__ADDRESS__INIT;

    (void)state;
    assert_json_of(&address.base, "{}");
    address.address_case = ENVOY__CONFIG__CORE__V3__ADDRESS__ADDRESS_SOCKET_ADDRESS;
    address.socket_address = &socket;
    assert_json_of(&address.base, "{\"socket_address\":{}}");
    socket.port_specifier_case = ENVOY__CONFIG__CORE__V3__SOCKET_ADDRESS__PORT_SPECIFIER_PORT_VALUE;
    socket.ipv4_compat = 1;
    socket.protocol = ENVOY__CONFIG__CORE__V3__SOCKET_ADDRESS__PROTOCOL__UDP;
    assert_json_of(
        &address.base,
        "{\"socket_address\":{\"protocol\":\"UDP\",\"port_value\":0,\"ipv4_compat\":true}}");
    socket.protocol = (Envoy__Config__Core__V3__SocketAddress__Protocol)77;
    socket.port_specifier_case = ENVOY__CONFIG__CORE__V3__SOCKET_ADDRESS__PORT_SPECIFIER_NAMED_PORT;
    socket.named_port = (char *)"";
    socket.ipv4_compat = 0;
    assert_json_of(&address.base, "{\"socket_address\":{\"protocol\":77,\"named_port\":\"\"}}");
}

static void a_report(void **state)
{
    Envoy__Config__Core__V3__Locality here = ENVOY__CONFIG__CORE__V3__LOCALITY__INIT;
    Envoy__Config__Endpoint__V3__UnnamedEndpointLoadMetricStats cpu =
        ENVOY__CONFIG__ENDPOINT__V3__UNNAMED_ENDPOINT_LOAD_METRIC_STATS__INIT;
    Envoy__Config__Endpoint__V3__UpstreamLocalityStats locality =
        ENVOY__CONFIG__ENDPOINT__V3__UPSTREAM_LOCALITY_STATS__INIT;
    Envoy__Config__Endpoint__V3__UpstreamLocalityStats *localities[] = {&locality};
    Envoy__Config__Endpoint__V3__ClusterStats stats =
        ENVOY__CONFIG__ENDPOINT__V3__CLUSTER_STATS__INIT;
    Envoy__Config__Endpoint__V3__ClusterStats *clusters[] = {&stats};
    Envoy__Config__Core__V3__Node node = ENVOY__CONFIG__CORE__V3__NODE__INIT;
    char *features[] = {(char *)"f", (char *)""};
    Envoy__Service__LoadStats__V3__LoadStatsRequest request =
        ENVOY__SERVICE__LOAD_STATS__V3__LOAD_STATS_REQUEST__INIT;

    (void)state;
    assert_json_of(&request.base, "{}");
    node.id = (char *)"n";
    node.n_client_features = 2;
    node.client_features = features;
    node.user_agent_version_type_case =
        ENVOY__CONFIG__CORE__V3__NODE__USER_AGENT_VERSION_TYPE_USER_AGENT_VERSION;
    node.user_agent_version = (char *)"1";
    request.node = &node;
    locality.locality = &here;
    locality.priority = 2;
    locality.total_issued_requests = UINT64_MAX;
    locality.cpu_utilization = &cpu;
    cpu.total_metric_value = 0.5;
    stats.cluster_name = (char *)"c";
    stats.n_upstream_locality_stats = 1;
    stats.upstream_locality_stats = localities;
    request.n_cluster_stats = 1;
    request.cluster_stats = clusters;
    assert_json_of(&request.base,
                   "{\"node\":{\"id\":\"n\",\"user_agent_version\":\"1\",\"client_features\":"
                   "[\"f\",\"\"]},\"cluster_stats\":[{\"cluster_name\":\"c\","
                   "\"upstream_locality_stats\":[{\"locality\":{},\"priority\":2,"
                   "\"total_issued_requests\":\"18446744073709551615\",\"cpu_utilization\":"
                   "{\"total_metric_value\":0.5}}]}]}");
}

static void unknown_fields_are_counted(void **state)
{
    /* request {node {metadata {fields {"": Value {unknown} unknown}} unknown} unknown unknown} */
    static const uint8_t bytes[] = {0x0a, 14, 0x1a, 10, 0x0a, 8, 0x12, 2, 0x78, 1,
                                    0x78, 1,  0x78, 1,  0x78, 1, 0x78, 1, 0x78, 1};
    size_t unknown = 10;
    Envoy__Service__LoadStats__V3__LoadStatsRequest *request =
        envoy__service__load_stats__v3__load_stats_request__unpack(NULL, sizeof(bytes), bytes);
    json_t *json;

    (void)state;
    assert_non_null(request);
    json = message_json(&request->base, NULL, &unknown);
    assert_non_null(json);
    assert_int_equal(unknown, 10 + 6);
    json_decref(json);
    envoy__service__load_stats__v3__load_stats_request__free_unpacked(request, NULL);
}

static void text_that_is_none(void **state)
{
    Envoy__Config__Core__V3__Locality here = ENVOY__CONFIG__CORE__V3__LOCALITY__INIT;
    size_t unknown = 0;

    (void)state;
    here.zone = (char *)"\xff";
    assert_null(message_json(&here.base, NULL, &unknown));
}

/* Every allocation of jansson fails once: NULL each time, and the sanitizer sees no leak. */
static size_t allocations_left;

static void *failing_malloc(size_t size)
{
    if (allocations_left == 0)
        return NULL;
    allocations_left--;
    return malloc(size);
}

static void out_of_memory(void **state)
{
    static const uint8_t bytes[] = {0x0a, 11, 0x1a, 9, 0x0a, 7, 0x0a, 1, 'k',
                                    0x12, 2,  0x20, 1, 0x12, 3, 0x0a, 1, 'c'};
    Envoy__Service__LoadStats__V3__LoadStatsRequest *request =
        envoy__service__load_stats__v3__load_stats_request__unpack(NULL, sizeof(bytes), bytes);
    size_t unknown = 0, needed = 0;
    json_t *json = NULL;
    autofree char *text = NULL;

    (void)state;
    assert_non_null(request);
    json_set_alloc_funcs(failing_malloc, free);
    for (; !json && needed < 1000; needed++) {
        allocations_left = needed;
        json = message_json(&request->base, NULL, &unknown);
    }
    json_set_alloc_funcs(malloc, free);
    assert_non_null(json);
    assert_true(needed > 8);
    text = json_dumps(json, JSON_COMPACT);
    assert_string_equal(
        text,
        "{\"node\":{\"metadata\":{\"k\":true}},\"cluster_stats\":[{\"cluster_name\":\"c\"}]}");
    json_decref(json);
    envoy__service__load_stats__v3__load_stats_request__free_unpacked(request, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations),
        cmocka_unit_test(wrappers),
        cmocka_unit_test(any_is_plain),
        cmocka_unit_test(any_by_its_type),
        cmocka_unit_test(values),
        cmocka_unit_test(enums_and_oneofs),
        cmocka_unit_test(a_report),
        cmocka_unit_test(unknown_fields_are_counted),
        cmocka_unit_test(text_that_is_none),
        cmocka_unit_test(out_of_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
