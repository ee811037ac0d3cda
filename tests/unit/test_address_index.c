#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "upstream/address_index.h"

#define SLOTS 300

static struct address addresses[SLOTS];

static const struct address *address_of(const void *arg, uint32_t slot)
{
    assert_ptr_equal(arg, addresses);
    assert_in_range(slot, 0, SLOTS - 1);
    return &addresses[slot];
}

static int set_up(void **state)
{
    static struct address_index index;

    for (uint32_t slot = 0; slot < SLOTS; slot++) {
        addresses[slot] = (struct address){.ip = {[0] = 0xfd}, .port = (uint16_t)(slot % 7)};
        memcpy(addresses[slot].ip + 8, &slot, sizeof(slot));
    }
    address_index_init(&index, address_of, addresses);
    *state = &index;
    return 0;
}

static int tear_down(void **state)
{
    address_index_clear(*state);
    return 0;
}

static void add(struct address_index *index, uint32_t slot)
{
    assert_int_equal(address_index_reserve(index), 0);
    address_index_put(index, slot);
}

static void nothing_is_found_where_nothing_is(void **state)
{
    struct address_index *index = *state;

    assert_int_equal(address_index_find(index, &addresses[0]), ADDRESS_INDEX_NONE);
    add(index, 0);
    assert_int_equal(address_index_find(index, &addresses[0]), 0);
    assert_int_equal(address_index_find(index, &addresses[1]), ADDRESS_INDEX_NONE);
}

static void another_slot_takes_the_address(void **state)
{
    struct address_index *index = *state;

    add(index, 3);
    addresses[5] = addresses[3];
    address_index_put(index, 5);
    assert_int_equal(address_index_find(index, &addresses[3]), 5);
    address_index_remove(index, 3);
    assert_int_equal(address_index_find(index, &addresses[5]), ADDRESS_INDEX_NONE);
    assert_int_equal(index->count, 0);
}

/* At each step all are found that are there, and none else, whatever stood in whose way. */
static void any_order_of_coming_and_going(void **state)
{
    struct address_index *index = *state;
    bool is_there[SLOTS] = {false};
    unsigned seed = 7;

    for (int step = 0; step < 5000; step++) {
        uint32_t slot = (uint32_t)rand_r(&seed) % SLOTS;

        if (is_there[slot])
            address_index_remove(index, slot);
        else
            add(index, slot);
        is_there[slot] = !is_there[slot];
        for (uint32_t i = 0; i < SLOTS; i++)
            assert_int_equal(address_index_find(index, &addresses[i]),
                             is_there[i] ? i : ADDRESS_INDEX_NONE);
    }
    assert_in_range(index->room, SLOTS / 2, 4 * SLOTS);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nothing_is_found_where_nothing_is),
        TEST(another_slot_takes_the_address),
        TEST(any_order_of_coming_and_going),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
