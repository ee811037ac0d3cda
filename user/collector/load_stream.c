#include "collector/load_stream.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "collector/header.h"

#define METHOD_PATH "/envoy.service.load_stats.v3.LoadReportingService/StreamLoadStats"

static int on_message(void *arg, const uint8_t *message, size_t length);

void load_stream_init(struct load_stream *stream, struct service *service, const char *address)
{
    *stream = (struct load_stream){.service = service, .peer.address = address, .reason = ""};
    grpc_frame_decoder_init(&stream->decoder, SERVICE_MESSAGE_MAX, on_message, stream);
}

/* Keeps the sum of what all streams hold, and the list of those that do. */
static void account(struct load_stream *stream)
{
    size_t before = stream->held;

    stream->held = stream->decoder.allocated;
    stream->service->held += stream->held - before;
    if (!before && stream->held)
        LIST_INSERT_HEAD(&stream->service->holders, stream, holder);
    else if (before && !stream->held)
        LIST_REMOVE(stream, holder);
}

static void release(struct load_stream *stream)
{
    grpc_frame_decoder_clear(&stream->decoder);
    account(stream);
}

void load_stream_clear(struct load_stream *stream)
{
    if (stream->state == LOAD_STREAM_OPEN) {
        stream->service->open--;
        log_write(stream->peer.messages ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG,
                  "stream %llu from %s: cut off after %llu messages",
                  (unsigned long long)stream->peer.stream, stream->peer.address,
                  (unsigned long long)stream->peer.messages);
    }
    release(stream);
    answer_drop(stream->answer);
    answer_drop(stream->next);
    service_peer_clear(stream->service, &stream->peer);
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
    if (header_is(name, name_length, ":path"))
        stream->is_load_report = header_is(value, value_length, METHOD_PATH);
    else if (header_is(name, name_length, "content-type"))
        stream->is_grpc = is_grpc_type(value, value_length);
    else
        origin_header(&stream->peer.origin, name, name_length, value, value_length);
}

unsigned load_stream_open(struct load_stream *stream)
{
    if (stream->is_grpc && stream->is_load_report) {
        stream->state = LOAD_STREAM_OPEN;
        stream->peer.stream = ++stream->service->streams;
        stream->service->open++;
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
    stream->service->open--;
    stream->status = status;
    stream->reason = reason;
    log_info("stream %llu from %s: ended with grpc-status %d%s%s after %llu messages",
             (unsigned long long)stream->peer.stream, stream->peer.address, status,
             *reason ? ": " : "", reason, (unsigned long long)stream->peer.messages);
}

/* What was begun to be read is read to its end. */
static void ask(struct load_stream *stream)
{
    struct answer *wanted = service_answer(stream->service, &stream->peer);

    if (answer_equal(wanted, stream->next ? stream->next : stream->answer))
        return;
    answer_drop(stream->next);
    stream->next = answer_hold(wanted);
}

void load_stream_ask_again(struct load_stream *stream)
{
    if (stream->state == LOAD_STREAM_OPEN && stream->peer.messages > 0)
        ask(stream);
}

static int on_message(void *arg, const uint8_t *message, size_t length)
{
    struct load_stream *stream = arg;
    enum grpc_status status = service_message(stream->service, &stream->peer, message, length);

    if (status != GRPC_OK) {
        load_stream_end(stream, status, "message refused");
        return -ECANCELED;
    }
    if (stream->peer.messages == 1 || stream->peer.renamed)
        ask(stream);
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

static struct load_stream *largest_holder(const struct service *service)
{
    struct load_stream *stream, *largest = NULL;

    LIST_FOREACH(stream, &service->holders, holder)
    if (!largest || stream->held > largest->held)
        largest = stream;
    return largest;
}

/* Whoever holds most has to go, and not whoever came last: a client that hoards cannot make others
 * fail. Another connection's stream says so once its client sends something. */
static void bound_held(struct service *service)
{
    struct load_stream *largest;

    while (service->held > SERVICE_HELD_MAX && (largest = largest_holder(service))) {
        load_stream_end(largest, GRPC_RESOURCE_EXHAUSTED, "too many messages under way");
        release(largest);
    }
}

void load_stream_data(struct load_stream *stream, const uint8_t *bytes, size_t count)
{
    if (stream->state != LOAD_STREAM_OPEN)
        return;
    end_after_decoder(stream, grpc_frame_decoder_feed(&stream->decoder, bytes, count));
    account(stream);
    if (stream->state == LOAD_STREAM_ENDED)
        release(stream);
    bound_held(stream->service);
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
    size_t count;

    if (stream->answer_left == 0 && stream->next) {
        answer_drop(stream->answer);
        stream->answer = TAKE(stream->next);
        stream->answer_left = stream->answer->length;
    }
    count = stream->answer_left < size ? stream->answer_left : size;
    if (count > 0)
        memcpy(out, stream->answer->bytes + stream->answer->length - stream->answer_left, count);
    stream->answer_left -= count;
    return count;
}
