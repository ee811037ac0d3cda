#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "failing_memory.h"

#include "base/mem.h"
#include "base/version.h"
#include "config/bootstrap.h"

#define SANDBOX "configs/envoy-lrs-sandbox.yaml"

/* One cluster to watch, `b`, with the options given, and one to report to, `m`. */
#define ENDPOINT(address, port)                                                                    \
    "{endpoint: {address: {socket_address: {address: '" address "', port_value: " port "}}}}"
#define ASSIGNMENT(endpoints)                                                                      \
    "load_assignment: {cluster_name: x, endpoints: [{lb_endpoints: [" endpoints "]}]}"
#define MANAGEMENT "{name: m, " ASSIGNMENT(ENDPOINT("10.0.0.9", "18000")) "}"
#define CLUSTERS(clusters) "static_resources: {clusters: [" clusters ", " MANAGEMENT "]}\n"
#define REPORT_TO(service)                                                                         \
    "cluster_manager: {load_stats_config: {api_type: GRPC, grpc_services: [" service "]}}\n"
#define REPORT REPORT_TO("{envoy_grpc: {cluster_name: m}}")
#define LABEL_63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

#define SMALL(options, endpoints) CLUSTERS("{name: b, " options ASSIGNMENT(endpoints) "}") REPORT
#define LOCAL ENDPOINT("127.0.0.1", "80")

static struct config_error error;

static struct bootstrap *load(const struct bootstrap_source *source)
{
    struct bootstrap *bootstrap = NULL;

    error.text[0] = '\0';
    if (bootstrap_load(source, &bootstrap, &error))
        assert_null(bootstrap);
    return bootstrap;
}

static struct bootstrap *must_load(const char *yaml)
{
    struct bootstrap *bootstrap = load(&(struct bootstrap_source){.yaml = yaml});

    if (!bootstrap)
        fail_msg("%s", error.text);
    return bootstrap;
}

static void expect_error(const char *yaml, const char *wanted)
{
    assert_null(load(&(struct bootstrap_source){.yaml = yaml}));
    if (!strstr(error.text, wanted))
        fail_msg("found: %s\nwanted: %s", error.text, wanted);
}

static bool has_note(const struct bootstrap *bootstrap, const char *text)
{
    for (size_t i = 0; i < bootstrap->note_count; i++)
        if (strstr(bootstrap->notes[i], text))
            return true;
    return false;
}

static void the_sandbox(void **state)
{
    struct bootstrap *bootstrap = load(&(struct bootstrap_source){.path = SANDBOX});

    (void)state;
    assert_non_null(bootstrap);
    assert_int_equal(bootstrap->clusters.count, 2);
    const struct cluster *service = &bootstrap->clusters.items[0];
    assert_string_equal(service->name, "local_service");
    assert_int_equal(service->discovery, DISCOVERY_STRICT_DNS);
    assert_int_equal(service->protocol, PROTOCOL_AUTO);
    assert_string_equal(service->groups[0].endpoints[0].host, "http_service");
    assert_int_equal(service->groups[0].endpoints[0].port, 8080);
    assert_int_equal(bootstrap->lrs_cluster, 1);
    assert_string_equal(bootstrap->lrs_authority, "load_reporting_cluster");
    assert_string_equal(bootstrap->admin_host, "0.0.0.0");
    assert_int_equal(bootstrap->admin_port, 8081);
    assert_null(bootstrap->cgroup_path);
    assert_null(bootstrap->run_as_user);
    assert_int_equal(bootstrap->note_count, 1);
    assert_true(has_note(bootstrap, "no id and no cluster"));
    bootstrap_free(bootstrap);
}

static void the_node(void **state)
{
    struct bootstrap *bootstrap = load(&(struct bootstrap_source){
        .yaml = "node: {id: a, cluster: b, locality: {region: r, zone: z}, user_agent_name: envoy,"
                " user_agent_version: '1', client_features: [f]}\n" SMALL("", LOCAL),
        .service_node = "n",
        .service_cluster = "",
        .service_zone = "y"});

    (void)state;
    assert_non_null(bootstrap);
    const Envoy__Config__Core__V3__Node *node = bootstrap->node;
    assert_string_equal(node->id, "n");
    assert_string_equal(node->cluster, "b");
    assert_string_equal(node->locality->region, "r");
    assert_string_equal(node->locality->zone, "y");
    assert_string_equal(node->user_agent_name, "loadtap");
    assert_int_equal(
        node->user_agent_version_type_case,
        ENVOY__CONFIG__CORE__V3__NODE__USER_AGENT_VERSION_TYPE_USER_AGENT_BUILD_VERSION);
    assert_int_equal(node->user_agent_build_version->version->minor_number, VERSION_MINOR);
    assert_int_equal(node->n_client_features, 2);
    assert_string_equal(node->client_features[1], "envoy.lrs.supports_send_all_clusters");
    assert_int_equal(bootstrap->note_count, 0);
    bootstrap_free(bootstrap);
}

static void the_second_text_is_merged(void **state)
{
    struct bootstrap *bootstrap = load(&(struct bootstrap_source){
        .path = SANDBOX,
        .yaml = "node: {id: x}\nstatic_resources: {clusters: [{name: third}]}\n"
                "admin: {address: {socket_address: {port_value: 0}}}"});

    (void)state;
    assert_non_null(bootstrap);
    assert_string_equal(bootstrap->node->id, "x");
    assert_int_equal(bootstrap->clusters.count, 3);
    assert_string_equal(bootstrap->clusters.items[2].name, "third");
    assert_string_equal(bootstrap->admin_host, "0.0.0.0");
    assert_true(has_note(bootstrap, "cluster third: no endpoints"));
    bootstrap_free(bootstrap);
    assert_null(load(&(struct bootstrap_source){
        .path = SANDBOX, .yaml = "static_resources: {clusters: [{name: local_service}]}"}));
    assert_non_null(strstr(error.text, "--config-yaml:1:38: static_resources.clusters[2].name: "));
    assert_null(load(&(struct bootstrap_source){
        .path = SANDBOX, .yaml = "staticResources: {clusters: [{name: a, lbPolicy: 6}]}"}));
    assert_non_null(strstr(error.text, "--config-yaml:1:50: static_resources.clusters[2]"));
    /* As in Envoy an empty flag is none. */
    bootstrap = load(&(struct bootstrap_source){.path = SANDBOX, .yaml = ""});
    assert_non_null(bootstrap);
    bootstrap_free(bootstrap);
}

static void protocols(void **state)
{
#define WITH(key_value) "metadata: {filter_metadata: {loadtap: {" key_value "}}}, "
#define TLS "transport_socket: {name: envoy.transport_sockets.tls}, "
    static const struct {
        const char *yaml;
        enum protocol protocol;
    } rows[] = {
        {SMALL("", LOCAL), PROTOCOL_AUTO},
        {SMALL(WITH("protocol: auto"), LOCAL), PROTOCOL_AUTO},
        {SMALL(WITH("protocol: http1"), LOCAL), PROTOCOL_HTTP1},
        {SMALL(WITH("protocol: http2"), LOCAL), PROTOCOL_HTTP2},
        {SMALL(WITH("protocol: tcp"), LOCAL), PROTOCOL_TCP},
        {SMALL(TLS, LOCAL), PROTOCOL_OPAQUE},
        {SMALL(TLS WITH("protocol: http1"), LOCAL), PROTOCOL_OPAQUE},
        {SMALL(TLS WITH("protocol: tcp"), LOCAL), PROTOCOL_TCP},
        {SMALL("transport_socket: {name: envoy.transport_sockets.raw_buffer}, ", LOCAL),
         PROTOCOL_AUTO},
        {SMALL("http2_protocol_options: {}, ", LOCAL), PROTOCOL_AUTO},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct bootstrap *bootstrap = must_load(rows[i].yaml);

        assert_int_equal(bootstrap->clusters.items[0].protocol, rows[i].protocol);
        assert_int_equal(has_note(bootstrap, "opaque"), rows[i].protocol == PROTOCOL_OPAQUE);
        bootstrap_free(bootstrap);
    }
    expect_error(SMALL(WITH("protocol: grpc"), LOCAL),
                 "static_resources.clusters[0].metadata.filter_metadata[\"loadtap\"].protocol: "
                 "found \"grpc\", expected auto, http1, http2 or tcp");
    expect_error(SMALL(WITH("protocol: 1"), LOCAL), "expected auto, http1, http2 or tcp");
    expect_error(SMALL(WITH("protocoll: tcp"), LOCAL), "did you mean 'protocol'?");
    expect_error(SMALL(WITH("weight: 1"), LOCAL), "found the unknown key 'weight', expected");
}

/* In each of the places where Envoy has them. */
static void other_name_servers(void **state)
{
#define SERVERS "typed_dns_resolver_config: {name: r, typed_config: {'@type': t.io/x.CaresConfig}}"
    static const struct {
        const char *yaml, *note; /* NULL: none */
    } rows[] = {
        {SMALL("type: STRICT_DNS, " SERVERS ", ", LOCAL),
         "static_resources.clusters[0].typed_dns_resolver_config: not followed: names are resolved "
         "by the hosts file"},
        {SMALL("type: LOGICAL_DNS, dnsResolvers: [], ", LOCAL),
         "clusters[0].dns_resolvers: not followed"},
        {SMALL("cluster_type: {name: envoy.cluster.dns, typed_config: {'@type': "
               "t.io/envoy.extensions.clusters.dns.v3.DnsCluster, " SERVERS "}}, ",
               LOCAL),
         "clusters[0].cluster_type.typed_config.typed_dns_resolver_config: not followed"},
        {"dns_resolution_config: {}\n" SMALL("type: STRICT_DNS, ", LOCAL),
         ": dns_resolution_config: not followed"},
        {"dns_resolution_config: {}\n" SMALL("type: STATIC, " SERVERS ", ", LOCAL), NULL},
        {SMALL("type: STRICT_DNS, ", LOCAL), NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct bootstrap *bootstrap = must_load(rows[i].yaml);

        if (rows[i].note)
            assert_true(has_note(bootstrap, rows[i].note));
        else
            assert_false(has_note(bootstrap, "not followed"));
        bootstrap_free(bootstrap);
    }
}

#define LOGS "application_log_config: {log_format: {"

static void the_log_is_wanted_as_json(void **state)
{
    struct bootstrap *bootstrap =
        must_load(LOGS "json_format: {Message: '%j', Level: '%l'}}}\n" SMALL("", LOCAL));

    (void)state;
    assert_true(bootstrap->log_as_json);
    bootstrap_free(bootstrap);
    bootstrap = must_load(LOGS "text_format: '%v'}}\n" SMALL("", LOCAL));
    assert_false(bootstrap->log_as_json);
    assert_true(has_note(bootstrap, "application_log_config.log_format.text_format: not followed"));
    bootstrap_free(bootstrap);
}

static void what_is_not_observed(void **state)
{
    struct bootstrap *bootstrap = must_load(SMALL(
        "", "{endpoint: {address: {pipe: {path: /p}}}}, {endpoint: {address: {socket_address: "
            "{protocol: UDP, address: 10.0.0.1, port_value: 53}}}}, {endpoint: {address: "
            "{envoy_internal_address: {server_listener_name: l}}}}, {endpoint_name: e}, " LOCAL));
    const struct endpoint *endpoints = bootstrap->clusters.items[0].groups[0].endpoints;

    (void)state;
    assert_int_equal(bootstrap->clusters.items[0].groups[0].endpoint_count, 5);
    assert_string_equal(endpoints[0].not_observed, "pipe");
    assert_string_equal(endpoints[1].not_observed, "UDP");
    assert_string_equal(endpoints[2].not_observed, "internal address");
    assert_string_equal(endpoints[3].not_observed, "endpoint_name");
    assert_null(endpoints[3].host);
    assert_null(endpoints[4].not_observed);
    assert_true(has_note(bootstrap, "cluster b: endpoint pipe /p: not observed"));
    assert_true(has_note(bootstrap, "cluster b: endpoint UDP 10.0.0.1: not observed"));
    bootstrap_free(bootstrap);
    bootstrap = must_load("dynamic_resources: {cds_config: {}}\n" CLUSTERS(
        "{name: e, type: EDS, eds_cluster_config: {eds_config: {}, service_name: s}}") REPORT);
    assert_true(has_note(bootstrap, "dynamic_resources"));
    assert_true(has_note(bootstrap, "cluster e: type EDS"));
    assert_string_equal(bootstrap->clusters.items[0].service_name, "s");
    bootstrap_free(bootstrap);
    bootstrap = must_load(SMALL(
        "typed_extension_protocol_options: {envoy.extensions.upstreams.http.v3.HttpProtocolOptions:"
        " {'@type': x/envoy.extensions.upstreams.http.v3.HttpProtocolOptions, explicit_http_config:"
        " {http3_protocol_options: {}}}}, ",
        LOCAL));
    assert_string_equal(bootstrap->clusters.items[0].groups[0].endpoints[0].not_observed, "HTTP/3");
    bootstrap_free(bootstrap);
}

static void addresses_and_ports(void **state)
{
    (void)state;
    bootstrap_free(must_load(SMALL("", ENDPOINT("::1", "65535"))));
    bootstrap_free(must_load(SMALL("type: STRICT_DNS, ", ENDPOINT("10.0.0.1", "1"))));
    bootstrap_free(must_load(SMALL("type: STRICT_DNS, ", ENDPOINT("a_b.example.", "1"))));
    bootstrap_free(must_load(SMALL("type: STRICT_DNS, ", ENDPOINT("b." LABEL_63 ".c", "1"))));
    expect_error(SMALL("", ENDPOINT("10.0.0.1", "0")),
                 "port_value: found 0, expected a port from 1 to 65535");
    expect_error(SMALL("", ENDPOINT("10.0.0.1", "65536")), "port_value: found 65536");
    expect_error(SMALL("", ENDPOINT("web", "80")), "expected an IP address: a cluster of names");
    expect_error(SMALL("", ENDPOINT("0.0.0.0", "80")), "unspecified address");
    expect_error(SMALL("", ENDPOINT("::", "80")), "unspecified address");
    expect_error(SMALL("type: STRICT_DNS, ", ENDPOINT("", "80")), "expected a host name");
    expect_error(SMALL("type: STRICT_DNS, ", ENDPOINT("10.0.0.256", "80")), "expected a host name");
    expect_error(SMALL("type: STRICT_DNS, ", ENDPOINT("http://web", "80")), "expected a host name");
    expect_error(SMALL("type: STRICT_DNS, ", ENDPOINT("a..b", "80")), "expected a host name");
    expect_error(SMALL("type: STRICT_DNS, ", ENDPOINT("-a", "80")), "expected a host name");
    expect_error(SMALL("type: STRICT_DNS, ", ENDPOINT("a.-b", "80")), "expected a host name");
    expect_error(SMALL("type: STRICT_DNS, ", ENDPOINT(".a", "80")), "expected a host name");
    expect_error(SMALL("type: STRICT_DNS, ", ENDPOINT("b." LABEL_63 "x", "80")),
                 "expected a host name");
    expect_error(SMALL("", "{endpoint: {address: {socket_address: {address: 10.0.0.1}}}}"),
                 "socket_address: found no port_value");
    expect_error(SMALL("", "{endpoint: {}}"), "lb_endpoints[0].endpoint: found no address");
    expect_error(SMALL("", "{}"), "lb_endpoints[0]: found no endpoint");
    expect_error("admin: {address: {socket_address: {address: localhost, port_value: 1}}}\n" SMALL(
                     "", LOCAL),
                 "admin.address.socket_address.address: found \"localhost\"");
}

static void clusters_that_cannot_be(void **state)
{
    (void)state;
    expect_error(CLUSTERS("{type: STATIC}") REPORT, "clusters[0]: found no name");
    expect_error(CLUSTERS("{name: a}, {name: b}, {name: a}") REPORT,
                 "static_resources.clusters[2].name: found \"a\", which "
                 "static_resources.clusters[0] is called too");
    expect_error(SMALL("type: LOGICAL_DNS, ", LOCAL ", " LOCAL), "found 2 endpoints, expected "
                                                                 "exactly one");
    expect_error(SMALL("type: STATIC, connect_timeout: 0s, ", LOCAL), "connect_timeout: found no");
    struct bootstrap *bootstrap = must_load(SMALL("connect_timeout: 1.25s, ", LOCAL));
    assert_int_equal(bootstrap->clusters.items[0].connect_timeout_us, 1250000);
    assert_int_equal(bootstrap->clusters.items[1].connect_timeout_us, 0);
    bootstrap_free(bootstrap);
    expect_error(SMALL("health_checks: [{http_health_check: {host: h}}], ", LOCAL),
                 "http_health_check: found no path");
    expect_error(CLUSTERS("{name: e, type: EDS}") REPORT, "found no eds_config");
}

static void cluster_types(void **state)
{
    struct bootstrap *bootstrap = must_load(
        SMALL("cluster_type: {name: envoy.cluster.dns, typed_config: {'@type': "
              "x/envoy.extensions.clusters.dns.v3.DnsCluster, dns_lookup_family: V4_ONLY}}, ",
              LOCAL));

    (void)state;
    assert_int_equal(bootstrap->clusters.items[0].discovery, DISCOVERY_STRICT_DNS);
    assert_int_equal(bootstrap->clusters.items[0].dns_family, DNS_FAMILY_V4_ONLY);
    bootstrap_free(bootstrap);
    bootstrap = must_load(
        SMALL("cluster_type: {name: envoy.cluster.dns, typed_config: {'@type': x/envoy.extensions."
              "clusters.dns.v3.DnsCluster, all_addresses_in_single_endpoint: true}}, ",
              LOCAL));
    assert_int_equal(bootstrap->clusters.items[0].discovery, DISCOVERY_LOGICAL_DNS);
    bootstrap_free(bootstrap);
    bootstrap = must_load(SMALL("cluster_type: {name: envoy.clusters.redis}, ", LOCAL));
    assert_int_equal(bootstrap->clusters.items[0].discovery, DISCOVERY_OTHER);
    bootstrap_free(bootstrap);
    bootstrap = must_load(SMALL("type: STRICT_DNS, dns_lookup_family: ALL, ", LOCAL));
    assert_int_equal(bootstrap->clusters.items[0].dns_family, DNS_FAMILY_ALL);
    bootstrap_free(bootstrap);
}

#define DNS(fields) SMALL("type: STRICT_DNS, " fields ", ", LOCAL)
#define DNS_CLUSTER(fields)                                                                        \
    SMALL("cluster_type: {name: envoy.cluster.dns, typed_config: {'@type': "                       \
          "x/envoy.extensions.clusters.dns.v3.DnsCluster, " fields "}}, dns_refresh_rate: 9s, ",   \
          LOCAL)

static void expect_refresh(const char *yaml, const struct dns_refresh *wanted)
{
    struct bootstrap *bootstrap = must_load(yaml);
    const struct dns_refresh *read = &bootstrap->clusters.items[0].dns_refresh;

    assert_int_equal(read->rate_ms, wanted->rate_ms);
    assert_int_equal(read->failure_base_ms, wanted->failure_base_ms);
    assert_int_equal(read->failure_max_ms, wanted->failure_max_ms);
    assert_int_equal(read->jitter_ms, wanted->jitter_ms);
    assert_int_equal(read->respect_ttl, wanted->respect_ttl);
    bootstrap_free(bootstrap);
}

static void dns_refresh(void **state)
{
    (void)state;
    expect_refresh(SMALL("", LOCAL), &(struct dns_refresh){.rate_ms = 5000});
    expect_refresh(DNS("dns_refresh_rate: 1.5s, respect_dns_ttl: true, dns_jitter: 0.25s, "
                       "dns_failure_refresh_rate: {base_interval: 2s}"),
                   &(struct dns_refresh){1500, 2000, 20000, 250, true});
    expect_refresh(DNS_CLUSTER("respect_dns_ttl: false"), &(struct dns_refresh){.rate_ms = 5000});
    expect_refresh(
        DNS_CLUSTER("dns_refresh_rate: 0.002s, respect_dns_ttl: true, dns_jitter: 1s, "
                    "dns_failure_refresh_rate: {base_interval: 0.0015s, max_interval: 3600s}"),
        &(struct dns_refresh){2, 1, 3600000, 1000, true});
}

static void dns_refresh_errors(void **state)
{
    (void)state;
    expect_error(DNS("dns_refresh_rate: 0.001s"), "clusters[0].dns_refresh_rate: found 1 ms");
    expect_error(DNS("dns_refresh_rate: -5s"), "dns_refresh_rate: found 1 ms");
    expect_error(DNS("dns_refresh_rate: {seconds: 1, nanos: -5}"), "dns_refresh_rate: found 1 ms");
    expect_error(DNS("dns_jitter: -0.1s"), "dns_jitter: found a negative duration");
    expect_error(DNS("dns_failure_refresh_rate: {}"),
                 "dns_failure_refresh_rate.base_interval: found none");
    expect_error(DNS("dns_failure_refresh_rate: {base_interval: 0s}"),
                 "dns_failure_refresh_rate.base_interval: found 1 ms");
    expect_error(DNS("dns_failure_refresh_rate: {base_interval: 2s, max_interval: 1s}"),
                 "dns_failure_refresh_rate.max_interval: found less than base_interval");
    expect_error(DNS_CLUSTER("dns_refresh_rate: 0s"),
                 "clusters[0].cluster_type.typed_config.dns_refresh_rate: found 1 ms");
}

static void groups_and_probes(void **state)
{
    struct bootstrap *bootstrap = must_load(CLUSTERS(
        "{name: b, health_checks: [{tcp_health_check: {}}, {http_health_check: {path: /p, host: "
        "h}}, {grpc_health_check: {authority: a}}, {grpc_health_check: {}}], "
        "load_assignment: {cluster_name: b, endpoints: [{locality: {region: r, sub_zone: s},"
        " priority: 128}, {lb_endpoints: [" LOCAL "]}]}}") REPORT);
    const struct cluster *cluster = &bootstrap->clusters.items[0];

    (void)state;
    assert_int_equal(cluster->group_count, 2);
    assert_int_equal(cluster->groups[0].priority, 128);
    assert_string_equal(cluster->groups[0].locality.region, "r");
    assert_string_equal(cluster->groups[0].locality.zone, "");
    assert_string_equal(cluster->groups[0].locality.sub_zone, "s");
    assert_string_equal(cluster->groups[1].locality.region, "");
    assert_int_equal(cluster->health_check_count, 3);
    assert_string_equal(cluster->health_checks[0].path, "/p");
    assert_string_equal(cluster->health_checks[0].host, "h");
    assert_string_equal(cluster->health_checks[1].path, "/grpc.health.v1.Health/Check");
    assert_string_equal(cluster->health_checks[1].host, "a");
    assert_string_equal(cluster->health_checks[2].host, "");
    assert_false(has_note(bootstrap, "count as requests"));
    bootstrap_free(bootstrap);
#define PROBE "{http_health_check: {path: /}}"
    bootstrap = must_load(
        SMALL("health_checks: [" PROBE ", " PROBE ", " PROBE ", " PROBE ", " PROBE "], ", LOCAL));
    assert_int_equal(bootstrap->clusters.items[0].health_check_count, 5);
    assert_true(has_note(bootstrap, "cluster b: health checks beyond 4"));
    bootstrap_free(bootstrap);
    expect_error(CLUSTERS("{name: b, load_assignment: {cluster_name: b, endpoints: [{priority: "
                          "129}]}}") REPORT,
                 "endpoints[0].priority: found 129");
}

#define ONE "{name: b}"

static void where_to_report(void **state)
{
    (void)state;
    expect_error(CLUSTERS(ONE), "cluster_manager: found no load_stats_config, expected");
    expect_error(CLUSTERS(ONE) "cluster_manager: {}", "add: cluster_manager: {load_stats_config:");
    expect_error(CLUSTERS(ONE) REPORT_TO("{envoy_grpc: {cluster_name: mm}}"),
                 "cluster_name: found \"mm\", expected the name of a cluster of static_resources: "
                 "did you mean \"m\"?");
    expect_error(CLUSTERS(ONE) REPORT_TO("{envoy_grpc: {}}"), "envoy_grpc: found no cluster_name");
    expect_error(CLUSTERS(ONE) REPORT_TO("{envoy_grpc: {cluster_name: m, authority: \"a\\nb\"}}"),
                 "envoy_grpc.authority: found a line end");
    expect_error(CLUSTERS(ONE) REPORT_TO("{}"), "grpc_services[0]: found no target");
    expect_error(CLUSTERS(ONE) REPORT_TO(""), "found 0 services, expected exactly one");
    expect_error(CLUSTERS(ONE) REPORT_TO("{envoy_grpc: {cluster_name: b}}"),
                 "static_resources.clusters[0]: found no endpoint with an address");
    expect_error(CLUSTERS("{name: b, " TLS ASSIGNMENT(LOCAL) "}")
                     REPORT_TO("{envoy_grpc: {cluster_name: b}}"),
                 "clusters[0].transport_socket: found a transport socket that is not supported");
    expect_error(CLUSTERS(ONE) "cluster_manager: {load_stats_config: {api_type: REST}}",
                 "api_type: found REST, expected GRPC");
    expect_error(CLUSTERS(ONE) "cluster_manager: {load_stats_config: {}}",
                 "load_stats_config.api_type: found none, expected GRPC");
    expect_error(CLUSTERS(ONE) "cluster_manager: {load_stats_config: {api_type: GRPC, "
                               "transport_api_version: V2}}",
                 "transport_api_version: found V2");
}

static void headers_of_the_stream(void **state)
{
    struct bootstrap *bootstrap = must_load(CLUSTERS(ONE) REPORT_TO(
        "{envoy_grpc: {cluster_name: m, authority: a}, initial_metadata: [{key: X-One, value: v}, "
        "{key: raw, raw_value: aGk=}, {key: Text-Bin, value: hello}, {key: none-bin}, "
        "{key: raw-bin, raw_value: AAEC/w==}]}"));

    (void)state;
    assert_string_equal(bootstrap->lrs_authority, "a");
    assert_int_equal(bootstrap->lrs_metadata_count, 5);
    assert_string_equal(bootstrap->lrs_metadata[0].key, "x-one");
    assert_string_equal(bootstrap->lrs_metadata[0].value, "v");
    assert_string_equal(bootstrap->lrs_metadata[1].value, "hi");
    assert_string_equal(bootstrap->lrs_metadata[2].value, "aGVsbG8=");
    assert_string_equal(bootstrap->lrs_metadata[3].value, "");
    assert_string_equal(bootstrap->lrs_metadata[4].value, "AAEC/w==");
    bootstrap_free(bootstrap);
    expect_error(CLUSTERS(ONE) REPORT_TO("{envoy_grpc: {cluster_name: m}, initial_metadata: [{key: "
                                         "':path', value: v}]}"),
                 "initial_metadata[0].key: found \":path\", expected the name of a header");
    expect_error(CLUSTERS(ONE) REPORT_TO("{envoy_grpc: {cluster_name: m}, initial_metadata: [{key: "
                                         "k, value: \"a\\nb\"}]}"),
                 "initial_metadata[0].value: found a control character");
}

#define HEADER(key, value)                                                                         \
    CLUSTERS(ONE)                                                                                  \
    REPORT_TO("{envoy_grpc: {cluster_name: m}, initial_metadata: [{key: '" key                     \
              "', value: \"" value "\"}, {key: other, value: o}]}")

/* Envoy loads such files. */
static void headers_that_are_not_its_own(void **state)
{
    static const char *const reserved[] = {
        HEADER("te", "v"),
        HEADER("Host", "v"),
        HEADER("Content-Type", "v"),
        HEADER("content-length", "0"),
        HEADER("user-agent", "v"),
        HEADER("Connection", "close"),
        HEADER("keep-alive", "v"),
        HEADER("upgrade", "v"),
        HEADER("proxy-connection", ""),
        HEADER("transfer-encoding", "v"),
        HEADER("grpc-timeout", "v"),
        HEADER("Loadtap-Resent", "1.1"),
        HEADER("http2-settings", "v"),
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(reserved); i++) {
        struct bootstrap *bootstrap = must_load(reserved[i]);

        assert_int_equal(bootstrap->lrs_metadata_count, 1);
        assert_string_equal(bootstrap->lrs_metadata[0].key, "other");
        assert_true(has_note(bootstrap, ": not sent, reserved"));
        bootstrap_free(bootstrap);
    }
}

static void values_of_headers(void **state)
{
    struct bootstrap *bootstrap = must_load(HEADER("grp", "a\\tb\u00e9"));

    (void)state;
    assert_int_equal(bootstrap->lrs_metadata_count, 2);
    assert_string_equal(bootstrap->lrs_metadata[0].value, "a\tb\u00e9");
    bootstrap_free(bootstrap);
    expect_error(HEADER("k", "a\\x01"), "initial_metadata[0].value: found a control character");
    expect_error(HEADER("k", "a\\x7f"), "initial_metadata[0].value: found a control character");
}

static void own_settings(void **state)
{
#define SETTINGS(content)                                                                          \
    "{name: l, typed_config: {'@type': type.googleapis.com/loadtap.v1.Settings, " content "}}"
    struct bootstrap *bootstrap = must_load(
        "bootstrap_extensions: [{name: o, typed_config: {'@type': x/other, a: "
        "b}}, " SETTINGS(
            "cgroup_path: /c, run_as_user: web, omit_connection_fields: true, "
            "report_error_bound: true, removed_endpoint_idle_time: 1.5s, "
            "emission_rules: ENVOY_1_34, undialled_endpoint_time: 0s") "]\n" SMALL("", LOCAL));

    (void)state;
    assert_string_equal(bootstrap->cgroup_path, "/c");
    assert_string_equal(bootstrap->run_as_user, "web");
    assert_true(bootstrap->omit_connection_fields);
    assert_true(bootstrap->report_error_bound);
    assert_int_equal(bootstrap->removed_idle_ms, 1500);
    assert_int_equal(bootstrap->undialled_ms, 0);
    assert_int_equal(bootstrap->emission_rules, EMISSION_ENVOY_1_34);
    bootstrap_free(bootstrap);
    bootstrap = must_load(SMALL("", LOCAL));
    assert_int_equal(bootstrap->removed_idle_ms, 600000);
    assert_int_equal(bootstrap->undialled_ms, 600000);
    assert_false(bootstrap->pod_cgroup);
    assert_int_equal(bootstrap->emission_rules, EMISSION_ENVOY_1_39);
    bootstrap_free(bootstrap);
    expect_error(
        "bootstrap_extensions: [" SETTINGS("removed_endpoint_idle_time: 0s") "]\n" SMALL("", LOCAL),
        "typed_config.removed_endpoint_idle_time: found no time at all");
    expect_error("bootstrap_extensions: [" SETTINGS(
                     "cgroup_path: /c, pod_cgroup: true") "]\n" SMALL("", LOCAL),
                 "typed_config.pod_cgroup: found true beside a cgroup_path");
    expect_error(
        "bootstrap_extensions: [" SETTINGS("undialled_endpoint_time: -1s") "]\n" SMALL("", LOCAL),
        "typed_config.undialled_endpoint_time: found a negative time");
    expect_error("bootstrap_extensions: [" SETTINGS("cgroup_path: c") "]\n" SMALL("", LOCAL),
                 "bootstrap_extensions[0].typed_config.cgroup_path: found \"c\", expected an abs");
    expect_error("bootstrap_extensions: [" SETTINGS("") ", " SETTINGS("") "]\n" SMALL("", LOCAL),
                 "bootstrap_extensions[1]: found a second");
}

/* Where the pages are, and for whom. */
static void admin_settings(void **state)
{
    struct bootstrap *bootstrap = must_load(SMALL("", LOCAL));

    (void)state;
    assert_string_equal(bootstrap->admin_socket, "/run/loadtap/admin.sock");
    assert_null(bootstrap->admin_host);
    assert_false(bootstrap->admin_open_to_network);
    assert_int_equal(bootstrap->metrics_label_sets, 10000);
    bootstrap_free(bootstrap);
    bootstrap = must_load("admin: {address: {pipe: {path: /p}}}\n" SMALL("", LOCAL));
    assert_string_equal(bootstrap->admin_socket, "/p");
    assert_null(bootstrap->admin_host);
    bootstrap_free(bootstrap);
    bootstrap = must_load("admin: {address: {pipe: {path: /p}}}\nbootstrap_extensions: [" SETTINGS(
        "admin_socket: /s, admin_open_to_network: true, metrics_label_sets: 7") "]\n" SMALL("",
                                                                                            LOCAL));
    assert_string_equal(bootstrap->admin_socket, "/s");
    assert_true(bootstrap->admin_open_to_network);
    assert_int_equal(bootstrap->metrics_label_sets, 7);
    bootstrap_free(bootstrap);
    bootstrap =
        must_load("bootstrap_extensions: [" SETTINGS("admin_socket: none") "]\n" SMALL("", LOCAL));
    assert_null(bootstrap->admin_socket);
    bootstrap_free(bootstrap);
    expect_error("bootstrap_extensions: [" SETTINGS("admin_socket: s") "]\n" SMALL("", LOCAL),
                 "typed_config.admin_socket: found \"s\", expected an absolute path");
    expect_error("admin: {address: {pipe: {path: p}}}\n" SMALL("", LOCAL),
                 "admin.address.pipe.path: found \"p\", expected an absolute path");
}

static void files_that_cannot_be_read(void **state)
{
    char name[] = "/tmp/loadtap-test-XXXXXX";
    int fd = mkstemp(name);

    (void)state;
    assert_null(load(&(struct bootstrap_source){.path = "/nowhere/x.yaml"}));
    assert_string_equal(error.text, "/nowhere/x.yaml: cannot be read: No such file or directory");
    assert_null(load(&(struct bootstrap_source){.path = "/tmp"}));
    assert_string_equal(error.text, "/tmp: cannot be read: Is a directory");
    assert_null(load(&(struct bootstrap_source){.path = "/dev/zero"}));
    assert_string_equal(error.text, "/dev/zero: found 64 MiB or more, expected less");
    assert_null(load(&(struct bootstrap_source){.path = name}));
    assert_non_null(strstr(error.text, "found an empty file"));
    assert_null(load(&(struct bootstrap_source){.path = NULL}));
    close(fd);
    unlink(name);
}

/* "Well under a second": ten times what it takes, in time of this process alone. */
static void ten_thousand_clusters(void **state)
{
    size_t size = 4u << 20, used;
    autofree char *yaml = malloc(size);

    (void)state;
    assert_non_null(yaml);
    used = (size_t)snprintf(yaml, size, "%sstatic_resources:\n  clusters:\n  - %s\n", REPORT,
                            MANAGEMENT);
    for (int i = 0; i < 10000; i++)
        used += (size_t)snprintf(
            yaml + used, size - used,
            "  - name: cluster_%d\n    type: STATIC\n    lb_policy: RANDOM\n"
            "    circuit_breakers: {}\n    load_assignment:\n      cluster_name: c\n"
            "      endpoints:\n      - lb_endpoints:\n        - endpoint:\n            address:\n"
            "              socket_address: {address: 10.%d.%d.1, port_value: 80}\n",
            i, i / 256, i % 256);
    clock_t start = clock();
    struct bootstrap *bootstrap = must_load(yaml);
    double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
    assert_int_equal(bootstrap->clusters.count, 10001);
    bootstrap_free(bootstrap);
    print_message("10,000 clusters: %.3f s\n", seconds);
    assert_true(seconds < (MEMORY_CAN_FAIL ? 2 : 20));
}

static void out_of_memory(void **state)
{
    const struct bootstrap_source source = {
        .yaml = "node: {cluster: 'a${A}'}\n" SMALL("", LOCAL
                                                   ", {endpoint: {address: {pipe: {path: /p}}}}"),
        .environment = (const char *const[]){"A=a", NULL},
        .service_node = "n",
        .service_zone = "z"};

    (void)state;
    if (!MEMORY_CAN_FAIL)
        return;
    for (long left = 0; left < 10000; left++) {
        struct bootstrap *bootstrap = NULL;
        long live = memory_live;

        memory_left = left;
        int failed = bootstrap_load(&source, &bootstrap, &error);
        memory_left = -1;
        bootstrap_free(bootstrap);
        assert_int_equal(memory_live, live);
        if (!failed) {
            assert_true(left > 50);
            return;
        }
        assert_int_equal(failed, -ENOMEM);
        assert_null(bootstrap);
    }
    fail_msg("never enough memory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_sandbox),
        cmocka_unit_test(the_node),
        cmocka_unit_test(the_second_text_is_merged),
        cmocka_unit_test(protocols),
        cmocka_unit_test(other_name_servers),
        cmocka_unit_test(the_log_is_wanted_as_json),
        cmocka_unit_test(what_is_not_observed),
        cmocka_unit_test(addresses_and_ports),
        cmocka_unit_test(clusters_that_cannot_be),
        cmocka_unit_test(cluster_types),
        cmocka_unit_test(dns_refresh),
        cmocka_unit_test(dns_refresh_errors),
        cmocka_unit_test(groups_and_probes),
        cmocka_unit_test(where_to_report),
        cmocka_unit_test(headers_of_the_stream),
        cmocka_unit_test(headers_that_are_not_its_own),
        cmocka_unit_test(values_of_headers),
        cmocka_unit_test(own_settings),
        cmocka_unit_test(admin_settings),
        cmocka_unit_test(files_that_cannot_be_read),
        cmocka_unit_test(ten_thousand_clusters),
        cmocka_unit_test(out_of_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
