/* Looking at a reporter: the next report as it will be sent, and what state all is in. Nothing changes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "reporter_play.h"

static uint8_t seen[4096], was_sent[4096];
static size_t seen_length, sent_length;

static void look(void)
{
    struct grpc_messages messages;
    size_t at = 0, length;
    const uint8_t *bytes;
    request *message;

    assert_int_equal(reporter_look(reporter, now, &messages), 0);
    assert_int_equal(messages.count, 1);
    bytes = grpc_messages_next(&messages, &at, &length);
    /* As `last` is packed, whatever the order of its fields. */
    message = envoy__service__load_stats__v3__load_stats_request__unpack(NULL, length, bytes);
    grpc_messages_clear(&messages);
    assert_non_null(message);
    seen_length = envoy__service__load_stats__v3__load_stats_request__pack(message, seen);
    envoy__service__load_stats__v3__load_stats_request__free_unpacked(message, NULL);
}

static void keep_sent(void)
{
    sent_length = envoy__service__load_stats__v3__load_stats_request__pack(last, was_sent);
}

static void the_next_report_as_it_is_sent(void **state)
{
    (void)state;
    begin((struct wish){.clusters = {"apple", "berry"}, .seconds = 2, .endpoints = true});
    overhear = keep_sent;
    for (unsigned round = 0; round < 5; round++) {
        model_serve(apple, 3 + round);
        rows[apple2].rq_issued += round;
        rows[berry].rq_error += round % 2;
        look();
        pass(2 * SECOND - 1);
        now++;
        look();
        look();
        reporter_run(reporter, now);
        assert_int_equal(seen_length, sent_length);
        assert_memory_equal(seen, was_sent, sent_length);
        if (round == 1)
            reporter_confirmed(reporter, now);
        if (round == 3) { /* what is sent again is in it too */
            down();
            pass(4 * SECOND);
            look();
            pass(SECOND);
            look();
            up();
            assert_memory_equal(seen, was_sent, sent_length);
        }
    }
    assert_int_equal(sent, 7);
}

static void state_and_times(void **state)
{
    struct reporter_status status;

    (void)state;
    reporter_status(reporter, &status);
    assert_string_equal(status.state, "idle");
    assert_false(status.wishes.known);
    reporter_start(reporter, now);
    reporter_status(reporter, &status);
    assert_string_equal(status.state, "connecting");
    down();
    reporter_status(reporter, &status);
    assert_string_equal(status.state, "waiting");
    assert_int_equal(status.counts.streams_failed, 1);
    assert_int_equal(status.down_us, now);
    assert_int_equal(status.due_us, reporter_deadline(reporter));
    pass(5 * SECOND);
    up();
    respond(APPLE_EVERY_2S);
    assert_int_equal(reporter_response(reporter, now, (const uint8_t *)"\xff", 1), -EBADMSG);
    pass(3 * SECOND);
    reporter_confirmed(reporter, now);
    reporter_confirmed(reporter, now); /* one that nobody waits for */
    reporter_status(reporter, &status);
    assert_string_equal(status.state, "connected");
    assert_int_equal(status.stream, 1);
    assert_int_equal(status.report, 2);
    assert_int_equal(status.confirmed, 2);
    assert_int_equal(status.clusters, 1);
    assert_int_equal(status.wishes.interval_us, 2 * SECOND);
    assert_int_equal(status.up_us, now - 3 * SECOND);
    assert_int_equal(status.response_us, now - 3 * SECOND);
    assert_int_equal(status.report_us, now - SECOND);
    assert_int_equal(status.unsent_us, now - SECOND);
    assert_int_equal(status.confirmed_us, now);
    assert_int_equal(status.due_us, now + SECOND);
    assert_true(reporter_reports(reporter, APPLE));
    assert_false(reporter_reports(reporter, BERRY));
}

static void counts(void **state)
{
    struct reporter_status status;

    (void)state;
    begin(APPLE_EVERY_2S);
    model_serve(apple, 1);
    pass(2 * SECOND);
    send_error = -EAGAIN;
    pass(2 * SECOND);
    send_error = 0;
    down();
    reporter_status(reporter, &status);
    assert_int_equal(status.counts.streams, 1);
    assert_int_equal(status.counts.streams_ended, 1);
    assert_int_equal(status.counts.streams_failed, 0);
    assert_int_equal(status.counts.reports, 2);
    assert_int_equal(status.counts.messages, 2);
    assert_true(status.counts.bytes > 0);
    assert_int_equal(status.counts.reports_failed, 1);
    assert_int_equal(status.counts.unconfirmed_ends, 1);
    assert_int_equal(status.counts.responses, 1);
    assert_int_equal(status.counts.responses_malformed, 0);
    assert_int_equal(status.counts.confirmations, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_next_report_as_it_is_sent),
        TEST(state_and_times),
        TEST(counts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
