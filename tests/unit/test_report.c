#include <errno.h>
#include <string.h>

#include "failing_memory.h"
#include "model.h"

#include "base/contract.h"
#include "envoy/service/load_stats/v3/lrs.pb-c.h"
#include "report/report.h"

typedef Envoy__Service__LoadStats__V3__LoadStatsRequest request;
typedef Envoy__Config__Endpoint__V3__ClusterStats cluster_stats;
typedef Envoy__Config__Endpoint__V3__UpstreamLocalityStats locality_stats;
typedef Envoy__Config__Endpoint__V3__UpstreamEndpointStats endpoint_stats;

static struct hosts *hosts;
static struct window *window;
static Envoy__Config__Core__V3__Node node;
static Envoy__Config__Core__V3__Locality own;
static struct report report;
static request *got; /* of the last encode() */
static struct window_load sum;
static uint32_t east, east_low, east_rack, nowhere, east_again, west;

static int set_up(void **state)
{
    (void)state;
    memset(rows, 0, sizeof(rows));
    hosts = hosts_new(&model);
    east_again = model_add(hosts, APPLE, 4, 5); /* slots need not follow the groups */
    east = model_add(hosts, APPLE, 0, 1);
    east_low = model_add(hosts, APPLE, 1, 2);
    east_rack = model_add(hosts, APPLE, 2, 3);
    nowhere = model_add(hosts, APPLE, 3, 4);
    west = model_add(hosts, BERRY, 0, 6);
    window = window_new(&model, hosts, model_read, NULL);
    envoy__config__core__v3__node__init(&node);
    envoy__config__core__v3__locality__init(&own);
    node.id = "here";
    report = (struct report){.node = &node,
                             .clusters = &model,
                             .hosts = hosts,
                             .window = window,
                             .now_us = 1000000,
                             .message_max = PACKING_MAX};
    return hosts && window ? 0 : -1;
}

static void forget(void)
{
    if (got)
        envoy__service__load_stats__v3__load_stats_request__free_unpacked(got, NULL);
    got = NULL;
}

static int tear_down(void **state)
{
    (void)state;
    forget();
    window_free(window);
    hosts_free(hosts);
    return 0;
}

static void encode(void)
{
    struct grpc_messages messages;
    const uint8_t *message;
    size_t at = 0, length;

    forget();
    window_look(window);
    assert_int_equal(report_encode(&report, &messages, &sum), 0);
    assert_int_equal(messages.count, 1);
    message = grpc_messages_next(&messages, &at, &length);
    assert_int_equal(at, messages.length);
    got = envoy__service__load_stats__v3__load_stats_request__unpack(NULL, length, message);
    grpc_messages_clear(&messages);
    assert_non_null(got);
    assert_string_equal(got->node->id, "here");
}

/* The only cluster of the last message. */
static const cluster_stats *only_cluster(void)
{
    assert_int_equal(got->n_cluster_stats, 1);
    return got->cluster_stats[0];
}

static const locality_stats *locality(size_t i)
{
    assert_in_range(i, 0, only_cluster()->n_upstream_locality_stats - 1);
    return only_cluster()->upstream_locality_stats[i];
}

static void assert_locality(size_t i, uint32_t priority, const char *region, const char *zone,
                            const char *sub_zone)
{
    assert_int_equal(locality(i)->priority, priority);
    assert_non_null(locality(i)->locality);
    assert_string_equal(locality(i)->locality->region, region);
    assert_string_equal(locality(i)->locality->zone, zone);
    assert_string_equal(locality(i)->locality->sub_zone, sub_zone);
}

static void test_node_only(void **state)
{
    (void)state;
    encode();
    assert_int_equal(got->n_cluster_stats, 0);
    assert_true(window_load_is_zero(&sum));
}

static void test_s2_idle_cluster_has_an_entry(void **state)
{
    (void)state;
    window_adopt(window, BERRY, 0);
    report.now_us = 2000001;
    encode();
    assert_string_equal(only_cluster()->cluster_name, "berry");
    assert_string_equal(only_cluster()->cluster_service_name, "");
    assert_int_equal(only_cluster()->n_upstream_locality_stats, 0);
    assert_int_equal(only_cluster()->load_report_interval->seconds, 2);
    assert_int_equal(only_cluster()->load_report_interval->nanos, 1000);
    assert_int_equal(only_cluster()->total_dropped_requests, 0);
}

/* Byte for byte: no zero scalar is on the wire, and `locality` is, though empty. */
static void test_wire_format(void **state)
{
    static const uint8_t expected[] = {
        0x0a, 6,  0x0a, 4,   'h',  'e', 'r',  'e',          /* node.id */
        0x12, 21,                                           /* cluster_stats */
        0x0a, 5,  'P',  'l', 'a',  'i', 'n',                /* cluster_name */
        0x12, 8,  0x0a, 0,   0x10, 1,   0x20, 2,   0x40, 1, /* locality, S1 E2 I1 */
        0x22, 2,  0x08, 1,                                  /* interval: 1 s */
    };
    uint32_t slot = model_add(hosts, PLAIN, 0, 77);
    struct grpc_messages messages;
    const uint8_t *message;
    size_t at = 0, length;

    (void)state;
    assert_int_equal(window_reserve(window), 0);
    window_adopt(window, PLAIN, 0);
    model_serve(slot, 1);
    rows[slot].rq_error = 2;
    window_look(window);
    report.omit_connections = true;
    assert_int_equal(report_encode(&report, &messages, &sum), 0);
    message = grpc_messages_next(&messages, &at, &length);
    assert_int_equal(length, sizeof(expected));
    assert_memory_equal(message, expected, sizeof(expected));
    grpc_messages_clear(&messages);
}

static void test_s22_service_name(void **state)
{
    (void)state;
    window_adopt(window, APPLE, 0);
    encode();
    assert_string_equal(only_cluster()->cluster_service_name, "apple-service");
}

static void test_s39_original_dst_has_no_localities(void **state)
{
    (void)state;
    window_adopt(window, CLOUD, 999999);
    report.endpoints = true;
    encode();
    assert_string_equal(only_cluster()->cluster_name, "cloud");
    assert_int_equal(only_cluster()->n_upstream_locality_stats, 0);
    assert_int_equal(only_cluster()->load_report_interval->seconds, 0);
    assert_int_equal(only_cluster()->load_report_interval->nanos, 1000);
}

static void test_only_the_set_in_the_order_of_the_configuration(void **state)
{
    (void)state;
    window_adopt(window, PLAIN, 0);
    window_adopt(window, APPLE, 0);
    model_serve(west, 1);
    model_serve(east, 2);
    encode();
    assert_int_equal(got->n_cluster_stats, 2);
    assert_string_equal(got->cluster_stats[0]->cluster_name, "apple");
    assert_string_equal(got->cluster_stats[1]->cluster_name, "Plain");
    assert_int_equal(sum.issued, 2);
}

static void test_s5_s20_s21_order_of_localities(void **state)
{
    (void)state;
    window_adopt(window, APPLE, 0);
    for (uint32_t slot = 0; slot < 6; slot++)
        model_serve(slot, slot + 1);
    encode();
    assert_int_equal(only_cluster()->n_upstream_locality_stats, 4);
    assert_locality(0, 0, "", "", "");
    assert_locality(1, 0, "east", "e1", "rack");
    assert_locality(2, 0, "east", "e2", "");
    assert_locality(3, 1, "east", "e1", "rack"); /* same locality, other priority */
    assert_int_equal(locality(0)->total_issued_requests, nowhere + 1);
    assert_int_equal(locality(1)->total_issued_requests, east_rack + 1);
    assert_int_equal(locality(2)->total_issued_requests, east + 1 + east_again + 1);
    assert_int_equal(locality(3)->total_issued_requests, east_low + 1);
}

static void test_s4_own_locality_first(void **state)
{
    (void)state;
    window_adopt(window, APPLE, 0);
    for (uint32_t slot = 0; slot < 6; slot++)
        model_serve(slot, 1);
    own.region = "east";
    own.zone = "e2";
    node.locality = &own;
    encode();
    assert_locality(0, 0, "east", "e2", "");
    assert_locality(1, 0, "", "", "");
    assert_locality(2, 0, "east", "e1", "rack");
    assert_locality(3, 1, "east", "e1", "rack");
    /* In each priority; it does not pass a lower one. */
    own.zone = "e1";
    own.sub_zone = "rack";
    encode();
    assert_locality(0, 0, "east", "e1", "rack");
    assert_locality(1, 0, "", "", "");
    assert_locality(3, 1, "east", "e1", "rack");
}

static void test_part_of_the_own_locality_is_not_own(void **state)
{
    (void)state;
    window_adopt(window, APPLE, 0);
    for (uint32_t slot = 0; slot < 6; slot++)
        model_serve(slot, 1);
    own.region = "east";
    own.zone = "e1";
    node.locality = &own;
    encode();
    assert_locality(0, 0, "", "", "");
    assert_locality(1, 0, "east", "e1", "rack");
    /* A node with an empty locality is at home in the empty one, which is first anyway. */
    own.region = own.zone = "";
    encode();
    assert_locality(0, 0, "", "", "");
}

/* Each number alone makes a locality appear, and stands in its own field. */
static void test_s6_any_number_makes_a_locality(void **state)
{
    (void)state;
    window_adopt(window, BERRY, 0);
    rows[west] = (struct counters){.rq_issued = 1, .rq_finished = 1};
    encode();
    assert_int_equal(locality(0)->total_issued_requests, 1);
    rows[west] = (struct counters){.rq_success = 2};
    encode();
    assert_int_equal(locality(0)->total_successful_requests, 2);
    rows[west] = (struct counters){.rq_error = 3};
    encode();
    assert_int_equal(locality(0)->total_error_requests, 3);
    assert_int_equal(locality(0)->total_issued_requests, 0);
    rows[west] = (struct counters){.cx_opened = 1, .cx_established = 4, .cx_closed = 4};
    encode();
    assert_int_equal(locality(0)->total_new_connections, 4);
    assert_int_equal(locality(0)->total_active_connections, 0);
    rows[west] = (struct counters){.cx_failed = 5};
    encode();
    assert_int_equal(locality(0)->total_fail_connections, 5);
    rows[west] = (struct counters){.cx_opened = 7, .rq_probes = 9, .rq_unclassified = 1};
    encode();
    assert_int_equal(only_cluster()->n_upstream_locality_stats, 0);
}

static void test_s7_gauges_alone_make_a_locality(void **state)
{
    (void)state;
    rows[west] =
        (struct counters){.rq_issued = 9, .rq_finished = 8, .cx_established = 20, .cx_closed = 14};
    window_adopt(window, BERRY, 0);
    encode();
    assert_int_equal(locality(0)->total_requests_in_progress, 1);
    assert_int_equal(locality(0)->total_active_connections, 6);
    assert_int_equal(locality(0)->total_issued_requests, 0);
    assert_int_equal(locality(0)->total_new_connections, 0);
    rows[west].rq_finished = 9;
    encode();
    assert_int_equal(locality(0)->total_requests_in_progress, 0);
    rows[west].cx_closed = 20;
    encode();
    assert_int_equal(only_cluster()->n_upstream_locality_stats, 0);
    rows[west].rq_finished = 7;
    encode();
    assert_int_equal(locality(0)->total_requests_in_progress, 2);
}

static void test_connections_left_out(void **state)
{
    (void)state;
    window_adopt(window, BERRY, 0);
    report.omit_connections = true;
    rows[west] = (struct counters){.cx_established = 4, .cx_failed = 2};
    encode();
    assert_int_equal(only_cluster()->n_upstream_locality_stats, 0);
    assert_int_equal(sum.new_connections, 4); /* passed by, not kept for later */
    model_serve(west, 1);
    encode();
    assert_int_equal(locality(0)->total_active_connections, 0);
    assert_int_equal(locality(0)->total_new_connections, 0);
    assert_int_equal(locality(0)->total_fail_connections, 0);
}

static void assert_endpoint(const endpoint_stats *endpoint, const char *ip, uint32_t port)
{
    assert_int_equal(endpoint->address->address_case,
                     ENVOY__CONFIG__CORE__V3__ADDRESS__ADDRESS_SOCKET_ADDRESS);
    assert_int_equal(endpoint->address->socket_address->protocol, 0);
    assert_string_equal(endpoint->address->socket_address->address, ip);
    assert_int_equal(endpoint->address->socket_address->port_specifier_case,
                     ENVOY__CONFIG__CORE__V3__SOCKET_ADDRESS__PORT_SPECIFIER_PORT_VALUE);
    assert_int_equal(endpoint->address->socket_address->port_value, port);
}

static void test_s18_s19_endpoints(void **state)
{
    uint32_t second = model_add(hosts, BERRY, 0, 7), third = model_add(hosts, BERRY, 0, 8);
    const endpoint_stats *endpoint;

    (void)state;
    assert_int_equal(window_reserve(window), 0);
    window_adopt(window, BERRY, 0);
    report.endpoints = true;
    rows[west].cx_established = 3; /* connections alone make no endpoint entry */
    rows[second] = (struct counters){
        .rq_issued = 9, .rq_success = 4, .rq_error = 2, .rq_finished = 6, .cx_established = 1};
    rows[third].rq_error = 1;
    encode();
    assert_int_equal(only_cluster()->n_upstream_locality_stats, 1);
    assert_int_equal(locality(0)->n_upstream_endpoint_stats, 2);
    endpoint = locality(0)->upstream_endpoint_stats[0];
    assert_endpoint(endpoint, "10.0.0.7", 8080);
    assert_int_equal(endpoint->total_issued_requests, 9);
    assert_int_equal(endpoint->total_successful_requests, 4);
    assert_int_equal(endpoint->total_error_requests, 2);
    assert_int_equal(endpoint->total_requests_in_progress, 3);
    assert_null(endpoint->metadata);
    assert_endpoint(locality(0)->upstream_endpoint_stats[1], "10.0.0.8", 8080);
    assert_int_equal(locality(0)->total_error_requests, 3);
    report.endpoints = false;
    encode();
    assert_int_equal(locality(0)->n_upstream_endpoint_stats, 0);
    assert_int_equal(locality(0)->total_error_requests, 3);
}

static void test_endpoints_stay_with_their_locality(void **state)
{
    (void)state;
    window_adopt(window, APPLE, 0);
    report.endpoints = true;
    for (uint32_t slot = 0; slot < 6; slot++)
        model_serve(slot, 1);
    encode();
    assert_int_equal(locality(0)->n_upstream_endpoint_stats, 1);
    assert_endpoint(locality(0)->upstream_endpoint_stats[0], "10.0.0.4", 8080);
    assert_endpoint(locality(1)->upstream_endpoint_stats[0], "10.0.0.3", 8080);
    /* Merged groups: as configured, not by slot. */
    assert_int_equal(locality(2)->n_upstream_endpoint_stats, 2);
    assert_endpoint(locality(2)->upstream_endpoint_stats[0], "10.0.0.1", 8080);
    assert_endpoint(locality(2)->upstream_endpoint_stats[1], "10.0.0.5", 8080);
    assert_endpoint(locality(3)->upstream_endpoint_stats[0], "10.0.0.2", 8080);
}

static void test_ipv6_endpoint(void **state)
{
    struct address address = {.ip = {0x20, 0x01, 0x0d, 0xb8, [15] = 1}, .port = 65535};
    const struct host *host, *owner, *other;

    (void)state;
    assert_int_equal(hosts_add(hosts, PLAIN, 0, &address, &host, &owner, &other), 0);
    assert_int_equal(window_reserve(window), 0);
    window_adopt(window, PLAIN, 0);
    model_serve(host->slot, 1);
    report.endpoints = true;
    encode();
    assert_endpoint(locality(0)->upstream_endpoint_stats[0], "2001:db8::1", 65535);
}

static void test_a_skipped_locality_leaves_no_trace(void **state)
{
    (void)state;
    window_adopt(window, APPLE, 0);
    report.omit_connections = true;
    rows[nowhere].cx_established = 3; /* first in order, but not shown */
    model_serve(east_rack, 1);
    encode();
    assert_int_equal(only_cluster()->n_upstream_locality_stats, 1);
    assert_locality(0, 0, "east", "e1", "rack");
    assert_int_equal(locality(0)->total_issued_requests, 1);
    assert_int_equal(sum.new_connections, 3);
    report.omit_connections = false;
    encode();
    assert_int_equal(locality(0)->total_new_connections, 3);
    assert_int_equal(locality(1)->total_new_connections, 0);
}

static void assert_metric(const Envoy__Config__Endpoint__V3__EndpointLoadMetricStats *metric,
                          const char *name, uint64_t requests, double total)
{
    assert_string_equal(metric->metric_name, name);
    assert_int_equal(metric->num_requests_finished_with_metric, requests);
    assert_true(metric->total_metric_value == total);
}

static void test_error_bound(void **state)
{
    uint32_t second = model_add(hosts, BERRY, 0, 7);

    (void)state;
    assert_int_equal(window_reserve(window), 0);
    window_adopt(window, BERRY, 0);
    report.endpoints = report.error_bound = true;
    model_serve(second, 1);
    rows[second].rq_unclassified = 3;
    rows[second].gap_bytes = 1000;
    rows[west].rq_unclassified = 2;
    rows[west].cx_opaque = 1;
    encode();
    assert_int_equal(locality(0)->n_load_metric_stats, 3);
    assert_metric(locality(0)->load_metric_stats[0], "loadtap.unclassified_requests", 5, 5);
    assert_metric(locality(0)->load_metric_stats[1], "loadtap.gap_bytes", 0, 1000);
    assert_metric(locality(0)->load_metric_stats[2], "loadtap.opaque_connections", 0, 1);
    assert_int_equal(locality(0)->n_upstream_endpoint_stats, 2);
    assert_int_equal(locality(0)->upstream_endpoint_stats[0]->n_load_metric_stats, 2);
    assert_metric(locality(0)->upstream_endpoint_stats[0]->load_metric_stats[1],
                  "loadtap.opaque_connections", 0, 1);
    assert_int_equal(locality(0)->upstream_endpoint_stats[1]->n_load_metric_stats, 2);
    assert_metric(locality(0)->upstream_endpoint_stats[1]->load_metric_stats[0],
                  "loadtap.unclassified_requests", 3, 3);
}

/* As with Envoy's metrics: an entry that is not zero makes its locality and endpoint appear. */
static void test_error_bound_alone_makes_an_entry(void **state)
{
    (void)state;
    window_adopt(window, BERRY, 0);
    report.endpoints = report.error_bound = report.omit_connections = true;
    encode();
    assert_int_equal(only_cluster()->n_upstream_locality_stats, 0);
    rows[west].cx_untracked = 1;
    encode();
    assert_int_equal(locality(0)->n_load_metric_stats, 1);
    assert_int_equal(locality(0)->n_upstream_endpoint_stats, 1);
    report.error_bound = false;
    encode();
    assert_int_equal(only_cluster()->n_upstream_locality_stats, 0);
}

/* Of a TLS cluster only connections can be told, and that they are opaque. */
static void test_tls_cluster(void **state)
{
    static struct locality_endpoints groups[] = {{.locality = {"", "", ""}}};
    static struct cluster tls = {.name = "tls",
                                 .service_name = "",
                                 .protocol = PROTOCOL_OPAQUE,
                                 .groups = groups,
                                 .group_count = 1};
    static const struct clusters only = {.items = &tls, .count = 1};

    (void)state;
    window_free(window);
    hosts_free(hosts);
    report.clusters = &only;
    report.hosts = hosts = hosts_new(&only);
    rows[model_add(hosts, 0, 0, 1)] = (struct counters){0};
    report.window = window = window_new(&only, hosts, model_read, NULL);
    window_adopt(window, 0, 0);
    rows[0] = (struct counters){.cx_established = 1, .cx_opaque = 1};
    encode();
    assert_int_equal(locality(0)->total_new_connections, 1);
    report.omit_connections = true;
    encode();
    assert_int_equal(got->n_cluster_stats, 0);
    report.error_bound = true;
    encode();
    assert_metric(locality(0)->load_metric_stats[0], "loadtap.opaque_connections", 0, 1);
}

static void test_error_bound_is_off(void **state)
{
    (void)state;
    window_adopt(window, BERRY, 0);
    report.endpoints = true;
    model_serve(west, 1);
    rows[west].rq_unclassified = rows[west].cx_joined = 1;
    encode();
    assert_int_equal(locality(0)->n_load_metric_stats, 0);
    assert_int_equal(locality(0)->upstream_endpoint_stats[0]->n_load_metric_stats, 0);
}

/* One locality; what an older rule does not show is in the first report that shows it. */
static void test_older_rules_hold_back(void **state)
{
    (void)state;
    window_adopt(window, BERRY, 0);
    report.emission = EMISSION_ENVOY_1_34;
    report.endpoints = true;
    rows[west].rq_issued = rows[west].cx_established = 1;
    encode();
    assert_int_equal(locality(0)->total_issued_requests, 1);
    assert_int_equal(locality(0)->n_upstream_endpoint_stats, 0);
    window_sent(window, 1000000, true);
    rows[west].rq_finished = rows[west].rq_success = 1;
    rows[west].rq_error = 5;
    encode();
    assert_int_equal(only_cluster()->n_upstream_locality_stats, 0);
    assert_int_equal(only_cluster()->load_report_interval->seconds, 0);
    assert_int_equal(sum.error, 0);
    window_sent(window, 1000000, false);
    rows[west].rq_issued++;
    encode();
    assert_int_equal(locality(0)->total_issued_requests, 1);
    assert_int_equal(locality(0)->total_successful_requests, 1);
    assert_int_equal(locality(0)->total_error_requests, 5);
    assert_int_equal(sum.error, 5);
    window_sent(window, 1000000, false);
    encode();
    assert_int_equal(only_cluster()->n_upstream_locality_stats, 0);
}

static void ignore_again(void *arg, uint32_t cluster, const struct window_load *load)
{
    (void)arg, (void)cluster, (void)load;
}

/* What a receiver drops for this report has to be in it, whatever the rule. */
static void test_sent_again_is_not_held_back(void **state)
{
    (void)state;
    window_adopt(window, BERRY, 0);
    report.emission = EMISSION_UP_TO_ENVOY_1_33;
    rows[west].rq_issued = 3;
    encode(); /* shown, as three are in progress */
    assert_int_equal(locality(0)->total_issued_requests, 3);
    window_sent(window, 1000000, true);
    rows[west].rq_finished = 3; /* without a result */
    window_roll_back(window, ignore_again, NULL);
    encode();
    assert_int_equal(locality(0)->total_issued_requests, 3);
    window_sent(window, 1000000, true);
    encode(); /* nothing is left */
    assert_int_equal(only_cluster()->n_upstream_locality_stats, 0);
}

/* A stream's end alone changes nothing: this was never sent. */
static void test_held_back_after_a_stream(void **state)
{
    (void)state;
    window_adopt(window, BERRY, 0);
    report.emission = EMISSION_UP_TO_ENVOY_1_33;
    rows[west].rq_issued = rows[west].rq_finished = 3; /* without a result */
    encode();
    window_sent(window, 1000000, true);
    window_roll_back(window, ignore_again, NULL);
    encode();
    assert_int_equal(only_cluster()->n_upstream_locality_stats, 0);
    window_sent(window, 1000000, true);
    model_serve(west, 1);
    encode();
    assert_int_equal(locality(0)->total_issued_requests, 4);
}

static void test_last_report_holds_nothing_back(void **state)
{
    (void)state;
    window_adopt(window, BERRY, 0);
    report.emission = EMISSION_ENVOY_1_34;
    report.endpoints = true;
    rows[west].rq_success = 2;
    encode();
    assert_int_equal(only_cluster()->n_upstream_locality_stats, 0);
    report.is_last = true;
    encode();
    assert_int_equal(locality(0)->total_successful_requests, 2);
    assert_int_equal(locality(0)->n_upstream_endpoint_stats, 0);
}

static void test_out_of_memory(void **state)
{
    struct grpc_messages messages = {.length = 5};
    int error = -ENOMEM;
    long left = 0, live;

    (void)state;
    if (!MEMORY_CAN_FAIL)
        return;
    window_adopt(window, APPLE, 0);
    window_adopt(window, BERRY, 0);
    report.endpoints = true;
    for (uint32_t slot = 0; slot < 6; slot++)
        model_serve(slot, 1);
    window_look(window);
    live = memory_live;
    for (; error; left++) {
        memory_left = left;
        error = report_encode(&report, &messages, &sum);
        memory_left = -1;
        if (!error)
            break;
        assert_int_equal(error, -ENOMEM);
        assert_null(messages.bytes);
        assert_int_equal(messages.length, 5);
        assert_int_equal(memory_live, live);
    }
    assert_in_range(left, 5, 20);
    grpc_messages_clear(&messages);
}

/* More than are taken at a time. */
static void test_many_hosts_of_a_locality(void **state)
{
    (void)state;
    for (uint8_t i = 0; i < 40; i++)
        model_add(hosts, BERRY, 0, 100 + i);
    assert_int_equal(window_reserve(window), 0);
    report.endpoints = true;
    window_adopt(window, BERRY, 0);
    for (uint32_t slot = 0; slot < hosts_count(hosts); slot++)
        if (hosts_at(hosts, slot)->cluster == BERRY && hosts_at(hosts, slot)->group == 0)
            model_serve(slot, slot);
    encode();
    uint64_t issued = 0;
    size_t shown = 0, count;
    const uint32_t *slots = hosts_slots(hosts, BERRY, 0, &count);

    assert_in_range(count, 40, 64);
    for (size_t i = 0; i < count; i++) {
        if (!slots[i])
            continue; /* has no requests */
        assert_int_equal(locality(0)->upstream_endpoint_stats[shown]->total_issued_requests,
                         slots[i]);
        issued += slots[i];
        shown++;
    }
    assert_int_equal(locality(0)->n_upstream_endpoint_stats, shown);
    assert_int_equal(locality(0)->total_issued_requests, issued);
}

static void test_s38_logical_dns_is_one_host(void **state)
{
    uint32_t next;

    (void)state;
    model_items[BERRY].discovery = DISCOVERY_LOGICAL_DNS;
    report.endpoints = true;
    window_adopt(window, BERRY, 0);
    model_serve(west, 3);
    rows[west].rq_issued++; /* still running when the address changes */
    hosts_release(hosts, west);
    next = model_add(hosts, BERRY, 0, 7);
    assert_int_equal(window_reserve(window), 0);
    encode();
    assert_int_equal(locality(0)->n_upstream_endpoint_stats, 1);
    model_serve(next, 5);
    encode();
    assert_int_equal(locality(0)->n_upstream_endpoint_stats, 1);
    assert_int_equal(locality(0)->total_issued_requests, 9);
    const endpoint_stats *only = locality(0)->upstream_endpoint_stats[0];
    assert_string_equal(only->address->socket_address->address, "10.0.0.7");
    assert_int_equal(only->total_issued_requests, 9);
    assert_int_equal(only->total_successful_requests, 8);
    assert_int_equal(only->total_requests_in_progress, 1);
    hosts_hold(hosts, west); /* and back */
    hosts_release(hosts, next);
    encode();
    assert_string_equal(locality(0)->upstream_endpoint_stats[0]->address->socket_address->address,
                        "10.0.0.6");
    model_items[BERRY].discovery = DISCOVERY_STATIC;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_node_only),
        TEST(test_s2_idle_cluster_has_an_entry),
        TEST(test_wire_format),
        TEST(test_s22_service_name),
        TEST(test_s39_original_dst_has_no_localities),
        TEST(test_only_the_set_in_the_order_of_the_configuration),
        TEST(test_s5_s20_s21_order_of_localities),
        TEST(test_s4_own_locality_first),
        TEST(test_part_of_the_own_locality_is_not_own),
        TEST(test_s6_any_number_makes_a_locality),
        TEST(test_s7_gauges_alone_make_a_locality),
        TEST(test_connections_left_out),
        TEST(test_s18_s19_endpoints),
        TEST(test_endpoints_stay_with_their_locality),
        TEST(test_ipv6_endpoint),
        TEST(test_a_skipped_locality_leaves_no_trace),
        TEST(test_error_bound),
        TEST(test_error_bound_alone_makes_an_entry),
        TEST(test_tls_cluster),
        TEST(test_error_bound_is_off),
        TEST(test_many_hosts_of_a_locality),
        TEST(test_s38_logical_dns_is_one_host),
        TEST(test_older_rules_hold_back),
        TEST(test_sent_again_is_not_held_back),
        TEST(test_held_back_after_a_stream),
        TEST(test_last_report_holds_nothing_back),
        TEST(test_out_of_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
