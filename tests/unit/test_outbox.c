/* Messages that wait to go out, and what confirms them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "stream/lrs_stream.h"
#include "stream/outbox.h"

static struct outbox outbox;

static int clear(void **state)
{
    (void)state;
    outbox_clear(&outbox);
    memset(&outbox, 0, sizeof(outbox));
    return 0;
}

static int put(const char *message, bool mark)
{
    struct grpc_messages messages = {0};
    int error;

    assert_int_equal(grpc_messages_add(&messages, (const uint8_t *)message, strlen(message)), 0);
    error = outbox_put(&outbox, &messages, mark);
    assert_int_equal(messages.count, error ? 1 : 0);
    grpc_messages_clear(&messages);
    return error;
}

static void greet(void)
{
    outbox_acknowledge(&outbox);
    assert_false(outbox_confirm(&outbox));
}

/* All of it in one frame. */
static bool send_all(void)
{
    assert_true(outbox_take(&outbox, 64) > 0);
    return outbox_sent(&outbox);
}

static void test_goes_out_in_pieces_behind_its_prefix(void **state)
{
    (void)state;
    assert_int_equal(put("abc", true), 0);
    assert_int_equal(outbox_take(&outbox, 6), 6);
    assert_memory_equal(outbox_taken(&outbox, 6), "\0\0\0\0\3a", 6);
    assert_false(outbox_sent(&outbox));
    assert_int_equal(put("d", false), -EAGAIN);
    assert_int_equal(outbox_take(&outbox, 8), 2);
    assert_memory_equal(outbox_taken(&outbox, 2), "bc", 2);
    assert_int_equal(outbox_take(&outbox, 8), 0);
    assert_true(outbox_sent(&outbox));
    assert_int_equal(outbox_take(&outbox, 8), 0);
    assert_false(outbox_sent(&outbox));
}

static void test_the_connections_own_settings_confirm_nothing(void **state)
{
    (void)state;
    assert_int_equal(put("a", true), 0);
    assert_true(send_all());
    greet();
    outbox_acknowledge(&outbox);
    assert_true(outbox_confirm(&outbox));
    assert_false(outbox_confirm(&outbox));
}

static void test_settings_follow_only_what_is_marked(void **state)
{
    (void)state;
    assert_int_equal(put("a", false), 0);
    assert_false(send_all());
    assert_int_equal(put("b", true), 0);
    assert_true(send_all());
    assert_int_equal(put("c", false), 0);
    assert_false(send_all());
}

static void test_so_many_marks_await_confirmation(void **state)
{
    (void)state;
    greet();
    for (int i = 0; i < LRS_MARKS_MAX; i++) {
        assert_int_equal(put("a", true), 0);
        assert_true(send_all());
    }
    assert_int_equal(put("a", true), -EAGAIN);
    assert_int_equal(put("a", false), 0);
    assert_false(send_all());
    outbox_acknowledge(&outbox);
    assert_true(outbox_confirm(&outbox));
    assert_int_equal(put("a", true), 0);
}

static void test_a_peer_owes_settings_and_the_rest_of_a_message(void **state)
{
    (void)state;
    assert_true(outbox_is_owed(&outbox));
    greet();
    assert_false(outbox_is_owed(&outbox));
    assert_int_equal(put("a", true), 0);
    assert_true(outbox_is_owed(&outbox));
    assert_true(send_all());
    assert_true(outbox_is_owed(&outbox));
    outbox_acknowledge(&outbox);
    assert_true(outbox_confirm(&outbox));
    assert_false(outbox_is_owed(&outbox));
}

/* The windows of a dead peer have room for many small messages. */
static void test_bytes_are_progress_only_where_no_settings_are_awaited(void **state)
{
    uint64_t before;

    (void)state;
    greet();
    before = outbox.progress;
    assert_int_equal(put("a", true), 0);
    assert_true(send_all());
    assert_true(outbox.progress > before);
    before = outbox.progress;
    assert_int_equal(put("b", false), 0);
    assert_false(send_all());
    assert_int_equal(outbox.progress, before);
    outbox_acknowledge(&outbox);
    assert_true(outbox.progress > before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_goes_out_in_pieces_behind_its_prefix, clear),
        cmocka_unit_test_teardown(test_the_connections_own_settings_confirm_nothing, clear),
        cmocka_unit_test_teardown(test_settings_follow_only_what_is_marked, clear),
        cmocka_unit_test_teardown(test_so_many_marks_await_confirmation, clear),
        cmocka_unit_test_teardown(test_a_peer_owes_settings_and_the_rest_of_a_message, clear),
        cmocka_unit_test_teardown(test_bytes_are_progress_only_where_no_settings_are_awaited,
                                  clear),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
