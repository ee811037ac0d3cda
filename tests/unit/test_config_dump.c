/* /config_dump has all that was read, and none of its secrets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "admin/config_page.h"
#include "base/mem.h"

#define SECRET "s3cr3t"
#define SECRET_BASE64 "czNjcjN0"

#define LRS(service)                                                                               \
    "cluster_manager: {load_stats_config: {api_type: GRPC, transport_api_version: V3, "            \
    "grpc_services: [{" service "}]}}\n"

#define HEAD "node: {id: shown, cluster: c}\nstatic_resources:\n  clusters:\n"
#define CLUSTER                                                                                    \
    "  - name: lrs\n"                                                                              \
    "    type: STATIC\n"                                                                           \
    "    load_assignment: {cluster_name: lrs, endpoints: [{lb_endpoints: [{endpoint: {address: "   \
    "{socket_address: {address: 127.0.0.1, port_value: 1}}}}]}]}\n"

#define TLS(key)                                                                                   \
    "    transport_socket: {name: envoy.transport_sockets.tls, typed_config: {\"@type\": "         \
    "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext, "           \
    "sni: shown.example, common_tls_context: {tls_certificates: [{certificate_chain: {filename: "  \
    "/proc/version}, private_key: {" key "}, password: {inline_string: " SECRET "}}]}}}\n"

static char *dump(const char *yaml)
{
    const struct bootstrap_source source = {.yaml = yaml};
    struct bootstrap *bootstrap;
    struct config_error error;
    json_t *object;
    char *text;

    if (bootstrap_load(&source, &bootstrap, &error))
        fail_msg("%s", error.text);
    object = config_dump_json(bootstrap, 1700000000000000);
    assert_non_null(object);
    text = json_dumps(object, JSON_INDENT(1));
    json_decref(object);
    bootstrap_free(bootstrap);
    return text;
}

static void secrets(void **state)
{
    static const char *const cases[] = {
        HEAD CLUSTER TLS("inline_string: " SECRET)
            LRS("envoy_grpc: {cluster_name: lrs}, initial_metadata: "
                "[{key: shown, value: " SECRET "}]"),
        HEAD CLUSTER TLS("inline_bytes: " SECRET_BASE64) LRS("envoy_grpc: {cluster_name: lrs}"),
        "node: {id: shown, cluster: c}\n" LRS(
            "google_grpc: {target_uri: 'shown:1', stat_prefix: x, channel_credentials: "
            "{ssl_credentials: {cert_chain: {filename: /proc/version}, private_key: "
            "{inline_string: " SECRET "}}}, call_credentials: "
            "[{access_token: " SECRET "}]}"),
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        autofree char *text = dump(cases[i]);

        if (strstr(text, SECRET) || strstr(text, SECRET_BASE64))
            fail_msg("case %zu: %s", i, text);
        assert_non_null(strstr(text, "[redacted]"));
        assert_non_null(strstr(text, "shown"));
    }
}

/* What is no secret stands there, a file's name too. */
static void all_that_was_read(void **state)
{
    autofree char *text = dump(HEAD CLUSTER TLS("filename: /proc/uptime")
                                   LRS("envoy_grpc: {cluster_name: lrs}, initial_metadata: "
                                       "[{key: x-tenant, value: " SECRET "}]"));
    static const char *const parts[] = {
        "\"@type\": \"type.googleapis.com/envoy.admin.v3.BootstrapConfigDump\"",
        "\"@type\": \"type.googleapis.com/envoy.admin.v3.ClustersConfigDump\"",
        "\"@type\": \"type.googleapis.com/envoy.config.cluster.v3.Cluster\"",
        "UpstreamTlsContext\"",
        "\"sni\": \"shown.example\"",
        "/proc/uptime",
        "/proc/version",
        "\"x-tenant\"",
        "\"id\": \"shown\"",
        "\"last_updated\": \"2023-11-14T22:13:20Z\"",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
        if (!strstr(text, parts[i]))
            fail_msg("%s is not in %s", parts[i], text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(secrets),
        cmocka_unit_test(all_that_was_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
