#include "stream/lrs_stream.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <nghttp2/nghttp2.h>

#include "grpc/frame.h"
#include "grpc/head.h"
#include "stream/goaway.h"
#include "stream/lrs_call.h"
#include "stream/outbox.h"
#include "stream/piece.h"

#define REASON_MAX 400

/* The response:
 *
 *            new: request headers queued
 *                 |
 *             WAITING <-+ 100 to 199
 *                 |  +--+
 *                 | 200, application/grpc
 *              STREAMING: messages come in
 *                 |
 *   from either:  | trailers, or headers that end the stream or are no gRPC response; END_STREAM
 *                 | without trailers; RST_STREAM; GOAWAY that leaves our stream out; anything that
 *                 | HTTP/2 or gRPC framing forbids; end of the connection
 *               ENDED: with a reason; nothing goes in or out any more
 *
 * What goes out, in WAITING and STREAMING: outbox.h. nghttp2 lets SETTINGS overtake DATA that waits;
 * hence it is queued only behind the last byte of a marked message. */
enum state { WAITING, STREAMING, ENDED };

struct lrs_stream {
    nghttp2_session *session;
    struct lrs_stream_events events;
    int32_t id;
    enum state state;
    struct grpc_head head; /* of the header block that is coming in */
    struct grpc_frame_decoder decoder;
    struct outbox outbox;
    struct piece piece; /* of it */
    bool is_broken;     /* by a frame that HTTP/2 forbids */
    unsigned pings_unanswered;
    uint64_t frames; /* begun by the peer */
    bool pinged_too_often;
    char going_away[GOAWAY_TEXT]; /* what the peer's GOAWAY said; "" before it */
    char reason[REASON_MAX];
};

static void __attribute__((format(printf, 2, 3)))
end(struct lrs_stream *stream, const char *format, ...)
{
    va_list args;

    if (stream->state == ENDED) /* the first reason is the cause */
        return;
    stream->state = ENDED;
    va_start(args, format);
    vsnprintf(stream->reason, sizeof(stream->reason), format, args);
    va_end(args);
}

static int on_message(void *arg, const uint8_t *message, size_t length)
{
    struct lrs_stream *stream = arg;

    stream->events.message(stream->events.arg, message, length);
    return 0;
}

/* --- frames from the peer ------------------------------------------------------------------- */

static int on_begin_frame(nghttp2_session *session, const nghttp2_frame_hd *frame, void *arg)
{
    struct lrs_stream *stream = arg;

    (void)session, (void)frame;
    stream->frames++;
    return 0;
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
    struct lrs_stream *stream = arg;

    (void)session, (void)frame;
    memset(&stream->head, 0, sizeof(stream->head));
    return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_length, const uint8_t *value, size_t value_length, uint8_t flags,
                     void *arg)
{
    struct lrs_stream *stream = arg;

    (void)session, (void)frame, (void)flags;
    if (grpc_head_add(&stream->head, (const char *)name, name_length, (const char *)value,
                      value_length))
        end(stream, "management server sent headers of more than %d bytes", GRPC_HEAD_LIST_MAX);
    return 0;
}

static void end_by_head(struct lrs_stream *stream, const char *what)
{
    char text[2 * GRPC_HEAD_TEXT];

    grpc_head_describe_end(&stream->head, text, sizeof(text));
    end(stream, "management server %s: %s", what, text);
}

static void headers_received(struct lrs_stream *stream, bool end_stream)
{
    if (grpc_head_is_informational(&stream->head))
        return;
    if (stream->state == WAITING && !end_stream && grpc_head_opens_stream(&stream->head))
        stream->state = STREAMING;
    else if (end_stream && (stream->state == STREAMING || stream->head.has_grpc_status))
        end_by_head(stream, "ended the stream");
    else
        end_by_head(stream, "did not answer with a gRPC stream");
}

/* Behind the stream's end it says nothing: a server drops what comes for a call that has returned, and
 * its HTTP/2 stack acknowledges all the same. */
static void settings_acknowledged(struct lrs_stream *stream)
{
    if (stream->state != ENDED)
        outbox_acknowledge(&stream->outbox);
}

static void going_away(struct lrs_stream *stream, const nghttp2_goaway *frame)
{
    goaway_text(nghttp2_http2_strerror(frame->error_code), frame->opaque_data,
                frame->opaque_data_len, stream->going_away);
    stream->pinged_too_often |=
        goaway_is_about_pings(frame->error_code, frame->opaque_data, frame->opaque_data_len);
}

static int on_frame_recv(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
    struct lrs_stream *stream = arg;
    bool end_stream = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;

    (void)session;
    if (frame->hd.type == NGHTTP2_SETTINGS && frame->hd.flags & NGHTTP2_FLAG_ACK)
        settings_acknowledged(stream);
    else if (frame->hd.type == NGHTTP2_PING && frame->hd.flags & NGHTTP2_FLAG_ACK)
        stream->pings_unanswered -= stream->pings_unanswered > 0;
    else if (frame->hd.type == NGHTTP2_HEADERS)
        headers_received(stream, end_stream);
    else if (frame->hd.type == NGHTTP2_DATA && end_stream)
        end(stream, "management server ended the stream: no grpc-status");
    else if (frame->hd.type == NGHTTP2_GOAWAY)
        going_away(stream, &frame->goaway);
    return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *bytes,
                   size_t count, void *arg)
{
    struct lrs_stream *stream = arg;
    int err;

    (void)session, (void)flags, (void)id;
    if (stream->state == ENDED)
        return 0;
    err = grpc_frame_decoder_feed(&stream->decoder, bytes, count);
    if (err == -EMSGSIZE)
        end(stream, "management server sent a message of more than %u bytes", LRS_MESSAGE_MAX);
    else if (err == -EPROTO)
        end(stream, "management server sent a compressed message, or no gRPC message");
    else if (err)
        end(stream, "no memory for a message of the management server");
    return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t error_code, void *arg)
{
    struct lrs_stream *stream = arg;

    (void)session, (void)id;
    if (*stream->going_away)
        end(stream, "management server refused the stream and goes away: %s", stream->going_away);
    else
        end(stream, "management server reset the stream: %s", nghttp2_http2_strerror(error_code));
    return 0;
}

static int on_invalid_frame(nghttp2_session *session, const nghttp2_frame *frame, int error,
                            void *arg)
{
    struct lrs_stream *stream = arg;

    (void)session, (void)frame;
    stream->is_broken = true;
    end(stream, "management server broke HTTP/2: %s", nghttp2_strerror(error));
    return 0;
}

static int on_error(nghttp2_session *session, int error, const char *text, size_t length, void *arg)
{
    (void)session, (void)text, (void)length;
    if (error == NGHTTP2_ERR_SETTINGS_EXPECTED)
        end(arg, "management server does not speak HTTP/2");
    return 0;
}

/* --- frames to the peer ---------------------------------------------------------------------- */

static ssize_t take_message(nghttp2_session *session, int32_t id, uint8_t *out, size_t room,
                            uint32_t *flags, nghttp2_data_source *source, void *arg)
{
    struct lrs_stream *stream = arg;
    size_t count = outbox_take(&stream->outbox, room);

    (void)session, (void)id, (void)out, (void)source;
    *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    return count ? (ssize_t)count : NGHTTP2_ERR_DEFERRED;
}

/* Asked again until all of the frame is handed out, by lrs_stream_output(). */
static int send_message(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *head,
                        size_t length, nghttp2_data_source *source, void *arg)
{
    struct lrs_stream *stream = arg;

    (void)session, (void)frame, (void)source;
    if (piece_finish(&stream->piece))
        return 0;
    piece_begin(&stream->piece, head, outbox_taken(&stream->outbox, length), length);
    return NGHTTP2_ERR_WOULDBLOCK;
}

static int on_frame_send(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
    struct lrs_stream *stream = arg;

    if (frame->hd.type == NGHTTP2_DATA && outbox_sent(&stream->outbox) &&
        nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, NULL, 0))
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    if (frame->hd.type == NGHTTP2_GOAWAY) /* nghttp2's own, its answer to a connection error */
        end(stream, "management server broke HTTP/2: %s",
            nghttp2_http2_strerror(frame->goaway.error_code));
    return 0;
}

/* --- making one ------------------------------------------------------------------------------- */

static void set_callbacks(nghttp2_session_callbacks *callbacks)
{
    nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, on_begin_frame);
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame_recv);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks, on_invalid_frame);
    nghttp2_session_callbacks_set_error_callback2(callbacks, on_error);
    nghttp2_session_callbacks_set_send_data_callback(callbacks, send_message);
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_frame_send);
}

static int begin_call(struct lrs_stream *stream, const struct lrs_stream_options *options)
{
    const nghttp2_data_provider messages = {.read_callback = take_message};
    nghttp2_session_callbacks *callbacks = NULL;
    int err;

    if (nghttp2_session_callbacks_new(&callbacks))
        return -ENOMEM;
    set_callbacks(callbacks);
    err = lrs_call_session(callbacks, stream, &stream->session);
    nghttp2_session_callbacks_del(callbacks);
    if (err)
        return err;
    stream->id = lrs_call_request(stream->session, options, &messages);
    return stream->id < 0 ? stream->id : 0;
}

int lrs_stream_new(const struct lrs_stream_options *options, struct lrs_stream **out)
{
    struct lrs_stream *stream = calloc(1, sizeof(*stream));
    int err;

    if (!stream)
        return -ENOMEM;
    stream->events = options->events;
    grpc_frame_decoder_init(&stream->decoder, LRS_MESSAGE_MAX, on_message, stream);
    err = begin_call(stream, options);
    if (err)
        lrs_stream_free(stream);
    else
        *out = stream;
    return err;
}

void lrs_stream_free(struct lrs_stream *stream)
{
    if (!stream)
        return;
    nghttp2_session_del(stream->session);
    grpc_frame_decoder_clear(&stream->decoder);
    outbox_clear(&stream->outbox);
    free(stream);
}

/* --- bytes and messages ----------------------------------------------------------------------- */

int lrs_stream_send(struct lrs_stream *stream, struct grpc_messages *messages, bool mark)
{
    int err;

    if (stream->state == ENDED)
        return -EPIPE;
    err = outbox_put(&stream->outbox, messages, mark);
    if (err)
        return err;
    /* An error means that nothing was deferred: the request headers have not left yet, and reading
     * begins behind them. */
    nghttp2_session_resume_data(stream->session, stream->id);
    return 0;
}

int lrs_stream_ping(struct lrs_stream *stream)
{
    if (nghttp2_submit_ping(stream->session, NGHTTP2_FLAG_NONE, NULL))
        return -ENOMEM;
    stream->pings_unanswered++;
    return 0;
}

bool lrs_stream_awaits_pong(const struct lrs_stream *stream)
{
    return stream->pings_unanswered > 0;
}

bool lrs_stream_pinged_too_often(const struct lrs_stream *stream)
{
    return stream->pinged_too_often;
}

bool lrs_stream_is_owed(const struct lrs_stream *stream)
{
    return outbox_is_owed(&stream->outbox);
}

uint64_t lrs_stream_progress(const struct lrs_stream *stream)
{
    return stream->outbox.progress;
}

uint64_t lrs_stream_frames(const struct lrs_stream *stream)
{
    return stream->frames;
}

/* Not before all of the bytes were looked at: one who acknowledges what nobody sent is not believed what it
 * acknowledged before. */
static void confirm(struct lrs_stream *stream)
{
    while (outbox_confirm(&stream->outbox))
        stream->events.confirmed(stream->events.arg);
}

void lrs_stream_receive(struct lrs_stream *stream, const uint8_t *bytes, size_t count)
{
    ssize_t taken;

    if (stream->state == ENDED)
        return;
    taken = nghttp2_session_mem_recv(stream->session, bytes, count);
    if (taken < 0)
        end(stream, "HTTP/2 with the management server failed: %s", nghttp2_strerror((int)taken));
    else if (!stream->is_broken)
        confirm(stream);
}

void lrs_stream_receive_eof(struct lrs_stream *stream)
{
    if (*stream->going_away)
        end(stream, "management server closed the connection: %s", stream->going_away);
    else
        end(stream, "management server closed the connection");
}

size_t lrs_stream_output(struct lrs_stream *stream, const uint8_t **bytes)
{
    ssize_t count;

    if (stream->state == ENDED)
        return 0;
    count = (ssize_t)piece_next(&stream->piece, bytes);
    if (count == 0)
        count = nghttp2_session_mem_send(stream->session, bytes);
    if (count == 0)
        count = (ssize_t)piece_next(&stream->piece, bytes); /* that has just begun */
    if (count >= 0)
        return (size_t)count;
    end(stream, "HTTP/2 with the management server failed: %s", nghttp2_strerror((int)count));
    return 0;
}

const char *lrs_stream_end(const struct lrs_stream *stream)
{
    return stream->state == ENDED ? stream->reason : NULL;
}
