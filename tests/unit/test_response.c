#include <errno.h>
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
#include "report/response.h"

static const struct response_limits limits = {
    .min_us = 100000, .max_us = 3600000000, .unset_us = 1000000};

typedef Envoy__Service__LoadStats__V3__LoadStatsResponse message;

static uint8_t packed[4096];

static size_t pack(message *from)
{
    size_t length = envoy__service__load_stats__v3__load_stats_response__get_packed_size(from);

    assert_in_range(length, 0, sizeof(packed));
    return envoy__service__load_stats__v3__load_stats_response__pack(from, packed);
}

static struct response parse(message *from)
{
    struct response out;

    assert_int_equal(response_parse(packed, pack(from), &limits, &out), 0);
    return out;
}

static struct response parse_interval(int64_t seconds, int32_t nanos)
{
    Google__Protobuf__Duration interval = GOOGLE__PROTOBUF__DURATION__INIT;
    message from = ENVOY__SERVICE__LOAD_STATS__V3__LOAD_STATS_RESPONSE__INIT;

    interval.seconds = seconds;
    interval.nanos = nanos;
    from.load_reporting_interval = &interval;
    return parse(&from);
}

/* The names, one a line. */
static const char *names_of(const struct response *from)
{
    static char text[256];
    struct response rest = *from;
    struct response_name name;
    size_t used = 0;

    text[0] = '\0';
    while (response_next_name(&rest, &name))
        used += (size_t)snprintf(text + used, sizeof(text) - used, "%.*s\n", (int)name.length,
                                 name.text);
    return text;
}

static void test_all_fields(void **state)
{
    Google__Protobuf__Duration interval = GOOGLE__PROTOBUF__DURATION__INIT;
    message from = ENVOY__SERVICE__LOAD_STATS__V3__LOAD_STATS_RESPONSE__INIT;
    char *names[] = {"b", "a"};
    struct response got;

    (void)state;
    interval.seconds = 2;
    from.n_clusters = 2;
    from.clusters = names;
    from.load_reporting_interval = &interval;
    from.report_endpoint_granularity = 1;
    got = parse(&from);
    assert_string_equal(names_of(&got), "b\na\n");
    assert_int_equal(got.interval_us, 2000000);
    assert_false(got.interval_clamped);
    assert_true(got.endpoints);
    assert_false(got.send_all);

    from.report_endpoint_granularity = 0;
    from.send_all_clusters = 1;
    got = parse(&from);
    assert_false(got.endpoints);
    assert_true(got.send_all);
}

static void test_names_are_as_they_stand(void **state)
{
    static const uint8_t bytes[] = {0x0a, 1, 'c', 0x0a, 0, 0x0a, 3, 'a', 0, 'b', 0x0a, 1, 'c'};
    struct response got;
    struct response_name name;

    (void)state;
    assert_int_equal(response_parse(bytes, sizeof(bytes), &limits, &got), 0);
    assert_true(response_next_name(&got, &name));
    assert_ptr_equal(name.text, bytes + 2); /* not copied */
    assert_int_equal(name.length, 1);
    assert_true(response_next_name(&got, &name));
    assert_int_equal(name.length, 0);
    assert_true(response_next_name(&got, &name));
    assert_int_equal(name.length, 3); /* with its NUL */
    assert_true(response_next_name(&got, &name));
    assert_false(response_next_name(&got, &name));
}

/* As protobuf merges: scalars replace, messages merge. */
static void test_fields_that_stand_twice(void **state)
{
    static const uint8_t bytes[] = {0x18, 1, 0x12, 2, 8, 3, 0x18, 0, 0x12, 3, 0x10, 0x80, 1};
    struct response got;

    (void)state;
    assert_int_equal(response_parse(bytes, sizeof(bytes), &limits, &got), 0);
    assert_int_equal(got.asked_seconds, 3);
    assert_int_equal(got.asked_nanos, 128);
    assert_false(got.endpoints);
}

static void test_s15_unset_interval(void **state)
{
    struct response got;

    (void)state;
    assert_int_equal(response_parse(NULL, 0, &limits, &got), 0);
    assert_int_equal(got.interval_us, limits.unset_us);
    assert_true(got.interval_clamped);
    assert_int_equal(got.asked_seconds, 0);
    assert_int_equal(got.asked_nanos, 0);
}

static void test_interval_edges(void **state)
{
    static const struct {
        int64_t seconds;
        int32_t nanos;
        uint64_t interval_us;
        bool clamped;
    } cases[] = {
        {0, 0, 1000000, true},
        {-1, 0, 1000000, true},
        {0, -1, 1000000, true},
        {5, -1, 1000000, true},
        {5, 1000000000, 1000000, true},
        {5, INT32_MAX, 1000000, true},
        {INT64_MIN, INT32_MIN, 1000000, true},
        {0, 1, 100000, true},
        {0, 999999, 100000, true},
        {0, 99999999, 100000, true},
        {0, 100000000, 100000, false},
        {0, 101000000, 101000, false},
        {1, 999500000, 1999000, false}, /* S16: cut to whole milliseconds */
        {5, 999999999, 5999000, false},
        {3599, 999999999, 3599999000, false},
        {3600, 0, 3600000000, false},
        {3600, 999999, 3600000000, false},
        {3600, 1000000, 3600000000, true},
        {3601, 0, 3600000000, true},
        {400000000000, 0, 3600000000, true},
        {18446744073710, 0, 3600000000, true}, /* as microseconds, 0.4 s above 2^64 */
        {INT64_MAX, 999999999, 3600000000, true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct response got = parse_interval(cases[i].seconds, cases[i].nanos);

        assert_int_equal(got.interval_us, cases[i].interval_us);
        assert_int_equal(got.interval_clamped, cases[i].clamped);
        assert_true(got.asked_seconds == cases[i].seconds);
        assert_int_equal(got.asked_nanos, cases[i].nanos);
    }
}

static void test_unknown_fields_are_passed_over(void **state)
{
    static const uint8_t bytes[] = {0x0a, 1,    'a',  0x7a, 2,    'x', 'y',  0x79, 1,    2,
                                    3,    4,    5,    6,    7,    8,   0x7d, 1,    2,    3,
                                    4,    0x78, 0x80, 0x01, 18,   2,   24,   9,    0xfa, 0xff,
                                    0xff, 0xff, 0x0f, 0,    0x0a, 1,   'b'};
    struct response got;

    (void)state;
    assert_int_equal(response_parse(bytes, sizeof(bytes), &limits, &got), 0);
    assert_string_equal(names_of(&got), "a\nb\n");
    assert_int_equal(got.asked_seconds, 0);
}

static void test_garbage_leaves_out_alone(void **state)
{
    static const uint8_t cut_name[] = {0x0a, 5, 'a', 'b'};
    static const uint8_t cut_duration[] = {0x12, 2, 0x08};
    static const uint8_t endless_varint[] = {0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                             0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    static const uint8_t no_group[] = {0x0b, 0x0c};
    static const uint8_t field_zero[] = {0x02, 0};
    static const uint8_t field_too_large[] = {0x82, 0x80, 0x80, 0x80, 0x10, 0};
    static const uint8_t cut_fixed[] = {0x7d, 1, 2, 3};
    static const uint8_t name_as_number[] = {0x08, 1};
    static const uint8_t seconds_as_bytes[] = {0x12, 2, 0x0a, 0};
    static const uint8_t flag_as_bytes[] = {0x1a, 0};
    static const uint8_t beyond_64_bits[] = {0x18, 0x80, 0x80, 0x80, 0x80, 0x80,
                                             0x80, 0x80, 0x80, 0x80, 0x02};
    static const uint8_t long_key[] = {0xf8, 0x80, 0x80, 0x80, 0x80, 0x00, 1};
    static const uint8_t length_of_2_64[] = {0x0a, 0xff, 0xff, 0xff, 0xff, 0xff,
                                             0xff, 0xff, 0xff, 0xff, 0x01};
#define BROKEN(name)                                                                               \
    {                                                                                              \
        name, sizeof(name)                                                                         \
    }
    static const struct {
        const uint8_t *bytes;
        size_t length;
    } all[] = {BROKEN(cut_name),      BROKEN(cut_duration),   BROKEN(endless_varint),
               BROKEN(no_group),      BROKEN(field_zero),     BROKEN(field_too_large),
               BROKEN(cut_fixed),     BROKEN(name_as_number), BROKEN(seconds_as_bytes),
               BROKEN(flag_as_bytes), BROKEN(beyond_64_bits), BROKEN(long_key),
               BROKEN(length_of_2_64)};
    struct response out, untouched;

    (void)state;
    memset(&out, 0x5a, sizeof(out));
    memcpy(&untouched, &out, sizeof(out));
    for (size_t i = 0; i < ARRAY_SIZE(all); i++)
        assert_int_equal(response_parse(all[i].bytes, all[i].length, &limits, &out), -EBADMSG);
    assert_memory_equal(&out, &untouched, sizeof(out));
}

static void test_size_limit(void **state)
{
    size_t length = RESPONSE_SIZE_MAX + 1;
    autofree uint8_t *bytes = calloc(1, length);
    struct response_name name;
    struct response got;
    size_t count = 0;

    (void)state;
    assert_non_null(bytes);
    for (size_t i = 0; i + 1 < length; i += 2) /* nothing but empty names */
        bytes[i] = 0x0a;
    assert_int_equal(response_parse(bytes, RESPONSE_SIZE_MAX, &limits, &got), 0);
    while (response_next_name(&got, &name))
        count++;
    assert_int_equal(count, RESPONSE_SIZE_MAX / 2);
    memset(bytes, 0, length);
    bytes[0] = 0x0a; /* one name that fills the message */
    bytes[1] = 0xfc;
    bytes[2] = 0xff;
    bytes[3] = 0xff;
    bytes[4] = 0x01;
    assert_int_equal(response_parse(bytes, RESPONSE_SIZE_MAX + 1, &limits, &got), -EBADMSG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_fields),
        cmocka_unit_test(test_names_are_as_they_stand),
        cmocka_unit_test(test_fields_that_stand_twice),
        cmocka_unit_test(test_s15_unset_interval),
        cmocka_unit_test(test_interval_edges),
        cmocka_unit_test(test_unknown_fields_are_passed_over),
        cmocka_unit_test(test_garbage_leaves_out_alone),
        cmocka_unit_test(test_size_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
