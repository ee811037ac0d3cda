/* A tenth of the time for dear pages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/page_budget.h"

#define SECOND 1000000ULL

static void a_tenth(void **state)
{
    struct page_budget budget = {0};
    uint64_t now = 1000 * SECOND, spent = 0;

    (void)state;
    for (unsigned i = 0; i < 100000; i++, now += 1000)
        if (page_budget_allows(&budget, now)) {
            page_budget_spend(&budget, 30000);
            spent += 30000;
        }
    assert_in_range(spent, 10 * SECOND - 200000, 10 * SECOND + 200000);
}

static void a_long_one_is_waited_for(void **state)
{
    struct page_budget budget = {0};
    const uint64_t now = 1000 * SECOND;

    (void)state;
    assert_true(page_budget_allows(&budget, now));
    page_budget_spend(&budget, PAGE_BUDGET_US - 1);
    assert_true(page_budget_allows(&budget, now));
    page_budget_spend(&budget, 1 + 2 * SECOND);
    assert_false(page_budget_allows(&budget, now));
    assert_false(page_budget_allows(&budget, now + 20 * SECOND));
    assert_true(page_budget_allows(&budget, now + 20 * SECOND + 10));
}

/* Many looks at the clock earn as much as one. */
static void small_steps(void **state)
{
    struct page_budget budget = {0};
    const uint64_t now = 1000 * SECOND;

    (void)state;
    page_budget_allows(&budget, now);
    page_budget_spend(&budget, PAGE_BUDGET_US + 9);
    for (uint64_t i = 0; i < 100; i++)
        assert_false(page_budget_allows(&budget, now + i));
    assert_true(page_budget_allows(&budget, now + 100));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tenth),
        cmocka_unit_test(a_long_one_is_waited_for),
        cmocka_unit_test(small_steps),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
