/* The HTTP/2 frame step and the HPACK field step that prove the structure, against nghttp2: whole
 * sessions and single header blocks, cut at every byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <nghttp2/nghttp2.h>

#include "../bpf/structure_http2.h"
#include "base/mem.h"

#define STREAMS 40

/* A header field for nghttp2, which copies the strings when they are submitted. */
static nghttp2_nv field(const char *name, const char *value)
{
    nghttp2_nv nv = {.name = (uint8_t *)name,
                     .value = (uint8_t *)value,
                     .namelen = strlen(name),
                     .valuelen = strlen(value)};

    return nv;
}

struct bytes {
    uint8_t data[1 << 18];
    size_t length;
};

/* What one direction of a connection said. */
struct seen {
    unsigned int blocks, promises, ended, resets, last_stream, leaving, acks, bad;
    unsigned int status[STREAMS], grpc_status[STREAMS], grpc[STREAMS]; /* by stream / 2 */
    unsigned int unknown, table_size;
};

static void note_block(struct seen *seen, const struct http2 *h)
{
    unsigned int at = h->stream / 2 % STREAMS;

    seen->blocks++;
    if (h->stream > seen->last_stream)
        seen->last_stream = h->stream;
    if (h->hpack.status)
        seen->status[at] = h->hpack.status;
    if (h->hpack.grpc_status != HPACK_NO_GRPC_STATUS)
        seen->grpc_status[at] = h->hpack.grpc_status;
    seen->grpc[at] |= h->hpack.grpc;
    seen->unknown += h->hpack.unknown;
    seen->ended += h->block_flags & H2_END_STREAM;
}

static void note(struct seen *seen, const struct http2 *h, enum http2_event event)
{
    switch (event) {
    case H2_FIELDS:
        note_block(seen, h);
        break;
    case H2_STREAM_ENDED:
        seen->ended++;
        break;
    case H2_RESET:
        seen->resets++;
        break;
    case H2_LEAVING:
        seen->leaving = h->value;
        break;
    case H2_TABLE_SIZE:
        seen->table_size = h->value;
        break;
    case H2_SETTINGS_DONE:
        seen->acks++;
        break;
    case H2_BAD:
        seen->bad++;
        break;
    case H2_NONE:
        break;
    }
}

/* Gives bytes as the kernel's look_window() does, `window` at a time. */
static void feed_http2(struct http2 *h, const uint8_t *data, size_t length, size_t window,
                       struct seen *seen)
{
    struct window w;

    while (length) {
        size_t n = length < window ? length : window;
        __u64 skippable = http2_skippable(h);

        if (skippable) {
            n = skippable < length ? (size_t)skippable : length;
            note(seen, h, http2_skip(h, n));
            data += n, length -= n;
            continue;
        }
        memcpy(w.bytes, data, n);
        memset(w.bytes + n, 0xa5, sizeof(w.bytes) - n); /* what lies behind must not matter */
        w.length = (__u32)n;
        w.position = 0;
        note(seen, h, http2_step(h, &w));
        data += w.position, length -= w.position;
    }
}

/* All bytes, cut once at `cut`, given `window` at a time. */
static struct seen read_all(const struct bytes *b, bool client, size_t cut, size_t window)
{
    struct http2 h = {0};
    struct seen seen = {0};

    if (cut > b->length)
        cut = b->length;
    http2_start(&h, client ? 0 : H2_PREFACE_LENGTH);
    feed_http2(&h, b->data, cut, window, &seen);
    feed_http2(&h, b->data + cut, b->length - cut, window, &seen);
    return seen;
}

/* However it is cut, the same is seen. */
static struct seen read_cut_everywhere(const struct bytes *b, bool client)
{
    struct seen whole = read_all(b, client, 0, WINDOW_SIZE);

    for (size_t window = 1; window < 40; window++) {
        struct seen seen = read_all(b, client, 0, window);

        assert_memory_equal(&seen, &whole, sizeof(seen));
    }
    for (size_t cut = 1; cut < b->length; cut++) {
        struct seen seen = read_all(b, client, cut, WINDOW_SIZE);

        assert_memory_equal(&seen, &whole, sizeof(seen));
    }
    return whole;
}

static void add(struct bytes *b, const void *data, size_t length)
{
    assert_true(b->length + length <= sizeof(b->data));
    memcpy(b->data + b->length, data, length);
    b->length += length;
}

/* --- a session of nghttp2's on both ends ------------------------------------------- */

/* What the server answers on its n-th stream: each status, some as gRPC, some with trailers. */
static unsigned int status_of(unsigned int n)
{
    static const unsigned int statuses[] = {200, 404, 500, 503, 206, 401, 429, 200, 999, 201, 599};

    return statuses[n % ARRAY_SIZE(statuses)];
}

static bool is_grpc(unsigned int n)
{
    return n % 3 == 0;
}

static ssize_t pad(nghttp2_session *session, const nghttp2_frame *frame, size_t max, void *data)
{
    size_t padded = frame->hd.length + frame->hd.stream_id % 5 * 20;

    (void)session, (void)data;
    return (ssize_t)(padded < max ? padded : max);
}

static ssize_t body(nghttp2_session *session, int32_t stream, uint8_t *buf, size_t length,
                    uint32_t *flags, nghttp2_data_source *source, void *data)
{
    unsigned int n = (unsigned int)stream / 2;
    nghttp2_nv trailer[2];
    char code[8];

    (void)source, (void)data;
    assert_true(length >= 300);
    memset(buf, 'x', 300);
    *flags = NGHTTP2_DATA_FLAG_EOF;
    if (!is_grpc(n))
        return 300;
    snprintf(code, sizeof(code), "%u", n % 17);
    trailer[0] = field("grpc-status", code);
    trailer[1] = field("grpc-message", "as it is");
    *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
    assert_int_equal(nghttp2_submit_trailer(session, stream, trailer, ARRAY_SIZE(trailer)), 0);
    return 300;
}

static void answer(nghttp2_session *server, int32_t stream)
{
    unsigned int n = (unsigned int)stream / 2;
    nghttp2_data_provider provider = {.read_callback = body};
    nghttp2_nv fields[3], early = field(":status", "103");
    char code[16], cookie[100];

    snprintf(code, sizeof(code), "%u", status_of(n));
    snprintf(cookie, sizeof(cookie), "id=%u; Path=/; a rather long value %u", n * 7919, n);
    fields[0] = field(":status", code);
    fields[1] = field("set-cookie", cookie);
    fields[2] = field("content-type", is_grpc(n) ? "application/grpc+proto" : "text/html");
    if (n % 7 == 1)
        nghttp2_submit_headers(server, 0, stream, NULL, &early, 1, NULL);
    if (n % 5 == 4)
        nghttp2_submit_rst_stream(server, 0, stream, NGHTTP2_INTERNAL_ERROR);
    else
        nghttp2_submit_response(server, stream, fields, ARRAY_SIZE(fields),
                                n % 4 == 1 ? NULL : &provider);
}

static int got_frame(nghttp2_session *session, const nghttp2_frame *frame, void *data)
{
    (void)data;
    if (frame->hd.type == NGHTTP2_HEADERS && nghttp2_session_check_server_session(session))
        answer(session, frame->hd.stream_id);
    return 0;
}

static bool pump(nghttp2_session *from, nghttp2_session *to, struct bytes *b)
{
    const uint8_t *data;
    ssize_t n = nghttp2_session_mem_send(from, &data);

    assert_true(n >= 0);
    if (!n)
        return false;
    add(b, data, (size_t)n);
    assert_int_equal(nghttp2_session_mem_recv(to, data, (size_t)n), n);
    return true;
}

static void request(nghttp2_session *client, unsigned int n)
{
    static char large[20001]; /* more than a frame: CONTINUATION */
    nghttp2_priority_spec priority;
    nghttp2_nv fields[6];
    char path[40];

    snprintf(path, sizeof(path), "/a/%u", n);
    memset(large, '^', sizeof(large) - 1);
    fields[0] = field(":method", "GET");
    fields[1] = field(":scheme", "http");
    fields[2] = field(":authority", "upstream.example:8080");
    fields[3] = field(":path", path);
    fields[4] = field("content-type", is_grpc(n) ? "application/grpc" : "application/json");
    fields[5] = field("cookie", large);
    nghttp2_priority_spec_init(&priority, 0, 17, 1);
    assert_int_equal(nghttp2_submit_request(client, n % 2 ? &priority : NULL, fields,
                                            n == STREAMS / 2 ? 6 : 5, NULL, NULL),
                     (int32_t)n * 2 + 1);
}

static void converse(struct bytes *sent, struct bytes *received)
{
    nghttp2_settings_entry small = {NGHTTP2_SETTINGS_HEADER_TABLE_SIZE, 512};
    nghttp2_session_callbacks *callbacks;
    nghttp2_session *client, *server;

    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, got_frame);
    nghttp2_session_callbacks_set_select_padding_callback(callbacks, pad);
    nghttp2_session_client_new(&client, callbacks, NULL);
    nghttp2_session_server_new(&server, callbacks, NULL);
    nghttp2_submit_settings(client, 0, &small, 1);
    nghttp2_submit_settings(server, 0, NULL, 0);
    for (unsigned int n = 0; n < STREAMS; n++) {
        request(client, n);
        while (pump(client, server, sent) || pump(server, client, received))
            ;
    }
    nghttp2_session_terminate_session(server, NGHTTP2_NO_ERROR);
    while (pump(server, client, received))
        ;
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_session_del(client);
    nghttp2_session_del(server);
}

static void sessions_cut_everywhere(void **state)
{
    static struct bytes sent, received;
    struct seen requests, responses;
    unsigned int resets = 0;

    (void)state;
    converse(&sent, &received);
    requests = read_cut_everywhere(&sent, true);
    responses = read_cut_everywhere(&received, false);
    assert_int_equal(requests.bad + responses.bad + requests.unknown + responses.unknown, 0);
    assert_int_equal(requests.blocks, STREAMS);
    assert_int_equal(requests.ended, STREAMS);
    assert_int_equal(requests.last_stream, STREAMS * 2 - 1);
    assert_int_equal(requests.table_size, 512);
    assert_int_equal(requests.acks + responses.acks, 2);
    for (unsigned int n = 0; n < STREAMS; n++) {
        assert_int_equal(requests.grpc[n], is_grpc(n));
        if (n % 5 == 4) {
            resets++;
            continue;
        }
        assert_int_equal(responses.status[n], status_of(n));
        assert_int_equal(responses.grpc[n], is_grpc(n));
        assert_int_equal(responses.grpc_status[n], is_grpc(n) && n % 4 != 1 ? n % 17 : 0);
    }
    assert_int_equal(responses.resets, resets);
    assert_int_equal(responses.ended, STREAMS - resets);
    assert_int_equal(responses.leaving, STREAMS * 2 - 1);
}

/* --- single blocks of nghttp2's deflater ---------------------------------------------- */

static void add_frame(struct bytes *b, uint8_t type, uint8_t flags, uint32_t stream,
                      const uint8_t *payload, size_t length)
{
    uint8_t head[9] = {(uint8_t)(length >> 16),
                       (uint8_t)(length >> 8),
                       (uint8_t)length,
                       type,
                       flags,
                       (uint8_t)(stream >> 24),
                       (uint8_t)(stream >> 16),
                       (uint8_t)(stream >> 8),
                       (uint8_t)stream};

    add(b, head, sizeof(head));
    add(b, payload, length);
}

/* Reads a block as the response on a stream; true: it was well formed. */
static bool read_block(struct http2 *h, const uint8_t *block, size_t length, size_t cut)
{
    static struct bytes b;
    struct seen seen = {0};

    b.length = 0;
    if (cut && cut < length) {
        add_frame(&b, H2_HEADERS, H2_END_STREAM, 1, block, cut);
        add_frame(&b, H2_CONTINUATION, H2_END_HEADERS, 1, block + cut, length - cut);
    } else {
        add_frame(&b, H2_HEADERS, H2_END_STREAM | H2_END_HEADERS, 1, block, length);
    }
    feed_http2(h, b.data, b.length, WINDOW_SIZE, &seen);
    return !seen.bad && seen.blocks == 1 && seen.ended == 1;
}

static void begin(struct http2 *h)
{
    const uint8_t settings[9] = {0, 0, 0, H2_SETTINGS};
    struct seen seen = {0};

    memset(h, 0, sizeof(*h));
    http2_start(h, H2_PREFACE_LENGTH);
    feed_http2(h, settings, sizeof(settings), WINDOW_SIZE, &seen);
}

/* Every status, with and without indexing, over a table that is resized and turned over, each
 * block cut by CONTINUATION at another place. */
static void deflated(size_t table, unsigned int rounds)
{
    nghttp2_hd_deflater *deflater;
    struct http2 h;
    uint8_t block[2000];

    assert_int_equal(nghttp2_hd_deflate_new(&deflater, table), 0);
    begin(&h);
    srand(7);
    for (unsigned int i = 0; i < rounds; i++) {
        unsigned int status = i % 3 ? 100 + i % 900 : 100 + (unsigned int)rand() % 40;
        unsigned int grpc = (unsigned int)rand() % 17;
        char code[16], message[16], noise[200];
        nghttp2_nv fields[3];
        ssize_t length;

        snprintf(code, sizeof(code), "%u", status);
        snprintf(message, sizeof(message), "%u", grpc);
        snprintf(noise, sizeof(noise), "%0*d", 1 + rand() % 150, rand());
        fields[0] = field(":status", code);
        fields[1] = field("x-noise", noise);
        fields[2] = field("grpc-status", message);
        fields[rand() % 3].flags = rand() % 2 ? NGHTTP2_NV_FLAG_NO_INDEX : NGHTTP2_NV_FLAG_NONE;
        if (i % 50 == 49)
            nghttp2_hd_deflate_change_table_size(deflater, i % 100 == 49 ? 0 : table);
        length = nghttp2_hd_deflate_hd(deflater, block, sizeof(block), fields, 3);
        assert_true(length > 0);
        assert_true(read_block(&h, block, (size_t)length, i % (size_t)length));
        assert_int_equal(h.hpack.unknown, 0);
        assert_int_equal(h.hpack.status, status);
        assert_int_equal(h.hpack.grpc_status, grpc);
    }
    nghttp2_hd_deflate_del(deflater);
}

static void blocks_of_a_deflater(void **state)
{
    (void)state;
    deflated(4096, 20000);
    deflated(200, 5000);
    deflated(0, 5000);
}

/* --- what nghttp2 does not send ------------------------------------------------------- */

struct block {
    const char *bytes;
    size_t length;
    unsigned int status, grpc_status, grpc, bad;
};
#define BLOCK(text) .bytes = text, .length = sizeof(text) - 1
#define NO_GRPC .grpc_status = HPACK_NO_GRPC_STATUS

static const struct block blocks[] = {
    {BLOCK("\x88"), .status = 200, NO_GRPC},
    {BLOCK("\x8e"), .status = 500, NO_GRPC},
    {BLOCK("\x08\x03"
           "503"),
     .status = 503, NO_GRPC},
    {BLOCK("\x00\x07:status\x03"
           "418"),
     .status = 418, NO_GRPC},
    {BLOCK("\x10\x85\xb8\x84\x8d\x36\xa3\x82\x08\x00"), NO_GRPC}, /* padded with zeros */
    {BLOCK("\x10\x85\xb8\x84\x8d\x36\xa3\x82\x10\x01"), .status = 200, NO_GRPC},
    {BLOCK("\x88\x00\x0bgrpc-status\x02"
           "14"),
     .status = 200, .grpc_status = 14},
    {BLOCK("\x88\x00\x88\x9a\xca\xc8\xb2\x12\x34\xda\x8f\x81\x07"), .status = 200,
     .grpc_status = 0},
    {BLOCK("\x88\x00\x88\x9a\xca\xc8\xb2\x12\x34\xda\x8f\x82\x0b\x9f"), .status = 200,
     .grpc_status = 16},
    {BLOCK("\x00\x0bgrpc-status\x01x"), .grpc_status = HPACK_INVALID},
    {BLOCK("\x00\x0bgrpc-status\x00"), .grpc_status = HPACK_INVALID},
    {BLOCK("\x00\x0c"
           "content-type\x10"
           "application/grpc"),
     .grpc = 1, NO_GRPC},
    {BLOCK("\x0f\x10\x14"
           "application/grpc-web"),
     NO_GRPC},
    {BLOCK("\x0f\x10\x13"
           "application/grpc+me"),
     .grpc = 1, NO_GRPC},
    {BLOCK("\x0f\x10\x8b\x1d\x75\xd0\x62\x0d\x26\x3d\x4c\x4d\x65\x64"), .grpc = 1, NO_GRPC},
    {BLOCK("\x00\x89\x21\xea\x49\x6a\x4a\xc9\xf5\x59\x7f\x8b\x1d\x75\xd0\x62\x0d\x26\x3d\x4c\x4d"
           "\x65\x64"),
     .grpc = 1, NO_GRPC},
    {BLOCK("\x08\x82\x13\x00"), NO_GRPC},     /* "2/0" */
    {BLOCK("\x08\x83\x08\x1f\xff"), NO_GRPC}, /* 109, padded with a whole byte */
    {BLOCK("\xff"), .bad = 1, NO_GRPC},       /* cut inside an integer */
    {BLOCK("\xff\x80\x80\x80\x80\x01"), .bad = 1, NO_GRPC},
    {BLOCK("\x80"), .bad = 1, NO_GRPC},                 /* index 0 */
    {BLOCK("\x88\x08"), .bad = 1, NO_GRPC},             /* cut inside a field */
    {BLOCK("\x88\x08\x03\x35\x30"), .bad = 1, NO_GRPC}, /* ... and inside its value */
    {BLOCK("\xff\xff\xff\xff\xff\xff\x01"), .bad = 1, NO_GRPC},
};

static void blocks_by_hand(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(blocks); i++) {
        const struct block *block = &blocks[i];

        for (size_t cut = 0; cut < block->length; cut++) {
            struct http2 h;

            begin(&h);
            if (read_block(&h, (const uint8_t *)block->bytes, block->length, cut) == block->bad)
                fail_msg("block %zu, cut at %zu: not as broken as expected", i, cut);
            if (block->bad)
                continue;
            if (h.hpack.status != block->status || h.hpack.grpc_status != block->grpc_status ||
                h.hpack.grpc != block->grpc)
                fail_msg("block %zu, cut at %zu: status %u grpc-status %u grpc %u", i, cut,
                         h.hpack.status, h.hpack.grpc_status, h.hpack.grpc);
        }
    }
}

/* An entry that the ring forgot is unknown, never guessed. */
static void ring_at_its_end(void **state)
{
    struct http2 h;

    (void)state;
    begin(&h);
    assert_true(read_block(&h, (const uint8_t *)"\x48\x03\x35\x30\x33", 5, 0)); /* :status 503 */
    for (unsigned int i = 1; i < HPACK_RING; i++)
        assert_true(read_block(&h, (const uint8_t *)"\x40\x01\x61\x01\x62", 5, 0));
    /* The oldest of 128 has index 62 + 127 = 127 + 62. */
    assert_true(read_block(&h, (const uint8_t *)"\xff\x3e", 2, 0));
    assert_int_equal(h.hpack.status, 503);
    assert_true(read_block(&h, (const uint8_t *)"\x40\x01\x61\x01\x62", 5, 0));
    assert_true(read_block(&h, (const uint8_t *)"\xff\x3f", 2, 0));
    assert_int_equal(h.hpack.status, 0);
    assert_int_equal(h.hpack.unknown, 1);
}

static void first_frame_has_to_be_settings(void **state)
{
    struct bytes *b = calloc(1, sizeof(*b));

    (void)state;
    add_frame(b, H2_PING, 0, 0, (const uint8_t *)"12345678", 8);
    assert_int_equal(read_all(b, false, 0, 1).bad, 1);
    b->length = 0;
    add_frame(b, H2_SETTINGS, 0, 0, (const uint8_t *)"", 0);
    add_frame(b, H2_CONTINUATION, 0, 1, (const uint8_t *)"\x88", 1);
    assert_int_equal(read_all(b, false, 0, 1).bad, 1);
    b->length = 0;
    add_frame(b, H2_SETTINGS, 0, 0, (const uint8_t *)"", 0);
    add_frame(b, H2_HEADERS, 0, 1, (const uint8_t *)"\x88", 1);
    add_frame(b, H2_CONTINUATION, H2_END_HEADERS, 3, (const uint8_t *)"\x88", 1);
    assert_int_equal(read_all(b, false, 0, 1).bad, 1);
    free(b);
}

/* A promise's fields are nobody's response, but the table takes them. */
static void promises_feed_the_table(void **state)
{
    const uint8_t promise[] = "\x01\x00\x00\x00\x02\x48\x03\x35\x30\x33\xaa";
    struct bytes *b = calloc(1, sizeof(*b));
    struct seen seen;

    (void)state;
    add_frame(b, H2_SETTINGS, 0, 0, (const uint8_t *)"", 0);
    add_frame(b, H2_PUSH_PROMISE, H2_PADDED | H2_END_HEADERS, 1, promise, sizeof(promise) - 1);
    add_frame(b, H2_HEADERS, H2_END_HEADERS, 0x80000003, (const uint8_t *)"\xbe", 1);
    seen = read_cut_everywhere(b, false);
    assert_int_equal(seen.bad, 0);
    assert_int_equal(seen.blocks, 1);
    assert_int_equal(seen.last_stream, 3); /* the highest bit is reserved */
    assert_int_equal(seen.status[1], 503);
    add_frame(b, H2_RST_STREAM, 0, 3, (const uint8_t *)"12345", 5);
    assert_int_equal(read_all(b, false, 0, 1).bad, 1);
    free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sessions_cut_everywhere),
        cmocka_unit_test(blocks_of_a_deflater),
        cmocka_unit_test(blocks_by_hand),
        cmocka_unit_test(ring_at_its_end),
        cmocka_unit_test(first_frame_has_to_be_settings),
        cmocka_unit_test(promises_feed_the_table),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
