#include "stream/keepalive.h"

#include <stdint.h>
#include <stdlib.h>

#include <event2/event.h>
#include <event2/util.h>

#include "base/clock.h"

struct keepalive {
    struct keepalive_settings settings;
    struct keepalive_ops ops;
    struct event *timer; /* RESTING: the interval; ASKING: the timeout */
    bool asking;
};

static void wait_for(struct keepalive *keepalive, uint64_t us)
{
    const struct timeval wait = clock_interval(us);

    event_add(keepalive->timer, &wait);
}

/* So that the connections of many nodes do not ask at the same time. */
static void rest(struct keepalive *keepalive)
{
    double most = keepalive->settings.jitter * (double)keepalive->settings.interval_us;
    uint32_t random = 0;

    evutil_secure_rng_get_bytes(&random, sizeof(random));
    keepalive->asking = false;
    wait_for(keepalive,
             keepalive->settings.interval_us + (uint64_t)(most * (double)random / UINT32_MAX));
}

static void on_time(evutil_socket_t fd, short what, void *arg)
{
    struct keepalive *keepalive = arg;

    (void)fd, (void)what;
    if (keepalive->asking) {
        keepalive->ops.dead(keepalive->ops.arg);
        return;
    }
    keepalive->asking = true;
    wait_for(keepalive, keepalive->settings.timeout_us);
    keepalive->ops.ping(keepalive->ops.arg);
}

void keepalive_heard(struct keepalive *keepalive, bool asking)
{
    if (!keepalive->asking)
        return;
    if (asking)
        wait_for(keepalive, keepalive->settings.timeout_us);
    else
        rest(keepalive);
}

struct keepalive *keepalive_new(struct event_base *base, const struct keepalive_settings *settings,
                                const struct keepalive_ops *ops)
{
    struct keepalive *keepalive = calloc(1, sizeof(*keepalive));

    if (!keepalive)
        return NULL;
    keepalive->settings = *settings;
    keepalive->ops = *ops;
    keepalive->timer = evtimer_new(base, on_time, keepalive);
    if (!keepalive->timer) {
        free(keepalive);
        return NULL;
    }
    rest(keepalive);
    return keepalive;
}

void keepalive_free(struct keepalive *keepalive)
{
    if (!keepalive)
        return;
    event_free(keepalive->timer);
    free(keepalive);
}
