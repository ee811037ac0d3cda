/* How often one and the same message passes, at the edges of its time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/log_repeats.h"

#define START 1000
#define INFO 2

static struct log_repeats repeats;

static int clear(void **state)
{
    (void)state;
    memset(&repeats, 0, sizeof(repeats));
    return 0;
}

/* So many of `times` pass. */
static unsigned passed(const char *text, unsigned times, uint64_t now_ms)
{
    unsigned count = 0;

    while (times-- > 0)
        count += log_repeats_pass(&repeats, INFO, text, now_ms);
    return count;
}

static void test_so_many_pass_in_their_time(void **state)
{
    struct log_repeat over;

    (void)state;
    assert_int_equal(passed("a", 3, START), 3);
    assert_int_equal(passed("a", 10, START + LOG_REPEATS_MS - 1), LOG_REPEATS - 3);
    assert_false(log_repeats_over(&repeats, START + LOG_REPEATS_MS - 1, &over));
    assert_true(log_repeats_over(&repeats, START + LOG_REPEATS_MS, &over));
    assert_int_equal(over.left_out, 13 - LOG_REPEATS);
    assert_int_equal(over.level, INFO);
    assert_string_equal(over.text, "a");
    assert_false(log_repeats_over(&repeats, UINT64_MAX, &over));
    assert_int_equal(passed("a", 10, START + LOG_REPEATS_MS), LOG_REPEATS);
}

static void test_what_comes_seldom_always_passes(void **state)
{
    struct log_repeat over;

    (void)state;
    for (uint64_t i = 0; i < 100; i++)
        assert_int_equal(passed("a", LOG_REPEATS, START + i * LOG_REPEATS_MS), LOG_REPEATS);
    assert_false(log_repeats_over(&repeats, UINT64_MAX, &over));
}

static void test_another_level_is_another_message(void **state)
{
    (void)state;
    assert_int_equal(passed("a", 10, START), LOG_REPEATS);
    assert_true(log_repeats_pass(&repeats, INFO + 1, "a", START));
    assert_true(log_repeats_pass(&repeats, INFO, "b", START));
}

/* Different ones push each other out, but not what has something to tell. */
static void test_a_flood_of_others_hides_no_number(void **state)
{
    struct log_repeat over;
    char text[16];

    (void)state;
    assert_int_equal(passed("a", LOG_REPEATS + 1, START), LOG_REPEATS);
    for (int i = 0; i < 10 * LOG_REPEATS_KEPT; i++) {
        snprintf(text, sizeof(text), "other %d", i);
        assert_true(log_repeats_pass(&repeats, INFO, text, START + 1));
    }
    assert_true(log_repeats_over(&repeats, UINT64_MAX, &over));
    assert_string_equal(over.text, "a");
    assert_int_equal(over.left_out, 1);
}

/* As many as are kept each have something to tell: one more is not bounded. */
static void test_beyond_those_that_are_kept_all_pass(void **state)
{
    char text[16];

    (void)state;
    for (int i = 0; i < LOG_REPEATS_KEPT; i++) {
        snprintf(text, sizeof(text), "%d", i);
        assert_int_equal(passed(text, LOG_REPEATS + 1, START), LOG_REPEATS);
    }
    assert_int_equal(passed("one more", 100, START), 100);
}

static void test_a_long_message_is_told_cut(void **state)
{
    char text[2 * LOG_REPEATS_TEXT_MAX];
    struct log_repeat over;

    (void)state;
    memset(text, 'x', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    passed(text, LOG_REPEATS + 1, START);
    assert_true(log_repeats_over(&repeats, UINT64_MAX, &over));
    assert_int_equal(strspn(over.text, "x"), LOG_REPEATS_TEXT_MAX - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_so_many_pass_in_their_time, clear),
        cmocka_unit_test_setup(test_what_comes_seldom_always_passes, clear),
        cmocka_unit_test_setup(test_another_level_is_another_message, clear),
        cmocka_unit_test_setup(test_a_flood_of_others_hides_no_number, clear),
        cmocka_unit_test_setup(test_beyond_those_that_are_kept_all_pass, clear),
        cmocka_unit_test_setup(test_a_long_message_is_told_cut, clear),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
