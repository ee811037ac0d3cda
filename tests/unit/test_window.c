#include <errno.h>
#include <string.h>

#include "failing_memory.h"
#include "model.h"
#include "report/window.h"

static struct hosts *hosts;
static struct window *window;
static uint32_t a, a2, b; /* slots: two of apple in different groups, one of berry */

static unsigned reads;

static void read_and_count(void *arg, uint32_t first, size_t count, struct counters *out)
{
    reads += count;
    model_read(arg, first, count, out);
}

static int set_up(void **state)
{
    (void)state;
    memset(rows, 0, sizeof(rows));
    hosts = hosts_new(&model);
    a = model_add(hosts, APPLE, 0, 1);
    b = model_add(hosts, BERRY, 0, 2);
    a2 = model_add(hosts, APPLE, 3, 3);
    window = window_new(&model, hosts, read_and_count, NULL);
    return hosts && window ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    window_free(window);
    hosts_free(hosts);
    return 0;
}

static struct window_row row(uint32_t slot)
{
    struct window_row out;

    window_rows(window, hosts_at(hosts, slot)->cluster, &slot, 1, &out);
    return out;
}

/* What the next report would say that a host issued. */
static uint64_t next_issued(uint32_t slot)
{
    window_look(window);
    return row(slot).load.issued;
}

static void report(uint64_t now_us, bool mark)
{
    window_look(window);
    window_sent(window, now_us, mark);
}

/* --- roll-back: what was handed out --- */
static struct {
    size_t calls;
    uint32_t cluster[8];
    struct window_load load[8];
} again;

static void note_again(void *arg, uint32_t cluster, const struct window_load *load)
{
    assert_ptr_equal(arg, &again);
    assert_in_range(again.calls, 0, 7);
    again.cluster[again.calls] = cluster;
    again.load[again.calls++] = *load;
}

static void roll_back(void)
{
    memset(&again, 0, sizeof(again));
    window_roll_back(window, note_again, &again);
}

static void test_adopting_discards_what_was_before(void **state)
{
    (void)state;
    model_serve(a, 5);
    window_adopt(window, APPLE, 1000);
    assert_true(window_has(window, APPLE));
    assert_false(window_has(window, BERRY));
    assert_int_equal(window_start(window, APPLE), 1000);
    assert_int_equal(next_issued(a), 0);
    model_serve(a, 2);
    assert_int_equal(next_issued(a), 2);
    assert_int_equal(next_issued(a), 2); /* looking moves nothing */
}

static void test_adopting_twice_keeps_counts_and_start(void **state)
{
    (void)state;
    window_adopt(window, APPLE, 1000);
    model_serve(a, 3);
    window_adopt(window, APPLE, 2000);
    assert_int_equal(next_issued(a), 3);
    assert_int_equal(window_start(window, APPLE), 1000);
}

static void test_every_load_is_a_difference_and_gauges_are_not(void **state)
{
    struct window_row got;

    (void)state;
    rows[a] = (struct counters){.cx_opened = 90,
                                .cx_established = 20,
                                .cx_failed = 3,
                                .cx_closed = 15,
                                .rq_issued = 50,
                                .rq_success = 30,
                                .rq_error = 10,
                                .rq_finished = 44};
    window_adopt(window, APPLE, 0);
    window_look(window);
    got = row(a);
    assert_true(window_load_is_zero(&got.load));
    assert_int_equal(got.in_progress, 6);
    assert_int_equal(got.active_connections, 5);
    rows[a] = (struct counters){.cx_opened = 99,
                                .cx_established = 21,
                                .cx_failed = 5,
                                .cx_closed = 18,
                                .rq_issued = 53,
                                .rq_success = 34,
                                .rq_error = 15,
                                .rq_finished = 52};
    window_look(window);
    got = row(a);
    assert_int_equal(got.load.issued, 3);
    assert_int_equal(got.load.success, 4);
    assert_int_equal(got.load.error, 5);
    assert_int_equal(got.load.new_connections, 1);
    assert_int_equal(got.load.failed_connections, 2);
    assert_int_equal(got.in_progress, 1);
    assert_int_equal(got.active_connections, 3);
}

static void test_gauges_do_not_wrap(void **state)
{
    (void)state;
    window_adopt(window, APPLE, 0);
    rows[a] =
        (struct counters){.cx_established = 1, .cx_closed = 2, .rq_issued = 7, .rq_finished = 8};
    window_look(window);
    assert_int_equal(row(a).in_progress, 0);
    assert_int_equal(row(a).active_connections, 0);
}

static void test_each_report_covers_the_time_since_the_last(void **state)
{
    (void)state;
    window_adopt(window, APPLE, 1000);
    model_serve(a, 1);
    model_serve(a2, 10);
    report(3000, false);
    assert_int_equal(window_start(window, APPLE), 3000);
    assert_int_equal(next_issued(a), 0);
    model_serve(a, 2);
    assert_int_equal(next_issued(a), 2);
    assert_int_equal(next_issued(a2), 0);
}

static void test_report_left_out_is_covered_by_the_next(void **state)
{
    (void)state;
    window_adopt(window, APPLE, 1000);
    model_serve(a, 1);
    window_look(window);
    model_serve(a, 1);
    assert_int_equal(next_issued(a), 2);
    assert_int_equal(window_start(window, APPLE), 1000);
}

static void test_what_comes_between_look_and_sent_is_in_the_next(void **state)
{
    (void)state;
    window_adopt(window, APPLE, 0);
    model_serve(a, 1);
    window_look(window);
    model_serve(a, 1);
    window_sent(window, 10, false);
    assert_int_equal(next_issued(a), 1);
}

static void test_clusters_outside_the_set_do_not_move(void **state)
{
    (void)state;
    window_adopt(window, APPLE, 0);
    window_adopt(window, BERRY, 0);
    model_serve(b, 4);
    window_drop(window, BERRY);
    assert_false(window_has(window, BERRY));
    report(10, false);
    roll_back();
    assert_int_equal(again.calls, 0);
    /* Named again: as new, S9. */
    window_adopt(window, BERRY, 20);
    assert_int_equal(window_start(window, BERRY), 20);
    assert_int_equal(next_issued(b), 0);
}

static void test_discarded_counts_do_not_come_back(void **state)
{
    (void)state;
    model_serve(a, 5);
    window_adopt(window, APPLE, 1000);
    model_serve(a, 2);
    report(2000, true);
    roll_back();
    assert_int_equal(again.load[0].issued, 2);
    assert_int_equal(next_issued(a), 2);
}

/* What was sent of it is; nothing else. */
static void test_dropped_cluster_is_sent_again_once(void **state)
{
    (void)state;
    window_adopt(window, APPLE, 2);
    model_serve(a, 5);
    report(10, true);
    model_serve(a, 1);
    window_look(window); /* of a report that was left out */
    window_drop(window, APPLE);
    assert_false(window_reports(window, APPLE));
    roll_back();
    assert_int_equal(again.calls, 1);
    assert_int_equal(again.load[0].issued, 5);
    assert_true(window_reports(window, APPLE));
    assert_false(window_has(window, APPLE));
    assert_int_equal(next_issued(a), 5);
    assert_int_equal(window_start(window, APPLE), 2);
    assert_int_equal(window_end(window, APPLE, 30), 10);
    report(30, true);
    assert_false(window_reports(window, APPLE));
    window_confirmed(window);
    roll_back();
    assert_int_equal(again.calls, 0);
    assert_false(window_reports(window, APPLE));
}

static void test_only_the_set_is_read(void **state)
{
    (void)state;
    window_adopt(window, APPLE, 0);
    reads = 0;
    window_look(window);
    assert_int_equal(reads, 2);
}

/* More than are read at a time, and slots of another cluster between them. */
static void test_many_hosts_are_read_in_runs(void **state)
{
    uint32_t slots[45];

    (void)state;
    for (uint8_t i = 0; i < 45; i++)
        slots[i] = model_add(hosts, i % 40 == 3 ? BERRY : APPLE, 0, 10 + i);
    assert_int_equal(window_reserve(window), 0);
    window_adopt(window, APPLE, 0);
    for (uint32_t i = 0; i < 45; i++) {
        model_serve(slots[i], i + 1);
        rows[slots[i]].gap_bytes = i % 2;
    }
    reads = 0;
    window_look(window);
    assert_int_equal(reads, 2 + 45 - 2);
    for (uint32_t i = 0; i < 45; i++) {
        bool is_read = i % 40 != 3;

        assert_int_equal(row(slots[i]).load.issued, is_read ? i + 1 : 0);
        assert_int_equal(row(slots[i]).load.bound.amount[BOUND_GAP_BYTES], is_read ? i % 2 : 0);
    }
}

static void test_new_host_is_reported_from_its_first_count(void **state)
{
    uint32_t late;

    (void)state;
    window_adopt(window, APPLE, 0);
    report(10, true);
    late = model_add(hosts, APPLE, 1, 9);
    model_serve(late, 3);
    assert_int_equal(window_reserve(window), 0);
    assert_int_equal(next_issued(late), 3);
    report(20, false);
    assert_int_equal(next_issued(late), 0);
    roll_back();
    assert_int_equal(again.load[0].issued, 3);
}

static void test_roll_back_with_a_host_not_yet_reserved(void **state)
{
    (void)state;
    window_adopt(window, APPLE, 0);
    model_serve(a2, 1);
    report(10, true);
    for (uint8_t i = 10; i < 40; i++)
        model_add(hosts, APPLE, 0, i);
    roll_back();
    assert_int_equal(again.calls, 1);
    assert_int_equal(again.load[0].issued, 1);
}

static void test_roll_back_without_confirmation(void **state)
{
    (void)state;
    window_adopt(window, APPLE, 1000);
    window_adopt(window, BERRY, 1000);
    model_serve(a, 1);
    rows[a].rq_error = 7;
    rows[a].cx_established = 8;
    rows[a].cx_failed = 9;
    report(2000, true);
    model_serve(a2, 2);
    report(3000, false);
    model_serve(a, 16); /* never in a report: not sent again */
    roll_back();
    assert_int_equal(again.calls, 1); /* berry is zero */
    assert_int_equal(again.cluster[0], APPLE);
    assert_int_equal(again.load[0].issued, 3);
    assert_int_equal(again.load[0].success, 3);
    assert_int_equal(again.load[0].error, 7);
    assert_int_equal(again.load[0].new_connections, 8);
    assert_int_equal(again.load[0].failed_connections, 9);
    assert_int_equal(next_issued(a), 17);
    assert_int_equal(next_issued(a2), 2);
    assert_int_equal(window_start(window, APPLE), 1000);
    assert_int_equal(window_start(window, BERRY), 1000);
    assert_false(window_awaits(window));
}

static void test_roll_back_to_the_confirmed_report(void **state)
{
    (void)state;
    window_adopt(window, APPLE, 1000);
    model_serve(a, 1);
    report(2000, true);
    assert_true(window_awaits(window));
    model_serve(a, 2);
    report(3000, false);
    window_confirmed(window); /* of the report at 2000 */
    assert_false(window_awaits(window));
    model_serve(a, 4);
    report(4000, true);
    model_serve(a, 8);
    report(5000, false);
    roll_back();
    assert_int_equal(again.load[0].issued, 2 + 4 + 8);
    assert_int_equal(window_start(window, APPLE), 2000);
    assert_int_equal(next_issued(a), 14);
}

static void test_all_confirmed_leaves_nothing_to_send_again(void **state)
{
    (void)state;
    window_adopt(window, APPLE, 1000);
    model_serve(a, 1);
    report(2000, true);
    window_confirmed(window);
    model_serve(a, 2);
    roll_back();
    assert_int_equal(again.calls, 0);
    assert_int_equal(next_issued(a), 2);
    assert_int_equal(window_start(window, APPLE), 2000);
}

static void test_confirmation_that_nobody_awaits(void **state)
{
    (void)state;
    window_adopt(window, APPLE, 1000);
    model_serve(a, 1);
    report(2000, true);
    window_confirmed(window);
    model_serve(a, 2);
    report(3000, false);
    window_confirmed(window); /* must not confirm the report at 3000, which had no mark */
    roll_back();
    assert_int_equal(again.load[0].issued, 2);
    /* Late, after the end of its stream. */
    report(4000, true);
    roll_back();
    window_confirmed(window);
    roll_back();
    assert_int_equal(next_issued(a), 2);
    assert_int_equal(window_start(window, APPLE), 2000);
}

static void test_two_streams_lost_in_a_row(void **state)
{
    (void)state;
    window_adopt(window, APPLE, 1000);
    model_serve(a, 1);
    report(2000, true);
    roll_back();
    model_serve(a, 2);
    report(7000, true);
    roll_back();
    assert_int_equal(again.load[0].issued, 3);
    assert_int_equal(next_issued(a), 3);
    assert_int_equal(window_start(window, APPLE), 1000);
}

static uint64_t next_bound(enum bound_kind kind)
{
    window_look(window);
    return row(a).load.bound.amount[kind];
}

/* It is a load like the others: discarded, reported once, and again where that may be lost. */
static void test_error_bound_moves_with_the_loads(void **state)
{
    (void)state;
    rows[a] = (struct counters){.rq_unclassified = 9, .gap_bytes = 9};
    window_adopt(window, APPLE, 1000);
    assert_int_equal(next_bound(BOUND_UNCLASSIFIED_REQUESTS), 0);
    assert_int_equal(next_bound(BOUND_GAP_BYTES), 0);
    rows[a].rq_unclassified += 2;
    rows[a].gap_bytes += 100;
    report(2000, true);
    rows[a].gap_bytes += 10;
    assert_int_equal(next_bound(BOUND_GAP_BYTES), 10);
    assert_int_equal(next_bound(BOUND_UNCLASSIFIED_REQUESTS), 0);
    window_sent(window, 3000, false);
    roll_back();
    assert_int_equal(again.calls, 0); /* the log tells of loads only */
    assert_int_equal(next_bound(BOUND_GAP_BYTES), 110);
    assert_int_equal(next_bound(BOUND_UNCLASSIFIED_REQUESTS), 2);
    report(4000, true);
    window_confirmed(window);
    roll_back();
    assert_int_equal(next_bound(BOUND_UNCLASSIFIED_REQUESTS), 0);
    assert_int_equal(next_bound(BOUND_GAP_BYTES), 0);
}

static void test_adopted_while_a_confirmation_is_awaited(void **state)
{
    (void)state;
    window_adopt(window, APPLE, 1000);
    model_serve(a, 1);
    report(2000, true);
    model_serve(b, 50);
    window_adopt(window, BERRY, 2500);
    window_drop(window, APPLE);
    window_adopt(window, APPLE, 2600);
    window_confirmed(window);
    model_serve(b, 4);
    model_serve(a, 8);
    report(3000, true);
    roll_back();
    assert_int_equal(again.calls, 2);
    assert_int_equal(again.load[0].issued, 8); /* discarded up to 2600 */
    assert_int_equal(again.load[1].issued, 4);
    assert_int_equal(window_start(window, APPLE), 2600);
    assert_int_equal(window_start(window, BERRY), 2500);
}

static void test_out_of_memory(void **state)
{
    (void)state;
    if (!MEMORY_CAN_FAIL)
        return;
    for (long left = 0; left < 3; left++) {
        long live = memory_live;

        memory_left = left;
        assert_null(window_new(&model, hosts, model_read, NULL));
        memory_left = -1;
        assert_int_equal(memory_live, live);
    }
    window_adopt(window, APPLE, 0);
    model_serve(a, 3);
    model_add(hosts, APPLE, 0, 50);
    memory_left = 0;
    assert_int_equal(window_reserve(window), -ENOMEM);
    memory_left = -1;
    assert_int_equal(next_issued(a), 3);
    assert_int_equal(window_reserve(window), 0);
    assert_int_equal(next_issued(a), 3);
}

static void let_go(uint32_t slot)
{
    hosts_release(hosts, slot);
    hosts_remove(hosts, slot);
}

static void test_what_a_host_owes(void **state)
{
    const struct host *host = hosts_at(hosts, a);

    (void)state;
    window_reserve(window);
    model_serve(a, 3);
    assert_false(window_owes(window, host)); /* outside the set: it would be discarded */
    window_adopt(window, APPLE, 0);
    assert_false(window_owes(window, host));
    model_serve(a, 2);
    assert_true(window_owes(window, host));
    report(1000, true);
    assert_true(window_owes(window, host)); /* not confirmed */
    window_confirmed(window);
    assert_false(window_owes(window, host));
    report(2000, true);
    assert_false(window_owes(window, host)); /* confirmed is at least what was counted */
    rows[a].cx_closed++;
    assert_true(window_owes(window, host)); /* the gauge */
    window_drop(window, APPLE);
    assert_false(window_owes(window, host));
    host = hosts_at(hosts, model_add(hosts, BERRY, 0, 9));
    window_adopt(window, BERRY, 3000);
    assert_true(window_owes(window, host)); /* without a track nothing is known */
}

static void test_slot_used_again_starts_at_zero(void **state)
{
    uint32_t slot;

    (void)state;
    window_reserve(window);
    window_adopt(window, APPLE, 0);
    window_adopt(window, BERRY, 0);
    model_serve(a, 5);
    model_serve(b, 1);
    report(1000, true);
    model_serve(a, 1);
    report(2000, false);
    let_go(a);
    memset(&rows[a], 0, sizeof(rows[a]));
    slot = model_add(hosts, BERRY, 0, 8);
    assert_int_equal(slot, a);
    model_serve(slot, 2);
    /* The stream ends before the new host has a track: of the old one nothing is left. */
    again.calls = 0;
    window_roll_back(window, note_again, &again);
    assert_int_equal(again.calls, 1);
    assert_int_equal(again.cluster[0], BERRY);
    assert_int_equal(again.load[0].issued, 1);
    window_reserve(window);
    assert_int_equal(next_issued(slot), 2);
    report(3000, true);
    window_confirmed(window);
    assert_int_equal(next_issued(slot), 0);
}

static void test_free_slots_are_passed_over(void **state)
{
    (void)state;
    window_reserve(window);
    window_adopt(window, APPLE, 0);
    window_adopt(window, BERRY, 0);
    let_go(a);
    let_go(b);
    model_serve(a2, 4);
    window_reserve(window);
    reads = 0;
    assert_int_equal(next_issued(a2), 4);
    assert_int_equal(reads, 1);
    report(1000, true);
    window_confirmed(window);
    again.calls = 0;
    window_roll_back(window, note_again, &again);
    assert_int_equal(again.calls, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_adopting_discards_what_was_before),
        TEST(test_adopting_twice_keeps_counts_and_start),
        TEST(test_every_load_is_a_difference_and_gauges_are_not),
        TEST(test_gauges_do_not_wrap),
        TEST(test_each_report_covers_the_time_since_the_last),
        TEST(test_report_left_out_is_covered_by_the_next),
        TEST(test_what_comes_between_look_and_sent_is_in_the_next),
        TEST(test_clusters_outside_the_set_do_not_move),
        TEST(test_discarded_counts_do_not_come_back),
        TEST(test_dropped_cluster_is_sent_again_once),
        TEST(test_only_the_set_is_read),
        TEST(test_many_hosts_are_read_in_runs),
        TEST(test_new_host_is_reported_from_its_first_count),
        TEST(test_roll_back_with_a_host_not_yet_reserved),
        TEST(test_roll_back_without_confirmation),
        TEST(test_roll_back_to_the_confirmed_report),
        TEST(test_all_confirmed_leaves_nothing_to_send_again),
        TEST(test_confirmation_that_nobody_awaits),
        TEST(test_two_streams_lost_in_a_row),
        TEST(test_error_bound_moves_with_the_loads),
        TEST(test_adopted_while_a_confirmation_is_awaited),
        TEST(test_what_a_host_owes),
        TEST(test_slot_used_again_starts_at_zero),
        TEST(test_free_slots_are_passed_over),
        TEST(test_out_of_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
