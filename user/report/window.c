#include "report/window.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "report/snapshot.h"

/* The three points of a cluster's interval. */
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
    /* One for each point, as there may be so many different ones. */
    struct snapshot snapshots[4];
    struct snapshot *confirmed, *marked, *sent;
    struct snapshot *now;       /* of the last look; may be `sent` */
    uint32_t *born;             /* by slot: which of the hosts that have had it */
    size_t count, room;         /* slots */
    uint64_t changes;           /* of the hosts that there were */
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
    window->confirmed = window->marked = window->sent = window->now = &window->snapshots[0];
    if (!window_reserve(window))
        return window;
    window_free(window);
    return NULL;
}

void window_free(struct window *window)
{
    if (!window)
        return;
    for (size_t i = 0; i < ARRAY_SIZE(window->snapshots); i++)
        snapshot_clear(&window->snapshots[i]);
    free(window->born);
    free(window->intervals);
    free(window);
}

/* A new host starts at zero, not at its first look: its row is zero when it gets it, so all that it
 * has counted is new to every report. */
static void follow_hosts(struct window *window)
{
    for (size_t slot = 0; slot < window->count; slot++) {
        const struct host *host = hosts_at(window->hosts, (uint32_t)slot);
        uint32_t born = host ? host->born : 0;

        if (window->born[slot] == born)
            continue;
        window->born[slot] = born;
        for (size_t i = 0; i < ARRAY_SIZE(window->snapshots); i++)
            snapshot_forget(&window->snapshots[i], slot);
    }
}

static int grow(struct window *window, size_t room)
{
    uint32_t *born = reallocarray(window->born, room, sizeof(*born));

    if (!born)
        return -ENOMEM;
    window->born = born;
    memset(born + window->count, 0, (room - window->count) * sizeof(*born));
    for (size_t i = 0; i < ARRAY_SIZE(window->snapshots); i++)
        if (snapshot_grow(&window->snapshots[i], room))
            return -ENOMEM;
    window->room = room;
    return 0;
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
    size_t count = hosts_count(window->hosts), twice = 2 * window->room;

    if (window_reserve_clusters(window, window->clusters->count))
        return -ENOMEM;
    if (count > window->room && grow(window, count > twice ? count : twice))
        return -ENOMEM;
    window->count = count;
    if (window->changes != hosts_changes(window->hosts))
        follow_hosts(window);
    window->changes = hosts_changes(window->hosts);
    return 0;
}

static void read_now(const struct window *window, uint32_t slot, struct point *out)
{
    struct counters row;

    window->read(window->read_arg, slot, &row);
    point_of(&row, out);
}

static struct window_load load_between(const struct snapshot *from, const struct snapshot *to,
                                       size_t slot)
{
    const struct counts *begin = &from->counts[slot], *end = &to->counts[slot];

    return (struct window_load){.issued = end->rq_issued - begin->rq_issued,
                                .success = end->rq_success - begin->rq_success,
                                .error = end->rq_error - begin->rq_error,
                                .new_connections = end->cx_established - begin->cx_established,
                                .failed_connections = end->cx_failed - begin->cx_failed,
                                .bound = bound_between(&from->doubts[slot], &to->doubts[slot])};
}

/* Not where it is newer than the last window_reserve(). */
static bool knows(const struct window *window, const struct host *host)
{
    return host->slot < window->count && window->born[host->slot] == host->born;
}

/* The next host of a cluster that is known; start with group and i at 0. NULL at the end. */
static const struct host *next_host(const struct window *window, uint32_t cluster, uint32_t *group,
                                    size_t *i)
{
    for (; *group < window->clusters->items[cluster].group_count; ++*group, *i = 0) {
        const struct host *host;

        while ((host = hosts_of_group(window->hosts, cluster, *group, (*i)++)))
            if (knows(window, host))
                return host;
    }
    return NULL;
}

static bool is_point(const struct window *window, const struct snapshot *snapshot)
{
    return snapshot == window->confirmed || snapshot == window->marked || snapshot == window->sent;
}

/* What was counted from `sent` on is skipped: all points move by it, so what lies between them stays. */
static void skip_unsent(struct window *window, uint32_t slot)
{
    struct point sent, now, point;

    snapshot_get(window->sent, slot, &sent);
    read_now(window, slot, &now);
    for (size_t i = 0; i < ARRAY_SIZE(window->snapshots); i++) {
        if (!is_point(window, &window->snapshots[i]))
            continue;
        snapshot_get(&window->snapshots[i], slot, &point);
        point_move(&point, &sent, &now);
        snapshot_put(&window->snapshots[i], slot, &point);
    }
}

void window_adopt(struct window *window, uint32_t cluster, uint64_t since_us)
{
    struct interval *interval = &window->intervals[cluster];
    uint64_t unsent_us = since_us - interval->sent;
    const struct host *host;
    uint32_t group = 0;
    size_t i = 0;

    if (interval->in_set)
        return;
    interval->in_set = true;
    interval->confirmed += unsent_us;
    interval->marked += unsent_us;
    interval->sent = since_us;
    while ((host = next_host(window, cluster, &group, &i)))
        skip_unsent(window, host->slot);
}

void window_drop(struct window *window, uint32_t cluster)
{
    window->intervals[cluster].in_set = false;
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

static bool is_in_set(const struct window *window, const struct host *host)
{
    return host && knows(window, host) && window->intervals[host->cluster].in_set;
}

/* One that is none of the three points. */
static struct snapshot *unused(struct window *window)
{
    struct snapshot *at = window->snapshots;

    while (is_point(window, at))
        at++;
    return at;
}

/* Of a host outside the set nothing more is read. */
void window_look(struct window *window)
{
    struct point now;

    window->now = unused(window);
    for (size_t slot = 0; slot < window->count; slot++) {
        if (!is_in_set(window, hosts_at(window->hosts, (uint32_t)slot))) {
            snapshot_copy(window->now, slot, window->sent);
            continue;
        }
        read_now(window, (uint32_t)slot, &now);
        snapshot_put(window->now, slot, &now);
    }
    for (size_t i = 0; i < window->interval_count; i++)
        window->intervals[i].is_held = false;
}

/* A gauge is read from two counters that others change meanwhile; never let it wrap. */
static uint64_t difference(uint64_t begun, uint64_t ended)
{
    return begun > ended ? begun - ended : 0;
}

static bool is_unconfirmed(const struct window *window, size_t slot)
{
    return !snapshot_same(window->confirmed, window->sent, slot, 1);
}

/* Does what the next report says of a host begin at `confirmed`? */
static bool is_again(const struct window *window, uint32_t slot)
{
    const struct host *host = hosts_at(window->hosts, slot);

    return host && window->intervals[host->cluster].again;
}

void window_row(const struct window *window, uint32_t slot, struct window_row *out)
{
    const struct counts *now = &window->now->counts[slot];
    bool again = is_again(window, slot);

    *out = (struct window_row){
        .load = load_between(again ? window->confirmed : window->sent, window->now, slot),
        .in_progress = difference(now->rq_issued, now->rq_finished),
        .active_connections = difference(now->cx_established, now->cx_closed),
        .again = again && is_unconfirmed(window, slot)};
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
    snapshot_copy(window->now, slot, is_again(window, slot) ? window->confirmed : window->sent);
}

void window_hold_interval(struct window *window, uint32_t cluster)
{
    window->intervals[cluster].is_held = true;
}

/* A mark covers all that was sent on the stream, also of clusters that have left the set since. */
void window_sent(struct window *window, uint64_t now_us, bool mark)
{
    window->sent = window->now;
    if (mark)
        window->marked = window->sent;
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
    return !snapshot_same(window->confirmed, window->sent, 0, window->count);
}

/* The next look takes the first of them: the others are only in use while points differ. */
static void empty_unused(struct window *window)
{
    const struct snapshot *next = unused(window);

    for (size_t i = 0; i < ARRAY_SIZE(window->snapshots); i++) {
        struct snapshot *snapshot = &window->snapshots[i];

        if (!is_point(window, snapshot) && snapshot != next && snapshot != window->now)
            snapshot_empty(snapshot);
    }
}

void window_confirmed(struct window *window)
{
    if (!window->awaits)
        return;
    window->confirmed = window->marked;
    empty_unused(window);
    for (size_t i = 0; i < window->interval_count; i++)
        window->intervals[i].confirmed = window->intervals[i].marked;
    window->awaits = false;
}

bool window_owes(const struct window *window, const struct host *host)
{
    struct point confirmed, now;

    if (!window->intervals[host->cluster].in_set)
        return knows(window, host) && is_unconfirmed(window, host->slot);
    if (!knows(window, host))
        return true;
    read_now(window, host->slot, &now);
    snapshot_get(window->confirmed, host->slot, &confirmed);
    return memcmp(&confirmed, &now, sizeof(now)) != 0;
}

/* The sum over a cluster's hosts of what lies between `confirmed` and a later point. */
static struct window_load unconfirmed_of(const struct window *window, uint32_t cluster,
                                         const struct snapshot *to)
{
    struct window_load sum = {0};
    const struct host *host;
    uint32_t group = 0;
    size_t i = 0;

    while ((host = next_host(window, cluster, &group, &i))) {
        struct window_load load = load_between(window->confirmed, to, host->slot);

        window_load_add(&sum, &load);
    }
    return sum;
}

/* `marked` moves too, as nothing awaits it before the next mark. */
void window_roll_back(struct window *window, window_again *again, void *arg)
{
    for (size_t i = 0; i < window->interval_count; i++) {
        struct interval *interval = &window->intervals[i];
        struct window_load sum = unconfirmed_of(window, (uint32_t)i, window->sent);

        if (!interval->again && !window_load_is_zero(&sum))
            again(arg, (uint32_t)i, &sum);
        interval->again = true;
    }
    window->marked = window->confirmed;
    window->awaits = false;
}

void window_unconfirmed(struct window *window, window_again *each, void *arg)
{
    window_look(window);
    for (size_t i = 0; i < window->interval_count; i++) {
        struct window_load sum = unconfirmed_of(window, (uint32_t)i, window->now);

        if (!window_load_is_zero(&sum))
            each(arg, (uint32_t)i, &sum);
    }
}
