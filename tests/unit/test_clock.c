/* The clocks, and intervals for the event loop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "base/clock.h"

static void intervals(void **state)
{
    const struct timeval none = clock_interval(0), short_one = clock_interval(999999),
                         long_one = clock_interval(86400000000ULL + 1);

    (void)state;
    assert_int_equal(none.tv_sec, 0);
    assert_int_equal(none.tv_usec, 0);
    assert_int_equal(short_one.tv_sec, 0);
    assert_int_equal(short_one.tv_usec, 999999);
    assert_int_equal(long_one.tv_sec, 86400);
    assert_int_equal(long_one.tv_usec, 1);
}

static void clocks(void **state)
{
    struct timespec before;
    uint64_t now;

    (void)state;
    clock_gettime(CLOCK_MONOTONIC, &before);
    now = clock_us();
    assert_in_range(now / 1000000, (uint64_t)before.tv_sec, (uint64_t)before.tv_sec + 60);
    assert_true(clock_us() >= now);
    now = clock_wall_us();
    assert_in_range(now / 1000000, (uint64_t)time(NULL) - 60, (uint64_t)time(NULL) + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(intervals), cmocka_unit_test(clocks)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
