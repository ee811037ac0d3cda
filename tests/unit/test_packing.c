/* Reports in several messages: whatever the limit, all is there once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "envoy/service/load_stats/v3/lrs.pb-c.h"
#include "report/endpoint_list.h"
#include "report/packing.h"

typedef Envoy__Service__LoadStats__V3__LoadStatsRequest request_message;
typedef Envoy__Config__Endpoint__V3__ClusterStats cluster_message;
typedef Envoy__Config__Endpoint__V3__UpstreamLocalityStats locality_message;
typedef Envoy__Config__Endpoint__V3__UpstreamEndpointStats endpoint_message;

#define ENDPOINTS_MAX 100000
#define LOCALITIES_MAX 8

static Envoy__Config__Core__V3__Node node;
static Google__Protobuf__Duration interval;
static Envoy__Config__Core__V3__Locality places[LOCALITIES_MAX];
static locality_message localities[LOCALITIES_MAX], *locality_list[LOCALITIES_MAX];
static Envoy__Config__Core__V3__Address addresses[ENDPOINTS_MAX];
static Envoy__Config__Core__V3__SocketAddress sockets[ENDPOINTS_MAX];
static endpoint_message endpoints[ENDPOINTS_MAX], *endpoint_list[ENDPOINTS_MAX];
static size_t endpoint_count;
static cluster_message clusters[4];
static size_t cluster_count, locality_count;

static struct endpoint_list packed[LOCALITIES_MAX];
static ProtobufCMessageUnknownField fields[LOCALITIES_MAX];

static struct packing packing;

static void add_endpoint(void)
{
    size_t i = endpoint_count++;

    envoy__config__core__v3__address__init(&addresses[i]);
    envoy__config__core__v3__socket_address__init(&sockets[i]);
    envoy__config__endpoint__v3__upstream_endpoint_stats__init(&endpoints[i]);
    addresses[i].address_case = ENVOY__CONFIG__CORE__V3__ADDRESS__ADDRESS_SOCKET_ADDRESS;
    addresses[i].socket_address = &sockets[i];
    sockets[i].address = "10.100.200.201";
    sockets[i].port_specifier_case =
        ENVOY__CONFIG__CORE__V3__SOCKET_ADDRESS__PORT_SPECIFIER_PORT_VALUE;
    sockets[i].port_value = (uint32_t)i + 1;
    endpoints[i].address = &addresses[i];
    endpoints[i].total_issued_requests = i + 1;
    endpoints[i].total_successful_requests = i;
    endpoint_list[i] = &endpoints[i];
}

/* As endpoint_list.h says: a message of nothing but endpoints is a list of them. */
static void pack_endpoints(size_t i)
{
    locality_message only = ENVOY__CONFIG__ENDPOINT__V3__UPSTREAM_LOCALITY_STATS__INIT;
    struct endpoint_list *list = &packed[i];

    only.upstream_endpoint_stats = localities[i].upstream_endpoint_stats;
    only.n_upstream_endpoint_stats = localities[i].n_upstream_endpoint_stats;
    list->length = envoy__config__endpoint__v3__upstream_locality_stats__get_packed_size(&only);
    list->bytes = malloc(list->length);
    envoy__config__endpoint__v3__upstream_locality_stats__pack(&only, list->bytes);
    fields[i] = endpoint_list_field(list, 0, list->length);
    localities[i].n_upstream_endpoint_stats = 0;
    localities[i].base.unknown_fields = &fields[i];
    localities[i].base.n_unknown_fields = 1;
}

/* A cluster whose localities have so many endpoints each; -1 ends the list. */
static void add_cluster(const char *name, const int *counts)
{
    cluster_message *cluster = &clusters[cluster_count++];

    envoy__config__endpoint__v3__cluster_stats__init(cluster);
    cluster->cluster_name = (char *)name;
    cluster->load_report_interval = &interval;
    cluster->upstream_locality_stats = locality_list + locality_count;
    for (; *counts >= 0; counts++) {
        locality_message *locality = &localities[locality_count];

        envoy__config__core__v3__locality__init(&places[locality_count]);
        envoy__config__endpoint__v3__upstream_locality_stats__init(locality);
        places[locality_count].zone =
            (char *[]){"a", "b", "c", "d", "e", "f", "g", "h"}[locality_count];
        locality->locality = &places[locality_count];
        locality->priority = (uint32_t)locality_count % 2;
        locality->total_issued_requests = 1000 + locality_count;
        locality->total_requests_in_progress = 7;
        locality->upstream_endpoint_stats = endpoint_list + endpoint_count;
        locality->n_upstream_endpoint_stats = (size_t)*counts;
        for (int i = 0; i < *counts; i++)
            add_endpoint();
        locality_list[locality_count] = locality;
        if (*counts)
            pack_endpoints(locality_count);
        locality_count++;
        cluster->n_upstream_locality_stats++;
    }
}

static int set_up(void **state)
{
    (void)state;
    envoy__config__core__v3__node__init(&node);
    node.id = "here";
    google__protobuf__duration__init(&interval);
    interval.seconds = 2;
    endpoint_count = cluster_count = locality_count = 0;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (size_t i = 0; i < locality_count; i++)
        endpoint_list_clear(&packed[i]);
    return 0;
}

static void pack(size_t max)
{
    assert_int_equal(packing_init(&packing, &node, max, 1000), 0);
    for (size_t i = 0; i < cluster_count; i++)
        assert_int_equal(packing_add(&packing, &clusters[i]), 0);
    assert_int_equal(packing_end(&packing), 0);
}

/* What a receiver has put together again. */
static struct {
    size_t endpoints, clusters, localities;
    bool is_open; /* a cluster's interval has not come */
    uint64_t issued[LOCALITIES_MAX], in_progress[LOCALITIES_MAX];
} got;

/* Endpoints are all there, once, in their order; so are localities; their numbers once. */
static void receive_locality(const locality_message *locality, const cluster_message *of)
{
    size_t place = (size_t)(locality->locality->zone[0] - 'a');

    assert_in_range(place, got.localities ? got.localities - 1 : 0, got.localities);
    got.localities = place + 1;
    assert_true(&locality_list[place] >= of->upstream_locality_stats &&
                &locality_list[place] <
                    of->upstream_locality_stats + of->n_upstream_locality_stats);
    assert_int_equal(locality->priority, localities[place].priority);
    got.issued[place] += locality->total_issued_requests;
    got.in_progress[place] += locality->total_requests_in_progress;
    for (size_t i = 0; i < locality->n_upstream_endpoint_stats; i++) {
        const endpoint_message *endpoint = locality->upstream_endpoint_stats[i];

        assert_true(&endpoint_list[got.endpoints] >= localities[place].upstream_endpoint_stats);
        assert_int_equal(endpoint->address->socket_address->port_value, ++got.endpoints);
        assert_int_equal(endpoint->total_issued_requests, got.endpoints);
        assert_int_equal(endpoint->total_successful_requests, got.endpoints - 1);
    }
}

static void receive_cluster(const cluster_message *cluster)
{
    assert_in_range(got.clusters, 0, cluster_count - 1);
    assert_string_equal(cluster->cluster_name, clusters[got.clusters].cluster_name);
    for (size_t i = 0; i < cluster->n_upstream_locality_stats; i++)
        receive_locality(cluster->upstream_locality_stats[i], &clusters[got.clusters]);
    got.is_open = !cluster->load_report_interval;
    if (got.is_open)
        return;
    assert_int_equal(cluster->load_report_interval->seconds, 2);
    got.clusters++;
}

static void receive_all(size_t max)
{
    const uint8_t *bytes;
    size_t at = 0, length;

    memset(&got, 0, sizeof(got));
    while ((bytes = grpc_messages_next(&packing.messages, &at, &length))) {
        request_message *message =
            envoy__service__load_stats__v3__load_stats_request__unpack(NULL, length, bytes);

        assert_in_range(length, 1, max);
        assert_non_null(message);
        assert_string_equal(message->node->id, "here");
        assert_true(message->n_cluster_stats > 0);
        for (size_t j = 0; j < message->n_cluster_stats; j++) {
            assert_false(j && got.is_open); /* one part of a cluster in a message */
            receive_cluster(message->cluster_stats[j]);
        }
        envoy__service__load_stats__v3__load_stats_request__free_unpacked(message, NULL);
    }
    assert_false(got.is_open);
    assert_int_equal(got.clusters, cluster_count);
    assert_int_equal(got.localities, locality_count);
    assert_int_equal(got.endpoints, endpoint_count);
    for (size_t i = 0; i < locality_count; i++) {
        assert_int_equal(got.issued[i], 1000 + i);
        assert_int_equal(got.in_progress[i], 7);
    }
}

/* --- tests -------------------------------------------------------------------------------------*/

static void test_node_only(void **state)
{
    (void)state;
    pack(100);
    assert_int_equal(packing.messages.count, 1);
    packing_clear(&packing);
}

/* From limits that leave room for hardly an endpoint to one that leaves room for all. */
static void test_every_limit(void **state)
{
    size_t whole, most = 0;

    (void)state;
    add_cluster("first", (const int[]){3, 0, 5, -1});
    add_cluster("idle", (const int[]){-1});
    add_cluster("third", (const int[]){0, 1, -1});
    add_cluster("fourth", (const int[]){2, 2, 1, -1});
    pack(1 << 20);
    assert_int_equal(packing.messages.count, 1);
    whole = grpc_messages_size(&packing.messages);
    packing_clear(&packing);
    for (size_t max = 90; max <= whole + 10; max++) {
        pack(max);
        receive_all(max);
        if (max == 90)
            most = packing.messages.count;
        assert_true(max < whole       ? packing.messages.count > 1
                    : max > whole + 6 ? packing.messages.count == 1
                                      : true);
        packing_clear(&packing);
    }
    assert_in_range(most, 10, 20);
}

static void test_a_hundred_thousand_endpoints(void **state)
{
    (void)state;
    add_cluster("small", (const int[]){1, -1});
    add_cluster("large", (const int[]){10, ENDPOINTS_MAX - 30, 9, -1});
    add_cluster("last", (const int[]){10, -1});
    pack(PACKING_MAX);
    receive_all(PACKING_MAX);
    assert_in_range(packing.messages.count, 3, 5);
    packing_clear(&packing);
}

/* It is in every message, so it may not decide how many there are. */
static void test_large_node(void **state)
{
    static char id[5001];

    (void)state;
    memset(id, 'n', sizeof(id) - 1);
    node.id = id;
    add_cluster("first", (const int[]){3, 4, -1});
    add_cluster("second", (const int[]){3, -1});
    pack(1000);
    assert_in_range(packing.messages.count, 1, 3);
    packing_clear(&packing);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_node_only),
        TEST(test_every_limit),
        TEST(test_a_hundred_thousand_endpoints),
        TEST(test_large_node),
    };

    return cmocka_run_group_tests_name("packing", tests, NULL, NULL);
}
