/* Each field that may hold a secret has a rule, and what is kept of a configuration has none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "config/bootstrap.h"
#include "config/redact.h"
#include "envoy/config/bootstrap/v3/bootstrap.pb-c.h"
#include "envoy/config/core/v3/grpc_service.pb-c.h"

#define SECRET "s3cr3t"

/* --- the rules ------------------------------------------------------------------------------------ */

struct walk {
    const ProtobufCMessageDescriptor *seen[500];
    size_t count, wanting;
};

/* Of all messages that can stand anywhere in this one. */
static void check_rules(struct walk *walk, const ProtobufCMessageDescriptor *of)
{
    for (size_t i = 0; i < walk->count; i++)
        if (walk->seen[i] == of)
            return;
    assert_in_range(walk->count, 0, ARRAY_SIZE(walk->seen) - 1);
    walk->seen[walk->count++] = of;
    for (unsigned i = 0; i < of->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &of->fields[i];

        walk->wanting += redact_wants_rule(field);
        if (redact_wants_rule(field) && redact_rule_of(of, field) == REDACT_NONE)
            fail_msg("%s.%s may hold a secret: config/redact.c wants a rule for it", of->name,
                     field->name);
        if (field->type == PROTOBUF_C_TYPE_MESSAGE)
            check_rules(walk, field->descriptor);
    }
}

static void each_has_a_rule(void **state)
{
    struct walk walk = {.count = 0};

    (void)state;
    check_rules(&walk, &envoy__config__bootstrap__v3__bootstrap__descriptor);
    for (size_t i = 0; i < bootstrap_types.count; i++)
        check_rules(&walk, bootstrap_types.items[i]);
    assert_in_range(walk.count, 60, ARRAY_SIZE(walk.seen));
    assert_int_equal(walk.wanting, 9); /* those that there are rules for */
}

/* --- messages ------------------------------------------------------------------------------------- */

static char *copy(const char *text)
{
    char *made = strdup(text);

    assert_non_null(made);
    return made;
}

/* Text and bytes, in an optional message, in a list, and where the names of things stand beside them. */
static void only_secrets_are_taken(void **state)
{
    Envoy__Config__Core__V3__GrpcService service = ENVOY__CONFIG__CORE__V3__GRPC_SERVICE__INIT;
    Envoy__Config__Core__V3__HeaderValue text = ENVOY__CONFIG__CORE__V3__HEADER_VALUE__INIT,
                                         raw = text, empty = text, *list[] = {&text, &raw, &empty};

    (void)state;
    text.key = copy("x-text");
    text.value = copy(SECRET);
    raw.key = copy("x-raw");
    raw.raw_value = (ProtobufCBinaryData){strlen(SECRET), (uint8_t *)copy(SECRET)};
    service.initial_metadata = list;
    service.n_initial_metadata = ARRAY_SIZE(list);
    assert_int_equal(redact(&service.base, &bootstrap_types), 0);
    assert_string_equal(text.key, "x-text");
    assert_string_equal(text.value, REDACTED);
    assert_int_equal(text.raw_value.len, 0);
    assert_string_equal(raw.key, "x-raw");
    assert_string_equal(raw.value, "");
    assert_int_equal(raw.raw_value.len, strlen(REDACTED));
    assert_memory_equal(raw.raw_value.data, REDACTED, strlen(REDACTED));
    assert_string_equal(empty.value, "");
    free(text.key);
    free(text.value);
    free(raw.key);
    free(raw.raw_value.data);
}

#define BOOTSTRAP                                                                                  \
    "node: {id: shown, cluster: c}\n"                                                              \
    "static_resources:\n"                                                                          \
    "  clusters:\n"                                                                                \
    "  - name: lrs\n"                                                                              \
    "    type: STATIC\n"                                                                           \
    "    load_assignment: {cluster_name: lrs, endpoints: [{lb_endpoints: [{endpoint: {address: "   \
    "{socket_address: {address: 127.0.0.1, port_value: 1}}}}]}]}\n"                                \
    "    transport_socket: {name: tls, typed_config: {\"@type\": "                                 \
    "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext, "           \
    "sni: shown.example, common_tls_context: {tls_certificates: [{certificate_chain: {filename: "  \
    "/proc/version}, private_key: {inline_string: " SECRET "}, password: {inline_string: " SECRET  \
    "}}]}}}\n"                                                                                     \
    "cluster_manager: {load_stats_config: {api_type: GRPC, transport_api_version: V3, "            \
    "grpc_services: [{envoy_grpc: {cluster_name: lrs}, initial_metadata: [{key: shown, "           \
    "value: " SECRET "}]}]}}\n"

static bool has(const struct bootstrap *bootstrap, const char *text)
{
    return memmem(bootstrap->message, bootstrap->message_size, text, strlen(text));
}

/* Also within an Any. */
static void what_is_kept_has_none(void **state)
{
    const struct bootstrap_source source = {.yaml = BOOTSTRAP};
    struct bootstrap *bootstrap;
    struct config_error error;

    (void)state;
    if (bootstrap_load(&source, &bootstrap, &error))
        fail_msg("%s", error.text);
    assert_true(has(bootstrap, "shown.example"));
    assert_true(has(bootstrap, "/proc/version"));
    assert_true(has(bootstrap, REDACTED));
    assert_false(has(bootstrap, SECRET));
    assert_string_equal(bootstrap->lrs_metadata[0].value, SECRET); /* what is used is there */
    bootstrap_free(bootstrap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_has_a_rule),
        cmocka_unit_test(only_secrets_are_taken),
        cmocka_unit_test(what_is_kept_has_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
