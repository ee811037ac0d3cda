/* One stream's answers: what was begun to be read is read to its end, the newest one comes next. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/log.h"
#include "collector/load_stream.h"

#define METHOD "/envoy.service.load_stats.v3.LoadReportingService/StreamLoadStats"
#define HEADER(stream, name, value)                                                                \
    load_stream_header(stream, (const uint8_t *)(name), strlen(name), (const uint8_t *)(value),    \
                       strlen(value))

struct fixture {
    struct service service;
    struct load_stream stream;
    struct settings *settings;
    FILE *lines;
};

static void ask_for(struct fixture *fixture, unsigned seconds)
{
    const struct ask ask = {.interval_us = seconds * 1000000ull};
    struct settings *before = fixture->settings;
    struct config_error error;

    assert_int_equal(settings_new(NULL, &ask, &fixture->settings, &error), 0);
    fixture->service.settings = fixture->settings;
    settings_free(before);
}

static void start(struct fixture *fixture)
{
    *fixture = (struct fixture){.lines = fopen("/dev/null", "w")};
    assert_int_equal(service_init(&fixture->service, fixture->lines, NULL), 0);
    ask_for(fixture, 10);
    load_stream_init(&fixture->stream, &fixture->service, "p");
    HEADER(&fixture->stream, ":path", METHOD);
    HEADER(&fixture->stream, "content-type", "application/grpc");
    assert_int_equal(load_stream_open(&fixture->stream), 200);
}

static void say_nothing(struct fixture *fixture)
{
    load_stream_data(&fixture->stream, (const uint8_t *)"\0\0\0\0\0", 5);
}

static void stop(struct fixture *fixture)
{
    load_stream_clear(&fixture->stream);
    assert_int_equal(fixture->service.open, 0);
    service_clear(&fixture->service);
    settings_free(fixture->settings);
    fclose(fixture->lines);
}

/* {interval: seconds, send_all_clusters: true} */
static void assert_answer(const uint8_t *bytes, uint8_t seconds)
{
    const uint8_t expected[] = {0, 0, 0, 0, 6, 0x12, 2, 8, seconds, 0x20, 1};

    assert_memory_equal(bytes, expected, sizeof(expected));
}

#define ANSWER 11

static void begun_ones_are_whole(void **state)
{
    struct fixture fixture;
    uint8_t bytes[100];
    size_t used;

    (void)state;
    start(&fixture);
    assert_int_equal(load_stream_read(&fixture.stream, bytes, sizeof(bytes)), 0);
    say_nothing(&fixture);
    used = load_stream_read(&fixture.stream, bytes, 4);
    assert_int_equal(used, 4);
    ask_for(&fixture, 20);
    load_stream_ask_again(&fixture.stream);
    used += load_stream_read(&fixture.stream, bytes + used, 3);
    ask_for(&fixture, 30); /* takes the place of the one that waits */
    load_stream_ask_again(&fixture.stream);
    load_stream_ask_again(&fixture.stream);
    for (size_t count; (count = load_stream_read(&fixture.stream, bytes + used, 5)) > 0;)
        used += count;
    assert_int_equal(used, 2 * ANSWER);
    assert_answer(bytes, 10);
    assert_answer(bytes + ANSWER, 30);
    say_nothing(&fixture); /* no answer to a second message */
    assert_int_equal(load_stream_read(&fixture.stream, bytes, sizeof(bytes)), 0);
    stop(&fixture);
}

static void what_waits_is_freed(void **state)
{
    struct fixture fixture;
    uint8_t byte;

    (void)state;
    start(&fixture);
    load_stream_ask_again(&fixture.stream); /* before its first message: nothing */
    assert_int_equal(load_stream_read(&fixture.stream, &byte, 1), 0);
    say_nothing(&fixture);
    assert_int_equal(load_stream_read(&fixture.stream, &byte, 1), 1);
    ask_for(&fixture, 20);
    load_stream_ask_again(&fixture.stream);
    assert_int_equal(fixture.service.open, 1);
    stop(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(begun_ones_are_whole),
        cmocka_unit_test(what_waits_is_freed),
    };

    log_set_level(LOG_LEVEL_OFF);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
