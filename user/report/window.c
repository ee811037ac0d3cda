#include "report/window.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The three points of a host, and what the last look saw. */
struct track {
    uint32_t born; /* which of the hosts that have had the slot */
    bool is_held;  /* left out of the report at hand */
    struct point confirmed, marked, sent, now;
};

/* The same three points of a cluster's interval. */
struct interval {
    bool in_set;
    bool is_held; /* the cluster has no entry in the report at hand */
    bool again;   /* a stream ended since its last report: the next one begins at `confirmed` */
    uint64_t confirmed, marked, sent;
};

struct window {
    const struct clusters *clusters;
    const struct hosts *hosts;
    window_read *read;
    void *read_arg;
    struct track *tracks; /* by slot */
    size_t track_count;
    struct interval *intervals; /* by cluster */
    size_t interval_count;
    bool awaits;
};

struct window *window_new(const struct clusters *clusters, const struct hosts *hosts,
                          window_read *read, void *arg)
{
    struct window *window = calloc(1, sizeof(*window));

    if (!window)
        return NULL;
    *window = (struct window){.clusters = clusters, .hosts = hosts, .read = read, .read_arg = arg};
    if (!window_reserve(window))
        return window;
    window_free(window);
    return NULL;
}

void window_free(struct window *window)
{
    if (!window)
        return;
    free(window->tracks);
    free(window->intervals);
    free(window);
}

/* A new host starts at zero, not at its first look: its row is zero when it gets it, so all that it
 * has counted is new to every report. */
static void follow_hosts(struct window *window)
{
    for (size_t slot = 0; slot < window->track_count; slot++) {
        const struct host *host = hosts_at(window->hosts, (uint32_t)slot);
        struct track *track = &window->tracks[slot];

        if (track->born != (host ? host->born : 0))
            *track = (struct track){.born = host ? host->born : 0};
    }
}

int window_reserve_clusters(struct window *window, size_t count)
{
    struct interval *intervals;

    if (count <= window->interval_count)
        return 0;
    intervals = reallocarray(window->intervals, count, sizeof(*intervals));
    if (!intervals)
        return -ENOMEM;
    memset(intervals + window->interval_count, 0,
           (count - window->interval_count) * sizeof(*intervals));
    window->intervals = intervals;
    window->interval_count = count;
    return 0;
}

int window_reserve(struct window *window)
{
    size_t count = hosts_count(window->hosts);

    if (window_reserve_clusters(window, window->clusters->count))
        return -ENOMEM;
    if (count > window->track_count) {
        struct track *tracks = reallocarray(window->tracks, count, sizeof(*tracks));

        if (!tracks)
            return -ENOMEM;
        memset(tracks + window->track_count, 0, (count - window->track_count) * sizeof(*tracks));
        window->tracks = tracks;
        window->track_count = count;
    }
    follow_hosts(window);
    return 0;
}

static void read_now(const struct window *window, uint32_t slot, struct point *out)
{
    struct counters row;

    window->read(window->read_arg, slot, &row);
    point_of(&row, out);
}

static struct window_load load_between(const struct point *from, const struct point *to)
{
    return (struct window_load){.issued = to->rq_issued - from->rq_issued,
                                .success = to->rq_success - from->rq_success,
                                .error = to->rq_error - from->rq_error,
                                .new_connections = to->cx_established - from->cx_established,
                                .failed_connections = to->cx_failed - from->cx_failed,
                                .bound = bound_between(from, to)};
}

void window_load_add(struct window_load *sum, const struct window_load *load)
{
    sum->issued += load->issued;
    sum->success += load->success;
    sum->error += load->error;
    sum->new_connections += load->new_connections;
    sum->failed_connections += load->failed_connections;
    bound_add(&sum->bound, &load->bound);
}

bool window_load_is_zero(const struct window_load *load)
{
    return !(load->issued | load->success | load->error | load->new_connections |
             load->failed_connections);
}

/* The host's track; NULL where it is newer than the last window_reserve(). */
static struct track *track_of(const struct window *window, const struct host *host)
{
    struct track *track = host->slot < window->track_count ? &window->tracks[host->slot] : NULL;

    return track && track->born == host->born ? track : NULL;
}

/* The next host of a cluster; start with group and i at 0. NULL at the end. A host without a track
 * is passed over. */
static struct track *next_track(const struct window *window, uint32_t cluster, uint32_t *group,
                                size_t *i, uint32_t *slot)
{
    for (; *group < window->clusters->items[cluster].group_count; ++*group, *i = 0) {
        const struct host *host;

        while ((host = hosts_of_group(window->hosts, cluster, *group, *i))) {
            struct track *track = track_of(window, host);

            ++*i;
            *slot = host->slot;
            if (track)
                return track;
        }
    }
    return NULL;
}

/* What was counted from `sent` on is skipped: all points move by it, so what lies between them stays.
 * A struct point is nothing but counters. */
static void skip_unsent(struct track *track)
{
    const uint64_t *now = &track->now.rq_issued, *sent = &track->sent.rq_issued;
    uint64_t *confirmed = &track->confirmed.rq_issued, *marked = &track->marked.rq_issued;

    for (size_t i = 0; i < sizeof(struct point) / sizeof(*now); i++) {
        confirmed[i] += now[i] - sent[i];
        marked[i] += now[i] - sent[i];
    }
    track->sent = track->now;
}

void window_adopt(struct window *window, uint32_t cluster, uint64_t since_us)
{
    struct interval *interval = &window->intervals[cluster];
    uint64_t unsent_us = since_us - interval->sent;
    struct track *track;
    uint32_t group = 0, slot;
    size_t i = 0;

    if (interval->in_set)
        return;
    interval->in_set = true;
    interval->confirmed += unsent_us;
    interval->marked += unsent_us;
    interval->sent = since_us;
    while ((track = next_track(window, cluster, &group, &i, &slot))) {
        read_now(window, slot, &track->now);
        skip_unsent(track);
    }
}

/* From here on `now` of its hosts is `sent`: nothing more is read. */
void window_drop(struct window *window, uint32_t cluster)
{
    struct track *track;
    uint32_t group = 0, slot;
    size_t i = 0;

    window->intervals[cluster].in_set = false;
    while ((track = next_track(window, cluster, &group, &i, &slot)))
        track->now = track->sent;
}

void window_forget(struct window *window, uint32_t cluster)
{
    window->intervals[cluster] = (struct interval){.in_set = false};
}

bool window_has(const struct window *window, uint32_t cluster)
{
    return window->intervals[cluster].in_set;
}

bool window_reports(const struct window *window, uint32_t cluster)
{
    const struct interval *interval = &window->intervals[cluster];

    return interval->in_set || (interval->again && interval->sent != interval->confirmed);
}

size_t window_set_size(const struct window *window)
{
    size_t size = 0;

    for (size_t i = 0; i < window->interval_count; i++)
        size += window->intervals[i].in_set;
    return size;
}

/* The cluster of a slot is in the set. */
static bool slot_in_set(const struct window *window, size_t slot)
{
    const struct host *host = hosts_at(window->hosts, (uint32_t)slot);

    return host && window->intervals[host->cluster].in_set;
}

void window_look(struct window *window)
{
    for (size_t slot = 0; slot < window->track_count; slot++) {
        window->tracks[slot].is_held = false;
        if (slot_in_set(window, slot))
            read_now(window, (uint32_t)slot, &window->tracks[slot].now);
    }
    for (size_t i = 0; i < window->interval_count; i++)
        window->intervals[i].is_held = false;
}

/* A gauge is read from two counters that others change meanwhile; never let it wrap. */
static uint64_t difference(uint64_t begun, uint64_t ended)
{
    return begun > ended ? begun - ended : 0;
}

static bool is_unconfirmed(const struct track *track)
{
    return memcmp(&track->confirmed, &track->sent, sizeof(track->sent)) != 0;
}

/* Does what the next report says of a host begin at `confirmed`? */
static bool is_again(const struct window *window, uint32_t slot)
{
    const struct host *host = hosts_at(window->hosts, slot);

    return host && window->intervals[host->cluster].again;
}

/* Where what the next report says of a host begins. */
static const struct point *begin_of(const struct window *window, uint32_t slot)
{
    const struct track *track = &window->tracks[slot];

    return is_again(window, slot) ? &track->confirmed : &track->sent;
}

void window_row(const struct window *window, uint32_t slot, struct window_row *out)
{
    const struct track *track = &window->tracks[slot];

    *out = (struct window_row){
        .load = load_between(begin_of(window, slot), &track->now),
        .in_progress = difference(track->now.rq_issued, track->now.rq_finished),
        .active_connections = difference(track->now.cx_established, track->now.cx_closed),
        .again = is_again(window, slot) && is_unconfirmed(track)};
}

uint64_t window_start(const struct window *window, uint32_t cluster)
{
    const struct interval *interval = &window->intervals[cluster];

    return interval->again ? interval->confirmed : interval->sent;
}

uint64_t window_end(const struct window *window, uint32_t cluster, uint64_t now_us)
{
    const struct interval *interval = &window->intervals[cluster];

    return interval->in_set ? now_us : interval->sent;
}

void window_hold(struct window *window, uint32_t slot)
{
    window->tracks[slot].is_held = true;
}

void window_hold_interval(struct window *window, uint32_t cluster)
{
    window->intervals[cluster].is_held = true;
}

/* A mark covers all that was sent on the stream, also of clusters that have left the set since. */
void window_sent(struct window *window, uint64_t now_us, bool mark)
{
    for (size_t slot = 0; slot < window->track_count; slot++) {
        struct track *track = &window->tracks[slot];

        track->sent = track->is_held ? *begin_of(window, (uint32_t)slot) : track->now;
        if (mark)
            track->marked = track->sent;
    }
    for (size_t i = 0; i < window->interval_count; i++) {
        struct interval *interval = &window->intervals[i];

        interval->sent = interval->is_held ? window_start(window, (uint32_t)i)
                                           : window_end(window, (uint32_t)i, now_us);
        interval->again = false;
        if (mark)
            interval->marked = interval->sent;
    }
    window->awaits |= mark;
}

bool window_awaits(const struct window *window)
{
    return window->awaits;
}

/* An interval may have no length, but counts. */
bool window_has_unconfirmed(const struct window *window)
{
    for (size_t i = 0; i < window->interval_count; i++)
        if (window->intervals[i].sent != window->intervals[i].confirmed)
            return true;
    for (size_t slot = 0; slot < window->track_count; slot++)
        if (is_unconfirmed(&window->tracks[slot]))
            return true;
    return false;
}

void window_confirmed(struct window *window)
{
    if (!window->awaits)
        return;
    for (size_t slot = 0; slot < window->track_count; slot++)
        window->tracks[slot].confirmed = window->tracks[slot].marked;
    for (size_t i = 0; i < window->interval_count; i++)
        window->intervals[i].confirmed = window->intervals[i].marked;
    window->awaits = false;
}

bool window_owes(const struct window *window, const struct host *host)
{
    const struct track *track = track_of(window, host);
    struct point now;

    if (!window->intervals[host->cluster].in_set)
        return track && is_unconfirmed(track);
    read_now(window, host->slot, &now);
    return !track || memcmp(&track->confirmed, &now, sizeof(now)) != 0;
}

/* The sum over a cluster's hosts of what lies between `confirmed` and a later point, which is at the
 * offset `to` of a track. */
static struct window_load unconfirmed_of(const struct window *window, uint32_t cluster, size_t to)
{
    struct window_load sum = {0};
    const struct track *track;
    uint32_t group = 0, slot;
    size_t i = 0;

    while ((track = next_track(window, cluster, &group, &i, &slot))) {
        const struct point *end = (const void *)((const char *)track + to);
        struct window_load load = load_between(&track->confirmed, end);

        window_load_add(&sum, &load);
    }
    return sum;
}

/* `marked` need not move: nothing looks at it before the next mark. */
void window_roll_back(struct window *window, window_again *again, void *arg)
{
    for (size_t i = 0; i < window->interval_count; i++) {
        struct interval *interval = &window->intervals[i];
        struct window_load sum = unconfirmed_of(window, (uint32_t)i, offsetof(struct track, sent));

        if (!interval->again && !window_load_is_zero(&sum))
            again(arg, (uint32_t)i, &sum);
        interval->again = true;
    }
    window->awaits = false;
}

void window_unconfirmed(struct window *window, window_again *each, void *arg)
{
    window_look(window);
    for (size_t i = 0; i < window->interval_count; i++) {
        struct window_load sum = unconfirmed_of(window, (uint32_t)i, offsetof(struct track, now));

        if (!window_load_is_zero(&sum))
            each(arg, (uint32_t)i, &sum);
    }
}
