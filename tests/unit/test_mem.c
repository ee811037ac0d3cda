#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/mem.h"

/* A leak or a second free in here is found by the run under ASan. */
static char *made(int keep)
{
    autofree char *text = malloc(8);

    assert_non_null(text);
    text[0] = 'k';
    return keep ? TAKE(text) : NULL;
}

static void autofree_frees_what_was_not_taken(void **state)
{
    (void)state;
    assert_null(made(0));
}

static void taken_survives_its_scope(void **state)
{
    autofree char *text = made(1);

    (void)state;
    assert_int_equal(text[0], 'k');
}

static void take_leaves_null(void **state)
{
    autofree char *from = made(1);
    char *const before = from;
    autofree char *to = TAKE(from);

    (void)state;
    assert_null(from);
    assert_ptr_equal(to, before);
    assert_null(TAKE(from));
}

static void take_evaluates_its_argument_once(void **state)
{
    char a, b;
    char *pointers[] = {&a, &b};
    int next = 0;

    (void)state;
    assert_ptr_equal(TAKE(pointers[next++]), &a);
    assert_int_equal(next, 1);
    assert_null(pointers[0]);
    assert_ptr_equal(pointers[1], &b);
}

static void array_size_counts_elements(void **state)
{
    const uint64_t wide[3] = {0};

    (void)state;
    assert_int_equal(ARRAY_SIZE(wide), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(autofree_frees_what_was_not_taken),
        cmocka_unit_test(taken_survives_its_scope),
        cmocka_unit_test(take_leaves_null),
        cmocka_unit_test(take_evaluates_its_argument_once),
        cmocka_unit_test(array_size_counts_elements),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
