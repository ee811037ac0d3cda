#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cursor.h"

static void expect(__u32 next, __u32 sequence, __u32 length, enum cursor_verdict verdict,
                   __u32 skip)
{
    __u32 got = 0;

    assert_int_equal(cursor_look(next, sequence, length, &got), verdict);
    if (verdict != CURSOR_OLD)
        assert_int_equal(got, skip);
}

static void in_order_old_overlapping_ahead(void **state)
{
    (void)state;
    expect(1000, 1000, 10, CURSOR_NEW, 0);
    expect(1000, 990, 10, CURSOR_OLD, 0);
    expect(1000, 990, 11, CURSOR_NEW, 10);
    expect(1000, 999, 1, CURSOR_OLD, 0);
    expect(1000, 1001, 1, CURSOR_AHEAD, 1);
    expect(1000, 500, 100, CURSOR_OLD, 0);
}

static void sequence_numbers_wrap(void **state)
{
    (void)state;
    expect(5, 0xfffffff0u, 21, CURSOR_OLD, 0);
    expect(5, 0xfffffff0u, 22, CURSOR_NEW, 21);
    expect(0xfffffff0u, 5, 1, CURSOR_AHEAD, 21);
    expect(0, 0xffffffffu, 2, CURSOR_NEW, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_order_old_overlapping_ahead),
        cmocka_unit_test(sequence_numbers_wrap),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
