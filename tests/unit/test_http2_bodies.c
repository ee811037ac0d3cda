/* DATA frames passed by their heads: the same counts and the same state as byte by byte. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "../native/feed.h"
#include "base/mem.h"

#define FRAME 16384
#define BODY_MAX (16 * (FRAME + H2_FRAME_HEAD))

struct bytes {
    uint8_t at[BODY_MAX];
    size_t length;
};

static void put_frame(struct bytes *out, uint8_t type, uint8_t flags, uint32_t stream,
                      const void *payload, uint32_t length)
{
    const uint8_t head[H2_FRAME_HEAD] = {(uint8_t)(length >> 16),
                                         (uint8_t)(length >> 8),
                                         (uint8_t)length,
                                         type,
                                         flags,
                                         (uint8_t)(stream >> 24),
                                         (uint8_t)(stream >> 16),
                                         (uint8_t)(stream >> 8),
                                         (uint8_t)stream};

    memcpy(out->at + out->length, head, sizeof(head));
    out->length += sizeof(head);
    if (payload)
        memcpy(out->at + out->length, payload, length);
    else
        memset(out->at + out->length, H2_HEADERS, length); /* nobody may read it as a frame */
    out->length += length;
}

/* Two requests at once. */
static struct bytes *requests(void)
{
    struct bytes *out = calloc(1, sizeof(*out));

    assert_non_null(out);
    out->length = H2_PREFACE_LENGTH;
    memcpy(out->at, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", out->length);
    put_frame(out, H2_SETTINGS, 0, 0, "", 0);
    put_frame(out, H2_HEADERS, H2_END_HEADERS | H2_END_STREAM, 1, "\x82\x86\x84", 3);
    put_frame(out, H2_HEADERS, H2_END_HEADERS | H2_END_STREAM, 3, "\x82\x86\x84", 3);
    return out;
}

/* Their bodies take turns; an empty frame, a ping and a padded frame are among them. */
static struct bytes *responses(void)
{
    struct bytes *out = calloc(1, sizeof(*out));

    assert_non_null(out);
    put_frame(out, H2_SETTINGS, 0, 0, "", 0);
    put_frame(out, H2_HEADERS, H2_END_HEADERS, 1, "\x88", 1);
    put_frame(out, H2_HEADERS, H2_END_HEADERS, 3, "\x88", 1);
    for (uint32_t i = 0; i < 4; i++) {
        put_frame(out, H2_DATA, 0, 1, NULL, FRAME);
        put_frame(out, H2_DATA, H2_PADDED, 3, NULL, FRAME);
        put_frame(out, H2_DATA, 0, 1, NULL, 0);
        put_frame(out, H2_PING, 0, 0, NULL, 8);
    }
    put_frame(out, H2_DATA, H2_END_STREAM, 1, NULL, FRAME);
    put_frame(out, H2_DATA, 0, 3, NULL, FRAME);
    put_frame(out, H2_DATA, H2_END_STREAM, 3, NULL, 0);
    return out;
}

static void feed_in(struct connection *c, const struct bytes *b, size_t size, struct tally *t)
{
    for (size_t at = 0; at < b->length; at += size)
        feed(c, 0, b->at + at, b->length - at < size ? b->length - at : size, WINDOW_SIZE, NULL, t);
}

static void bodies_in_segments_of_any_size(void **state)
{
    static const size_t sizes[] = {1,    9, 100, 1448, 2048, 5000, FRAME, FRAME + H2_FRAME_HEAD,
                                   65483};
    autofree struct bytes *out = requests(), *in = responses();

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        struct connection c;
        struct tally t = {0};

        connection_start(&c, 0, PROTOCOL_HTTP2, 0);
        feed(&c, 1, out->at, out->length, WINDOW_SIZE, NULL, &t);
        feed_in(&c, in, sizes[i], &t);
        assert_int_equal(t.issued, 2);
        assert_int_equal(t.success, 2);
        assert_int_equal(t.finished, 2);
        assert_int_equal(c.in.http2.state, H2_HEAD);
        assert_int_equal(t.opaque + t.gap + t.unclassified, 0);
    }
}

/* A cut one: what comes next is told all the same. */
static void a_body_goes_on_in_the_next_segment(void **state)
{
    autofree struct bytes *out = requests(), *in = responses();

    (void)state;
    for (size_t cut = 1; cut < in->length; cut += 97) {
        struct connection c;
        struct tally t = {0};

        connection_start(&c, 0, PROTOCOL_HTTP2, 0);
        feed(&c, 1, out->at, out->length, WINDOW_SIZE, NULL, &t);
        feed(&c, 0, in->at, cut, WINDOW_SIZE, NULL, &t);
        feed(&c, 0, in->at + cut, in->length - cut, WINDOW_SIZE, NULL, &t);
        assert_int_equal(t.success, 2);
        assert_int_equal(t.finished, 2);
    }
}

/* Among others, and found at its head, as the machine finds it. */
static void a_frame_longer_than_is_taken(void **state)
{
    autofree struct bytes *out = requests(), *in = responses();

    (void)state;
    in->length = 0;
    put_frame(in, H2_SETTINGS, 0, 0, "", 0);
    put_frame(in, H2_HEADERS, H2_END_HEADERS, 1, "\x88", 1);
    put_frame(in, H2_DATA, 0, 1, NULL, FRAME);
    put_frame(in, H2_DATA, 0, 1, NULL, FRAME);
    put_frame(in, H2_DATA, 0, 1, NULL, FRAME + 1);
    for (size_t cut = 1; cut < in->length - FRAME; cut += 97) {
        struct connection c;
        struct tally t = {0};

        connection_start(&c, 0, PROTOCOL_HTTP2, 0);
        feed(&c, 1, out->at, out->length, WINDOW_SIZE, NULL, &t);
        feed(&c, 0, in->at, cut, WINDOW_SIZE, NULL, &t);
        feed(&c, 0, in->at + cut, in->length - cut, WINDOW_SIZE, NULL, &t);
        assert_int_equal(t.success, 1);
        assert_int_equal(t.error, 1);
        assert_int_equal(t.opaque, 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bodies_in_segments_of_any_size),
        cmocka_unit_test(a_body_goes_on_in_the_next_segment),
        cmocka_unit_test(a_frame_longer_than_is_taken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
