#include "daemon/report_stream.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "daemon/management.h"
#include "daemon/outage.h"

#define SILENCE_SECONDS 10 /* of a stream, before a person is told */

struct report_stream {
    struct report_stream_options options;
    struct management *management;
    struct event *silence; /* pending while the server has never answered */
    struct outage outage;  /* since a stream worked for long */
    bool answered;         /* the management server has ever answered */
    uint64_t up_us;        /* since when the stream is up; 0: it is not */
};

static void told(const struct report_stream *stream)
{
    stream->options.told(stream->options.arg);
}

/* --- ends -------------------------------------------------------------------------------------*/

/* A retry every few seconds says nothing new. */
static void tell_outage(struct report_stream *stream, const char *reason)
{
    enum outage_news news = outage_see(&stream->outage, reason);

    if (news == OUTAGE_TOO_MANY)
        log_warning(
            "management server: more than %d different reasons: each further one is told at "
            "level debug only, until a stream has worked for a minute",
            OUTAGE_REASONS_MAX);
    log_write(news == OUTAGE_NEWS ? LOG_LEVEL_WARNING : LOG_LEVEL_DEBUG, "management server: %s",
              reason);
}

/* What ended a stream that worked for long is news again. */
static void stream_ended(struct report_stream *stream, const char *reason)
{
    uint64_t now_us = stream->options.now_us();

    if (stream->answered && stream->up_us && now_us - stream->up_us >= REPORTER_WORKED_US)
        outage_over(&stream->outage);
    tell_outage(stream, reason);
    stream->up_us = 0;
    event_del(stream->silence);
    management_close(stream->management);
    reporter_stream_down(stream->options.reporter, now_us);
    told(stream);
}

/* --- events -----------------------------------------------------------------------------------*/

static void on_silence(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what, (void)arg;
    log_warning("management server: connected, but no LoadStatsResponse came: nothing is reported "
                "before it answers");
}

static void on_up(void *arg)
{
    static const struct timeval silence = {.tv_sec = SILENCE_SECONDS};
    struct report_stream *stream = arg;

    stream->up_us = stream->options.now_us();
    if (!stream->answered)
        event_add(stream->silence, &silence);
    reporter_stream_up(stream->options.reporter, stream->up_us);
    told(stream);
}

static void on_down(void *arg, const char *reason)
{
    stream_ended(arg, reason);
}

static void on_passed_over(void *arg, const char *reason)
{
    tell_outage(arg, reason);
}

static void on_message(void *arg, const uint8_t *message, size_t length)
{
    struct report_stream *stream = arg;
    int result;

    event_del(stream->silence);
    result = reporter_response(stream->options.reporter, stream->options.now_us(), message, length);
    if (result == -EBADMSG) {
        stream_ended(stream, "sent something that is no LoadStatsResponse");
        return;
    }
    stream->answered = true;
    told(stream);
}

static void on_confirmed(void *arg)
{
    const struct report_stream *stream = arg;

    reporter_confirmed(stream->options.reporter, stream->options.now_us());
    told(stream);
}

/* --- the interface ----------------------------------------------------------------------------*/

void report_stream_open(struct report_stream *stream, const struct delivery *delivery)
{
    int result = management_open(stream->management, delivery);

    if (!result)
        return;
    tell_outage(stream,
                result == -EHOSTUNREACH ? "its cluster has no address yet" : strerror(-result));
    reporter_stream_down(stream->options.reporter, stream->options.now_us());
}

int report_stream_send(struct report_stream *stream, struct grpc_messages *messages, bool mark)
{
    return management_send(stream->management, messages, mark);
}

void report_stream_renew(struct report_stream *stream)
{
    management_renew(stream->management);
    outage_over(&stream->outage);
    event_del(stream->silence);
    stream->answered = false;
    stream->up_us = 0;
}

struct report_stream *report_stream_new(const struct report_stream_options *options)
{
    struct report_stream *stream = calloc(1, sizeof(*stream));
    const struct management_options management = {
        .base = options->base,
        .bootstrap = options->bootstrap,
        .hosts = options->hosts,
        .tap = options->tap,
        .events = {on_up, on_message, on_confirmed, on_down, on_passed_over, stream},
    };

    if (!stream)
        return NULL;
    stream->options = *options;
    stream->silence = evtimer_new(options->base, on_silence, stream);
    stream->management = management_new(&management);
    if (stream->silence && stream->management)
        return stream;
    report_stream_free(stream);
    return NULL;
}

void report_stream_free(struct report_stream *stream)
{
    if (!stream)
        return;
    management_free(stream->management);
    if (stream->silence)
        event_free(stream->silence);
    free(stream);
}
