/* The reporter against a scripted management server. Sn are the scenarios of Envoy's behaviour. */
#include "failing_memory.h"
#include "reporter_play.h"

/* --- first stream ------------------------------------------------------------------------------*/

static void test_s1_silent_server(void **state)
{
    (void)state;
    assert_true(reporter_deadline(reporter) == UINT64_MAX);
    reporter_start(reporter, now);
    assert_int_equal(opened, 1);
    assert_int_equal(sent, 0);
    assert_true(reporter_deadline(reporter) == UINT64_MAX);
    up();
    assert_int_equal(sent, 1);
    assert_int_equal(last->n_cluster_stats, 0);
    assert_false(last_mark);
    assert_true(reporter_deadline(reporter) == UINT64_MAX);
    pass(3600 * SECOND);
    assert_int_equal(sent, 1);
}

static void test_s2_idle_cluster_every_interval(void **state)
{
    (void)state;
    begin(APPLE_EVERY_2S);
    assert_int_equal(sent, 1);
    for (unsigned i = 0; i < 5; i++) {
        pass(2 * SECOND);
        assert_int_equal(sent, 2 + i);
        assert_int_equal(last->n_cluster_stats, 1);
        assert_int_equal(interval_us("apple"), 2 * SECOND);
        assert_int_equal(stats_of("apple")->n_upstream_locality_stats, 0);
    }
}

static void test_deadline_to_the_microsecond(void **state)
{
    (void)state;
    begin(APPLE_EVERY_2S);
    assert_true(reporter_deadline(reporter) == now + 2 * SECOND);
    reporter_run(reporter, now + 2 * SECOND - 1);
    assert_int_equal(sent, 1);
    now += 2 * SECOND;
    reporter_run(reporter, now);
    assert_int_equal(sent, 2);
    /* Run late: measured interval, and the next period counts from now. */
    now += 2 * SECOND + 7;
    reporter_run(reporter, now);
    assert_int_equal(interval_us("apple"), 2 * SECOND + 7);
    assert_true(reporter_deadline(reporter) == now + 2 * SECOND);
}

static void test_s3_traffic_before_the_response_is_discarded(void **state)
{
    (void)state;
    reporter_start(reporter, now);
    up();
    model_serve(apple, 5);
    pass(SECOND);
    respond(APPLE_EVERY_2S);
    model_serve(apple, 2);
    pass(2 * SECOND);
    assert_int_equal(issued("apple"), 2);
}

static void test_s7_slow_request_across_the_tick(void **state)
{
    (void)state;
    begin(APPLE_EVERY_2S);
    rows[apple].rq_issued++;
    pass(2 * SECOND);
    add_up("apple");
    assert_int_equal(sums.issued, 1);
    assert_int_equal(sums.in_progress, 1);
    rows[apple].rq_success++;
    rows[apple].rq_finished++;
    pass(2 * SECOND);
    add_up("apple");
    assert_int_equal(sums.issued, 0);
    assert_int_equal(sums.success, 1);
    assert_int_equal(sums.in_progress, 0);
}

/* --- responses ---------------------------------------------------------------------------------*/

static void test_s8_response_mid_interval_keeps_counts_and_restarts_the_timer(void **state)
{
    (void)state;
    begin((struct wish){.clusters = {"apple"}, .seconds = 3});
    model_serve(apple, 4);
    model_serve(berry, 9);
    pass(2 * SECOND);
    respond((struct wish){.clusters = {"apple", "berry"}, .seconds = 3});
    model_serve(apple, 3);
    pass(3 * SECOND - 1);
    assert_int_equal(sent, 1);
    pass(1);
    assert_int_equal(sent, 2);
    assert_int_equal(issued("apple"), 7);
    assert_int_equal(interval_us("apple"), 5 * SECOND);
    assert_int_equal(issued("berry"), 0);
    assert_int_equal(interval_us("berry"), 3 * SECOND);
}

static void test_s9_removed_and_named_again_starts_anew(void **state)
{
    (void)state;
    begin(APPLE_EVERY_2S);
    model_serve(apple, 5);
    rows[apple].rq_issued++; /* still running at the end */
    respond((struct wish){.seconds = 2});
    pass(2 * SECOND);
    assert_int_equal(sent, 2); /* heartbeat */
    assert_int_equal(last->n_cluster_stats, 0);
    assert_false(last_mark);
    respond(APPLE_EVERY_2S);
    model_serve(apple, 1);
    pass(2 * SECOND);
    add_up("apple");
    assert_int_equal(sums.issued, 1);
    assert_int_equal(sums.in_progress, 1);
    assert_int_equal(interval_us("apple"), 2 * SECOND);
}

static void test_s10_unknown_names_are_left_out(void **state)
{
    (void)state;
    begin((struct wish){.clusters = {"zebra", "apple", "app", "applepie"}, .seconds = 2});
    pass(2 * SECOND);
    assert_int_equal(last->n_cluster_stats, 1);
    assert_non_null(stats_of("apple"));
    assert_int_equal(logged("3 names match no cluster"), 1);
    respond((struct wish){.clusters = {"zebra"}, .seconds = 2});
    pass(2 * SECOND);
    assert_int_equal(last->n_cluster_stats, 0);
}

static void test_every_cluster_is_found_by_name(void **state)
{
    (void)state;
    begin((struct wish){.clusters = {"cloud", "berry", "Plain", "apple"}, .seconds = 2});
    pass(2 * SECOND);
    assert_int_equal(last->n_cluster_stats, CLUSTER_COUNT);
    assert_int_equal(logged("match no cluster"), 0);
    respond((struct wish){.clusters = {"cloud"}, .seconds = 2});
    pass(2 * SECOND);
    assert_int_equal(last->n_cluster_stats, 1);
    assert_non_null(stats_of("cloud"));
}

static void test_s12_send_all(void **state)
{
    (void)state;
    begin((struct wish){.clusters = {"zebra"}, .seconds = 2, .send_all = true});
    assert_int_equal(logged("match no cluster"), 0); /* the list is without meaning */
    model_serve(plain, 3);
    pass(2 * SECOND);
    assert_int_equal(last->n_cluster_stats, CLUSTER_COUNT);
    assert_int_equal(issued("Plain"), 3);
    assert_int_equal(stats_of("cloud")->n_upstream_locality_stats, 0);
    model_serve(apple, 1);
    model_serve(berry, 1);
    respond(APPLE_EVERY_2S);
    pass(2 * SECOND);
    assert_int_equal(last->n_cluster_stats, 1);
    assert_int_equal(issued("apple"), 1);
}

static void test_s14_duplicate_names(void **state)
{
    (void)state;
    begin((struct wish){.clusters = {"apple", "berry", "apple", "berry"}, .seconds = 2});
    pass(2 * SECOND);
    assert_int_equal(last->n_cluster_stats, 2);
}

static void test_s15_useless_intervals_are_held(void **state)
{
    static const int64_t seconds[] = {0, -1, INT64_MIN};

    (void)state;
    begin((struct wish){.clusters = {"apple"}, .nanos = 500000});
    pass(SECOND);
    assert_int_equal(sent, 1 + 10); /* 100 ms */
    for (size_t i = 0; i < ARRAY_SIZE(seconds); i++) {
        unsigned before = sent;

        respond((struct wish){.clusters = {"apple"}, .seconds = seconds[i]});
        pass(3 * SECOND);
        assert_int_equal(sent - before, 3);
    }
    respond((struct wish){.clusters = {"apple"}, .seconds = 400000000000});
    assert_true(reporter_deadline(reporter) == now + WISHES_INTERVAL_MAX_US);
    assert_int_equal(logged("warning"), 1);
    assert_int_equal(logged("load_reporting_interval of 0 s 500000 ns is not usable"), 1);
}

static void test_s16_interval_is_cut_to_milliseconds(void **state)
{
    (void)state;
    begin((struct wish){.clusters = {"apple"}, .seconds = 1, .nanos = 999500000});
    assert_true(reporter_deadline(reporter) == now + 1999000);
    assert_int_equal(logged("warning"), 0);
}

static void test_s17_talkative_server(void **state)
{
    (void)state;
    begin(APPLE_EVERY_2S);
    for (int i = 0; i < 8; i++) {
        model_serve(apple, 1);
        pass(SECOND);
        respond(APPLE_EVERY_2S);
    }
    assert_int_equal(sent, 1);
    pass(2 * SECOND);
    assert_int_equal(sent, 2);
    assert_int_equal(issued("apple"), 8);
    assert_int_equal(interval_us("apple"), 10 * SECOND);
    assert_int_equal(logged("load reporting:"), 1); /* told once: nothing changed */
}

static void test_settings_that_flap_do_not_flood_the_log(void **state)
{
    (void)state;
    begin(APPLE_EVERY_2S);
    for (int64_t i = 0; i < 1000; i++) {
        respond((struct wish){.clusters = {"apple"}, .seconds = 2 + i % 2});
        pass(1000);
    }
    assert_in_range(logged("info load reporting:"), 1, 2);
    pass(SECOND);
    respond((struct wish){.clusters = {"apple"}, .seconds = 9, .endpoints = true});
    assert_int_equal(logged("info load reporting: stream=1 clusters=1 interval_ms=9000 send_all=0 "
                            "endpoints=1\n"),
                     1);
}

/* Both changes came within the second after the first response: the log has to show the last one, without
 * waiting for another message or the next report, once, and no report is sent for it. */
static void test_the_last_of_fast_changes_is_told(void **state)
{
    static const char late[] =
        "info load reporting: stream=1 clusters=1 interval_ms=7000 send_all=0 "
        "endpoints=1\n"
        "info load reporting: 2 names match no cluster here, such as 'plum'\n";

    (void)state;
    begin(APPLE_EVERY_2S);
    pass(SECOND / 10);
    respond((struct wish){.clusters = {"apple"}, .seconds = 8});
    respond((struct wish){.clusters = {"pear", "berry", "plum"}, .seconds = 7, .endpoints = true});
    assert_int_equal(logged("debug load reporting: stream=1"), 2);
    pass(SECOND - SECOND / 10 - 1);
    assert_int_equal(logged("info load reporting: stream=1"), 1);
    pass(1);
    assert_int_equal(logged(late), 1);
    assert_int_equal(sent, 1);
    pass(7 * SECOND - SECOND + SECOND / 10);
    assert_int_equal(sent, 2);
    assert_int_equal(logged("info load reporting: stream=1"), 2);
}

/* What waits is told also while there is no stream; at the end nothing is waited for. */
static void test_a_change_that_was_not_told_outlives_its_stream(void **state)
{
    (void)state;
    begin(APPLE_EVERY_2S);
    respond((struct wish){.clusters = {"apple"}, .seconds = 8});
    down();
    pass(SECOND);
    assert_int_equal(logged("info load reporting: stream=1 clusters=1 interval_ms=8000"), 1);
    for (unsigned before = opened; opened == before;)
        pass(SECOND);
    up();
    respond(APPLE_EVERY_2S);
    respond((struct wish){.clusters = {"apple"}, .seconds = 9});
    down();
    reporter_finish(reporter, now);
    assert_true(reporter_deadline(reporter) == UINT64_MAX);
}

static void test_s18_s19_granularity_takes_effect_with_the_next_report(void **state)
{
    (void)state;
    begin((struct wish){.clusters = {"apple"}, .seconds = 2, .endpoints = true});
    model_serve(apple, 1);
    pass(2 * SECOND);
    assert_int_equal(stats_of("apple")->n_upstream_locality_stats, 1);
    assert_int_equal(stats_of("apple")->upstream_locality_stats[0]->n_upstream_endpoint_stats, 1);
    model_serve(apple, 1);
    respond(APPLE_EVERY_2S);
    pass(2 * SECOND);
    assert_int_equal(stats_of("apple")->upstream_locality_stats[0]->n_upstream_endpoint_stats, 0);
}

static void test_host_resolved_late(void **state)
{
    uint32_t late;

    (void)state;
    begin(APPLE_EVERY_2S);
    pass(2 * SECOND);
    late = model_add(hosts, APPLE, 1, 99);
    model_serve(late, 6);
    pass(2 * SECOND);
    assert_int_equal(issued("apple"), 6);
    /* One that comes before its cluster is named is discarded with it. */
    late = model_add(hosts, BERRY, 0, 98);
    model_serve(late, 6);
    respond((struct wish){.clusters = {"apple", "berry"}, .seconds = 2});
    pass(2 * SECOND);
    assert_int_equal(issued("berry"), 0);
}

static void test_garbage_is_told(void **state)
{
    static const uint8_t garbage[] = {0x0a, 200, 'x'};

    (void)state;
    begin(APPLE_EVERY_2S);
    pass(SECOND);
    assert_int_equal(reporter_response(reporter, now, garbage, sizeof(garbage)), -EBADMSG);
    assert_true(reporter_deadline(reporter) == now + SECOND); /* nothing changed */
    assert_int_equal(logged("debug stream=1: a message of 3 bytes is not a"), 1);
    pass(SECOND);
    assert_int_equal(interval_us("apple"), 2 * SECOND);
}

/* --- streams that end --------------------------------------------------------------------------*/

static void test_s23_reconnect_after_5_s_with_a_report_of_the_gap(void **state)
{
    (void)state;
    begin(APPLE_EVERY_2S);
    pass(2 * SECOND);
    reporter_confirmed(reporter, now);
    pass(SECOND);
    model_serve(apple, 1);
    down();
    assert_true(reporter_deadline(reporter) == now + 5 * SECOND);
    model_serve(apple, 30);
    pass(5 * SECOND - 1);
    assert_int_equal(opened, 1);
    pass(1);
    assert_int_equal(opened, 2);
    assert_int_equal(sent, 2);
    up();
    assert_int_equal(sent, 3);
    assert_int_equal(issued("apple"), 31);
    assert_int_equal(interval_us("apple"), 6 * SECOND);
    assert_true(last_mark);
}

static void test_s25_old_settings_go_on_without_a_response(void **state)
{
    (void)state;
    begin(APPLE_EVERY_2S);
    for (int stream = 2; stream < 5; stream++) {
        unsigned before;

        down();
        pass(5 * SECOND);
        before = sent;
        up();
        model_serve(apple, 1);
        pass(6 * SECOND);
        assert_int_equal(sent - before, 4);
        assert_int_equal(interval_us("apple"), 2 * SECOND);
    }
    assert_int_equal(opened, 4);
}

static void test_stream_before_any_response_is_node_only(void **state)
{
    (void)state;
    reporter_start(reporter, now);
    up();
    down();
    pass(5 * SECOND);
    model_serve(apple, 1);
    up();
    assert_int_equal(sent, 2);
    assert_int_equal(last->n_cluster_stats, 0);
    assert_true(reporter_deadline(reporter) == UINT64_MAX);
    respond(APPLE_EVERY_2S);
    pass(2 * SECOND);
    assert_int_equal(issued("apple"), 0);
}

static void test_s26_refused_port_loses_nothing(void **state)
{
    (void)state;
    begin(APPLE_EVERY_2S);
    down();
    open_fails_at_once = true;
    for (int i = 0; i < 60; i++) {
        model_serve(apple, 4);
        pass(SECOND / 2);
    }
    assert_int_equal(opened, 1 + 6);
    assert_int_equal(logged("info no stream to the management server"), 1);
    open_fails_at_once = false;
    pass(5 * SECOND);
    up();
    assert_int_equal(issued("apple"), 240);
    assert_int_equal(interval_us("apple"), 35 * SECOND);
    open_fails_at_once = true;
    down();
    pass(10 * SECOND);
    assert_int_equal(logged("info no stream to the management server"), 2);
}

static void test_s26_refused_from_the_start(void **state)
{
    (void)state;
    open_fails_at_once = true;
    reporter_start(reporter, now);
    assert_true(reporter_deadline(reporter) == now + 5 * SECOND);
    pass(30 * SECOND);
    assert_int_equal(opened, 7);
    assert_int_equal(sent, 0);
}

/* Tries until the server has been away for an hour; returns how often. */
static unsigned tries_of_an_hour(void)
{
    unsigned before = opened;

    open_fails_at_once = true;
    pass(3600 * SECOND);
    open_fails_at_once = false;
    return opened - before;
}

static void test_s26_backs_off_after_two_minutes(void **state)
{
    (void)state;
    begin(APPLE_EVERY_2S);
    down();
    assert_in_range(tries_of_an_hour(), 24 + 5 + 55, 24 + 5 + 90);
    model_serve(apple, 7);
    pass(60 * SECOND);
    up();
    assert_int_equal(issued("apple"), 7); /* nothing is lost meanwhile */
}

static void test_s26_every_5_s_again_after_a_stream_that_worked(void **state)
{
    static const struct {
        bool responds;
        uint64_t lasts, wait_max;
    } cases[] = {
        {true, SECOND, 5 * SECOND},
        {false, REPORTER_WORKED_US, 5 * SECOND},
        {false, REPORTER_WORKED_US - 1, 60 * SECOND},
    };

    (void)state;
    reporter_start(reporter, now);
    down();
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        uint64_t wait;

        tries_of_an_hour();
        pass(60 * SECOND);
        up();
        if (cases[i].responds)
            respond(APPLE_EVERY_2S);
        pass(cases[i].lasts);
        down();
        wait = reporter_deadline(reporter) - now;
        assert_true(wait <= cases[i].wait_max && wait > cases[i].wait_max * 2 / 3 - 1);
    }
}

/* --- what is sent again ------------------------------------------------------------------------*/

static void test_unconfirmed_report_is_sent_again(void **state)
{
    (void)state;
    begin(APPLE_EVERY_2S);
    model_serve(apple, 12);
    rows[apple2].rq_error = 1;
    rows[apple2].cx_established = 1;
    rows[apple2].cx_failed = 2;
    pass(2 * SECOND);
    assert_true(last_mark);
    down();
    assert_int_equal(logged("info sent again: stream=1 reports=1-2 cluster=apple issued=12 "
                            "success=12 error=1 new_connections=1 failed_connections=2\n"),
                     1);
    assert_int_equal(logged("info stream down: stream=1 reports=2 confirmed=0\n"), 1);
    model_serve(apple, 1);
    pass(5 * SECOND);
    up();
    add_up("apple");
    assert_int_equal(sums.issued, 13);
    assert_int_equal(sums.error, 1);
    assert_int_equal(interval_us("apple"), 7 * SECOND);
}

static void test_confirmed_report_is_not_sent_again(void **state)
{
    (void)state;
    begin(APPLE_EVERY_2S);
    model_serve(apple, 12);
    pass(2 * SECOND);
    reporter_confirmed(reporter, now);
    down();
    assert_int_equal(logged("sent again"), 0);
    assert_int_equal(logged("info stream down: stream=1 reports=2 confirmed=2\n"), 1);
    pass(5 * SECOND);
    up();
    assert_int_equal(issued("apple"), 0);
    assert_int_equal(interval_us("apple"), 5 * SECOND);
}

/* The report behind the marked one is confirmed by a heartbeat, which has nothing of its own. */
static void test_confirmed_after_nothing_is_asked_for(void **state)
{
    (void)state;
    begin(APPLE_EVERY_2S);
    for (int i = 0; i < 2; i++) {
        model_serve(apple, 3);
        pass(2 * SECOND);
    }
    assert_false(last_mark);
    respond((struct wish){.seconds = 2});
    reporter_confirmed(reporter, now); /* of the first one */
    assert_true(reporter_owes(reporter, apple));
    pass(2 * SECOND);
    assert_int_equal(last->n_cluster_stats, 0);
    assert_true(last_mark);
    reporter_confirmed(reporter, now);
    assert_false(reporter_owes(reporter, apple));
    pass(2 * SECOND);
    assert_false(last_mark); /* all is confirmed */
    down();
    assert_int_equal(logged("sent again"), 0);
}

static void test_one_confirmation_is_awaited_at_a_time(void **state)
{
    (void)state;
    begin((struct wish){.clusters = {"apple", "berry"}, .seconds = 2});
    model_serve(apple, 1);
    pass(2 * SECOND); /* message 2 */
    assert_true(last_mark);
    model_serve(apple, 2);
    pass(2 * SECOND);
    assert_false(last_mark);
    reporter_confirmed(reporter, now); /* message 2 */
    model_serve(apple, 4);
    pass(2 * SECOND);
    assert_true(last_mark); /* message 4 */
    model_serve(berry, 8);
    pass(2 * SECOND);
    assert_false(last_mark);
    down();
    assert_int_equal(logged("reports=3-5 cluster=apple issued=6 "), 1);
    assert_int_equal(logged("reports=3-5 cluster=berry issued=8 "), 1);
    pass(5 * SECOND);
    up();
    assert_int_equal(issued("apple"), 6);
    assert_int_equal(issued("berry"), 8);
    assert_true(last_mark);
    assert_int_equal(interval_us("apple"), 11 * SECOND); /* since message 2 */
}

static void test_stream_lost_again_before_a_confirmation(void **state)
{
    (void)state;
    begin(APPLE_EVERY_2S);
    model_serve(apple, 1);
    pass(2 * SECOND);
    down();
    pass(5 * SECOND);
    model_serve(apple, 2);
    up();
    assert_int_equal(issued("apple"), 3);
    down();
    assert_int_equal(logged("sent again: stream=2 reports=1-1 cluster=apple issued=3 "), 1);
    pass(5 * SECOND);
    up();
    assert_int_equal(issued("apple"), 3);
    reporter_confirmed(reporter, now);
    down();
    assert_int_equal(logged("sent again"), 2);
}

/* The sum of what the log says was sent again. */
static uint64_t sent_again(void)
{
    uint64_t sum = 0;

    for (const char *at = log_text; (at = strstr(at, "sent again: ")); at++)
        sum += strtoull(strstr(at, " issued=") + 8, NULL, 10);
    return sum;
}

/* What was received is what was served and what the log says was sent again, to the last request,
 * however streams, confirmations and full buffers come. */
static void test_sum_of_all_reports(void **state)
{
    uint64_t served = 0;

    (void)state;
    srand(3);
    begin((struct wish){.seconds = 2, .send_all = true});
    for (int i = 0; i < 3000; i++) {
        unsigned count = (unsigned)rand() % 5;

        model_serve((uint32_t)rand() % 4, count);
        served += count;
        send_error = rand() % 4 ? 0 : -EAGAIN;
        if (rand() % 3 == 0)
            reporter_confirmed(reporter, now);
        if (rand() % 10 == 0)
            down();
        if (rand() % 2)
            up();
        if (rand() % 8 == 0) /* else tries become rare */
            respond((struct wish){.seconds = 2, .send_all = true});
        pass(SECOND / 2);
    }
    send_error = 0;
    down();
    pass(5 * SECOND);
    up();
    assert_in_range(sent_again(), 100, served);
    assert_int_equal(received_issued, served + sent_again());
    reporter_confirmed(reporter, now);
    down();
    pass(5 * SECOND);
    up();
    assert_int_equal(issued_in(last), 0);
}

/* --- a stream that does not take messages ------------------------------------------------------*/

static void test_report_that_cannot_be_queued_is_covered_by_the_next(void **state)
{
    (void)state;
    begin(APPLE_EVERY_2S);
    long live;

    model_serve(apple, 1);
    send_error = -EAGAIN;
    pass(2 * SECOND);
    live = memory_live;
    pass(4 * SECOND);
    assert_int_equal(memory_live, live);
    assert_int_equal(sent, 1);
    assert_int_equal(logged("warning report not sent"), 1); /* once */
    assert_int_equal(logged("has not taken the one before yet; the next one will cover"), 1);
    model_serve(apple, 2);
    send_error = 0;
    pass(2 * SECOND);
    assert_int_equal(sent, 2);
    assert_int_equal(issued("apple"), 3);
    assert_int_equal(interval_us("apple"), 8 * SECOND);
    assert_true(last_mark);
    assert_int_equal(logged("debug report sent: stream=1 report=2 clusters=1 issued=3 success=3 "
                            "error=0 new_connections=0 failed_connections=0\n"),
                     1);
}

static void test_full_stream_is_told_once_a_stream(void **state)
{
    (void)state;
    begin(APPLE_EVERY_2S);
    for (unsigned stream = 1; stream < 4; stream++) {
        send_error = -EAGAIN;
        pass(10 * SECOND);
        send_error = 0;
        pass(2 * SECOND);
        send_error = -EAGAIN;
        pass(10 * SECOND);
        assert_int_equal(logged("warning report not sent"), stream);
        down();
        pass(5 * SECOND);
        up();
    }
}

static void test_node_message_that_cannot_be_queued_is_tried_again(void **state)
{
    (void)state;
    send_error = -EAGAIN;
    reporter_start(reporter, now);
    up();
    pass(3 * SECOND);
    send_error = 0;
    pass(SECOND);
    assert_int_equal(sent, 1);
    pass(60 * SECOND);
    assert_int_equal(sent, 1);
}

static void test_out_of_memory(void **state)
{
    (void)state;
    if (!MEMORY_CAN_FAIL)
        return;
    begin(APPLE_EVERY_2S);
    model_serve(apple, 1);
    now += 2 * SECOND;
    memory_left = 3;
    reporter_run(reporter, now);
    memory_left = -1;
    assert_int_equal(sent, 1);
    assert_true(reporter_deadline(reporter) == now + 2 * SECOND);
    pass(2 * SECOND);
    assert_int_equal(issued("apple"), 1);
    model_add(hosts, APPLE, 0, 44);
    memory_left = 0;
    assert_int_equal(reporter_response(reporter, now, NULL, 0), -ENOMEM);
    memory_left = -1;
    pass(2 * SECOND);
    assert_int_equal(interval_us("apple"), 2 * SECOND);
}

static void test_new_without_memory(void **state)
{
    const struct reporter_options options = {.node = &node, .clusters = &model, .hosts = hosts};
    const struct reporter_ops ops = {
        .open_stream = open_stream, .send = take_report, .read = model_read};

    (void)state;
    if (!MEMORY_CAN_FAIL)
        return;
    for (long left = 0; left < 6; left++) {
        long live = memory_live;

        memory_left = left;
        assert_null(reporter_new(&options, &ops, NULL));
        memory_left = -1;
        assert_int_equal(memory_live, live);
    }
}

/* --- events that do not fit --------------------------------------------------------------------*/

static void test_error_bound_is_reported_where_wanted(void **state)
{
    const struct reporter_options options = {.node = &node,
                                             .clusters = &model,
                                             .hosts = hosts,
                                             .message_max = PACKING_MAX,
                                             .error_bound = true};
    const struct reporter_ops ops = {open_stream, take_report, model_read};

    (void)state;
    begin((struct wish){.clusters = {"berry"}, .seconds = 2});
    rows[berry].gap_bytes = 5;
    rows[berry].rq_issued = rows[berry].rq_finished = 1;
    pass(2 * SECOND);
    assert_int_equal(stats_of("berry")->upstream_locality_stats[0]->n_load_metric_stats, 0);
    reporter_free(reporter);
    reporter = reporter_new(&options, &ops, NULL);
    begin((struct wish){.clusters = {"berry"}, .seconds = 2});
    rows[berry].gap_bytes = 12;
    pass(2 * SECOND);
    assert_int_equal(stats_of("berry")->upstream_locality_stats[0]->n_load_metric_stats, 1);
    assert_true(
        stats_of("berry")->upstream_locality_stats[0]->load_metric_stats[0]->total_metric_value ==
        7);
    down(); /* before it was confirmed: told again, whole */
    pass(5 * SECOND);
    up();
    assert_true(
        stats_of("berry")->upstream_locality_stats[0]->load_metric_stats[0]->total_metric_value ==
        7);
}

static void test_events_before_start(void **state)
{
    (void)state;
    up();
    down();
    reporter_confirmed(reporter, now);
    assert_int_equal(reporter_response(reporter, now, NULL, 0), 0);
    reporter_run(reporter, now + 1000 * SECOND);
    assert_int_equal(opened, 0);
    assert_int_equal(sent, 0);
    assert_true(reporter_deadline(reporter) == UINT64_MAX);
}

static void test_events_told_twice(void **state)
{
    (void)state;
    reporter_start(reporter, now);
    reporter_start(reporter, now);
    assert_int_equal(opened, 1);
    up();
    up();
    assert_int_equal(sent, 1);
    down();
    pass(SECOND);
    down(); /* does not move the next attempt */
    assert_true(reporter_deadline(reporter) == now + 4 * SECOND);
    up();
    assert_int_equal(sent, 1);
    assert_int_equal(logged("stream down"), 1);
}

static void test_late_events_of_a_dead_stream(void **state)
{
    (void)state;
    begin(APPLE_EVERY_2S);
    model_serve(apple, 1);
    pass(2 * SECOND);
    down();
    reporter_confirmed(reporter, now);
    respond((struct wish){.clusters = {"berry"}, .seconds = 1}); /* ignored */
    assert_true(reporter_deadline(reporter) == now + 5 * SECOND);
    pass(5 * SECOND);
    reporter_confirmed(reporter, now);
    up();
    assert_int_equal(issued("apple"), 1);
    assert_null(stats_of("berry"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_s1_silent_server),
        TEST(test_s2_idle_cluster_every_interval),
        TEST(test_deadline_to_the_microsecond),
        TEST(test_s3_traffic_before_the_response_is_discarded),
        TEST(test_s7_slow_request_across_the_tick),
        TEST(test_s8_response_mid_interval_keeps_counts_and_restarts_the_timer),
        TEST(test_s9_removed_and_named_again_starts_anew),
        TEST(test_s10_unknown_names_are_left_out),
        TEST(test_every_cluster_is_found_by_name),
        TEST(test_s12_send_all),
        TEST(test_s14_duplicate_names),
        TEST(test_s15_useless_intervals_are_held),
        TEST(test_s16_interval_is_cut_to_milliseconds),
        TEST(test_s17_talkative_server),
        TEST(test_settings_that_flap_do_not_flood_the_log),
        TEST(test_the_last_of_fast_changes_is_told),
        TEST(test_a_change_that_was_not_told_outlives_its_stream),
        TEST(test_s18_s19_granularity_takes_effect_with_the_next_report),
        TEST(test_host_resolved_late),
        TEST(test_garbage_is_told),
        TEST(test_s23_reconnect_after_5_s_with_a_report_of_the_gap),
        TEST(test_s25_old_settings_go_on_without_a_response),
        TEST(test_stream_before_any_response_is_node_only),
        TEST(test_s26_refused_port_loses_nothing),
        TEST(test_s26_refused_from_the_start),
        TEST(test_s26_backs_off_after_two_minutes),
        TEST(test_s26_every_5_s_again_after_a_stream_that_worked),
        TEST(test_unconfirmed_report_is_sent_again),
        TEST(test_confirmed_report_is_not_sent_again),
        TEST(test_confirmed_after_nothing_is_asked_for),
        TEST(test_one_confirmation_is_awaited_at_a_time),
        TEST(test_stream_lost_again_before_a_confirmation),
        TEST(test_sum_of_all_reports),
        TEST(test_report_that_cannot_be_queued_is_covered_by_the_next),
        TEST(test_full_stream_is_told_once_a_stream),
        TEST(test_node_message_that_cannot_be_queued_is_tried_again),
        TEST(test_out_of_memory),
        TEST(test_new_without_memory),
        TEST(test_error_bound_is_reported_where_wanted),
        TEST(test_events_before_start),
        TEST(test_events_told_twice),
        TEST(test_late_events_of_a_dead_stream),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
