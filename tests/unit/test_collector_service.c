/* What is done with one request: whose counts they are, what is refused, lines that get lost. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/mem.h"
#include "collector/service.h"

static const struct ask all_clusters = {.interval_us = 10000000};

struct fixture {
    struct settings *settings;
    struct service service;
    struct service_peer peer;
    char *text;
    size_t length;
};

static void start(struct fixture *fixture)
{
    struct config_error error;

    *fixture = (struct fixture){.peer = {.address = "p", .stream = 1}};
    assert_int_equal(settings_new(NULL, &all_clusters, &fixture->settings, &error), 0);
    assert_int_equal(service_init(&fixture->service,
                                  open_memstream(&fixture->text, &fixture->length),
                                  fixture->settings),
                     0);
}

static void stop(struct fixture *fixture)
{
    service_peer_clear(&fixture->service, &fixture->peer);
    fclose(fixture->service.output.sink.file);
    service_clear(&fixture->service);
    settings_free(fixture->settings);
    free(fixture->text);
}

static enum grpc_status take(struct fixture *fixture, const char *bytes, size_t length)
{
    return service_message(&fixture->service, &fixture->peer, (const uint8_t *)bytes, length);
}

#define TAKE_BYTES(fixture, bytes) take(fixture, bytes, sizeof(bytes) - 1)

/* The newest node that a stream named is whose counts the following ones are. */
static void whose_counts(void **state)
{
    struct fixture fixture;

    (void)state;
    start(&fixture);
    assert_int_equal(TAKE_BYTES(&fixture, "\x12\3\x0a\1c"), GRPC_OK); /* nobody's */
    assert_int_equal(TAKE_BYTES(&fixture, "\x0a\3\x0a\1a\x12\3\x0a\1c"), GRPC_OK);
    assert_int_equal(TAKE_BYTES(&fixture, "\x12\3\x0a\1c"), GRPC_OK);
    assert_int_equal(TAKE_BYTES(&fixture, "\x0a\3\x12\1k\x12\3\x0a\1c"), GRPC_OK);
    assert_int_equal(TAKE_BYTES(&fixture, "\x0a\3\x12\1k\x12\3\x0a\1c"), GRPC_OK);
    assert_int_equal(fixture.peer.messages, 5);
    assert_non_null(strstr(fixture.text, "\"message\":1,\"request\":"));
    assert_non_null(strstr(fixture.text, "\"message\":2,\"request\":{\"node\":{\"id\":\"a\"},"));
    assert_non_null(
        strstr(fixture.text, "\"message\":3,\"node\":{\"id\":\"a\",\"cluster\":\"\"},"));
    assert_int_equal(service_finish(&fixture.service), 0);
    assert_non_null(
        strstr(fixture.text, "{\"id\":\"\",\"cluster\":\"\"},\"cluster\":\"c\",\"reports\":1,"));
    assert_non_null(
        strstr(fixture.text, "{\"id\":\"\",\"cluster\":\"k\"},\"cluster\":\"c\",\"reports\":2,"));
    assert_non_null(
        strstr(fixture.text, "{\"id\":\"a\",\"cluster\":\"\"},\"cluster\":\"c\",\"reports\":2,"));
    stop(&fixture);
}

static void refused_ones_count_nothing(void **state)
{
    struct fixture fixture;

    (void)state;
    start(&fixture);
    assert_int_equal(TAKE_BYTES(&fixture, "\x12\3\x0a\1\xff"), GRPC_INTERNAL);
    /* Well-formed, but not for this type: a varint where cluster_name stands. */
    assert_int_equal(TAKE_BYTES(&fixture, "\x12\2\x08\1"), GRPC_INTERNAL);
    assert_int_equal(fixture.peer.messages, 2);
    assert_int_equal(fixture.service.messages, 2);
    assert_int_equal(fixture.service.message_bytes, 9);
    assert_int_equal(fixture.service.refused, 2);
    assert_int_equal(service_finish(&fixture.service), 0);
    fflush(fixture.service.output.sink.file);
    assert_int_equal(fixture.length, 0);
    stop(&fixture);
}

/* SERVICE_FIELDS empty cluster_stats of two bytes each, and one more. */
static void number_of_fields(void **state)
{
    size_t length = 2 * (SERVICE_FIELDS + 1);
    autofree char *bytes = calloc(1, length);
    struct fixture fixture;

    (void)state;
    for (size_t i = 0; i < length; i += 2)
        bytes[i] = 0x12;
    start(&fixture);
    assert_int_equal(take(&fixture, bytes, length), GRPC_RESOURCE_EXHAUSTED);
    stop(&fixture);
}

static void sum_active(void *arg, const struct totals_row *row)
{
    *(uint64_t *)arg += row->in_progress;
}

static uint64_t active(const struct fixture *fixture)
{
    uint64_t sum = 0;

    totals_each(fixture->service.totals, sum_active, &sum);
    return sum;
}

/* A request in progress, without load_report_interval: of loadtap's streams, and of no others, it is a
 * part of one report with the next. */
static void gauges_of_parts(void **state)
{
    static const char part[] = "\x12\x07\x0a\1c\x12\2\x18\1";
    static const struct totals_limits limits = {.rows = 9, .text = 99, .gauges = 9, .again = 9};
    struct totals *totals = totals_new(&limits);

    (void)state;
    for (int loadtap = 0; loadtap <= 1; loadtap++) {
        struct fixture fixture;

        start(&fixture);
        fixture.service.totals = totals;
        strcpy(fixture.peer.origin.run, loadtap ? "r" : "");
        assert_int_equal(TAKE_BYTES(&fixture, part), GRPC_OK);
        assert_int_equal(active(&fixture), 1);
        assert_int_equal(TAKE_BYTES(&fixture, part), GRPC_OK);
        assert_int_equal(active(&fixture), loadtap ? 2 : 1);
        stop(&fixture);
    }
    totals_free(totals);
}

static void more_clusters_than_rows(void **state)
{
    struct fixture fixture;

    (void)state;
    start(&fixture);
    for (int i = 0; i <= SERVICE_SUMS_ROWS; i++) {
        char bytes[32] = "\x12\x0a\x0a\x08";

        snprintf(bytes + 4, sizeof(bytes) - 4, "c%07d", i);
        assert_int_equal(fixture.service.sums_full, false);
        assert_int_equal(take(&fixture, bytes, 12), GRPC_OK);
    }
    assert_true(fixture.service.sums_full);
    assert_int_equal(service_finish(&fixture.service), 0);
    assert_non_null(strstr(fixture.text, "{\"sums\":{\"rest\":true,\"reports\":1,"));
    stop(&fixture);
}

static void no_row(void *arg, const struct sums_row *row)
{
    (void)arg;
    fail_msg("counted: %s", row->cluster);
}

/* A report that cannot be written is not taken, and counts nothing; that it was so is known at the end. */
static void what_cannot_be_written_is_refused(void **state)
{
    static const char report[] = "\x12\3\x0a\1c";
    struct service_peer peer = {.address = "p", .stream = 1};
    struct settings *settings;
    struct service service;
    struct config_error error;
    FILE *full = fopen("/dev/full", "w");

    (void)state;
    assert_int_equal(settings_new(NULL, &all_clusters, &settings, &error), 0);
    assert_int_equal(service_init(&service, full, settings), 0);
    assert_int_equal(service_message(&service, &peer, (const uint8_t *)report, sizeof(report) - 1),
                     GRPC_UNAVAILABLE);
    assert_int_equal(service.refused, 1);
    sums_each(service.sums, no_row, NULL);
    assert_int_equal(service_finish(&service), -ENOSPC);
    service_peer_clear(&service, &peer);
    service_clear(&service);
    settings_free(settings);
    fclose(full);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whose_counts),
        cmocka_unit_test(refused_ones_count_nothing),
        cmocka_unit_test(number_of_fields),
        cmocka_unit_test(gauges_of_parts),
        cmocka_unit_test(more_clusters_than_rows),
        cmocka_unit_test(what_cannot_be_written_is_refused),
    };

    log_set_level(LOG_LEVEL_OFF);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
