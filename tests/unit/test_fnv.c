/* The test vectors of draft-eastlake-fnv. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/fnv.h"

static void vectors(void **state)
{
    (void)state;
    assert_true(fnv1a("", 0) == 0xcbf29ce484222325);
    assert_true(fnv1a("a", 1) == 0xaf63dc4c8601ec8c);
    assert_true(fnv1a("foobar", 6) == 0x85944171f73967e8);
    assert_true(fnv1a_more(fnv1a("foo", 3), "bar", 3) == 0x85944171f73967e8);
    assert_true(fnv1a("a", 2) == 0x089be207b544f1e4); /* with the NUL */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
