/* Messages side by side: growing, whole, and out of memory. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "failing_memory.h"

#include "grpc/messages.h"

static void assert_next(const struct grpc_messages *messages, size_t *at, const char *text)
{
    size_t length = 0;
    const uint8_t *message = grpc_messages_next(messages, at, &length);

    assert_non_null(message);
    assert_int_equal(length, strlen(text));
    assert_memory_equal(message, text, length);
}

static void each_behind_its_prefix(void **state)
{
    struct grpc_messages messages = {0};
    size_t at = 0, length = 77;

    (void)state;
    assert_null(grpc_messages_next(&messages, &at, &length));
    assert_int_equal(grpc_messages_add(&messages, (const uint8_t *)"one", 3), 0);
    assert_int_equal(grpc_messages_add(&messages, NULL, 0), 0);
    assert_int_equal(grpc_messages_add(&messages, (const uint8_t *)"three", 5), 0);
    assert_int_equal(messages.count, 3);
    assert_int_equal(messages.length, 23);
    assert_memory_equal(messages.bytes, "\0\0\0\0\3one\0\0\0\0\0\0\0\0\0\5three", 23);
    assert_next(&messages, &at, "one");
    assert_next(&messages, &at, "");
    assert_next(&messages, &at, "three");
    assert_null(grpc_messages_next(&messages, &at, &length));
    grpc_messages_clear(&messages);
    assert_int_equal(messages.count, 0);
}

static void written_in_place(void **state)
{
    struct grpc_messages messages = {0};
    size_t at = 0;

    (void)state;
    assert_int_equal(grpc_messages_begin(&messages), 0);
    assert_int_equal(grpc_messages_size(&messages), 0);
    for (size_t i = 0; i < 300; i++) {
        assert_int_equal(grpc_messages_reserve(&messages, 1), 0);
        messages.bytes[messages.length++] = 'x';
    }
    assert_int_equal(grpc_messages_size(&messages), 300);
    assert_int_equal(grpc_messages_end(&messages), 0);
    assert_memory_equal(messages.bytes, "\0\0\0\1\x2cx", 6);
    assert_int_equal(grpc_messages_add(&messages, (const uint8_t *)"y", 1), 0);
    assert_int_equal(messages.begin, 305);
    assert_int_equal(grpc_messages_size(&messages), 1);
    for (size_t i = 0; i < 2; i++) {
        size_t length;

        assert_non_null(grpc_messages_next(&messages, &at, &length));
    }
    assert_int_equal(at, messages.length);
    grpc_messages_clear(&messages);
}

static void over_four_gibibytes(void **state)
{
    struct grpc_messages claimed = {.length = 5 + (1ULL << 32), .count = 1}, none = {0};

    (void)state;
    assert_int_equal(grpc_messages_end(&claimed), -EMSGSIZE);
    assert_int_equal(grpc_messages_add(&none, NULL, 1ULL << 32), -EMSGSIZE);
    assert_int_equal(none.count, 0);
}

static void out_of_memory_changes_nothing(void **state)
{
    struct grpc_messages messages = {0};

    (void)state;
    if (!MEMORY_CAN_FAIL)
        return;
    memory_left = 0;
    assert_int_equal(grpc_messages_begin(&messages), -ENOMEM);
    memory_left = 0;
    assert_int_equal(grpc_messages_add(&messages, (const uint8_t *)"a", 1), -ENOMEM);
    memory_left = -1;
    assert_int_equal(messages.count, 0);
    assert_int_equal(messages.length, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_behind_its_prefix),
        cmocka_unit_test(written_in_place),
        cmocka_unit_test(over_four_gibibytes),
        cmocka_unit_test(out_of_memory_changes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
