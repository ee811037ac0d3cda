#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "command/http_reply.h"

static int read_text(const char *text, struct http_reply *out)
{
    return http_reply_read(text, strlen(text), out);
}

static void status_and_body(void **state)
{
    struct http_reply reply;

    (void)state;
    assert_int_equal(
        read_text("HTTP/1.1 200 OK\r\nContent-Type: a\r\nContent-Length: 5\r\n\r\nhello", &reply),
        0);
    assert_int_equal(reply.status, 200);
    assert_int_equal(reply.length, 5);
    assert_memory_equal(reply.body, "hello", 5);
    assert_int_equal(read_text("HTTP/1.0 404 Not Found\r\n\r\nno such\n", &reply), 0);
    assert_int_equal(reply.status, 404);
    assert_int_equal(reply.length, 8);
    assert_int_equal(read_text("HTTP/1.0 204 No Content\r\nA: b\r\n\r\n", &reply), 0);
    assert_int_equal(reply.length, 0);
}

static void cut_short(void **state)
{
    struct http_reply reply = {.status = 42};

    (void)state;
    assert_int_equal(read_text("HTTP/1.1 200 OK\r\ncontent-length:6\r\n\r\nhello", &reply),
                     -EBADMSG);
    assert_int_equal(read_text("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n", &reply), -EBADMSG);
    assert_int_equal(reply.status, 42);
}

/* A length that only the body speaks of is none. */
static void the_head_ends_at_the_empty_line(void **state)
{
    struct http_reply reply;

    (void)state;
    assert_int_equal(read_text("HTTP/1.1 200 OK\r\n\r\nContent-Length: 500\r\n\r\n", &reply), 0);
    assert_int_equal(reply.length, 23);
}

static void what_is_no_answer(void **state)
{
    static const char *const texts[] = {"",
                                        "\r\n\r\n",
                                        "SSH-2.0-x\r\n\r\n",
                                        "HTTP/2.0 200 OK\r\n\r\n",
                                        "HTTP/1.1 20x OK\r\n\r\n",
                                        "HTTP/1.1\r\n\r\n",
                                        "HTTP/1.1 2000 OK\r\n\r\n"};
    struct http_reply reply;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        assert_int_equal(read_text(texts[i], &reply), -EBADMSG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(status_and_body),
        cmocka_unit_test(cut_short),
        cmocka_unit_test(the_head_ends_at_the_empty_line),
        cmocka_unit_test(what_is_no_answer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
