/* Which changes of a bootstrap make another stream: each one alone, as it is written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "config/bootstrap_change.h"

#define ENDPOINT(address)                                                                          \
    "{endpoint: {address: {socket_address: {address: " address ", port_value: 80}}}}"
#define CLUSTER(name, more, endpoints)                                                             \
    "{name: " name ", connect_timeout: 1s" more                                                    \
    ", load_assignment: {cluster_name: x, endpoints: [{lb_endpoints: [" endpoints "]}]}}"
#define WATCHED CLUSTER("w", "", ENDPOINT("10.0.0.1"))
#define SERVER CLUSTER("m", "", ENDPOINT("10.0.0.9"))
#define TLS                                                                                        \
    ", transport_socket: {name: t, typed_config: {'@type': "                                       \
    "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext, "
#define HTTP2                                                                                      \
    ", typed_extension_protocol_options: "                                                         \
    "{envoy.extensions.upstreams.http.v3.HttpProtocolOptions: "                                    \
    "{'@type': type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions, "       \
    "explicit_http_config: {http2_protocol_options: {connection_keepalive: "

static const char *const usual_clusters = WATCHED ", " SERVER;
static const char *const usual_service = "envoy_grpc: {cluster_name: m}";
static const char *const usual_node = "id: one";

static struct bootstrap *load(const char *clusters, const char *service, const char *node)
{
    struct bootstrap *out = NULL;
    struct config_error error;
    char text[4096];

    snprintf(
        text, sizeof(text),
        "{node: {%s}, static_resources: {clusters: [%s]}, cluster_manager: {load_stats_config: "
        "{api_type: GRPC, grpc_services: [{%s}]}}}",
        node, clusters, service);
    if (bootstrap_load(&(struct bootstrap_source){.yaml = text}, &out, &error))
        fail_msg("%s", error.text);
    return out;
}

static bool is_new(const char *clusters, const char *service, const char *node,
                   const char *to_clusters, const char *to_service, const char *to_node)
{
    struct bootstrap *from = load(clusters, service, node);
    struct bootstrap *to = load(to_clusters, to_service, to_node);
    struct cluster_changes *changes;
    bool found;

    assert_int_equal(cluster_changes_find(&from->clusters, &to->clusters, &changes), 0);
    found = bootstrap_change_stream(from, to, changes);
    bootstrap_change_make(from, to, changes);
    cluster_changes_free(changes);
    bootstrap_free(to);
    /* It is what was wanted, and the same once more changes nothing. */
    to = load(to_clusters, to_service, to_node);
    if (!from->lrs_host)
        assert_string_equal(from->clusters.items[from->lrs_cluster].name,
                            to->clusters.items[to->lrs_cluster].name);
    assert_int_equal(cluster_changes_find(&from->clusters, &to->clusters, &changes), 0);
    assert_false(bootstrap_change_stream(from, to, changes));
    assert_int_equal(changes->added_count + changes->dropped_count, 0);
    cluster_changes_free(changes);
    bootstrap_free(to);
    bootstrap_free(from);
    return found;
}

static bool new_by_clusters(const char *from, const char *to)
{
    return is_new(from, usual_service, usual_node, to, usual_service, usual_node);
}

static bool new_by_service(const char *from, const char *to)
{
    return is_new(usual_clusters, from, usual_node, usual_clusters, to, usual_node);
}

static bool new_by_node(const char *from, const char *to)
{
    return is_new(usual_clusters, usual_service, from, usual_clusters, usual_service, to);
}

static void what_is_said_of_the_node(void **state)
{
    (void)state;
    assert_false(new_by_node("id: one", "id: one"));
    assert_true(new_by_node("id: one", "id: two"));
    assert_true(new_by_node("id: one", "id: one, cluster: c"));
    assert_true(new_by_node("id: one, metadata: {a: 1}", "id: one, metadata: {a: 2}"));
    assert_true(new_by_node("id: one, locality: {zone: a}", "id: one"));
}

static void where_it_goes(void **state)
{
    (void)state;
    assert_false(new_by_clusters(WATCHED ", " SERVER, SERVER ", " WATCHED));
    assert_false(new_by_clusters(WATCHED ", " SERVER, SERVER));
    assert_false(
        new_by_clusters(SERVER, CLUSTER("m", ", lb_policy: RANDOM", ENDPOINT("10.0.0.9"))));
    assert_true(new_by_clusters(SERVER, CLUSTER("m", "", ENDPOINT("10.0.0.8"))));
    assert_true(
        new_by_clusters(SERVER, CLUSTER("m", "", ENDPOINT("10.0.0.9") ", " ENDPOINT("10.0.0.8"))));
    assert_true(new_by_clusters(
        CLUSTER("m", ", type: STRICT_DNS", ENDPOINT("a.test")),
        CLUSTER("m", ", type: STRICT_DNS, dns_lookup_family: V4_ONLY", ENDPOINT("a.test"))));
    assert_true(new_by_service("envoy_grpc: {cluster_name: m}", "envoy_grpc: {cluster_name: w}"));
    assert_true(new_by_service("envoy_grpc: {cluster_name: m}",
                               "google_grpc: {target_uri: 'a.test:1', stat_prefix: x}"));
    assert_true(new_by_service("google_grpc: {target_uri: 'a.test:1', stat_prefix: x}",
                               "envoy_grpc: {cluster_name: m}"));
    assert_true(new_by_service("google_grpc: {target_uri: 'a.test:1', stat_prefix: x}",
                               "google_grpc: {target_uri: 'a.test:2', stat_prefix: x}"));
    assert_false(new_by_service("google_grpc: {target_uri: 'a.test:1', stat_prefix: x}",
                                "google_grpc: {target_uri: 'a.test:1', stat_prefix: z}"));
}

static void how_it_goes_there(void **state)
{
    static const char *const keepalive[] = {"{interval: 1s, timeout: 1s}}}}}",
                                            "{interval: 2s, timeout: 1s}}}}}",
                                            "{interval: 1s, timeout: 2s}}}}}"};
    static const char *const tls[] = {"sni: a}}",
                                      "sni: b}}",
                                      "}}",
                                      "common_tls_context: {tls_params: "
                                      "{tls_minimum_protocol_version: TLSv1_3}}}}",
                                      "common_tls_context: {validation_context: {trusted_ca: "
                                      "{filename: /dev/null}}}}}",
                                      "common_tls_context: {validation_context: {trusted_ca: "
                                      "{filename: /etc/passwd}}}}}",
                                      "common_tls_context: {validation_context: {trusted_ca: "
                                      "{inline_string: a}}}}}"};
    char from[1024], to[1024];

    (void)state;
    for (size_t i = 0; i < 3; i++)
        for (size_t j = 0; j < 3; j++) {
            snprintf(from, sizeof(from), CLUSTER("m", HTTP2 "%s", ENDPOINT("10.0.0.9")),
                     keepalive[i]);
            snprintf(to, sizeof(to), CLUSTER("m", HTTP2 "%s", ENDPOINT("10.0.0.9")), keepalive[j]);
            assert_int_equal(new_by_clusters(from, to), i != j);
        }
    for (size_t i = 0; i < 7; i++)
        for (size_t j = 0; j < 7; j++) {
            snprintf(from, sizeof(from), CLUSTER("m", TLS "%s", ENDPOINT("10.0.0.9")), tls[i]);
            snprintf(to, sizeof(to), CLUSTER("m", TLS "%s", ENDPOINT("10.0.0.9")), tls[j]);
            assert_int_equal(new_by_clusters(from, to), i != j);
        }
    assert_true(new_by_clusters(SERVER, from));
    assert_true(new_by_clusters(from, SERVER));
}

/* A stream that goes on still has its TLS settings when what was before is freed. */
static void tls_settings_stay_where_they_are(void **state)
{
    static const char *const cluster = CLUSTER(
        "m", TLS "common_tls_context: {validation_context: {trusted_ca: {inline_string: a}}}}}",
        ENDPOINT("10.0.0.9"));
    struct bootstrap *from = load(cluster, usual_service, usual_node);
    struct bootstrap *to = load(cluster, usual_service, "id: one, cluster: longer");
    const struct tls_settings *borrowed = from->lrs_tls;
    autofree char *place = strdup(to->lrs_tls->trusted_ca.place);
    struct cluster_changes *changes;

    (void)state;
    assert_string_not_equal(borrowed->trusted_ca.place, place);
    assert_int_equal(cluster_changes_find(&from->clusters, &to->clusters, &changes), 0);
    bootstrap_change_make(from, to, changes);
    cluster_changes_free(changes);
    bootstrap_free(to);
    assert_ptr_equal(from->lrs_tls, borrowed);
    assert_string_equal(borrowed->trusted_ca.place, place);
    to = load(cluster, usual_service, usual_node);
    assert_true(tls_settings_equal(borrowed, to->lrs_tls));
    bootstrap_free(to);
    bootstrap_free(from);
}

static void what_its_headers_say(void **state)
{
    (void)state;
    assert_true(new_by_service("envoy_grpc: {cluster_name: m}",
                               "envoy_grpc: {cluster_name: m, authority: a}"));
    assert_true(
        new_by_service("envoy_grpc: {cluster_name: m}, initial_metadata: [{key: a, value: b}]",
                       "envoy_grpc: {cluster_name: m}"));
    assert_true(
        new_by_service("envoy_grpc: {cluster_name: m}, initial_metadata: [{key: a, value: b}]",
                       "envoy_grpc: {cluster_name: m}, initial_metadata: [{key: a, value: c}]"));
    assert_true(
        new_by_service("envoy_grpc: {cluster_name: m}, initial_metadata: [{key: a, value: b}]",
                       "envoy_grpc: {cluster_name: m}, initial_metadata: [{key: c, value: b}]"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_said_of_the_node),
        cmocka_unit_test(where_it_goes),
        cmocka_unit_test(how_it_goes_there),
        cmocka_unit_test(tls_settings_stay_where_they_are),
        cmocka_unit_test(what_its_headers_say),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
