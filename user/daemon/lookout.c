#include "daemon/lookout.h"

#include <event2/event.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "daemon/bounds.h"
#include "daemon/retreat.h"
#include "report/accuracy.h"
#include "report/undialled.h"

#define LOOK_SECONDS 5   /* between two looks, or twice that */
#define LOOK_HOSTS 10000 /* at most, for a look is taken while a report may be due */

struct lookout {
    struct lookout_options options;
    struct accuracy *accuracy;
    struct undialled *undialled;
    struct event *timer;
    uint32_t next; /* the slot that the next look begins with */
    uint64_t looked_us;
};

static void tell_inexact(void *arg, const struct host *host, const char *what)
{
    const struct lookout *lookout = arg;
    char text[ADDRESS_TEXT_MAX];

    log_warning("cluster %s: endpoint %s %s", lookout->options.clusters->items[host->cluster].name,
                address_text(&host->address, text), what);
}

static void tell_undialled(void *arg, const struct host *host, size_t others)
{
    const struct lookout *lookout = arg;
    const char *cluster = lookout->options.clusters->items[host->cluster].name;
    char text[ADDRESS_TEXT_MAX], more[64] = "";

    if (others)
        snprintf(more, sizeof(more), " and %zu more of its endpoints", others);
    log_warning(
        "cluster %s: nobody has dialled %s%s for %" PRIu64 " s: if they have traffic, their "
        "addresses are translated before a socket has them, or it comes from outside of the cgroup",
        cluster, address_text(&host->address, text), more, lookout->options.undialled_us / 1000000);
}

static void look_at_host(struct lookout *lookout, const struct host *host)
{
    struct counters row;

    tap_read(lookout->options.tap, host->slot, &row);
    accuracy_see(lookout->accuracy, host, &row, tell_inexact, lookout);
    if (lookout->options.undialled_us)
        undialled_see(lookout->undialled, host, &row);
}

/* One walk for both: the rows are more than a processor keeps at hand. Where there is no memory for new
 * hosts, they are passed over until there is. */
static void look_at_hosts(struct lookout *lookout)
{
    const struct hosts *hosts = lookout->options.hosts;
    uint32_t count = (uint32_t)hosts_count(hosts), begin = lookout->next, end = begin + LOOK_HOSTS;
    bool dials = lookout->options.undialled_us;

    if (end > count)
        end = count;
    lookout->next = end < count ? end : 0;
    accuracy_reserve(lookout->accuracy, count);
    if (dials) {
        undialled_reserve(lookout->undialled, count);
        undialled_begin(lookout->undialled, lookout->options.now_us(), begin == 0, tell_undialled,
                        lookout);
    }
    for (uint32_t slot = begin; slot < end; slot++) {
        const struct host *host = hosts_at(hosts, slot);

        if (host)
            look_at_host(lookout, host);
    }
    if (dials)
        undialled_end(lookout->undialled);
}

/* The timer only fires where nobody calls lookout_pass() for so long. */
static void look(struct lookout *lookout)
{
    const struct timeval later = {.tv_sec = 2 * LOOK_SECONDS};

    event_add(lookout->timer, &later);
    look_at_hosts(lookout);
    retreat_tell_refused();
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    look(arg);
}

struct lookout *lookout_new(const struct lookout_options *options)
{
    struct lookout *lookout = calloc(1, sizeof(*lookout));

    if (!lookout)
        return NULL;
    lookout->options = *options;
    lookout->accuracy = accuracy_new();
    lookout->undialled = undialled_new(options->hosts, options->undialled_us, options->own);
    lookout->timer = evtimer_new(options->base, on_timer, lookout);
    if (!lookout->accuracy || !lookout->undialled || !lookout->timer) {
        lookout_free(lookout);
        return NULL;
    }
    look(lookout);
    return lookout;
}

void lookout_change(struct lookout *lookout, uint64_t undialled_us, size_t own)
{
    lookout->options.undialled_us = undialled_us;
    undialled_change(lookout->undialled, undialled_us, own);
}

void lookout_free(struct lookout *lookout)
{
    if (!lookout)
        return;
    accuracy_free(lookout->accuracy);
    undialled_free(lookout->undialled);
    if (lookout->timer)
        event_free(lookout->timer);
    free(lookout);
}

void lookout_pass(struct lookout *lookout, uint64_t now_us)
{
    if (now_us - lookout->looked_us < LOOK_SECONDS * 1000000ULL)
        return;
    lookout->looked_us = now_us;
    look(lookout);
}

bool lookout_is_undialled(const struct lookout *lookout, const struct host *host)
{
    return undialled_is(lookout->undialled, host);
}

void lookout_tell_bounds(const struct lookout *lookout)
{
    const struct hosts *hosts = lookout->options.hosts;
    size_t count = 0, exact = 0;

    for (uint32_t slot = 0; slot < hosts_count(hosts); slot++) {
        const struct host *host = hosts_at(hosts, slot);
        struct counters row;

        if (!host)
            continue;
        count++;
        tap_read(lookout->options.tap, slot, &row);
        exact += !bounds_tell(lookout->options.clusters, host, &row);
    }
    log_info("error bound: zero, so all counts exact, at %zu of %zu endpoints", exact, count);
}
