/* Clusters that come, go and come back, before a management server that the test scripts. */
#include "reporter_play.h"

#define KNOWN 3 /* "plain" is not there at first */

static struct clusters changing;
static struct cluster changing_items[CLUSTER_COUNT + 1];

#define ALL_EVERY_2S ((struct wish){.send_all = true, .seconds = 2})
#define THESE_EVERY_2S(...) ((struct wish){.clusters = {__VA_ARGS__}, .seconds = 2})

static int set_up_changing(void **state)
{
    static const struct reporter_ops ops = {
        .open_stream = open_stream, .send = take_report, .read = model_read};

    (void)state;
    memset(rows, 0, sizeof(rows));
    memset(changing_items, 0, sizeof(changing_items));
    memcpy(changing_items, model_items, KNOWN * sizeof(*model_items));
    changing = (struct clusters){.items = changing_items, .count = KNOWN};
    log_text[0] = '\0';
    opened = sent = 0;
    last = NULL;
    send_error = 0;
    now = 1000 * SECOND;
    hosts = hosts_new(&changing);
    berry = model_add(hosts, BERRY, 0, 3);
    envoy__config__core__v3__node__init(&node);
    node.id = "here";
    reporter = reporter_new(
        &(struct reporter_options){
            .node = &node, .clusters = &changing, .hosts = hosts, .message_max = PACKING_MAX},
        &ops, NULL);
    reporter_start(reporter, now);
    up();
    return 0;
}

/* "plain" comes, and then has a host. */
static void come(void)
{
    assert_int_equal(reporter_reserve(reporter, CLUSTER_COUNT), 0);
    changing_items[PLAIN] = model_items[PLAIN];
    changing.count = CLUSTER_COUNT;
    reporter_clusters_changed(reporter);
    if (!hosts_of_group(hosts, PLAIN, 0, 0))
        plain = model_add(hosts, PLAIN, 0, 4);
}

static void go(void)
{
    changing_items[PLAIN].presence = PRESENCE_LEAVING;
    reporter_clusters_changed(reporter);
}

static void be_forgotten(void)
{
    hosts_release(hosts, plain);
    hosts_remove(hosts, plain);
    memset(&rows[plain], 0, sizeof(rows[plain]));
    reporter_forget(reporter, PLAIN);
    changing_items[PLAIN] = (struct cluster){.presence = PRESENCE_VACANT};
}

static void s11_unknown_becomes_known(void **state)
{
    (void)state;
    respond(THESE_EVERY_2S("berry", "Plain"));
    pass(2 * SECOND);
    assert_null(stats_of("Plain"));
    now += SECOND;
    come();
    model_serve(plain, 7);
    pass(SECOND);
    assert_int_equal(issued("Plain"), 7);
    assert_int_equal(interval_us("Plain"), 4 * SECOND);
    model_serve(plain, 2);
    pass(2 * SECOND);
    assert_int_equal(issued("Plain"), 2);
    assert_int_equal(interval_us("Plain"), 2 * SECOND);
}

static void a_name_that_is_named_no_more_is_not_remembered(void **state)
{
    (void)state;
    respond(THESE_EVERY_2S("Plain"));
    respond(THESE_EVERY_2S("berry"));
    come();
    model_serve(plain, 7);
    pass(2 * SECOND);
    assert_null(stats_of("Plain"));
    respond(THESE_EVERY_2S("Plain")); /* from now on */
    model_serve(plain, 2);
    pass(2 * SECOND);
    assert_int_equal(issued("Plain"), 2);
}

static void s13_added_under_send_all(void **state)
{
    (void)state;
    respond(ALL_EVERY_2S);
    now += SECOND;
    come();
    model_serve(plain, 7);
    pass(SECOND);
    assert_null(stats_of("Plain"));
    model_serve(plain, 3);
    pass(2 * SECOND);
    assert_int_equal(issued("Plain"), 3);
    assert_int_equal(interval_us("Plain"), 2 * SECOND);
}

/* The report of that period could not be queued: its clusters are not adopted before one is. */
static void s13_and_the_report_fails(void **state)
{
    (void)state;
    respond(ALL_EVERY_2S);
    come();
    model_serve(plain, 7);
    send_error = -EAGAIN;
    pass(2 * SECOND);
    send_error = 0;
    model_serve(plain, 3);
    pass(2 * SECOND);
    assert_null(stats_of("Plain"));
    model_serve(plain, 4);
    pass(2 * SECOND);
    assert_int_equal(issued("Plain"), 4);
}

/* Envoy forgets it at once. */
static void one_that_goes_is_told_while_there_is_something(void **state)
{
    (void)state;
    come();
    respond(ALL_EVERY_2S);
    model_serve(plain, 5);
    pass(2 * SECOND);
    assert_int_equal(issued("Plain"), 5);
    model_serve(plain, 2);
    go();
    pass(2 * SECOND);
    assert_int_equal(issued("Plain"), 2);
    pass(2 * SECOND);
    assert_null(stats_of("Plain"));
    assert_non_null(stats_of("berry"));
    model_serve(plain, 3);
    pass(2 * SECOND);
    assert_int_equal(issued("Plain"), 3);
    assert_int_equal(interval_us("Plain"), 4 * SECOND); /* since it was last told */
}

static void one_that_goes_is_told_again_by_the_next_stream(void **state)
{
    (void)state;
    come();
    respond(THESE_EVERY_2S("Plain"));
    model_serve(plain, 5);
    pass(2 * SECOND); /* not confirmed */
    go();
    down();
    pass(10 * SECOND);
    up();
    assert_int_equal(issued("Plain"), 5);
}

static void one_that_comes_back_goes_on(void **state)
{
    (void)state;
    come();
    respond(THESE_EVERY_2S("Plain"));
    pass(2 * SECOND);
    go();
    model_serve(plain, 1);
    come();
    model_serve(plain, 2);
    pass(2 * SECOND);
    assert_int_equal(issued("Plain"), 3);
    assert_int_equal(interval_us("Plain"), 2 * SECOND);
}

/* As one that is unknown and comes, its interval since it was last told. */
static void one_that_was_forgotten_comes_back(void **state)
{
    (void)state;
    come();
    respond(THESE_EVERY_2S("Plain"));
    model_serve(plain, 5);
    pass(2 * SECOND);
    go();
    pass(6 * SECOND);
    assert_null(stats_of("Plain"));
    be_forgotten();
    pass(2 * SECOND);
    come();
    model_serve(plain, 4);
    pass(2 * SECOND);
    assert_int_equal(issued("Plain"), 4);
    assert_int_equal(interval_us("Plain"), 10 * SECOND);
}

static void a_vacant_place_is_another_clusters(void **state)
{
    (void)state;
    come();
    respond(THESE_EVERY_2S("Plain"));
    model_serve(plain, 5);
    pass(2 * SECOND);
    go();
    be_forgotten();
    changing_items[PLAIN] = model_items[PLAIN];
    changing_items[PLAIN].name = (char *)"another";
    reporter_clusters_changed(reporter);
    plain = model_add(hosts, PLAIN, 0, 4);
    model_serve(plain, 4);
    pass(2 * SECOND);
    assert_int_equal(last->n_cluster_stats, 0);
}

/* To Envoy it is unknown; what it counts while it is not there is nothing. */
static void one_that_goes_is_named_and_comes_back(void **state)
{
    (void)state;
    come();
    respond(THESE_EVERY_2S("berry"));
    go();
    model_serve(plain, 9);
    respond(THESE_EVERY_2S("berry", "Plain"));
    pass(2 * SECOND);
    assert_null(stats_of("Plain"));
    now += SECOND;
    come();
    model_serve(plain, 4);
    pass(SECOND);
    assert_int_equal(issued("Plain"), 4);
    assert_int_equal(interval_us("Plain"), 4 * SECOND);
}

/* One that goes is not adopted, be it asked for with all others. */
static void one_that_goes_under_send_all(void **state)
{
    (void)state;
    come();
    go();
    respond(ALL_EVERY_2S);
    model_serve(plain, 9);
    pass(2 * SECOND);
    assert_null(stats_of("Plain"));
}

static void another_stream_is_opened_at_once(void **state)
{
    struct reporter_status status;

    (void)state;
    respond(THESE_EVERY_2S("berry"));
    model_serve(berry, 5);
    pass(2 * SECOND);
    reporter_renew_stream(reporter, now);
    assert_int_equal(reporter_deadline(reporter), now);
    reporter_status(reporter, &status);
    assert_int_equal(status.down_us, now);
    reporter_run(reporter, now);
    assert_int_equal(opened, 2);
    assert_int_equal(told.resent_stream, 1);
    up();
    assert_int_equal(issued("berry"), 5);
    assert_int_equal(logged("sent again: stream=1"), 1);
    down();
    reporter_renew_stream(reporter, now); /* while it waits */
    assert_int_equal(reporter_deadline(reporter), now);
    reporter_run(reporter, now);
    assert_int_equal(opened, 3);
    reporter_renew_stream(reporter, now); /* while it is being opened */
    reporter_run(reporter, now);
    assert_int_equal(opened, 4);
    reporter_finish(reporter, now);
    reporter_renew_stream(reporter, now);
    assert_true(reporter_finished(reporter));
}

static void reports_look_as_the_new_settings_say(void **state)
{
    Envoy__Config__Core__V3__Node other = ENVOY__CONFIG__CORE__V3__NODE__INIT;

    (void)state;
    other.id = (char *)"here";
    other.cluster = (char *)"other";
    rows[berry].cx_established = 1;
    respond(THESE_EVERY_2S("berry"));
    rows[berry].cx_established = 3;
    pass(2 * SECOND);
    assert_int_equal(stats_of("berry")->upstream_locality_stats[0]->total_new_connections, 2);
    reporter_change(reporter, &(struct reporter_options){.node = &other, .omit_connections = true});
    model_serve(berry, 1);
    rows[berry].cx_established = 4;
    pass(2 * SECOND);
    assert_string_equal(last->node->cluster, "other");
    assert_int_equal(stats_of("berry")->upstream_locality_stats[0]->total_new_connections, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_changing, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(s11_unknown_becomes_known),
        TEST(a_name_that_is_named_no_more_is_not_remembered),
        TEST(s13_added_under_send_all),
        TEST(s13_and_the_report_fails),
        TEST(one_that_goes_is_told_while_there_is_something),
        TEST(one_that_goes_is_told_again_by_the_next_stream),
        TEST(one_that_comes_back_goes_on),
        TEST(one_that_was_forgotten_comes_back),
        TEST(a_vacant_place_is_another_clusters),
        TEST(one_that_goes_is_named_and_comes_back),
        TEST(one_that_goes_under_send_all),
        TEST(another_stream_is_opened_at_once),
        TEST(reports_look_as_the_new_settings_say),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
