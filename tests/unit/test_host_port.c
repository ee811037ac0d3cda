#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/host_port.h"

static char host[HOST_MAX];
static uint16_t port;

static void each_form(void **state)
{
    (void)state;
    assert_int_equal(host_port_split("127.0.0.1:80", host, &port), 0);
    assert_string_equal(host, "127.0.0.1");
    assert_int_equal(port, 80);
    assert_int_equal(host_port_split("[::1]:65535", host, &port), 0);
    assert_string_equal(host, "::1");
    assert_int_equal(port, 65535);
    assert_int_equal(host_port_split("a.example:0", host, &port), 0);
    assert_string_equal(host, "a.example");
    assert_int_equal(port, 0);
}

static void what_is_neither(void **state)
{
    static const char *const texts[] = {
        "",      ":",        ":80",          "a",     "a:",     "a:65536",
        "a:8x",  "a:000080", "a:-1",         "a: 1",  "::1:80", "[::1:80",
        "[]:80", "[a]80",    "[1.2.3.4]:80", "a:+80", "::1",    "[::1]:"};

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        assert_int_equal(host_port_split(texts[i], host, &port), -EINVAL);
}

static void as_long_as_a_name_may_be(void **state)
{
    char text[HOST_MAX + 4];

    (void)state;
    memset(text, 'a', sizeof(text));
    strcpy(text + HOST_MAX - 1, ":1");
    assert_int_equal(host_port_split(text, host, &port), 0);
    assert_int_equal(strlen(host), HOST_MAX - 1);
    memset(text, 'a', sizeof(text));
    strcpy(text + HOST_MAX, ":1");
    assert_int_equal(host_port_split(text, host, &port), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_form),
        cmocka_unit_test(what_is_neither),
        cmocka_unit_test(as_long_as_a_name_may_be),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
