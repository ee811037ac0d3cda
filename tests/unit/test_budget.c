#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "stream/budget.h"

#define SECOND 1000000

static struct budget budget;

static int set_up(void **state)
{
    (void)state;
    budget_start(&budget, 7);
    return 0;
}

static void test_full_at_first(void **state)
{
    (void)state;
    assert_true(budget_spend(&budget, BUDGET_FULL, 0, 0, 7));
    assert_false(budget_spend(&budget, 1, 0, 0, 7));
}

static void test_prices(void **state)
{
    (void)state;
    assert_true(budget_spend(&budget, 0, 0, BUDGET_FULL / BUDGET_MESSAGE, 7));
    assert_true(budget_spend(&budget, 0, BUDGET_BYTES - 1, 0, 7));
    assert_false(budget_spend(&budget, 0, 1, 0, 7)); /* bytes add up */
}

static void test_largest_response(void **state)
{
    (void)state;
    assert_true(budget_spend(&budget, 257, (4 << 20) + 257 * 9, 1, 7));
}

static void test_refilled_in_time(void **state)
{
    uint64_t each = SECOND / BUDGET_PER_SECOND;

    (void)state;
    assert_true(budget_spend(&budget, BUDGET_FULL, 0, 0, 7));
    assert_true(budget_spend(&budget, 0, 0, 0, 7 + each - 1));
    assert_true(budget_spend(&budget, 1, 0, 0, 7 + each)); /* nothing was rounded away */
    assert_false(budget_spend(&budget, 1, 0, 0, 7 + 2 * each - 1));
}

static void test_never_more_than_full(void **state)
{
    (void)state;
    assert_true(budget_spend(&budget, 5, 0, 0, 1000ull * SECOND));
    assert_true(budget_spend(&budget, BUDGET_FULL - 5, 0, 0, 1000ull * SECOND));
    assert_false(budget_spend(&budget, 1, 0, 0, 1000ull * SECOND));
}

static void test_steady_responses(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 10000; i++) /* 19 a second, as each in a frame of its own */
        assert_true(budget_spend(&budget, 1, 64, 1, 7 + i * SECOND / 19));
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_full_at_first),        TEST(test_prices),
        TEST(test_largest_response),     TEST(test_refilled_in_time),
        TEST(test_never_more_than_full), TEST(test_steady_responses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
