#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "upstream/refresh.h"

static void after_an_answer(void **state)
{
    const struct dns_refresh plain = {.rate_ms = 5000},
                             ttl = {.rate_ms = 5000, .respect_ttl = true};
    struct refresh refresh = {0};

    (void)state;
    assert_int_equal(refresh_answered(&refresh, &plain, 0, 77), 5000);
    assert_int_equal(refresh_answered(&refresh, &plain, 60, 77), 5000);
    assert_int_equal(refresh_answered(&refresh, &ttl, 60, 77), 60000);
    assert_int_equal(refresh_answered(&refresh, &ttl, 0, 77), 5000); /* as the hosts file */
    assert_int_equal(refresh_answered(&refresh, &ttl, UINT32_MAX, 0), 4294967295000);
}

static void jitter_is_added(void **state)
{
    const struct dns_refresh settings = {.rate_ms = 5000, .jitter_ms = 100, .respect_ttl = true};
    struct refresh refresh = {0};

    (void)state;
    assert_int_equal(refresh_answered(&refresh, &settings, 0, 300), 5000);
    assert_int_equal(refresh_answered(&refresh, &settings, 0, 399), 5099);
    assert_int_equal(refresh_answered(&refresh, &settings, 2, 7), 2007);
    assert_int_equal(refresh_failed(&refresh, &settings, 7), 5000);
}

static void failures_in_a_row(void **state)
{
    const struct dns_refresh plain = {.rate_ms = 700};
    const struct dns_refresh settings = {
        .rate_ms = 5000, .failure_base_ms = 1000, .failure_max_ms = 5500};
    const uint64_t bounds[] = {1000, 2000, 4000, 5500, 5500, 5500};
    struct refresh refresh = {0};

    (void)state;
    for (int i = 0; i < 3; i++)
        assert_int_equal(refresh_failed(&refresh, &plain, 1), 700);
    for (int round = 0; round < 2; round++) { /* an answer begins anew */
        for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++)
            assert_int_equal(refresh_failed(&refresh, &settings, bounds[i] - 1), bounds[i] - 1);
        assert_int_equal(refresh_failed(&refresh, &settings, 5500 + 200), 200);
        refresh_answered(&refresh, &settings, 0, 0);
    }
}

static void never_too_soon(void **state)
{
    const struct dns_refresh settings = {
        .rate_ms = 2, .failure_base_ms = 1, .failure_max_ms = UINT64_MAX};
    struct refresh refresh = {0};

    (void)state;
    assert_int_equal(refresh_answered(&refresh, &settings, 0, 0), REFRESH_MIN_MS);
    for (int i = 0; i < 100; i++) /* nor does the bound overflow */
        assert_int_equal(refresh_failed(&refresh, &settings, 0), REFRESH_MIN_MS);
    assert_int_equal(refresh.bound_ms, UINT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(after_an_answer),
        cmocka_unit_test(jitter_is_added),
        cmocka_unit_test(failures_in_a_row),
        cmocka_unit_test(never_too_soon),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
