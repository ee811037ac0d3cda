/* A receiver that knows nothing but what it wrote down counts each load once, by the rule of
 * report/delivery.h. */
#include "reporter_play.h"

#define ENTRIES_MAX 200000

static struct entry {
    uint64_t stream, report;
    uint32_t cluster;
    uint64_t issued;
} entries[ENTRIES_MAX];
static size_t entry_count;

static struct {
    uint64_t stream, resent_stream, resent_report;
    bool has[CLUSTER_COUNT]; /* a whole report of the cluster came */
} streams[ENTRIES_MAX];

static uint64_t stream, report;            /* of the last message sent */
static bool lost;                          /* from now on nothing arrives on this stream */
static uint64_t served[CLUSTER_COUNT];     /* all that was counted */
static uint64_t sent_up_to[CLUSTER_COUNT]; /* the part of it before the cluster's last report */
static uint64_t discarded[CLUSTER_COUNT];  /* by a response, as Envoy */
static bool wanted[CLUSTER_COUNT];

static uint32_t cluster_named(const char *name)
{
    for (uint32_t i = 0; i < CLUSTER_COUNT; i++)
        if (!strcmp(model.items[i].name, name))
            return i;
    fail();
    return 0;
}

static void write_down(uint32_t cluster)
{
    assert_in_range(entry_count, 0, ENTRIES_MAX - 1);
    entries[entry_count++] = (struct entry){.stream = stream,
                                            .report = report,
                                            .cluster = cluster,
                                            .issued = issued(model.items[cluster].name)};
    if (stats_of(model.items[cluster].name)->load_report_interval)
        streams[stream].has[cluster] = true;
}

static void on_sent(void)
{
    report = told.stream == stream ? report + 1 : 1;
    stream = told.stream;
    streams[stream].stream = stream;
    streams[stream].resent_stream = told.resent_stream;
    streams[stream].resent_report = told.resent_report;
    for (size_t i = 0; i < last->n_cluster_stats; i++) {
        uint32_t cluster = cluster_named(last->cluster_stats[i]->cluster_name);

        if (wanted[cluster]) /* else what was sent of it before */
            sent_up_to[cluster] = served[cluster];
        if (!lost)
            write_down(cluster);
    }
}

static bool is_before(uint64_t stream_a, uint64_t report_a, uint64_t stream_b, uint64_t report_b)
{
    return stream_a < stream_b || (stream_a == stream_b && report_a < report_b);
}

static bool is_covered_again(const struct entry *entry)
{
    for (uint64_t later = entry->stream + 1; later <= stream; later++)
        if (streams[later].resent_stream && streams[later].has[entry->cluster] &&
            !is_before(entry->stream, entry->report, streams[later].resent_stream,
                       streams[later].resent_report))
            return true;
    return false;
}

static uint64_t counted_once(uint32_t cluster)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < entry_count; i++)
        if (entries[i].cluster == cluster && !is_covered_again(&entries[i]))
            sum += entries[i].issued;
    return sum;
}

static int set_up_receiver(void **state)
{
    int result = set_up(state);

    overhear = on_sent;
    entry_count = stream = report = 0;
    lost = false;
    memset(streams, 0, sizeof(streams));
    memset(served, 0, sizeof(served));
    memset(sent_up_to, 0, sizeof(sent_up_to));
    memset(discarded, 0, sizeof(discarded));
    memset(wanted, 0, sizeof(wanted));
    return result;
}

static unsigned chance; /* state of the generator */

static bool one_in(unsigned count)
{
    chance = chance * 1103515245 + 12345;
    return chance / 65536 % count == 0;
}

static void serve(uint32_t slot, uint64_t count)
{
    static const uint32_t clusters[] = {APPLE, APPLE, BERRY, PLAIN}; /* in the order of set_up() */

    served[clusters[slot]] += count;
    model_serve(slot, count);
    if (emission && one_in(2)) /* without a result, which an older rule may not show */
        rows[slot].rq_success -= count;
}

static void want(bool a, bool b, bool p)
{
    const bool now_wanted[CLUSTER_COUNT] = {[APPLE] = a, [BERRY] = b, [PLAIN] = p};
    struct wish wish = {.seconds = 2};
    size_t count = 0;

    for (uint32_t i = 0; i < CLUSTER_COUNT; i++) {
        if (now_wanted[i])
            wish.clusters[count++] = model.items[i].name;
        if (now_wanted[i] && !wanted[i])
            discarded[i] += served[i] - sent_up_to[i];
        if (now_wanted[i] && !wanted[i])
            sent_up_to[i] = served[i];
        wanted[i] = now_wanted[i];
    }
    respond(wish);
}

static void assert_told(uint64_t number, uint64_t resent_stream, uint64_t resent_report)
{
    assert_int_equal(told.run, 77);
    assert_int_equal(told.stream, number);
    assert_int_equal(told.resent_stream, resent_stream);
    assert_int_equal(told.resent_report, resent_report);
}

static void again_up(void)
{
    down();
    pass(5 * SECOND);
}

static void test_what_is_told(void **state)
{
    (void)state;
    reporter_start(reporter, now);
    assert_told(1, 0, 0);
    up();
    respond(APPLE_EVERY_2S);
    serve(apple, 1);
    pass(2 * SECOND);
    reporter_confirmed(reporter, now); /* 1.2 */
    again_up();
    assert_told(2, 0, 0);
    again_up(); /* never came up */
    assert_told(2, 0, 0);
    up();
    reporter_confirmed(reporter, now); /* 2.1 */
    pass(4 * SECOND);
    again_up();
    assert_told(3, 2, 2);
    up();
    pass(2 * SECOND);
    again_up();
    assert_told(4, 2, 2); /* 3.1 was not confirmed either */
    again_up();
    assert_told(4, 2, 2);
    up();
    reporter_confirmed(reporter, now); /* 4.1 */
    pass(2 * SECOND);
    again_up();
    assert_told(5, 4, 2);
}

/* It left the set while its report was not confirmed: that is told once more. */
static void test_cluster_leaves_and_comes_back(void **state)
{
    (void)state;
    reporter_start(reporter, now);
    up();
    want(true, true, false);
    serve(apple, 4);
    pass(2 * SECOND);
    want(false, true, false);
    serve(apple, 50); /* discarded */
    again_up();
    up();
    assert_told(2, 1, 1);
    assert_int_equal(issued("apple"), 4);
    assert_int_equal(interval_us("apple"), 2 * SECOND);
    assert_int_equal(counted_once(APPLE), 4);
    pass(2 * SECOND);
    assert_null(stats_of("apple"));
    serve(apple, 100); /* discarded */
    want(true, true, false);
    serve(apple, 1);
    pass(2 * SECOND);
    assert_int_equal(issued("apple"), 1);
    assert_int_equal(interval_us("apple"), 2 * SECOND);
    again_up();
    up();
    assert_told(3, 1, 1);
    assert_int_equal(issued("apple"), 5);
    assert_int_equal(interval_us("apple"), (2 + 2 + 5) * SECOND);
    assert_int_equal(counted_once(APPLE), 5);
}

/* An older rule would not show what is left of the cluster; the receiver drops the report before for it. */
static void test_sent_again_by_an_older_rule(void **state)
{
    tear_down(state);
    emission = EMISSION_UP_TO_ENVOY_1_33;
    assert_int_equal(set_up_receiver(state), 0);
    emission = EMISSION_ENVOY_1_39;
    reporter_start(reporter, now);
    up();
    want(true, false, false);
    rows[apple].rq_issued = served[APPLE] = 1;
    pass(2 * SECOND);
    assert_int_equal(counted_once(APPLE), 1);
    rows[apple].rq_finished = 1; /* without a result */
    again_up();
    up();
    assert_int_equal(counted_once(APPLE), 1);
}

/* Streams, confirmations, losses and wishes come as they like. What was sent may be lost from some
 * message on, and then is not confirmed; a wish may drop clusters and name them again. */
static void play(unsigned seed)
{
    bool awaits = false, live = true;

    chance = seed;
    reporter_start(reporter, now);
    up();
    want(true, true, true);
    for (int i = 0; i < 400; i++) {
        unsigned before = sent;

        serve(one_in(2) ? apple : one_in(2) ? apple2 : one_in(2) ? berry : plain, one_in(3) + 1);
        if (!lost && awaits && one_in(3)) {
            reporter_confirmed(reporter, now);
            awaits = false;
        }
        if (one_in(6))
            lost = true;
        if (one_in(8)) {
            down();
            lost = awaits = live = false;
        }
        if (one_in(3)) {
            up();
            live |= sent > before;
        }
        if (!emission && live && one_in(5))
            want(!one_in(3), !one_in(3), !one_in(3));
        pass(SECOND);
        if (sent > before && last_mark)
            awaits = !lost;
    }
}

static void settle(void)
{
    down();
    lost = false;
    pass(61 * SECOND);
    up();
    want(true, true, true);
    for (uint32_t slot = 0; emission && slot < 4; slot++) { /* so that all is shown */
        model_serve(slot, 1);
        served[slot < 2 ? APPLE : slot == 2 ? BERRY : PLAIN]++;
    }
    pass(2 * SECOND);
}

/* Also of reports in messages that have no room for two clusters, or two localities; also where an older
 * rule holds some of it back. */
static void test_any_course(void **state)
{
    for (unsigned seed = 1; seed <= 300; seed++) {
        play(seed);
        settle();
        for (uint32_t i = 0; i < CLUSTER_COUNT; i++)
            assert_int_equal(counted_once(i), served[i] - discarded[i]);
        tear_down(state);
        message_max = seed % 3 ? PACKING_MAX : 60;
        emission = seed % 4 ? EMISSION_ENVOY_1_39 : EMISSION_UP_TO_ENVOY_1_33;
        assert_int_equal(set_up_receiver(state), 0);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_receiver, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_what_is_told),
        TEST(test_cluster_leaves_and_comes_back),
        TEST(test_sent_again_by_an_older_rule),
        TEST(test_any_course),
    };

    return cmocka_run_group_tests_name("delivery", tests, NULL, NULL);
}
