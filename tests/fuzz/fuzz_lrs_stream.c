/* A management server that sends anything, cut anywhere: the stream lives or ends with a reason. */
#include <limits.h>
#include <stdlib.h>

#include "stream/lrs_stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_message(void *arg, const uint8_t *message, size_t length)
{
    volatile uint8_t last = length ? message[length - 1] : 0;

    (void)arg, (void)last;
}

static void on_confirmed(void *arg)
{
    unsigned *left = arg;

    if ((*left)-- == 0) /* more than was asked for */
        abort();
}

/* At most so many pieces, each of which is there. */
static void take_output(struct lrs_stream *stream, unsigned most)
{
    volatile uint8_t last;
    const uint8_t *bytes;
    size_t count;

    while (most-- > 0 && (count = lrs_stream_output(stream, &bytes)) > 0)
        last = bytes[count - 1];
    (void)last;
}

/* The server's SETTINGS, SETTINGS ACK and response headers (":status: 200" and, as a literal,
 * "content-type: application/grpc"), so that the input starts where the messages do. */
static void greet(struct lrs_stream *stream)
{
    static const uint8_t greeting[] = {
        0,   0,   0,   4,   0,   0,   0,   0,   0,   0,   0,   0,    4,    1,    0,  0,
        0,   0,   0,   0,   20,  1,   4,   0,   0,   0,   1,   0x88, 0x0f, 0x10, 16, 'a',
        'p', 'p', 'l', 'i', 'c', 'a', 't', 'i', 'o', 'n', '/', 'g',  'r',  'p',  'c'};

    lrs_stream_receive(stream, greeting, sizeof(greeting));
    if (lrs_stream_end(stream))
        abort();
}

static void send_message(struct lrs_stream *stream, const uint8_t *bytes, size_t length)
{
    struct grpc_messages messages = {0};

    if (grpc_messages_add(&messages, bytes, length) || lrs_stream_send(stream, &messages, true))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned marks = 1;
    const struct lrs_stream_options options = {
        .authority = "lrs",
        .user_agent = "fuzz",
        .events = {.message = on_message, .confirmed = on_confirmed, .arg = &marks},
    };
    struct lrs_stream *stream = NULL;
    unsigned most; /* that a socket takes in one go */
    size_t piece;

    if (size < 2 || lrs_stream_new(&options, &stream))
        return 0;
    most = data[1] & 1 ? UINT_MAX : 1;
    send_message(stream, data, size);
    take_output(stream, UINT_MAX);
    if (data[0] & 1)
        greet(stream);
    piece = data[0] / 2 + 1u;
    for (size_t at = 1; at < size; at += piece) {
        lrs_stream_receive(stream, data + at, size - at < piece ? size - at : piece);
        take_output(stream, most);
    }
    lrs_stream_receive_eof(stream);
    if (!lrs_stream_end(stream) || !*lrs_stream_end(stream))
        abort();
    lrs_stream_free(stream);
    return 0;
}
