#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "report/backoff.h"

#define SECOND 1000000ULL

/* Fails at once whenever it is tried. Returns the time of the last try. */
static uint64_t fail_often(struct backoff *backoff, uint64_t now, unsigned times)
{
    while (times--)
        now += backoff_next(backoff, now);
    return now;
}

static void test_as_envoy_for_two_minutes(void **state)
{
    struct backoff backoff = {.random = 7};
    uint64_t start = 1000 * SECOND, now = start;

    (void)state;
    for (int i = 0; i < 24; i++) {
        assert_int_equal(backoff_next(&backoff, now), 5 * SECOND);
        now += 5 * SECOND;
    }
    assert_int_equal(now - start, BACKOFF_STEADY_UNTIL_US);
    assert_true(backoff_next(&backoff, now) > 5 * SECOND);
}

static void test_then_longer_up_to_the_maximum(void **state)
{
    static const uint64_t longest[] = {8000000, 12800000, 20480000, 32768000, 52428800, 60000000};
    struct backoff backoff = {.random = 0};
    uint64_t now = fail_often(&backoff, 1, 24);

    (void)state;
    for (unsigned i = 0; i < 1000; i++) {
        uint64_t wait = backoff_next(&backoff, now), most = longest[i < 5 ? i : 5];

        assert_true(wait <= most && wait > most * 2 / 3 - 1);
        now += wait;
    }
}

static void test_jitter_differs(void **state)
{
    struct backoff one = {.random = 1}, two = {.random = 2};
    uint64_t least = UINT64_MAX, most = 0, now = fail_often(&one, 0, 40);

    (void)state;
    fail_often(&two, 0, 40);
    assert_int_not_equal(backoff_next(&one, now), backoff_next(&two, now));
    for (int i = 0; i < 1000; i++) {
        uint64_t wait = backoff_next(&one, now);

        least = wait < least ? wait : least;
        most = wait > most ? wait : most;
    }
    assert_true(least < 41 * SECOND && most > 59 * SECOND);
}

static void test_begins_anew_after_one_that_worked(void **state)
{
    struct backoff backoff = {.random = 3};
    uint64_t now = fail_often(&backoff, 0, 40);

    (void)state;
    backoff_reset(&backoff);
    for (int i = 0; i < 24; i++, now += 5 * SECOND)
        assert_int_equal(backoff_next(&backoff, now), 5 * SECOND);
    assert_in_range(backoff_next(&backoff, now), 5 * SECOND + 1, 8 * SECOND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_envoy_for_two_minutes),
        cmocka_unit_test(test_then_longer_up_to_the_maximum),
        cmocka_unit_test(test_jitter_differs),
        cmocka_unit_test(test_begins_anew_after_one_that_worked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
