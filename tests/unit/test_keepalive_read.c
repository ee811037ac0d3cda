/* connection_keepalive of the cluster that reports go to, through the whole loader. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "config/bootstrap.h"

#define CLUSTER(options)                                                                           \
    "static_resources: {clusters: [{name: m, " options                                             \
    "load_assignment: {cluster_name: m, endpoints: [{lb_endpoints: [{endpoint: {address: "         \
    "{socket_address: {address: 10.0.0.9, port_value: 1}}}}]}]}}]}\n"                              \
    "cluster_manager: {load_stats_config: {api_type: GRPC, grpc_services: [{envoy_grpc: "          \
    "{cluster_name: m}}]}}\n"
#define HTTP_OPTIONS "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
#define TYPED(content)                                                                             \
    "typed_extension_protocol_options: {" HTTP_OPTIONS                                             \
    ": {'@type': type.googleapis.com/" HTTP_OPTIONS ", " content "}}, "
#define HTTP2(content) "http2_protocol_options: {connection_keepalive: {" content "}}"
#define EXPLICIT(content) CLUSTER(TYPED("explicit_http_config: {" HTTP2(content) "}"))

static struct config_error error;

static struct keepalive_settings load(const char *yaml)
{
    struct bootstrap *bootstrap = NULL;
    struct keepalive_settings settings;

    if (bootstrap_load(&(struct bootstrap_source){.yaml = yaml}, &bootstrap, &error))
        fail_msg("%s", error.text);
    settings = bootstrap->lrs_keepalive;
    bootstrap_free(bootstrap);
    return settings;
}

static void expect_error(const char *yaml, const char *wanted)
{
    struct bootstrap *bootstrap = NULL;

    assert_int_equal(bootstrap_load(&(struct bootstrap_source){.yaml = yaml}, &bootstrap, &error),
                     -EINVAL);
    if (!strstr(error.text, wanted))
        fail_msg("\"%s\" has no \"%s\"", error.text, wanted);
}

static void assert_settings(struct keepalive_settings settings, uint64_t interval_us,
                            uint64_t timeout_us, double jitter)
{
    assert_int_equal(settings.interval_us, interval_us);
    assert_int_equal(settings.timeout_us, timeout_us);
    assert_true(settings.jitter > jitter - 1e-9 && settings.jitter < jitter + 1e-9);
}

static void where_it_stands(void **state)
{
    (void)state;
    assert_settings(load(EXPLICIT("interval: 30s, timeout: 0.5s")), 30000000, 500000, 0.15);
    assert_settings(load(CLUSTER(TYPED("auto_config: {" HTTP2("interval: 30s, timeout: 5s") "}"))),
                    30000000, 5000000, 0.15);
    assert_settings(load(CLUSTER(HTTP2("interval: 30s, timeout: 5s") ", ")), 30000000, 5000000,
                    0.15);
    assert_settings(load(CLUSTER("http2_protocol_options: {}, ")), 0, 0, 0);
    assert_settings(load(CLUSTER("")), 0, 0, 0);
    assert_settings(load(CLUSTER(TYPED("explicit_http_config: {http2_protocol_options: {}}")
                                     HTTP2("interval: 1s, timeout: 5s") ", ")),
                    0, 0, 0);
    assert_settings(load(EXPLICIT("timeout: 5s")), 0, 5000000, 0.15);
    assert_settings(load(EXPLICIT("interval: 1s, timeout: 5s, interval_jitter: {value: 0}, "
                                  "connection_idle_interval: 1s")),
                    1000000, 5000000, 0);
    assert_settings(load(EXPLICIT("interval: 1s, timeout: 5s, interval_jitter: {value: 100}")),
                    1000000, 5000000, 1);
}

static void what_it_must_not_be(void **state)
{
    (void)state;
    expect_error(EXPLICIT("interval: 1s"),
                 "[\"" HTTP_OPTIONS "\"].explicit_http_config.http2_protocol_options."
                 "connection_keepalive.timeout: found none, or less than a millisecond");
    expect_error(EXPLICIT("interval: 0s, timeout: 1s"), "interval: found less than a millisecond");
    expect_error(EXPLICIT("interval: -1s, timeout: 1s"), "interval: found less than a millisecond");
    expect_error(EXPLICIT("interval: 1s, timeout: 0.0009s"), "timeout: found none, or less");
    expect_error(EXPLICIT("timeout: 1s, interval_jitter: {value: -1}"),
                 "interval_jitter: found no");
    expect_error(EXPLICIT("timeout: 1s, interval_jitter: {value: 101}"),
                 "interval_jitter: found no");
    expect_error(
        CLUSTER(HTTP2("interval: 1s") ", "),
        "static_resources.clusters[0].http2_protocol_options.connection_keepalive.timeout");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(where_it_stands),
        cmocka_unit_test(what_it_must_not_be),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
