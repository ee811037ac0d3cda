/* The head of a request for /metrics. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "collector/http_request.h"

static void heads(void **state)
{
    static const struct {
        const char *text;
        int status;
    } cases[] = {
        {"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", 200},
        {"GET /metrics HTTP/1.0\r\n\r\n", 200},
        {"GET /metrics?name[]=a HTTP/1.1\r\n\r\n", 200},
        {"GET /metrics HTTP/1.1\r\nHost: x\r\n\r", 0},
        {"", 0},
        {"GET", 0},
        {"GET / HTTP/1.1\r\n\r\n", 404},
        {"GET /metrics/ HTTP/1.1\r\n\r\n", 404},
        {"GET /metric HTTP/1.1\r\n\r\n", 404},
        {"POST /metrics HTTP/1.1\r\nContent-Length: 9\r\n\r\n", 405},
        {"GET /metrics HTTP/2.0\r\n\r\n", 400},
        {"GET  /metrics HTTP/1.1\r\n\r\n", 400},
        {"GET /metrics\r\n\r\n", 400},
        {"GET /metrics HTTP/1.1 x\r\n\r\n", 400},
        {"\r\n\r\n", 400},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        if (http_request_status(cases[i].text, strlen(cases[i].text)) != cases[i].status)
            fail_msg("%s", cases[i].text);
}

static void size(void **state)
{
    static char head[HTTP_REQUEST_MAX + 1] = "GET /metrics HTTP/1.1\r\nx: ";
    size_t used = strlen(head);

    (void)state;
    memset(head + used, 'x', sizeof(head) - used);
    assert_int_equal(http_request_status(head, HTTP_REQUEST_MAX - 1), 0);
    assert_int_equal(http_request_status(head, HTTP_REQUEST_MAX), 431);
    memcpy(head + HTTP_REQUEST_MAX - 4, "\r\n\r\n", 4);
    assert_int_equal(http_request_status(head, HTTP_REQUEST_MAX), 200);
    memcpy(head + HTTP_REQUEST_MAX - 4, "x\r\n\r\n", 5);
    assert_int_equal(http_request_status(head, HTTP_REQUEST_MAX + 1), 431);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heads),
        cmocka_unit_test(size),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
