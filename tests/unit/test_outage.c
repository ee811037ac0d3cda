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
        assert_int_equal(outage_see(&outage, "refused"), OUTAGE_NEWS);
        assert_int_equal(outage_see(&outage, "refused"), OUTAGE_TOLD);
        assert_int_equal(outage_see(&outage, "expired"), OUTAGE_NEWS);
        assert_int_equal(outage_see(&outage, "refused"), OUTAGE_TOLD);
        assert_int_equal(outage_see(&outage, "expired"), OUTAGE_TOLD);
        assert_int_equal(outage_see(&outage, ""), OUTAGE_NEWS);
        outage_over(&outage);
    }
}

static void test_bounded(void **state)
{
    struct outage outage = {.count = 0};
    char reason[16];

    (void)state;
    for (int round = 0; round < 2; round++) {
        unsigned seen[3] = {0};

        for (int i = 0; i < 1000; i++) {
            snprintf(reason, sizeof(reason), "reason %d", i);
            seen[outage_see(&outage, reason)]++;
        }
        assert_int_equal(seen[OUTAGE_NEWS], OUTAGE_REASONS_MAX);
        assert_int_equal(seen[OUTAGE_TOO_MANY], 1);
        assert_int_equal(outage_see(&outage, "reason 0"), OUTAGE_TOLD);
        outage_over(&outage);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_reason_once),
        cmocka_unit_test(test_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
