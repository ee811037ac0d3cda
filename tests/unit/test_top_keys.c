#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "command/top_keys.h"

#define PAGE 10
#define COUNT 35

static enum top_action press(struct top_state *state, const char *keys)
{
    return top_keys(state, keys, strlen(keys), PAGE, COUNT);
}

static void sorting(void **state)
{
    struct top_state top = {.sort = TOP_RATE, .descending = true, .first = 5};

    (void)state;
    assert_int_equal(press(&top, "e"), TOP_REDRAW);
    assert_int_equal(top.sort, TOP_ERROR_SHARE);
    assert_true(top.descending);
    assert_int_equal(top.first, 0);
    assert_int_equal(press(&top, "e"), TOP_REDRAW);
    assert_false(top.descending);
    press(&top, "c");
    assert_int_equal(top.sort, TOP_CLUSTER);
    assert_false(top.descending); /* names from the first on */
    press(&top, "n");
    assert_int_equal(top.sort, TOP_CONNECTIONS);
    assert_true(top.descending);
}

static void the_filter(void **state)
{
    struct top_state top = {.first = 7};
    char many[2 * TOP_FILTER_MAX];

    (void)state;
    assert_int_equal(press(&top, "/"), TOP_REDRAW);
    assert_true(top.typing);
    press(&top, "q:e80\x7f\b");
    assert_string_equal(top.filter, "q:e"); /* no key has its own meaning in there */
    assert_int_equal(top.first, 0);
    press(&top, "\r");
    assert_false(top.typing);
    assert_string_equal(top.filter, "q:e");
    press(&top, "\x1b");
    assert_string_equal(top.filter, "");
    press(&top, "/abc\x1b");
    assert_false(top.typing);
    assert_string_equal(top.filter, "");
    memset(many, 'x', sizeof(many));
    press(&top, "/");
    top_keys(&top, many, sizeof(many), PAGE, COUNT);
    assert_int_equal(strlen(top.filter), TOP_FILTER_MAX - 1);
    press(&top, "\x7f\xff\x01");
    assert_int_equal(strlen(top.filter), TOP_FILTER_MAX - 2);
    press(&top, "\x1b/\x7f");
    assert_string_equal(top.filter, "");
}

static void scrolling(void **state)
{
    struct top_state top = {0};

    (void)state;
    assert_int_equal(press(&top, "\x1b[B\x1b[B"), TOP_REDRAW);
    assert_int_equal(top.first, 2);
    press(&top, "\x1b[A");
    assert_int_equal(top.first, 1);
    press(&top, "\x1b[5~");
    assert_int_equal(top.first, 0);
    press(&top, "k");
    assert_int_equal(top.first, 0);
    press(&top, "\x1b[6~");
    assert_int_equal(top.first, 10);
    press(&top, "\x1bOB");
    assert_int_equal(top.first, 11);
    press(&top, "\x1b[F");
    assert_int_equal(top.first, 25);
    press(&top, "j");
    assert_int_equal(top.first, 25);
    press(&top, "\x1b[H");
    assert_int_equal(top.first, 0);
    top.first = 3;
    top_keys(&top, "j", 1, PAGE, 5); /* all fit */
    assert_int_equal(top.first, 0);
}

static void pause_and_the_end(void **state)
{
    struct top_state top = {0};

    (void)state;
    assert_int_equal(press(&top, " "), TOP_REDRAW);
    assert_true(top.paused);
    press(&top, " ");
    assert_false(top.paused);
    assert_int_equal(press(&top, "q"), TOP_QUIT);
    assert_int_equal(press(&top, "eq"), TOP_QUIT);
}

static void what_is_no_key(void **state)
{
    struct top_state top = {.sort = TOP_RATE}, before = top;

    (void)state;
    assert_int_equal(press(&top, ""), TOP_GO_ON);
    assert_int_equal(press(&top, "x\x01\xff\x1b[1;5C\x1b[200~\x1b["), TOP_GO_ON);
    assert_memory_equal(&top, &before, sizeof(top));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sorting),        cmocka_unit_test(the_filter),
        cmocka_unit_test(scrolling),      cmocka_unit_test(pause_and_the_end),
        cmocka_unit_test(what_is_no_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
