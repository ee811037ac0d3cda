#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "report/bound.h"

static const struct doubts nothing;

static void exact_row_has_none(void **state)
{
    struct bound bound;

    (void)state;
    bound_between(&nothing, &nothing, &bound);
    assert_false(bound.is_off);
}

static void each_counter_is_its_kind(void **state)
{
    static const struct doubts from = {.rq_unclassified = 10, .cx_joined = 7};
    static const struct doubts to = {.rq_unclassified = 11,
                                     .rq_untracked = 2,
                                     .gap_bytes = 3,
                                     .overruns = 4,
                                     .cx_opaque = 5,
                                     .cx_untracked = 6,
                                     .cx_joined = 14};
    struct bound bound;

    (void)state;
    bound_between(&from, &to, &bound);
    assert_int_equal(bound.amount[BOUND_UNCLASSIFIED_REQUESTS], 1);
    assert_int_equal(bound.amount[BOUND_UNTRACKED_REQUESTS], 2);
    assert_int_equal(bound.amount[BOUND_GAP_BYTES], 3);
    assert_int_equal(bound.amount[BOUND_OVERRUNS], 4);
    assert_int_equal(bound.amount[BOUND_OPAQUE_CONNECTIONS], 5);
    assert_int_equal(bound.amount[BOUND_UNTRACKED_CONNECTIONS], 6);
    assert_int_equal(bound.amount[BOUND_JOINED_CONNECTIONS], 7);
}

/* An opaque connection hides requests from every window in which it is open. */
static void opaque_connections_last_until_they_close(void **state)
{
    static const struct doubts before = {.cx_opaque = 5, .cx_opaque_closed = 3};
    static const struct doubts closed = {.cx_opaque = 5, .cx_opaque_closed = 5};
    struct bound bound;

    (void)state;
    bound_between(&before, &before, &bound);
    assert_int_equal(bound.amount[BOUND_OPAQUE_CONNECTIONS], 2);
    bound_between(&before, &closed, &bound);
    assert_int_equal(bound.amount[BOUND_OPAQUE_CONNECTIONS], 2);
    bound_between(&closed, &closed, &bound);
    assert_false(bound.is_off);
}

static void each_kind_alone_is_not_zero(void **state)
{
    (void)state;
    for (size_t kind = 0; kind < BOUND_KINDS; kind++) {
        static const size_t counters[BOUND_KINDS] = {
            offsetof(struct doubts, rq_unclassified), offsetof(struct doubts, rq_untracked),
            offsetof(struct doubts, gap_bytes),       offsetof(struct doubts, overruns),
            offsetof(struct doubts, cx_opaque),       offsetof(struct doubts, cx_untracked),
            offsetof(struct doubts, cx_joined)};
        struct bound bound, sum = {0};
        struct doubts to = {0};

        memcpy((char *)&to + counters[kind], &(uint64_t){2}, sizeof(uint64_t));
        bound_between(&nothing, &to, &bound);
        assert_int_equal(bound.amount[kind], 2);
        assert_true(bound.is_off);
        bound_add(&sum, &bound);
        bound_add(&sum, &bound);
        assert_int_equal(sum.amount[kind], 4);
        assert_true(sum.is_off);
    }
}

static void names(void **state)
{
    (void)state;
    assert_string_equal(bound_metric(BOUND_GAP_BYTES), "loadtap.gap_bytes");
    assert_string_equal(bound_name(BOUND_JOINED_CONNECTIONS), "joined_connections");
    assert_true(bound_is_requests(BOUND_UNCLASSIFIED_REQUESTS));
    assert_true(bound_is_requests(BOUND_UNTRACKED_REQUESTS));
    assert_false(bound_is_requests(BOUND_GAP_BYTES));
    assert_false(bound_is_requests(BOUND_OPAQUE_CONNECTIONS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exact_row_has_none),
        cmocka_unit_test(each_counter_is_its_kind),
        cmocka_unit_test(opaque_connections_last_until_they_close),
        cmocka_unit_test(each_kind_alone_is_not_zero),
        cmocka_unit_test(names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
