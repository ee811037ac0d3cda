#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "failing_memory.h"
#include "report/unknown_names.h"

static struct unknown_names *names;

static int set_up(void **state)
{
    (void)state;
    names = unknown_names_new();
    return names ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    unknown_names_free(names);
    return 0;
}

static void note(const char *name, uint64_t since_us)
{
    unknown_names_note(names, name, strlen(name), since_us);
}

static uint64_t taken(const char *name)
{
    uint64_t since_us = 0;

    return unknown_names_take(names, name, &since_us) ? since_us : 0;
}

static void a_name_is_there_since_it_was_first_named(void **state)
{
    (void)state;
    unknown_names_begin(names);
    note("a", 10);
    note("a", 11);
    unknown_names_end(names);
    unknown_names_begin(names);
    note("b", 20);
    note("a", 20);
    unknown_names_end(names);
    assert_int_equal(taken("a"), 10);
    assert_int_equal(taken("a"), 0);
    assert_int_equal(taken("b"), 20);
    assert_int_equal(taken(""), 0);
}

static void what_a_response_does_not_name_is_forgotten(void **state)
{
    (void)state;
    unknown_names_begin(names);
    note("a", 10);
    note("ab", 10);
    unknown_names_end(names);
    unknown_names_begin(names);
    note("ab", 20);
    unknown_names_end(names);
    assert_int_equal(taken("a"), 0);
    unknown_names_begin(names);
    note("a", 30);
    unknown_names_end(names);
    assert_int_equal(taken("a"), 30); /* named anew */
    assert_int_equal(taken("ab"), 0);
}

static void a_nul_is_part_of_a_name(void **state)
{
    (void)state;
    unknown_names_begin(names);
    unknown_names_note(names, "a\0b", 3, 10);
    unknown_names_end(names);
    assert_int_equal(taken("a"), 0);
}

static void there_is_room_for_so_many(void **state)
{
    static char large[UNKNOWN_NAMES_BYTES_MAX];
    char name[16];

    (void)state;
    unknown_names_begin(names);
    for (int i = 0; i <= UNKNOWN_NAMES_MAX; i++) {
        snprintf(name, sizeof(name), "%d", i);
        note(name, 10);
    }
    unknown_names_end(names);
    snprintf(name, sizeof(name), "%d", UNKNOWN_NAMES_MAX);
    assert_int_equal(taken(name), 0);
    assert_int_equal(taken("0"), 10);
    unknown_names_begin(names);
    note("a", 20);
    unknown_names_end(names); /* all others give their bytes back */
    memset(large, 'x', sizeof(large) - 1);
    unknown_names_note(names, large, sizeof(large) - 1, 30);
    note("b", 40);
    assert_int_equal(taken("b"), 0);
    assert_int_equal(taken(large), 30);
    note("b", 40);
    assert_int_equal(taken("b"), 40);
}

static void out_of_memory(void **state)
{
    long live = memory_live;

    (void)state;
    if (!MEMORY_CAN_FAIL)
        return;
    for (long left = 0; left < 5; left++) {
        memory_left = left;
        note("a", 10);
        memory_left = -1;
        note("a", 20);
        assert_int_equal(taken("a"), left < 3 ? 20 : 10);
    }
    assert_int_equal(memory_live, live);
    memory_left = 0;
    assert_null(unknown_names_new());
    memory_left = -1;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_name_is_there_since_it_was_first_named),
        TEST(what_a_response_does_not_name_is_forgotten),
        TEST(a_nul_is_part_of_a_name),
        TEST(there_is_room_for_so_many),
        TEST(out_of_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
