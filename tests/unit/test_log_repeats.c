/* How often one and the same message passes, at the edges of its time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/log_repeats.h"

#define START 1000
#define INFO LOG_LEVEL_INFO

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
    for (int i = 0; i < LOG_REPEATS_OTHERS; i++) {
        snprintf(text, sizeof(text), "other %d", i);
        assert_true(log_repeats_pass(&repeats, INFO, text, START + 1));
    }
    assert_true(log_repeats_over(&repeats, UINT64_MAX, &over));
    assert_string_equal(over.text, "a");
    assert_int_equal(over.left_out, 1);
}

/* So many of `times` pass that all differ. */
static unsigned passed_of_a_flood(enum log_level level, unsigned times, uint64_t now_ms)
{
    static unsigned port;
    unsigned count = 0;
    char text[32];

    while (times-- > 0) {
        snprintf(text, sizeof(text), "10.0.0.1:%u: closed", port++);
        count += log_repeats_pass(&repeats, level, text, now_ms);
    }
    return count;
}

static void test_a_flood_that_never_repeats_is_bounded(void **state)
{
    const unsigned most = LOG_REPEATS_KEPT + LOG_REPEATS_OTHERS;
    struct log_repeat over;

    (void)state;
    assert_int_equal(passed_of_a_flood(INFO, 100000, START), most);
    assert_int_equal(passed_of_a_flood(INFO, 100000, START + LOG_REPEATS_MS - 1), 0);
    assert_false(log_repeats_over(&repeats, START + LOG_REPEATS_MS - 1, &over));
    assert_true(log_repeats_over(&repeats, START + LOG_REPEATS_MS, &over));
    assert_true(over.are_others);
    assert_int_equal(over.level, INFO);
    assert_int_equal(over.left_out, 200000 - most);
    assert_false(log_repeats_over(&repeats, UINT64_MAX, &over));
    assert_int_equal(passed_of_a_flood(INFO, 100000, START + LOG_REPEATS_MS), most);
}

/* Nor does it hide what is worse, or what was asked for in full. */
static void test_a_flood_is_bounded_at_its_level(void **state)
{
    (void)state;
    passed_of_a_flood(INFO, 100000, START);
    assert_int_equal(passed_of_a_flood(LOG_LEVEL_ERROR, 10000, START), LOG_REPEATS_OTHERS);
    assert_int_equal(passed_of_a_flood(LOG_LEVEL_DEBUG, 10000, START), 10000);
    assert_int_equal(passed_of_a_flood(LOG_LEVEL_TRACE, 10000, START), 10000);
}

/* As many as are kept each have something to tell: one more is bounded with all others. */
static void test_beyond_those_that_are_kept_are_others(void **state)
{
    struct log_repeat over;
    char text[16];
    unsigned told = 0;

    (void)state;
    for (int i = 0; i < LOG_REPEATS_KEPT; i++) {
        snprintf(text, sizeof(text), "%d", i);
        assert_int_equal(passed(text, LOG_REPEATS + 1, START), LOG_REPEATS);
    }
    assert_int_equal(passed("one more", LOG_REPEATS_OTHERS + 7, START), LOG_REPEATS_OTHERS);
    while (log_repeats_over(&repeats, UINT64_MAX, &over)) {
        assert_int_equal(over.left_out, over.are_others ? 7 : 1);
        told++;
    }
    assert_int_equal(told, LOG_REPEATS_KEPT + 1);
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
        cmocka_unit_test_setup(test_beyond_those_that_are_kept_are_others, clear),
        cmocka_unit_test_setup(test_a_flood_that_never_repeats_is_bounded, clear),
        cmocka_unit_test_setup(test_a_flood_is_bounded_at_its_level, clear),
        cmocka_unit_test_setup(test_a_long_message_is_told_cut, clear),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
