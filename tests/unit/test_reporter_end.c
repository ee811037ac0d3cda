/* The last report. */
#include "reporter_play.h"

static void test_without_a_stream(void **state)
{
    (void)state;
    begin(APPLE_EVERY_2S);
    model_serve(apple, 12);
    pass(2 * SECOND);
    down();
    model_serve(apple, 1);
    assert_false(reporter_finished(reporter));
    reporter_finish(reporter, now);
    assert_true(reporter_finished(reporter));
    assert_true(reporter_deadline(reporter) == UINT64_MAX);
    assert_int_equal(logged("warning no last report: there is no stream"), 1);
    assert_int_equal(logged("info not reported: cluster=apple issued=13 success=13 error=0 "
                            "new_connections=0 failed_connections=0\n"),
                     1);
    assert_int_equal(logged("not reported"), 1);
    up();
    down();
    reporter_run(reporter, now + 100 * SECOND);
    assert_int_equal(opened, 1);
}

static void test_that_never_was_asked(void **state)
{
    (void)state;
    reporter_start(reporter, now);
    up();
    model_serve(apple, 1);
    reporter_finish(reporter, now);
    assert_true(reporter_finished(reporter));
    assert_int_equal(logged("info no last report: the management server never asked for one"), 1);
    assert_int_equal(logged("not reported"), 0);
    assert_int_equal(sent, 1);
}

static void test_is_sent_at_once_and_confirmed(void **state)
{
    (void)state;
    begin(APPLE_EVERY_2S);
    pass(SECOND);
    model_serve(apple, 3);
    reporter_finish(reporter, now);
    assert_int_equal(sent, 2);
    assert_int_equal(issued("apple"), 3);
    assert_int_equal(interval_us("apple"), SECOND);
    assert_true(last_mark);
    assert_false(reporter_finished(reporter));
    model_serve(apple, 1);                                       /* after it */
    respond((struct wish){.clusters = {"berry"}, .seconds = 1}); /* too late */
    pass(SECOND);
    assert_int_equal(sent, 2);
    reporter_confirmed(reporter, now);
    assert_true(reporter_finished(reporter));
    assert_int_equal(sent, 2);
    assert_int_equal(logged("info last report: stream=1 report=2, all is confirmed\n"), 1);
    assert_int_equal(logged("not reported: cluster=apple issued=1 "), 1);
    down();
    assert_int_equal(logged("sent again"), 0);
}

/* Only one mark is awaited: what went out behind it gets one of its own later. */
static void test_while_a_confirmation_is_awaited(void **state)
{
    (void)state;
    begin(APPLE_EVERY_2S);
    model_serve(apple, 1);
    pass(2 * SECOND);
    assert_true(last_mark);
    model_serve(apple, 2);
    reporter_finish(reporter, now);
    assert_int_equal(issued("apple"), 2);
    assert_false(last_mark);
    reporter_confirmed(reporter, now);
    assert_int_equal(sent, 4);
    assert_int_equal(issued("apple"), 0);
    assert_true(last_mark);
    assert_false(reporter_finished(reporter));
    reporter_confirmed(reporter, now);
    assert_true(reporter_finished(reporter));
    assert_int_equal(logged("report=4, all is confirmed"), 1);
    assert_int_equal(logged("not reported"), 0);
}

/* What the server has got is not told as lost only because it asks for nothing now. */
static void test_of_clusters_that_are_not_asked_for_any_more(void **state)
{
    (void)state;
    begin(APPLE_EVERY_2S);
    model_serve(apple, 3);
    pass(2 * SECOND);
    respond((struct wish){.seconds = 2});
    reporter_finish(reporter, now);
    assert_false(reporter_finished(reporter));
    reporter_confirmed(reporter, now);
    assert_true(reporter_finished(reporter));
    assert_int_equal(logged("all is confirmed"), 1);
    assert_int_equal(logged("not reported"), 0);
    assert_int_equal(logged("warning"), 0);
}

/* The server asks for nothing, one more confirmation is to come. */
static void test_behind_a_report_without_a_mark(void **state)
{
    (void)state;
    begin(APPLE_EVERY_2S);
    for (int i = 0; i < 2; i++) {
        model_serve(apple, 3);
        pass(2 * SECOND);
    }
    respond((struct wish){.seconds = 2});
    reporter_finish(reporter, now);
    reporter_confirmed(reporter, now);
    assert_true(last_mark);
    assert_int_equal(last->n_cluster_stats, 0);
    assert_false(reporter_finished(reporter));
    reporter_confirmed(reporter, now);
    assert_true(reporter_finished(reporter));
    assert_int_equal(logged("not reported"), 0);
}

static void test_where_nothing_is_asked_for(void **state)
{
    (void)state;
    begin(APPLE_EVERY_2S);
    model_serve(apple, 3);
    pass(2 * SECOND);
    reporter_confirmed(reporter, now);
    respond((struct wish){.seconds = 2});
    reporter_finish(reporter, now);
    assert_true(reporter_finished(reporter));
    assert_int_equal(sent, 2);
    assert_int_equal(logged("info no last report: the management server asks for none\n"), 1);
    assert_int_equal(logged("not reported"), 0);
}

/* An older rule holds a result back that comes when nothing runs; the last report has it. */
static void test_has_what_an_older_rule_held_back(void **state)
{
    tear_down(state);
    emission = EMISSION_ENVOY_1_37;
    assert_int_equal(set_up(state), 0);
    emission = EMISSION_ENVOY_1_39;
    begin(APPLE_EVERY_2S);
    rows[apple].rq_issued = 1;
    pass(2 * SECOND);
    reporter_confirmed(reporter, now);
    rows[apple].rq_finished = rows[apple].rq_success = 1;
    pass(2 * SECOND);
    reporter_confirmed(reporter, now);
    add_up("apple");
    assert_int_equal(sums.success, 0);
    reporter_finish(reporter, now);
    add_up("apple");
    assert_int_equal(sums.success, 1);
    reporter_confirmed(reporter, now);
    assert_int_equal(logged("all is confirmed"), 1);
    assert_int_equal(logged("not reported"), 0);
}

static void test_is_waited_for_so_long(void **state)
{
    (void)state;
    begin(APPLE_EVERY_2S);
    model_serve(apple, 5);
    reporter_finish(reporter, now);
    assert_true(reporter_deadline(reporter) == now + REPORTER_LAST_US);
    pass(REPORTER_LAST_US - 1);
    assert_false(reporter_finished(reporter));
    now++;
    reporter_run(reporter, now);
    assert_true(reporter_finished(reporter));
    assert_int_equal(logged("warning last report: stream=1 report=2, only 0 are confirmed"), 1);
    assert_int_equal(logged("not reported: cluster=apple issued=5 "), 1);
}

static void test_is_not_waited_for_if_asked_again(void **state)
{
    (void)state;
    begin(APPLE_EVERY_2S);
    model_serve(apple, 5);
    reporter_finish(reporter, now);
    reporter_finish(reporter, now);
    assert_true(reporter_finished(reporter));
    assert_int_equal(logged("only 0 are confirmed"), 1);
    assert_int_equal(logged("not reported: cluster=apple issued=5 "), 1);
    reporter_finish(reporter, now);
    assert_int_equal(logged("only 0 are confirmed"), 1);
}

static void test_stream_ends_meanwhile(void **state)
{
    (void)state;
    begin(APPLE_EVERY_2S);
    model_serve(apple, 5);
    reporter_finish(reporter, now);
    down();
    assert_true(reporter_finished(reporter));
    assert_int_equal(logged("only 0 are confirmed"), 1);
    assert_int_equal(logged("not reported: cluster=apple issued=5 "), 1);
    assert_int_equal(logged("sent again"), 0);
}

static void test_cannot_be_queued_for_a_while(void **state)
{
    (void)state;
    begin(APPLE_EVERY_2S);
    model_serve(apple, 5);
    send_error = -EAGAIN;
    reporter_finish(reporter, now);
    pass(SECOND);
    send_error = 0;
    pass(SECOND / 10);
    assert_int_equal(sent, 2);
    assert_int_equal(issued("apple"), 5);
    reporter_confirmed(reporter, now);
    assert_true(reporter_finished(reporter));
}

static void test_can_never_be_queued(void **state)
{
    uint64_t begun = now;

    (void)state;
    begin(APPLE_EVERY_2S);
    model_serve(apple, 5);
    send_error = -EAGAIN;
    reporter_finish(reporter, now);
    pass(REPORTER_LAST_US);
    assert_true(reporter_finished(reporter));
    assert_true(now == begun + REPORTER_LAST_US);
    assert_int_equal(logged("not reported: cluster=apple issued=5 "), 1);
    assert_int_equal(logged("report not sent"), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_without_a_stream),
        TEST(test_that_never_was_asked),
        TEST(test_is_sent_at_once_and_confirmed),
        TEST(test_while_a_confirmation_is_awaited),
        TEST(test_of_clusters_that_are_not_asked_for_any_more),
        TEST(test_behind_a_report_without_a_mark),
        TEST(test_where_nothing_is_asked_for),
        TEST(test_has_what_an_older_rule_held_back),
        TEST(test_is_waited_for_so_long),
        TEST(test_is_not_waited_for_if_asked_again),
        TEST(test_stream_ends_meanwhile),
        TEST(test_cannot_be_queued_for_a_while),
        TEST(test_can_never_be_queued),
    };

    return cmocka_run_group_tests_name("reporter_end", tests, NULL, NULL);
}
