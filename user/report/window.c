#include "report/window.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "report/points.h"

/* The three points of a cluster's interval. */
struct interval {
    bool in_set;
    bool is_held; /* the cluster has no entry in the report at hand */
    bool again;   /* a stream ended since its last report: the next one begins at `confirmed` */
    uint64_t confirmed, marked, sent;
};

/* The host that has a slot. */
struct tenant {
    uint32_t born; /* 0: none */
    uint32_t cluster;
};

struct window {
    const struct clusters *clusters;
    const struct hosts *hosts;
    window_read *read;
    void *read_arg;
    struct points points;
    struct tenant *tenants;     /* by slot, when room was made last */
    size_t count;               /* slots */
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
    points_init(&window->points);
    if (!window_reserve(window))
        return window;
    window_free(window);
    return NULL;
}

void window_free(struct window *window)
{
    if (!window)
        return;
    points_clear(&window->points);
    free(window->tenants);
    free(window->intervals);
    free(window);
}

/* A new host starts at zero, not at its first look: its row is zero when it gets it, so all that it
 * has counted is new to every report. */
static void follow_hosts(struct window *window)
{
    for (size_t slot = 0; slot < window->count; slot++) {
        const struct host *host = hosts_at(window->hosts, (uint32_t)slot);
        struct tenant *tenant = &window->tenants[slot];

        if (tenant->born == (host ? host->born : 0))
            continue;
        *tenant = host ? (struct tenant){host->born, host->cluster} : (struct tenant){0};
        points_forget(&window->points, slot);
    }
}

static int reserve_hosts(struct window *window, size_t count)
{
    struct tenant *tenants;

    if (points_reserve(&window->points, count))
        return -ENOMEM;
    if (count <= window->count)
        return 0;
    tenants = reallocarray(window->tenants, count, sizeof(*tenants));
    if (!tenants)
        return -ENOMEM;
    memset(tenants + window->count, 0, (count - window->count) * sizeof(*tenants));
    window->tenants = tenants;
    window->count = count;
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
    uint64_t changes = hosts_changes(window->hosts);

    if (window_reserve_clusters(window, window->clusters->count) ||
        reserve_hosts(window, hosts_count(window->hosts)))
        return -ENOMEM;
    if (window->changes != changes)
        follow_hosts(window);
    window->changes = changes;
    return 0;
}

static void read_now(const struct window *window, uint32_t slot, struct point *out)
{
    struct counters row;

    window->read(window->read_arg, slot, 1, &row);
    point_of(&row, out);
}

/* Written where it is wanted: a copy would wait for what was just written. */
static inline void load_between(const struct snapshot *from, const struct snapshot *to, size_t slot,
                                struct window_load *out)
{
    const struct counts *begin = &from->counts[slot], *end = &to->counts[slot];

    out->issued = end->rq_issued - begin->rq_issued;
    out->success = end->rq_success - begin->rq_success;
    out->error = end->rq_error - begin->rq_error;
    out->new_connections = end->cx_established - begin->cx_established;
    out->failed_connections = end->cx_failed - begin->cx_failed;
    if (snapshot_may_doubt(to, slot))
        bound_between(snapshot_doubts(from, slot), snapshot_doubts(to, slot), &out->bound);
    else
        out->bound = (struct bound){.is_off = false};
}

/* Not where it is newer than the last window_reserve(). */
static bool knows(const struct window *window, const struct host *host)
{
    return host->slot < window->count && window->tenants[host->slot].born == host->born;
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

void window_adopt(struct window *window, uint32_t cluster, uint64_t since_us)
{
    struct interval *interval = &window->intervals[cluster];
    uint64_t unsent_us = since_us - interval->sent;
    const struct host *host;
    struct point now;
    uint32_t group = 0;
    size_t i = 0;

    if (interval->in_set)
        return;
    interval->in_set = true;
    interval->confirmed += unsent_us;
    interval->marked += unsent_us;
    interval->sent = since_us;
    while ((host = next_host(window, cluster, &group, &i))) {
        read_now(window, host->slot, &now);
        points_skip(&window->points, host->slot, &now);
    }
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

static bool is_in_set(const struct window *window, size_t slot)
{
    const struct tenant *tenant = &window->tenants[slot];

    return tenant->born && window->intervals[tenant->cluster].in_set;
}

/* How many slots from `first` on are of the set, as far as they are read at a time. */
static size_t run_length(const struct window *window, size_t first)
{
    size_t end = first;

    while (end < window->count && end - first < WINDOW_ROWS_MAX && is_in_set(window, end))
        end++;
    return end - first;
}

/* Of a host outside the set nothing more is read. In the order of the slots, in which the rows are. */
void window_look(struct window *window)
{
    struct snapshot *look = points_look(&window->points);
    struct counters rows[WINDOW_ROWS_MAX];

    for (size_t slot = 0, count; slot < window->count; slot += count) {
        count = run_length(window, slot);
        if (count) {
            window->read(window->read_arg, (uint32_t)slot, count, rows);
            snapshot_put_rows(look, slot, count, rows);
        } else {
            snapshot_copy(look, slot, window->points.sent);
            count = 1;
        }
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
    return !snapshot_same(window->points.confirmed, window->points.sent, slot, 1);
}

/* Where what the next report says of a cluster's hosts begins. */
static const struct snapshot *beginning(const struct window *window, uint32_t cluster)
{
    return window->intervals[cluster].again ? window->points.confirmed : window->points.sent;
}

void window_rows(const struct window *window, uint32_t cluster, const uint32_t *slots, size_t count,
                 struct window_row *out)
{
    const struct snapshot *from = beginning(window, cluster), *to = window->points.now;
    bool again = window->intervals[cluster].again;

    for (size_t i = 0; i < count; i++) {
        const struct counts *now = &to->counts[slots[i]];

        load_between(from, to, slots[i], &out[i].load);
        out[i].in_progress = difference(now->rq_issued, now->rq_finished);
        out[i].active_connections = difference(now->cx_established, now->cx_closed);
        out[i].again = again && is_unconfirmed(window, slots[i]);
    }
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

void window_hold(struct window *window, const struct host *host)
{
    snapshot_copy(window->points.now, host->slot, beginning(window, host->cluster));
}

void window_hold_interval(struct window *window, uint32_t cluster)
{
    window->intervals[cluster].is_held = true;
}

/* A mark covers all that was sent on the stream, also of clusters that have left the set since. */
void window_sent(struct window *window, uint64_t now_us, bool mark)
{
    points_sent(&window->points, mark);
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
    return !snapshot_same(window->points.confirmed, window->points.sent, 0, window->count);
}

void window_confirmed(struct window *window)
{
    if (!window->awaits)
        return;
    points_confirmed(&window->points);
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
    snapshot_get(window->points.confirmed, host->slot, &confirmed);
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
        struct window_load load;

        load_between(window->points.confirmed, to, host->slot, &load);
        window_load_add(&sum, &load);
    }
    return sum;
}

/* `marked` moves too, as nothing awaits it before the next mark. */
void window_roll_back(struct window *window, window_again *again, void *arg)
{
    for (size_t i = 0; i < window->interval_count; i++) {
        struct interval *interval = &window->intervals[i];
        struct window_load sum = unconfirmed_of(window, (uint32_t)i, window->points.sent);

        if (!interval->again && !window_load_is_zero(&sum))
            again(arg, (uint32_t)i, &sum);
        interval->again = true;
    }
    points_unmark(&window->points);
    window->awaits = false;
}

void window_unconfirmed(struct window *window, window_again *each, void *arg)
{
    window_look(window);
    for (size_t i = 0; i < window->interval_count; i++) {
        struct window_load sum = unconfirmed_of(window, (uint32_t)i, window->points.now);

        if (!window_load_is_zero(&sum))
            each(arg, (uint32_t)i, &sum);
    }
}
