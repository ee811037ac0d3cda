/* What is packed by hand is what protobuf-c packs, byte for byte. */
#include <errno.h>
#include <string.h>

#include "failing_memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "envoy/config/endpoint/v3/load_report.pb-c.h"
#include "report/endpoint_list.h"

typedef Envoy__Config__Endpoint__V3__UpstreamLocalityStats locality_message;
typedef Envoy__Config__Endpoint__V3__UpstreamEndpointStats endpoint_message;
typedef Envoy__Config__Endpoint__V3__EndpointLoadMetricStats metric_message;

#define MANY 2000

static uint64_t seed;

static uint64_t any(uint64_t below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (seed >> 20) % below;
}

/* Of any length as a varint, often none. */
static uint64_t any_number(void)
{
    return any(3) ? any(1ull << (1 + any(43))) << any(22) : 0;
}

static struct address any_address(void)
{
    static const char *const ips[] = {"1.2.3.4",
                                      "255.255.255.255",
                                      "::1",
                                      "10.20.100.0",
                                      "fd00::1:2",
                                      "0.0.0.0",
                                      "ffff:eeee:dddd:cccc:bbbb:aaaa:9999:8888"};
    struct address address;

    assert_int_equal(address_parse(ips[any(7)], (uint16_t)any(65536), &address), 0);
    return address;
}

/* What protobuf-c makes of a locality with this entry alone; returns its length. */
static size_t expected(const struct address *address, const struct window_row *row,
                       metric_message **metrics, size_t metric_count, uint8_t *out)
{
    char ip[ADDRESS_TEXT_MAX];
    Envoy__Config__Core__V3__Address of = ENVOY__CONFIG__CORE__V3__ADDRESS__INIT;
    Envoy__Config__Core__V3__SocketAddress socket = ENVOY__CONFIG__CORE__V3__SOCKET_ADDRESS__INIT;
    endpoint_message endpoint = ENVOY__CONFIG__ENDPOINT__V3__UPSTREAM_ENDPOINT_STATS__INIT;
    endpoint_message *list[] = {&endpoint};
    locality_message locality = ENVOY__CONFIG__ENDPOINT__V3__UPSTREAM_LOCALITY_STATS__INIT;

    of.address_case = ENVOY__CONFIG__CORE__V3__ADDRESS__ADDRESS_SOCKET_ADDRESS;
    of.socket_address = &socket;
    socket.address = (char *)address_ip_text(address, ip);
    socket.port_specifier_case = ENVOY__CONFIG__CORE__V3__SOCKET_ADDRESS__PORT_SPECIFIER_PORT_VALUE;
    socket.port_value = address->port;
    endpoint.address = &of;
    endpoint.total_issued_requests = row->load.issued;
    endpoint.total_successful_requests = row->load.success;
    endpoint.total_error_requests = row->load.error;
    endpoint.total_requests_in_progress = row->in_progress;
    endpoint.load_metric_stats = metrics;
    endpoint.n_load_metric_stats = metric_count;
    locality.upstream_endpoint_stats = list;
    locality.n_upstream_endpoint_stats = 1;
    return envoy__config__endpoint__v3__upstream_locality_stats__pack(&locality, out);
}

/* Adds an entry of any content, and checks its bytes. */
static void add_any(struct endpoint_list *list)
{
    metric_message metrics[BOUND_KINDS], *metric_list[BOUND_KINDS];
    size_t count = any(4) ? 0 : any(BOUND_KINDS + 1), before = list->length, length;
    struct address address = any_address();
    struct window_row row = {
        .load = {.issued = any_number(), .success = any_number(), .error = any_number()},
        .in_progress = any_number()};
    uint8_t bytes[1024];

    for (size_t i = 0; i < count; i++) {
        envoy__config__endpoint__v3__endpoint_load_metric_stats__init(&metrics[i]);
        metrics[i].metric_name = (char *)bound_metric((enum bound_kind)i);
        metrics[i].total_metric_value = (double)any_number();
        metrics[i].num_requests_finished_with_metric = any_number();
        metric_list[i] = &metrics[i];
    }
    length = expected(&address, &row, metric_list, count, bytes);
    assert_int_equal(endpoint_list_add(list, &address, &row, metric_list, count), 0);
    assert_int_equal(list->length - before, length);
    assert_memory_equal(list->bytes + before, bytes, length);
}

static void each_entry_is_as_protobuf_c_packs_it(void **state)
{
    struct endpoint_list list = {0};

    (void)state;
    seed = 1;
    for (int i = 0; i < MANY; i++)
        add_any(&list);
    endpoint_list_clear(&list);
}

/* Packs a locality whose endpoints are the field; returns how many a receiver finds. */
static size_t received(ProtobufCMessageUnknownField *field)
{
    locality_message locality = ENVOY__CONFIG__ENDPOINT__V3__UPSTREAM_LOCALITY_STATS__INIT, *got;
    size_t length, count;
    uint8_t *bytes;

    locality.base.unknown_fields = field;
    locality.base.n_unknown_fields = 1;
    length = envoy__config__endpoint__v3__upstream_locality_stats__get_packed_size(&locality);
    bytes = malloc(length);
    envoy__config__endpoint__v3__upstream_locality_stats__pack(&locality, bytes);
    got = envoy__config__endpoint__v3__upstream_locality_stats__unpack(NULL, length, bytes);
    assert_non_null(got);
    assert_int_equal(got->base.n_unknown_fields, 0);
    count = got->n_upstream_endpoint_stats;
    envoy__config__endpoint__v3__upstream_locality_stats__free_unpacked(got, NULL);
    free(bytes);
    return count;
}

static void a_field_may_be_a_part_of_the_list(void **state)
{
    struct endpoint_list list = {0};
    ProtobufCMessageUnknownField field;
    size_t begin;

    (void)state;
    add_any(&list);
    begin = list.length;
    add_any(&list);
    add_any(&list);
    field = endpoint_list_field(&list, 0, begin);
    assert_int_equal(received(&field), 1);
    field = endpoint_list_field(&list, begin, list.length);
    assert_int_equal(received(&field), 2);
    endpoint_list_clear(&list);
}

/* As many as there is room for, one at least, and all of them in the end. */
static void a_field_is_split_between_entries(void **state)
{
    struct endpoint_list list = {0};

    (void)state;
    seed = 9;
    for (int i = 0; i < 50; i++)
        add_any(&list);
    for (size_t room = 0; room < list.length + 2; room++) {
        ProtobufCMessageUnknownField field = endpoint_list_field(&list, 0, list.length), others;
        size_t count = 0, total = 0, one;

        for (; field.len; field = others) {
            others = endpoint_list_split(&field, room);
            one = received(&field);
            assert_true(one == 1 || field.len <= room);
            count += one;
            total += field.len + 1;
        }
        assert_int_equal(count, 50);
        assert_int_equal(total, list.length);
        if (room >= list.length - 1)
            assert_int_equal(one, 50);
    }
    endpoint_list_clear(&list);
}

static void out_of_memory(void **state)
{
    static const struct window_row row = {.in_progress = 1};
    const struct address address = {.port = 1};
    struct endpoint_list list = {0};

    (void)state;
    if (!MEMORY_CAN_FAIL)
        return;
    memory_left = 0;
    assert_int_equal(endpoint_list_add(&list, &address, &row, NULL, 0), -ENOMEM);
    memory_left = -1;
    assert_int_equal(list.length, 0);
    assert_int_equal(endpoint_list_add(&list, &address, &row, NULL, 0), 0);
    endpoint_list_clear(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_entry_is_as_protobuf_c_packs_it),
        cmocka_unit_test(a_field_may_be_a_part_of_the_list),
        cmocka_unit_test(a_field_is_split_between_entries),
        cmocka_unit_test(out_of_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
