/* gRPC length-prefixed messages: whole ones come out, however the bytes were cut. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "grpc/frame.h"

struct sink {
    uint8_t bytes[70000]; /* messages, each behind its length's low byte */
    size_t used;
    unsigned messages;
    int answer;
};

static int collect(void *arg, const uint8_t *message, size_t length)
{
    struct sink *sink = arg;

    assert_true(sink->used + length + 1 <= sizeof(sink->bytes));
    sink->bytes[sink->used++] = (uint8_t)length;
    if (length > 0)
        memcpy(sink->bytes + sink->used, message, length);
    sink->used += length;
    sink->messages++;
    return sink->answer;
}

static struct sink sink;
static struct grpc_frame_decoder decoder;

static int set_up(void **state)
{
    (void)state;
    memset(&sink, 0, sizeof(sink));
    grpc_frame_decoder_init(&decoder, 1000, collect, &sink);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    grpc_frame_decoder_clear(&decoder);
    return 0;
}

static void test_prefix(void **state)
{
    uint8_t out[GRPC_FRAME_PREFIX];

    (void)state;
    grpc_frame_prefix(0x01020304, out);
    assert_memory_equal(out, "\0\1\2\3\4", 5);
}

static const uint8_t three[] = {0, 0, 0, 0, 3, 'a', 'b', 'c', 0,   0,
                                0, 0, 0, 0, 0, 0,   0,   2,   'd', 'e'};
static const uint8_t three_out[] = {3, 'a', 'b', 'c', 0, 2, 'd', 'e'};

static void test_every_cut(void **state)
{
    for (size_t first = 0; first <= sizeof(three); first++) {
        for (size_t second = first; second <= sizeof(three); second++) {
            set_up(state);
            assert_int_equal(grpc_frame_decoder_feed(&decoder, three, first), 0);
            assert_int_equal(grpc_frame_decoder_feed(&decoder, three + first, second - first), 0);
            assert_int_equal(
                grpc_frame_decoder_feed(&decoder, three + second, sizeof(three) - second), 0);
            assert_int_equal(sink.messages, 3);
            assert_int_equal(sink.used, sizeof(three_out));
            assert_memory_equal(sink.bytes, three_out, sizeof(three_out));
            assert_true(grpc_frame_decoder_at_boundary(&decoder));
        }
    }
}

static void test_byte_by_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(three); i++) {
        bool boundary = i == 0 || i == 8 || i == 13;

        assert_int_equal(grpc_frame_decoder_at_boundary(&decoder), boundary);
        assert_int_equal(grpc_frame_decoder_feed(&decoder, three + i, 1), 0);
    }
    assert_memory_equal(sink.bytes, three_out, sizeof(three_out));
}

static void test_empty_message_comes_with_its_prefix(void **state)
{
    (void)state;
    assert_int_equal(grpc_frame_decoder_feed(&decoder, (const uint8_t *)"\0\0\0\0", 4), 0);
    assert_int_equal(sink.messages, 0);
    assert_int_equal(grpc_frame_decoder_feed(&decoder, (const uint8_t *)"\0", 1), 0);
    assert_int_equal(sink.messages, 1);
}

static void feed_message(size_t length, size_t piece, int expected)
{
    uint8_t bytes[2000] = {0};

    grpc_frame_prefix((uint32_t)length, bytes);
    for (size_t i = 0; i < length; i++)
        bytes[GRPC_FRAME_PREFIX + i] = (uint8_t)(i * 7);
    for (size_t at = 0; at < GRPC_FRAME_PREFIX + length; at += piece) {
        size_t left = GRPC_FRAME_PREFIX + length - at;
        int err = grpc_frame_decoder_feed(&decoder, bytes + at, left < piece ? left : piece);

        if (err || expected) {
            assert_int_equal(err, expected);
            return;
        }
    }
    assert_memory_equal(sink.bytes + 1, bytes + GRPC_FRAME_PREFIX, length);
}

static void test_limit(void **state)
{
    feed_message(1000, 5, 0);
    assert_int_equal(sink.messages, 1);
    set_up(state);
    feed_message(1001, 5, -EMSGSIZE);
    assert_int_equal(sink.messages, 0);
}

static void test_claimed_length_allocates_nothing(void **state)
{
    (void)state;
    grpc_frame_decoder_init(&decoder, UINT32_MAX, collect, &sink);
    assert_int_equal(grpc_frame_decoder_feed(&decoder, (const uint8_t *)"\0\xff\xff\xff\xff", 5),
                     0);
    assert_int_equal(decoder.allocated, 0);
    assert_int_equal(grpc_frame_decoder_feed(&decoder, (const uint8_t *)"xy", 2), 0);
    assert_true(decoder.allocated <= 1024);
}

static void test_memory_follows_the_bytes(void **state)
{
    size_t most = 0;

    (void)state;
    grpc_frame_decoder_init(&decoder, 1 << 20, collect, &sink);
    assert_int_equal(grpc_frame_decoder_feed(&decoder, (const uint8_t *)"\0\0\0\xea\x60", 5), 0);
    for (size_t i = 0; i < 59999; i++) {
        assert_int_equal(grpc_frame_decoder_feed(&decoder, (const uint8_t *)"z", 1), 0);
        if (i >= 1024)
            assert_true(decoder.allocated <= 2 * (i + 1));
        most = decoder.allocated;
    }
    assert_int_equal(most, 60000); /* not the next power of two */
    assert_int_equal(grpc_frame_decoder_feed(&decoder, (const uint8_t *)"z", 1), 0);
    assert_int_equal(sink.messages, 1);
    assert_null(decoder.buffer);
}

static void test_cut_prefix_is_not_judged_by_the_last_one(void **state)
{
    static const uint8_t next[] = {0, 0, 0, 3}; /* with the last length's 255 it would be 1023 */

    (void)state;
    feed_message(255, 300, 0);
    assert_int_equal(grpc_frame_decoder_feed(&decoder, next, sizeof(next)), 0);
    assert_int_equal(grpc_frame_decoder_feed(&decoder, (const uint8_t *)"\0", 1), 0);
    assert_int_equal(decoder.length, 768);
}

static void test_compressed_is_refused_for_good(void **state)
{
    (void)state;
    assert_int_equal(grpc_frame_decoder_feed(&decoder, (const uint8_t *)"\1\0\0\0\0", 5), -EPROTO);
    assert_int_equal(grpc_frame_decoder_feed(&decoder, three, sizeof(three)), -EPROTO);
    assert_int_equal(sink.messages, 0);
}

static void test_callback_stops(void **state)
{
    (void)state;
    sink.answer = -ECANCELED;
    assert_int_equal(grpc_frame_decoder_feed(&decoder, three, sizeof(three)), -ECANCELED);
    assert_int_equal(sink.messages, 1);
    sink.answer = 0;
    assert_int_equal(grpc_frame_decoder_feed(&decoder, three, sizeof(three)), -ECANCELED);
    assert_int_equal(sink.messages, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prefix),
        cmocka_unit_test_setup_teardown(test_every_cut, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_byte_by_byte, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_empty_message_comes_with_its_prefix, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_limit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_claimed_length_allocates_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_memory_follows_the_bytes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_cut_prefix_is_not_judged_by_the_last_one, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_compressed_is_refused_for_good, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_callback_stops, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
