#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "daemon/outage.h"

static void test_each_reason_once(void **state)
{
    struct outage outage = {.count = 0};

    (void)state;
    for (int round = 0; round < 2; round++) {
        assert_true(outage_is_news(&outage, "refused"));
        assert_false(outage_is_news(&outage, "refused"));
        assert_true(outage_is_news(&outage, "expired"));
        assert_false(outage_is_news(&outage, "refused"));
        assert_false(outage_is_news(&outage, "expired"));
        assert_true(outage_is_news(&outage, ""));
        outage_over(&outage);
    }
}

static void test_bounded(void **state)
{
    struct outage outage = {.count = 0};
    unsigned told = 0;
    char reason[16];

    (void)state;
    for (int i = 0; i < 1000; i++) {
        snprintf(reason, sizeof(reason), "reason %d", i);
        told += outage_is_news(&outage, reason);
    }
    assert_int_equal(told, OUTAGE_REASONS_MAX);
    assert_false(outage_is_news(&outage, "reason 0"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_reason_once),
        cmocka_unit_test(test_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
