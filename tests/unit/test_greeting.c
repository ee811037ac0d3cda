#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <linux/types.h>

#include "abi.h"
#include "greeting.h"

/* As the program reads it: the first bytes, zeros behind a short packet's. */
static enum greeting of(const char *text)
{
    __u8 bytes[GREETING_SIZE] = {0};
    size_t length = strlen(text);

    if (length > sizeof(bytes))
        length = sizeof(bytes);
    memcpy(bytes, text, length);
    return greeting_of(bytes, (__u32)length);
}

static void requests(void **state)
{
    (void)state;
    assert_int_equal(of("GET / HTTP/1.1\r\n"), GREETING_HTTP);
    assert_int_equal(of("GET /"), GREETING_HTTP);
    assert_int_equal(of("OPTIONS * HTTP/1.1\r\n"), GREETING_HTTP);
    assert_int_equal(of("PROPFIND /a HTTP/1.1\r\n"), GREETING_HTTP);
    assert_int_equal(of("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), GREETING_HTTP);
}

static void tls(void **state)
{
    (void)state;
    assert_int_equal(of("\x16\x03\x01\x02"), GREETING_TLS);
    assert_int_equal(of("\x16\x02\x01\x02"), GREETING_SESSION);
    assert_int_equal(of("\x16"), GREETING_SESSION);
}

static void sessions(void **state)
{
    const __u8 zero[GREETING_SIZE] = {0}; /* PostgreSQL begins with a length */

    (void)state;
    assert_int_equal(of("*1\r\n$4\r\nPING\r\n"), GREETING_SESSION);
    assert_int_equal(of("PING\r\n"), GREETING_SESSION);
    assert_int_equal(greeting_of(zero, 8), GREETING_SESSION);
}

static void what_may_be_either(void **state)
{
    (void)state;
    assert_int_equal(of("get key\r\n"), GREETING_UNSURE);
    assert_int_equal(of("GET"), GREETING_UNSURE);
    assert_int_equal(of("GET "), GREETING_UNSURE);
    assert_int_equal(of("GET key\r\n"), GREETING_UNSURE);
    assert_int_equal(of("CONNECT a:80 HTTP/1.1\r\n"), GREETING_UNSURE);
    assert_int_equal(of("PROXY TCP4 1.2.3.4"), GREETING_UNSURE);
    assert_int_equal(of("\r\n\r\n"), GREETING_UNSURE);
    assert_int_equal(of("AVERYLONGMETHODINDEED /"), GREETING_UNSURE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests),
        cmocka_unit_test(tls),
        cmocka_unit_test(sessions),
        cmocka_unit_test(what_may_be_either),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
