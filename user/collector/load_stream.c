#include "collector/load_stream.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"

#define METHOD_PATH "/envoy.service.load_stats.v3.LoadReportingService/StreamLoadStats"

static int on_message(void *arg, const uint8_t *message, size_t length);

void load_stream_init(struct load_stream *stream, struct service *service, const char *address)
{
    *stream = (struct load_stream){.service = service, .peer.address = address, .reason = ""};
    grpc_frame_decoder_init(&stream->decoder, SERVICE_MESSAGE_MAX, on_message, stream);
}

/* Keeps the sum of what all streams hold. */
static void account(struct load_stream *stream)
{
    stream->service->held += stream->decoder.allocated - stream->held;
    stream->held = stream->decoder.allocated;
}

static void release(struct load_stream *stream)
{
    grpc_frame_decoder_clear(&stream->decoder);
    account(stream);
}

void load_stream_clear(struct load_stream *stream)
{
    if (stream->state == LOAD_STREAM_OPEN)
        log_info("stream %llu from %s: cut off after %llu messages",
                 (unsigned long long)stream->peer.stream, stream->peer.address,
                 (unsigned long long)stream->peer.messages);
    release(stream);
    service_peer_clear(&stream->peer);
}

static bool equals(const uint8_t *bytes, size_t length, const char *text)
{
    return length == strlen(text) && !memcmp(bytes, text, length);
}

/* "application/grpc", also with "+proto" or ";parameters" ("gRPC over HTTP2", Content-Type). */
static bool is_grpc_type(const uint8_t *value, size_t length)
{
    static const char type[] = "application/grpc";
    size_t stem = sizeof(type) - 1;

    return length >= stem && !memcmp(value, type, stem) &&
           (length == stem || value[stem] == '+' || value[stem] == ';');
}

void load_stream_header(struct load_stream *stream, const uint8_t *name, size_t name_length,
                        const uint8_t *value, size_t value_length)
{
    if (equals(name, name_length, ":path"))
        stream->is_load_report = equals(value, value_length, METHOD_PATH);
    else if (equals(name, name_length, "content-type"))
        stream->is_grpc = is_grpc_type(value, value_length);
    else
        origin_header(&stream->peer.origin, name, name_length, value, value_length);
}

unsigned load_stream_open(struct load_stream *stream)
{
    if (stream->is_grpc && stream->is_load_report) {
        stream->state = LOAD_STREAM_OPEN;
        stream->peer.stream = ++stream->service->streams;
        return 200;
    }
    stream->state = LOAD_STREAM_REFUSED;
    stream->status = GRPC_UNIMPLEMENTED;
    stream->reason = "only StreamLoadStats of envoy.service.load_stats.v3 is served";
    log_info("%s: request refused: %s", stream->peer.address,
             stream->is_grpc ? "another path than StreamLoadStats" : "not gRPC");
    return stream->is_grpc ? 200 : 415;
}

void load_stream_end(struct load_stream *stream, enum grpc_status status, const char *reason)
{
    if (stream->state != LOAD_STREAM_OPEN)
        return;
    stream->state = LOAD_STREAM_ENDED;
    stream->status = status;
    stream->reason = reason;
    log_info("stream %llu from %s: ended with grpc-status %d%s%s after %llu messages",
             (unsigned long long)stream->peer.stream, stream->peer.address, status,
             *reason ? ": " : "", reason, (unsigned long long)stream->peer.messages);
}

static int on_message(void *arg, const uint8_t *message, size_t length)
{
    struct load_stream *stream = arg;
    enum grpc_status status = service_message(stream->service, &stream->peer, message, length);

    if (status != GRPC_OK) {
        load_stream_end(stream, status, "message refused");
        return -ECANCELED;
    }
    if (!stream->answered) {
        stream->answered = true;
        stream->answer_left = stream->service->answer_length;
    }
    return 0;
}

static void end_after_decoder(struct load_stream *stream, int err)
{
    switch (err) {
    case -EPROTO:
        load_stream_end(stream, GRPC_UNIMPLEMENTED, "compressed messages are not served");
        break;
    case -EMSGSIZE:
        load_stream_end(stream, GRPC_RESOURCE_EXHAUSTED, "message larger than 16 MiB");
        break;
    case -ENOMEM:
        load_stream_end(stream, GRPC_RESOURCE_EXHAUSTED, "out of memory");
        break;
    default: /* on_message has ended it */
        break;
    }
}

void load_stream_data(struct load_stream *stream, const uint8_t *bytes, size_t count)
{
    if (stream->state != LOAD_STREAM_OPEN)
        return;
    end_after_decoder(stream, grpc_frame_decoder_feed(&stream->decoder, bytes, count));
    account(stream);
    if (stream->service->held > SERVICE_HELD_MAX)
        load_stream_end(stream, GRPC_RESOURCE_EXHAUSTED, "too many messages under way");
    if (stream->state == LOAD_STREAM_ENDED)
        release(stream);
}

void load_stream_half_closed(struct load_stream *stream)
{
    if (grpc_frame_decoder_at_boundary(&stream->decoder))
        load_stream_end(stream, GRPC_OK, "");
    else
        load_stream_end(stream, GRPC_INTERNAL, "ended inside a message");
    release(stream);
}

size_t load_stream_read(struct load_stream *stream, uint8_t *out, size_t size)
{
    const struct service *service = stream->service;
    size_t count = stream->answer_left < size ? stream->answer_left : size;

    if (count > 0)
        memcpy(out, service->answer + service->answer_length - stream->answer_left, count);
    stream->answer_left -= count;
    return count;
}
