#include "daemon/departures.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "daemon/bounds.h"
#include "upstream/leaving.h"

/* So many looks in the time that a host has to be idle, but not oftener nor more seldom than that; and
 * how many may go at one look. */
#define LOOKS 8
#define LOOK_MIN_US 50000
#define LOOK_MAX_US 5000000
#define AT_ONCE 256
#define ROOM_EVERY_US 5000000

struct departures {
    struct departures_options options;
    struct event *look; /* pending while a host leaves */
    struct leaving *leaving;
    uint64_t next_room_us; /* not sooner is room made: each time costs a grace period */
    bool stuck;            /* no host can go here; told once */
    bool unwatched;        /* a host that leaves is not in `leaving`, for lack of memory */
};

static void arm(struct departures *departures)
{
    uint64_t wait_us = departures->options.idle_us / LOOKS;
    struct timeval wait;

    if (wait_us < LOOK_MIN_US)
        wait_us = LOOK_MIN_US;
    if (wait_us > LOOK_MAX_US)
        wait_us = LOOK_MAX_US;
    wait = clock_interval(wait_us);
    if (!departures->stuck && !event_pending(departures->look, EV_TIMEOUT, NULL))
        event_add(departures->look, &wait);
}

static void read_row(void *arg, uint32_t slot, struct counters *out)
{
    const struct departures *departures = arg;

    tap_read(departures->options.tap, slot, out);
}

static bool owes(void *arg, uint32_t slot)
{
    const struct departures *departures = arg;

    return departures->options.owes(departures->options.arg, slot);
}

/* From here on no connection refers to the host's row that does not already. False: not yet
 * possible. */
static bool take_away(struct departures *departures, const struct host *host)
{
    const struct hosts *hosts = departures->options.hosts;
    int result;

    if (hosts_owner(hosts, &host->address) != host)
        return true; /* its address counts elsewhere already */
    if (hosts_is_shared(hosts, host->slot))
        return false; /* the others, who leave too, go first */
    result = tap_forget(departures->options.tap, &host->address);
    return !result || result == -ENOENT;
}

static void give_back(struct departures *departures, const struct host *host)
{
    const struct departures_options *options = &departures->options;
    const struct cluster *cluster = &options->clusters->items[host->cluster];
    char text[ADDRESS_TEXT_MAX];
    int result;

    if (hosts_owner(options->hosts, &host->address) != host)
        return;
    result = tap_observe(options->tap, &host->address, host->slot, cluster);
    if (!result)
        result = tap_join(options->tap);
    if (result)
        log_warning("cluster %s: %s may not be observed any more: %s", cluster->name,
                    address_text(&host->address, text), strerror(-result));
}

/* Returns whether the host is gone. What counted while it was taken away keeps it. */
static bool finish(struct departures *departures, uint32_t slot)
{
    const struct departures_options *options = &departures->options;
    const struct host *host = hosts_at(options->hosts, slot);
    char text[ADDRESS_TEXT_MAX];
    struct counters row;

    tap_read(options->tap, slot, &row);
    if (leaving_stays(departures->leaving, slot, options->now_us()) ||
        tap_clear(options->tap, slot, &host->address)) {
        give_back(departures, host);
        return false;
    }
    log_debug("cluster %s: no longer observing %s", options->clusters->items[host->cluster].name,
              address_text(&host->address, text));
    bounds_tell(options->clusters, host, &row);
    leaving_remove(departures->leaving, slot);
    hosts_remove(options->hosts, slot);
    return true;
}

/* Without a grace period no row is safe to be used again: they all stay. */
static void give_all_back(struct departures *departures, const uint32_t *slots, size_t count,
                          int error)
{
    log_warning("endpoints that were dropped stay observed, and keep their slots: no grace period: "
                "%s",
                strerror(-error));
    departures->stuck = true;
    for (size_t i = 0; i < count; i++)
        give_back(departures, hosts_at(departures->options.hosts, slots[i]));
}

static size_t finish_all(struct departures *departures, const uint32_t *slots, size_t count)
{
    size_t gone = 0;

    for (size_t i = 0; i < count; i++)
        gone += finish(departures, slots[i]);
    return gone;
}

/* Changes `slots`. Returns how many of their hosts are gone. */
static size_t let_go(struct departures *departures, uint32_t *slots, size_t count)
{
    size_t taken = 0;
    int result;

    for (size_t i = 0; i < count; i++)
        if (take_away(departures, hosts_at(departures->options.hosts, slots[i])))
            slots[taken++] = slots[i];
    if (!taken)
        return 0;
    result = tap_settle();
    if (!result)
        return finish_all(departures, slots, taken);
    give_all_back(departures, slots, taken, result);
    return 0;
}

/* What there was no memory for when it left. */
static void watch_rest(struct departures *departures)
{
    const struct hosts *hosts = departures->options.hosts;
    int failed = 0;

    for (uint32_t slot = 0; slot < hosts_count(hosts) && !failed; slot++) {
        const struct host *host = hosts_at(hosts, slot);

        if (host && !host->names && !leaving_has(departures->leaving, slot))
            failed = leaving_add(departures->leaving, slot, departures->options.now_us());
    }
    departures->unwatched = failed;
}

static void on_look(evutil_socket_t fd, short what, void *arg)
{
    struct departures *departures = arg;
    uint32_t slots[AT_ONCE];
    size_t over = leaving_over(departures->leaving, departures->options.now_us(), slots, AT_ONCE);

    (void)fd, (void)what;
    over = let_go(departures, slots, over);
    if (departures->unwatched)
        watch_rest(departures);
    if (over)
        log_info(
            "%zu endpoints that were dropped have not been used for long: they are observed no "
            "longer",
            over);
    if (leaving_count(departures->leaving) || departures->unwatched)
        arm(departures);
}

bool departures_make_room(struct departures *departures)
{
    uint64_t now_us = departures->options.now_us();
    uint32_t slots[AT_ONCE];

    if (departures->stuck || now_us < departures->next_room_us)
        return false;
    departures->next_room_us = now_us + ROOM_EVERY_US;
    return let_go(departures, slots, leaving_unused(departures->leaving, slots, AT_ONCE));
}

struct departures *departures_new(const struct departures_options *options)
{
    struct departures *departures = calloc(1, sizeof(*departures));
    const struct leaving_ops ops = {read_row, owes, departures};

    if (!departures)
        return NULL;
    departures->options = *options;
    departures->look = evtimer_new(options->base, on_look, departures);
    departures->leaving = leaving_new(options->idle_us, &ops);
    if (departures->look && departures->leaving)
        return departures;
    departures_free(departures);
    return NULL;
}

void departures_free(struct departures *departures)
{
    if (!departures)
        return;
    if (departures->look)
        event_free(departures->look);
    leaving_free(departures->leaving);
    free(departures);
}

void departures_set_idle(struct departures *departures, uint64_t idle_us)
{
    departures->options.idle_us = idle_us;
    leaving_set_idle(departures->leaving, idle_us);
    if (leaving_count(departures->leaving)) {
        event_del(departures->look);
        arm(departures);
    }
}

void departures_add(struct departures *departures, uint32_t slot)
{
    int result = leaving_add(departures->leaving, slot, departures->options.now_us());

    if (result && !departures->unwatched)
        log_warning("endpoints that were dropped keep their slots for now: %s (tried again)",
                    strerror(-result));
    departures->unwatched |= result != 0;
    arm(departures);
}

void departures_remove(struct departures *departures, uint32_t slot)
{
    leaving_remove(departures->leaving, slot);
}
