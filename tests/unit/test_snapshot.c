#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "report/snapshot.h"

static const struct point exact = {.counts = {.rq_issued = 7, .cx_closed = 2}};
static const struct point doubtful = {.counts = {.rq_issued = 9},
                                      .doubts = {.gap_bytes = 1, .cx_joined = 3}};

static struct point at(const struct snapshot *snapshot, size_t slot)
{
    struct point point;

    snapshot_get(snapshot, slot, &point);
    return point;
}

static void assert_point(const struct snapshot *snapshot, size_t slot, const struct point *expected)
{
    struct point got = at(snapshot, slot);

    assert_memory_equal(&got, expected, sizeof(got));
}

static void what_is_put_is_there(void **state)
{
    static const struct point zero;
    struct snapshot snapshot = {0}, other = {0};

    (void)state;
    assert_int_equal(snapshot_grow(&snapshot, 3), 0);
    assert_int_equal(snapshot_grow(&other, 3), 0);
    assert_point(&snapshot, 2, &zero);
    snapshot_put(&snapshot, 0, &doubtful);
    snapshot_put(&snapshot, 1, &exact);
    assert_point(&snapshot, 0, &doubtful);
    snapshot_put(&snapshot, 0, &exact);
    assert_point(&snapshot, 0, &exact);
    snapshot_put(&other, 2, &doubtful);
    snapshot_copy(&snapshot, 2, &other);
    assert_point(&snapshot, 2, &doubtful);
    snapshot_forget(&snapshot, 2);
    assert_point(&snapshot, 2, &zero);
    snapshot_empty(&snapshot);
    assert_point(&snapshot, 0, &zero);
    snapshot_clear(&snapshot);
    snapshot_clear(&other);
}

static void growing_keeps_what_is_there(void **state)
{
    static const struct point zero;
    struct snapshot snapshot = {0};

    (void)state;
    assert_int_equal(snapshot_grow(&snapshot, 1), 0);
    snapshot_put(&snapshot, 0, &doubtful);
    assert_int_equal(snapshot_grow(&snapshot, SIZE_MAX / sizeof(struct point) / 2), -ENOMEM);
    assert_point(&snapshot, 0, &doubtful);
    assert_int_equal(snapshot_grow(&snapshot, 1000), 0);
    assert_point(&snapshot, 0, &doubtful);
    assert_point(&snapshot, 999, &zero);
    snapshot_clear(&snapshot);
}

static void a_difference_of_either_kind_is_seen(void **state)
{
    struct snapshot a = {0}, b = {0};

    (void)state;
    assert_int_equal(snapshot_grow(&a, 4), 0);
    assert_int_equal(snapshot_grow(&b, 4), 0);
    snapshot_put(&a, 1, &exact);
    assert_false(snapshot_same(&a, &b, 0, 4));
    assert_false(snapshot_same(&a, &b, 1, 1));
    assert_true(snapshot_same(&a, &b, 2, 2));
    snapshot_put(&b, 1, &exact);
    assert_true(snapshot_same(&a, &b, 0, 4));
    snapshot_put(&b, 1, &(struct point){.counts = exact.counts, .doubts.overruns = 1});
    assert_false(snapshot_same(&a, &b, 0, 4));
    assert_true(snapshot_same(&b, &b, 0, 4));
    snapshot_clear(&a);
    snapshot_clear(&b);
}

static void a_point_moves_by_a_difference(void **state)
{
    struct point point = {.counts = {.rq_issued = 1}, .doubts = {.cx_joined = 5}};

    (void)state;
    point_move(&point, &exact, &doubtful);
    assert_int_equal(point.counts.rq_issued, 3);
    assert_int_equal(point.counts.cx_closed, (uint64_t)-2);
    assert_int_equal(point.doubts.gap_bytes, 1);
    assert_int_equal(point.doubts.cx_joined, 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_put_is_there),
        cmocka_unit_test(growing_keeps_what_is_there),
        cmocka_unit_test(a_difference_of_either_kind_is_seen),
        cmocka_unit_test(a_point_moves_by_a_difference),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
