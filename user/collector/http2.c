#include "collector/http2.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include <nghttp2/nghttp2.h>

#include "base/address.h"
#include "base/log.h"
#include "base/mem.h"
#include "collector/load_stream.h"

/*   http2_receive ─► nghttp2 ─► on_… callbacks ─► load_stream ─► service
 *   http2_send    ◄─ nghttp2 ◄─ read_answer    ◄─ load_stream
 */
struct http2 {
    nghttp2_session *session;
    struct service *service;
    LIST_HEAD(, stream) streams;
    char address[ADDRESS_TEXT_MAX];
    bool had_request;
    bool has_dropped;        /* something of a request's body; see drop */
    uint64_t to_acknowledge; /* the client's SETTINGS, of those that are to be */
    unsigned refused;        /* streams beyond HTTP2_STREAMS */
    char error[128];
};

struct stream {
    LIST_ENTRY(stream) link;
    int32_t id;
    struct load_stream load;
    size_t header_bytes; /* as RFC 9113, 6.5.2 counts a header list */
};

static nghttp2_nv header(const char *name, const char *value)
{
    return (nghttp2_nv){.name = (uint8_t *)name,
                        .namelen = strlen(name),
                        .value = (uint8_t *)value,
                        .valuelen = strlen(value)};
}

static void stream_free(struct stream *stream)
{
    LIST_REMOVE(stream, link);
    load_stream_clear(&stream->load);
    free(stream);
}

/* loadtap takes a SETTINGS that is acknowledged for a sign that what it sent before was taken. So
 * none is behind the first byte that was thrown away, or could be: nghttp2 does not tell what comes
 * for a stream that it has closed. Whosever stream on the connection it was. */
static void drop(struct http2 *http2)
{
    http2->has_dropped = true;
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
    struct http2 *http2 = arg;
    struct stream *stream;

    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
        return 0;
    stream = calloc(1, sizeof(*stream));
    if (!stream) {
        drop(http2);
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    stream->id = frame->hd.stream_id;
    load_stream_init(&stream->load, http2->service, http2->address);
    LIST_INSERT_HEAD(&http2->streams, stream, link);
    nghttp2_session_set_stream_user_data(session, frame->hd.stream_id, stream);
    http2->had_request = true;
    return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_length, const uint8_t *value, size_t value_length, uint8_t flags,
                     void *arg)
{
    struct stream *stream = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    struct http2 *http2 = arg;

    (void)flags;
    if (!stream)
        return 0;
    stream->header_bytes += name_length + value_length + 32;
    if (stream->header_bytes > HTTP2_HEADER_BYTES) {
        log_info("%s: request refused: header list too large", http2->address);
        drop(http2);
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    if (stream->load.state == LOAD_STREAM_NEW)
        load_stream_header(&stream->load, name, name_length, value, value_length);
    return 0;
}

/* load_stream -> nghttp2: the answer's bytes, then the trailers. */
static ssize_t read_answer(nghttp2_session *session, int32_t id, uint8_t *out, size_t size,
                           uint32_t *flags, nghttp2_data_source *source, void *arg)
{
    struct load_stream *load = source->ptr;
    size_t count = load_stream_read(load, out, size);
    char status[12];

    (void)arg;
    if (count > 0)
        return (ssize_t)count;
    if (load->state != LOAD_STREAM_ENDED)
        return NGHTTP2_ERR_DEFERRED;
    snprintf(status, sizeof(status), "%d", load->status);
    nghttp2_nv trailers[] = {header("grpc-status", status), header("grpc-message", load->reason)};
    *flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
    if (nghttp2_submit_trailer(session, id, trailers, *load->reason ? 2 : 1))
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    return 0;
}

static int respond(nghttp2_session *session, int32_t id, struct load_stream *load)
{
    nghttp2_data_provider answer = {.source.ptr = load, .read_callback = read_answer};
    char http_status[12], status[12];
    nghttp2_nv headers[4];

    snprintf(http_status, sizeof(http_status), "%u", load_stream_open(load));
    snprintf(status, sizeof(status), "%d", load->status);
    headers[0] = header(":status", http_status);
    headers[1] = header("content-type", "application/grpc");
    headers[2] = header("grpc-status", status);
    headers[3] = header("grpc-message", load->reason);
    if (load->state == LOAD_STREAM_REFUSED)
        return nghttp2_submit_response(session, id, headers, load->is_grpc ? 4 : 1, NULL);
    return nghttp2_submit_response(session, id, headers, 2, &answer);
}

static int before_frame_sent(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
    struct http2 *http2 = arg;

    (void)session;
    if (frame->hd.type != NGHTTP2_SETTINGS || !(frame->hd.flags & NGHTTP2_FLAG_ACK))
        return 0;
    if (http2->to_acknowledge == 0)
        return NGHTTP2_ERR_CANCEL;
    http2->to_acknowledge--;
    return 0;
}

static void note_settings(struct http2 *http2, const nghttp2_frame *frame)
{
    if (frame->hd.type == NGHTTP2_SETTINGS && !(frame->hd.flags & NGHTTP2_FLAG_ACK) &&
        !http2->has_dropped)
        http2->to_acknowledge++;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
    struct stream *stream = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);

    note_settings(arg, frame);
    if (!stream || (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA))
        return 0;
    if (stream->load.state == LOAD_STREAM_NEW &&
        respond(session, frame->hd.stream_id, &stream->load))
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM)
        load_stream_half_closed(&stream->load);
    nghttp2_session_resume_data(session, frame->hd.stream_id); /* fails where nothing waits */
    return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *bytes,
                   size_t count, void *arg)
{
    struct stream *stream = nghttp2_session_get_stream_user_data(session, id);

    (void)flags;
    if (stream)
        load_stream_data(&stream->load, bytes, count);
    if (!stream || stream->load.state != LOAD_STREAM_OPEN)
        drop(arg);
    return 0;
}

/* nghttp2 refuses streams beyond HTTP2_STREAMS, for ever from a client that does not acknowledge the
 * setting. One that has not seen it yet has opened few. */
static int note_refused(struct http2 *http2, const nghttp2_frame *frame)
{
    if (frame->hd.type != NGHTTP2_RST_STREAM ||
        frame->rst_stream.error_code != NGHTTP2_REFUSED_STREAM || ++http2->refused <= HTTP2_REFUSED)
        return 0;
    snprintf(http2->error, sizeof(http2->error), "more streams than are served");
    return NGHTTP2_ERR_CALLBACK_FAILURE;
}

/* Such as a request beyond HTTP2_STREAMS. */
static int on_invalid_frame(nghttp2_session *session, const nghttp2_frame *frame, int code,
                            void *arg)
{
    (void)session;
    (void)frame;
    (void)code;
    drop(arg);
    return 0;
}

/* A server that has answered in full may stop the rest of the request (RFC 9113, 8.1). */
static int on_frame_sent(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
    if (frame->hd.type == NGHTTP2_RST_STREAM)
        drop(arg);
    if (frame->hd.type == NGHTTP2_HEADERS && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) &&
        nghttp2_session_get_stream_remote_close(session, frame->hd.stream_id) == 0)
        nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id,
                                  NGHTTP2_NO_ERROR);
    return note_refused(arg, frame);
}

static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t error_code, void *arg)
{
    struct stream *stream = nghttp2_session_get_stream_user_data(session, id);

    (void)error_code;
    (void)arg;
    if (stream)
        stream_free(stream);
    return 0;
}

static int on_peer_error(nghttp2_session *session, int code, const char *text, size_t length,
                         void *arg)
{
    struct http2 *http2 = arg;

    (void)session;
    (void)code;
    snprintf(http2->error, sizeof(http2->error), "%.*s", (int)length, text);
    http2->error[strcspn(http2->error, "\r\n")] = '\0';
    return 0;
}

static int start_session(struct http2 *http2)
{
    static const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, HTTP2_STREAMS},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, HTTP2_WINDOW},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, HTTP2_HEADER_BYTES},
    };
    nghttp2_session_callbacks *callbacks;
    int err;

    if (nghttp2_session_callbacks_new(&callbacks))
        return -ENOMEM;
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks, on_invalid_frame);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_before_frame_send_callback(callbacks, before_frame_sent);
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_frame_sent);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
    nghttp2_session_callbacks_set_error_callback2(callbacks, on_peer_error);
    err = nghttp2_session_server_new(&http2->session, callbacks, http2);
    nghttp2_session_callbacks_del(callbacks);
    if (err ||
        nghttp2_submit_settings(http2->session, NGHTTP2_FLAG_NONE, settings,
                                ARRAY_SIZE(settings)) ||
        nghttp2_session_set_local_window_size(http2->session, NGHTTP2_FLAG_NONE, 0, HTTP2_WINDOW))
        return -ENOMEM;
    return 0;
}

struct http2 *http2_new(struct service *service, const char *address)
{
    struct http2 *http2 = calloc(1, sizeof(*http2));

    if (!http2)
        return NULL;
    http2->service = service;
    LIST_INIT(&http2->streams);
    snprintf(http2->address, sizeof(http2->address), "%s", address);
    if (start_session(http2)) {
        http2_free(http2);
        return NULL;
    }
    return http2;
}

void http2_free(struct http2 *http2)
{
    if (!http2)
        return;
    while (!LIST_EMPTY(&http2->streams))
        stream_free(LIST_FIRST(&http2->streams));
    nghttp2_session_del(http2->session);
    free(http2);
}

int http2_receive(struct http2 *http2, const uint8_t *bytes, size_t count)
{
    ssize_t taken = nghttp2_session_mem_recv(http2->session, bytes, count);

    if (taken >= 0)
        return 0;
    if (!http2->error[0])
        snprintf(http2->error, sizeof(http2->error), "%s", nghttp2_strerror((int)taken));
    return taken == NGHTTP2_ERR_NOMEM ? -ENOMEM : -EPROTO;
}

ssize_t http2_send(struct http2 *http2, const uint8_t **bytes)
{
    ssize_t count = nghttp2_session_mem_send(http2->session, bytes);

    return count >= 0 ? count : count == NGHTTP2_ERR_NOMEM ? -ENOMEM : -EPROTO;
}

void http2_ask_again(struct http2 *http2)
{
    struct stream *stream;

    LIST_FOREACH(stream, &http2->streams, link)
    {
        load_stream_ask_again(&stream->load);
        nghttp2_session_resume_data(http2->session, stream->id);
    }
}

void http2_end(struct http2 *http2)
{
    struct stream *stream;

    LIST_FOREACH(stream, &http2->streams, link)
    {
        load_stream_end(&stream->load, GRPC_UNAVAILABLE, "the collector ends");
        nghttp2_session_resume_data(http2->session, stream->id);
    }
    /* Cannot fail but for memory, and then the caller's deadline ends the connection. */
    nghttp2_submit_goaway(http2->session, NGHTTP2_FLAG_NONE,
                          nghttp2_session_get_last_proc_stream_id(http2->session), NGHTTP2_NO_ERROR,
                          NULL, 0);
}

bool http2_is_done(const struct http2 *http2)
{
    return !nghttp2_session_want_read(http2->session) &&
           !nghttp2_session_want_write(http2->session);
}

bool http2_had_request(const struct http2 *http2)
{
    return http2->had_request;
}

const char *http2_error(const struct http2 *http2)
{
    return http2->error;
}
