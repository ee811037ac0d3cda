#include "stream/patience.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <event2/event.h>

#include "base/clock.h"
#include "stream/keepalive.h"
#include "stream/lrs_stream.h"

struct patience {
    struct patience_options options;
    struct event *stall;         /* pending while the server owes something */
    uint64_t progress;           /* of the stream when it was looked at last */
    struct keepalive *keepalive; /* NULL: it is off */
};

static void exhaust(const struct patience *patience, const char *reason)
{
    patience->options.exhausted(patience->options.arg, reason);
}

static void on_stall(evutil_socket_t fd, short what, void *arg)
{
    const struct patience *patience = arg;
    char reason[128];

    (void)fd, (void)what;
    snprintf(reason, sizeof(reason),
             "management server is stuck: for %llu ms it took nothing of a report and acknowledged "
             "no SETTINGS",
             (unsigned long long)patience->options.stall_us / 1000);
    exhaust(patience, reason);
}

static void on_ping(void *arg)
{
    const struct patience *patience = arg;

    if (lrs_stream_ping(patience->options.stream))
        exhaust(patience, "no memory for a PING to the management server");
    else
        patience->options.pinged(patience->options.arg);
}

static void on_silence(void *arg)
{
    const struct patience *patience = arg;
    char reason[128];

    snprintf(reason, sizeof(reason),
             "management server is silent: no answer to a PING (connection_keepalive) in %llu ms",
             (unsigned long long)patience->options.keepalive.timeout_us / 1000);
    exhaust(patience, reason);
}

static int start_keepalive(struct patience *patience)
{
    const struct keepalive_ops ops = {on_ping, on_silence, patience};
    const struct keepalive_settings *settings = &patience->options.keepalive;

    if (settings->interval_us == 0)
        return 0;
    patience->keepalive = keepalive_new(patience->options.base, settings, &ops);
    return patience->keepalive ? 0 : -ENOMEM;
}

struct patience *patience_new(const struct patience_options *options)
{
    struct patience *patience = calloc(1, sizeof(*patience));

    if (!patience)
        return NULL;
    patience->options = *options;
    patience->stall = evtimer_new(options->base, on_stall, patience);
    if (patience->stall && !start_keepalive(patience))
        return patience;
    patience_free(patience);
    return NULL;
}

void patience_heard(struct patience *patience)
{
    if (patience->keepalive)
        keepalive_heard(patience->keepalive, lrs_stream_awaits_pong(patience->options.stream));
}

/* RFC 9113, 6.5.3: SETTINGS have to be acknowledged within a reasonable time. */
int patience_look(struct patience *patience)
{
    const struct timeval wait = clock_interval(patience->options.stall_us);
    uint64_t before = patience->progress;

    patience->progress = lrs_stream_progress(patience->options.stream);
    if (!lrs_stream_is_owed(patience->options.stream)) {
        event_del(patience->stall);
        return 0;
    }
    if (patience->progress == before && event_pending(patience->stall, EV_TIMEOUT, NULL))
        return 0;
    return event_add(patience->stall, &wait) ? -ENOMEM : 0;
}

void patience_free(struct patience *patience)
{
    if (!patience)
        return;
    if (patience->stall)
        event_free(patience->stall);
    keepalive_free(patience->keepalive);
    free(patience);
}
