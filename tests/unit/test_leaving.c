#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "failing_memory.h"
#include "upstream/leaving.h"

#define IDLE 1000

static struct counters rows[100];
static bool owed[100];
static uint32_t slots[100];

static void read_row(void *arg, uint32_t slot, struct counters *out)
{
    (void)arg;
    *out = rows[slot];
}

static bool owes(void *arg, uint32_t slot)
{
    (void)arg;
    return owed[slot];
}

static struct leaving *start(void)
{
    const struct leaving_ops ops = {read_row, owes, NULL};

    memset(rows, 0, sizeof(rows));
    memset(owed, 0, sizeof(owed));
    return leaving_new(IDLE, &ops);
}

static size_t over(struct leaving *leaving, uint64_t now_us)
{
    return leaving_over(leaving, now_us, slots, 100);
}

static void idle_for_the_time(void **state)
{
    struct leaving *leaving = start();

    (void)state;
    assert_int_equal(leaving_add(leaving, 7, 5000), 0);
    assert_int_equal(over(leaving, 5000), 0);
    assert_int_equal(over(leaving, 5000 + IDLE - 1), 0);
    assert_int_equal(over(leaving, 5000 + IDLE), 1);
    assert_int_equal(slots[0], 7);
    assert_false(leaving_stays(leaving, 7, 5000 + IDLE));
    leaving_remove(leaving, 7);
    assert_int_equal(leaving_count(leaving), 0);
    leaving_free(leaving);
}

static void each_count_begins_the_time_anew(void **state)
{
    struct leaving *leaving = start();

    (void)state;
    leaving_add(leaving, 7, 0);
    rows[7].rq_probes++; /* whatever it is */
    assert_int_equal(over(leaving, 900), 0);
    assert_int_equal(over(leaving, 1899), 0);
    assert_int_equal(over(leaving, 1900), 1);
    leaving_free(leaving);
}

static void open_connections_hold_it(void **state)
{
    struct leaving *leaving = start();

    (void)state;
    rows[7].cx_opened = 3;
    rows[7].cx_failed = 1;
    rows[7].cx_established = 2;
    rows[7].cx_closed = 1;
    leaving_add(leaving, 7, 0);
    assert_int_equal(over(leaving, 100 * IDLE), 0); /* idle, but open */
    rows[7].cx_closed = 2;
    assert_int_equal(over(leaving, 101 * IDLE), 0);
    assert_int_equal(over(leaving, 102 * IDLE), 1);
    rows[7].cx_opened++; /* being opened counts */
    assert_int_equal(over(leaving, 103 * IDLE), 0);
    leaving_free(leaving);
}

static void what_it_owes_holds_it(void **state)
{
    struct leaving *leaving = start();

    (void)state;
    leaving_add(leaving, 7, 0);
    owed[7] = true;
    assert_int_equal(over(leaving, 50 * IDLE), 0);
    owed[7] = false;
    assert_int_equal(over(leaving, 50 * IDLE + 1), 1); /* it was idle all the time */
    leaving_free(leaving);
}

static void counted_in_the_last_moment(void **state)
{
    struct leaving *leaving = start();

    (void)state;
    leaving_add(leaving, 7, 0);
    assert_int_equal(over(leaving, IDLE), 1);
    rows[7].cx_opened++;
    assert_true(leaving_stays(leaving, 7, IDLE));
    rows[7].cx_failed++;
    assert_int_equal(over(leaving, 2 * IDLE), 0);
    assert_int_equal(over(leaving, 3 * IDLE - 1), 0);
    assert_int_equal(over(leaving, 3 * IDLE), 1);
    leaving_free(leaving);
}

static void unused_ones_may_go_sooner(void **state)
{
    struct leaving *leaving = start();

    (void)state;
    rows[8].cx_opened = rows[8].cx_closed = 1;
    for (uint32_t slot = 7; slot < 10; slot++)
        leaving_add(leaving, slot, 0);
    assert_int_equal(leaving_unused(leaving, slots, 100), 2);
    assert_int_equal(slots[0], 7);
    assert_int_equal(slots[1], 9);
    assert_int_equal(leaving_unused(leaving, slots, 1), 1);
    rows[9].cx_opened = 1; /* since the last look */
    assert_false(leaving_stays(leaving, 7, 1));
    assert_true(leaving_stays(leaving, 9, 1));
    leaving_free(leaving);
}

static void many_at_once(void **state)
{
    struct leaving *leaving = start();

    (void)state;
    for (uint32_t slot = 0; slot < 100; slot++)
        assert_int_equal(leaving_add(leaving, slot, slot < 50 ? 0 : IDLE), 0);
    leaving_remove(leaving, 3);
    leaving_remove(leaving, 3);
    assert_int_equal(over(leaving, IDLE), 49);
    for (size_t i = 0; i < 49; i++)
        assert_true(slots[i] < 50 && slots[i] != 3);
    assert_int_equal(leaving_over(leaving, 2 * IDLE, slots, 10), 10);
    assert_int_equal(over(leaving, 2 * IDLE), 99);
    assert_int_equal(leaving_count(leaving), 99);
    leaving_free(leaving);
}

static void out_of_memory(void **state)
{
    struct leaving *leaving = start();

    (void)state;
    if (MEMORY_CAN_FAIL) {
        memory_left = 0;
        assert_int_equal(leaving_add(leaving, 1, 0), -ENOMEM);
        memory_left = -1;
        assert_int_equal(leaving_count(leaving), 0);
    }
    leaving_free(leaving);
    leaving_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(idle_for_the_time),
        cmocka_unit_test(each_count_begins_the_time_anew),
        cmocka_unit_test(open_connections_hold_it),
        cmocka_unit_test(what_it_owes_holds_it),
        cmocka_unit_test(counted_in_the_last_moment),
        cmocka_unit_test(unused_ones_may_go_sooner),
        cmocka_unit_test(many_at_once),
        cmocka_unit_test(out_of_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
