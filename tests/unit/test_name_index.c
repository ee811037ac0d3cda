/* Names by address. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/name_index.h"

static struct address at(const char *ip, uint16_t port)
{
    struct address address;

    assert_int_equal(address_parse(ip, port, &address), 0);
    return address;
}

static void by_group_and_address(void **state)
{
    static const struct endpoint a, b, c;
    const struct address one = at("10.0.0.1", 80), other_port = at("10.0.0.1", 81),
                         two = at("10.0.0.2", 80), six = at("::1", 80), first = at("::", 80),
                         last = at("ffff::", 80);
    struct name_index index = {0};

    (void)state;
    name_index_sort(&index);
    assert_null(name_index_find(&index, 0, &one, 0));
    assert_int_equal(name_index_add(&index, 1, &one, &c), 0);
    assert_int_equal(name_index_add(&index, 0, &two, &b), 0);
    assert_int_equal(name_index_add(&index, 0, &two, &b), 0); /* an answer has it twice */
    assert_int_equal(name_index_add(&index, 0, &one, &b), 0);
    assert_int_equal(name_index_add(&index, 0, &one, &a), 0);
    assert_int_equal(name_index_add(&index, 0, &six, &a), 0);
    name_index_sort(&index);
    assert_ptr_equal(name_index_find(&index, 0, &one, 0), &b); /* as they were added */
    assert_ptr_equal(name_index_find(&index, 0, &one, 1), &a);
    assert_null(name_index_find(&index, 0, &one, 2));
    assert_ptr_equal(name_index_find(&index, 1, &one, 0), &c);
    assert_null(name_index_find(&index, 1, &one, 1));
    assert_ptr_equal(name_index_find(&index, 0, &two, 0), &b);
    assert_null(name_index_find(&index, 0, &two, 1));
    assert_ptr_equal(name_index_find(&index, 0, &six, 0), &a);
    assert_null(name_index_find(&index, 0, &other_port, 0));
    assert_null(name_index_find(&index, 0, &first, 0));
    assert_null(name_index_find(&index, 1, &last, 0));
    assert_null(name_index_find(&index, 2, &one, 0));
    name_index_clear(&index);
    assert_null(name_index_find(&index, 0, &one, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(by_group_and_address)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
