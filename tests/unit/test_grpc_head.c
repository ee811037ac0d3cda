/* What a client makes of the header blocks of a gRPC response. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "grpc/head.h"

static struct grpc_head head;

static void add(const char *name, const char *value)
{
    assert_int_equal(grpc_head_add(&head, name, strlen(name), value, strlen(value)), 0);
}

static int set_up(void **state)
{
    (void)state;
    memset(&head, 0, sizeof(head));
    return 0;
}

static void assert_end(const char *expected)
{
    char text[2 * GRPC_HEAD_TEXT];

    grpc_head_describe_end(&head, text, sizeof(text));
    assert_string_equal(text, expected);
}

static void test_status_names(void **state)
{
    (void)state;
    assert_null(grpc_status_name(-1));
    assert_string_equal(grpc_status_name(0), "OK");
    assert_string_equal(grpc_status_name(4), "DEADLINE_EXCEEDED");
    assert_string_equal(grpc_status_name(14), "UNAVAILABLE");
    assert_string_equal(grpc_status_name(16), "UNAUTHENTICATED");
    assert_null(grpc_status_name(17));
}

static void test_what_opens_a_stream(void **state)
{
    static const struct {
        const char *status, *type;
        bool opens;
    } cases[] = {
        {"200", "application/grpc", true},     {"200", "application/grpc+proto", true},
        {"200", "application/grpc;x=1", true}, {"200", "application/grpc-web", false},
        {"200", "application/grp", false},     {"200", "", false},
        {"201", "application/grpc", false},    {"0200", "application/grpc", false},
        {"20", "application/grpc", false},     {"2x0", "application/grpc", false},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        set_up(state);
        add(":status", cases[i].status);
        add("content-type", cases[i].type);
        assert_int_equal(grpc_head_opens_stream(&head), cases[i].opens);
    }
}

static void test_informational(void **state)
{
    static const char *const statuses[] = {"99", "100", "199", "200"};

    for (size_t i = 0; i < ARRAY_SIZE(statuses); i++) {
        set_up(state);
        add(":status", statuses[i]);
        assert_int_equal(grpc_head_is_informational(&head), i == 1 || i == 2);
    }
}

static void test_statuses(void **state)
{
    static const struct {
        const char *status, *text;
    } cases[] = {
        {"0", "OK (0)"},
        {"7", "PERMISSION_DENIED (7)"},
        {"17", "unknown grpc-status (17)"},
        {"", "unknown grpc-status (-1)"},
        {"-1", "unknown grpc-status (-1)"},
        {"1234", "unknown grpc-status (-1)"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        set_up(state);
        add("grpc-status", cases[i].status);
        assert_end(cases[i].text);
    }
}

static void test_message_is_decoded_and_printable(void **state)
{
    (void)state;
    add("grpc-status", "14");
    add("grpc-message", "50%25 of %C3%A4%0d%0a\x7f%4 %zz%");
    assert_end("UNAVAILABLE (14): 50% of \xc3\xa4???%4 %zz%");
}

static void test_long_message_is_cut(void **state)
{
    char message[GRPC_HEAD_TEXT + 10];

    (void)state;
    memset(message, 'm', sizeof(message));
    message[sizeof(message) - 1] = '\0';
    add("grpc-message", message);
    assert_int_equal(strlen(head.message), GRPC_HEAD_TEXT - 1);
}

static void test_ends_without_status(void **state)
{
    (void)state;
    assert_end("no grpc-status");
    add(":status", "404");
    assert_end("HTTP status 404");
    set_up(state);
    add(":status", "200");
    assert_end("content-type missing");
    add("content-type", "text/html");
    assert_end("content-type text/html");
    add("content-type", "application/grpc");
    assert_end("no grpc-status");
    add("content-type", "text"); /* a second one, shorter, stands alone */
    assert_end("content-type text");
}

static void test_size_of_a_block(void **state)
{
    static char value[GRPC_HEAD_LIST_MAX];
    size_t rest = GRPC_HEAD_LIST_MAX - 2 * 32 - 2; /* two fields with names of one byte */

    (void)state;
    assert_int_equal(grpc_head_add(&head, "a", 1, value, 10), 0);
    assert_int_equal(grpc_head_add(&head, "b", 1, value, rest - 10), 0);
    assert_int_equal(grpc_head_add(&head, "", 0, "", 0), -EMSGSIZE);
    set_up(state);
    assert_int_equal(grpc_head_add(&head, "a", 1, value, 10), 0);
    assert_int_equal(grpc_head_add(&head, "b", 1, value, rest - 9), -EMSGSIZE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_status_names),
        cmocka_unit_test(test_what_opens_a_stream),
        cmocka_unit_test(test_informational),
        cmocka_unit_test(test_statuses),
        cmocka_unit_test_setup(test_message_is_decoded_and_printable, set_up),
        cmocka_unit_test_setup(test_long_message_is_cut, set_up),
        cmocka_unit_test_setup(test_ends_without_status, set_up),
        cmocka_unit_test_setup(test_size_of_a_block, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
