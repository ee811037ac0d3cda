/* Arrays by slot: they grow, and what is new is zero. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "failing_memory.h"

#include "base/slots.h"

static void grows_to_twice_at_least(void **state)
{
    uint32_t *items = NULL;
    size_t room = 0;

    (void)state;
    assert_int_equal(slots_reserve(&items, &room, 0, sizeof(*items)), 0);
    assert_int_equal(slots_reserve(&items, &room, 3, sizeof(*items)), 0);
    assert_int_equal(room, 3);
    assert_true(!items[0] && !items[1] && !items[2]);
    items[2] = 7;
    assert_int_equal(slots_reserve(&items, &room, 3, sizeof(*items)), 0);
    assert_int_equal(room, 3);
    assert_int_equal(slots_reserve(&items, &room, 4, sizeof(*items)), 0);
    assert_int_equal(room, 6);
    assert_true(items[2] == 7 && !items[3] && !items[4] && !items[5]);
    assert_int_equal(slots_reserve(&items, &room, 100, sizeof(*items)), 0);
    assert_int_equal(room, 100);
    assert_true(items[2] == 7 && !items[99]);
    free(items);
}

static void out_of_memory_changes_nothing(void **state)
{
    uint64_t *items = NULL, *before;
    size_t room = 0;

    (void)state;
    if (!MEMORY_CAN_FAIL)
        return;
    assert_int_equal(slots_reserve(&items, &room, 2, sizeof(*items)), 0);
    before = items;
    memory_left = 0;
    assert_int_equal(slots_reserve(&items, &room, 3, sizeof(*items)), -ENOMEM);
    memory_left = -1;
    assert_ptr_equal(items, before);
    assert_int_equal(room, 2);
    free(items);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows_to_twice_at_least),
        cmocka_unit_test(out_of_memory_changes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
