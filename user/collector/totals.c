#include "collector/totals.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "collector/again.h"

#define RUNS_MAX 8192

typedef const Envoy__Config__Endpoint__V3__ClusterStats cluster_stats;
typedef const Envoy__Config__Endpoint__V3__UpstreamLocalityStats locality_stats;

struct totals {
    void *tree; /* of struct totals_row; balanced, so chosen names cannot make it slow */
    struct totals_limits limits;
    struct totals_numbers numbers;
    size_t text;
    size_t gauges;
    struct again *again;
    struct totals_row overflow;
};

struct totals_gauge {
    struct totals_row *row;
    uint64_t in_progress, active_connections;
};

/* --- rows ------------------------------------------------------------------------------ */

static int compare(const void *left, const void *right)
{
    const struct totals_row *a = left, *b = right;
    int order = strcmp(a->node_cluster, b->node_cluster);

    if (order == 0)
        order = strcmp(a->cluster, b->cluster);
    if (order == 0)
        order = (int)a->kind - (int)b->kind;
    if (order == 0)
        order = strcmp(a->region, b->region);
    if (order == 0)
        order = strcmp(a->zone, b->zone);
    if (order == 0)
        order = strcmp(a->sub_zone, b->sub_zone);
    return order ? order : (a->priority > b->priority) - (a->priority < b->priority);
}

struct totals *totals_new(const struct totals_limits *limits)
{
    struct totals *totals = calloc(1, sizeof(*totals));

    if (!totals)
        return NULL;
    totals->again = again_new(limits->again, RUNS_MAX);
    if (!totals->again) {
        free(totals);
        return NULL;
    }
    totals->limits = *limits;
    totals->overflow = (struct totals_row){.kind = TOTALS_OVERFLOW,
                                           .node_cluster = "",
                                           .cluster = "",
                                           .region = "",
                                           .zone = "",
                                           .sub_zone = ""};
    return totals;
}

void totals_free(struct totals *totals)
{
    if (!totals)
        return;
    again_free(totals->again);
    tdestroy(totals->tree, free);
    free(totals);
}

static const char *copy(char **at, const char *text)
{
    char *start = *at;

    *at = stpcpy(start, text) + 1;
    return start;
}

/* A row and its names in one allocation. */
static struct totals_row *row_new(const struct totals_row *key, size_t text)
{
    struct totals_row *row = malloc(sizeof(*row) + text);
    char *at = (char *)(row + 1);

    if (!row)
        return NULL;
    *row = (struct totals_row){.kind = key->kind, .priority = key->priority};
    row->node_cluster = copy(&at, key->node_cluster);
    row->cluster = copy(&at, key->cluster);
    row->region = copy(&at, key->region);
    row->zone = copy(&at, key->zone);
    row->sub_zone = copy(&at, key->sub_zone);
    return row;
}

static struct totals_row *overflow(struct totals *totals)
{
    totals->numbers.overflowed++;
    return &totals->overflow;
}

static struct totals_row *row_for(struct totals *totals, const struct totals_row *key)
{
    struct totals_row **found = tfind(key, &totals->tree, compare);
    size_t text = strlen(key->node_cluster) + strlen(key->cluster) + strlen(key->region) +
                  strlen(key->zone) + strlen(key->sub_zone) + 5;
    autofree struct totals_row *row = NULL;

    if (found)
        return *found;
    if (totals->numbers.rows >= totals->limits.rows || text > totals->limits.text - totals->text)
        return overflow(totals);
    row = row_new(key, text);
    if (!row || !tsearch(row, &totals->tree, compare))
        return overflow(totals);
    totals->numbers.rows++;
    totals->text += text;
    return TAKE(row);
}

/* --- gauges ------------------------------------------------------------------------------ */

static int make_room(struct totals_gauges *gauges)
{
    size_t room = gauges->room ? gauges->room * 2 : 8;
    struct totals_gauge *items = gauges->items;

    if (gauges->count < gauges->room)
        return 0;
    items = realloc(items, room * sizeof(*items));
    if (!items)
        return -1;
    gauges->items = items;
    gauges->room = room;
    return 0;
}

static void add_gauge(struct totals *totals, struct totals_gauges *gauges, struct totals_gauge add)
{
    if (add.in_progress == 0 && add.active_connections == 0)
        return;
    if (totals->gauges >= totals->limits.gauges || make_room(gauges)) {
        totals->numbers.gauges_missed++;
        return;
    }
    gauges->items[gauges->count++] = add;
    totals->gauges++;
    add.row->in_progress += add.in_progress;
    add.row->active_connections += add.active_connections;
}

/* Frees the list too: a stream that had much in progress once does not keep the memory. */
void totals_forget(struct totals *totals, struct totals_gauges *gauges)
{
    for (size_t i = 0; i < gauges->count; i++) {
        const struct totals_gauge *gauge = &gauges->items[i];

        gauge->row->in_progress -= gauge->in_progress;
        gauge->row->active_connections -= gauge->active_connections;
    }
    totals->gauges -= gauges->count;
    free(gauges->items);
    *gauges = (struct totals_gauges){0};
}

/* --- reports ------------------------------------------------------------------------------ */

static void raise(uint64_t *sum, uint64_t by)
{
    if (__builtin_add_overflow(*sum, by, sum))
        *sum = UINT64_MAX;
}

static void count(struct totals *totals, struct totals_row *row, struct totals_counts counts)
{
    again_take(totals->again, row, &counts);
    raise(&row->counts.issued, counts.issued);
    raise(&row->counts.success, counts.success);
    raise(&row->counts.error, counts.error);
    raise(&row->counts.dropped, counts.dropped);
    raise(&row->counts.new_connections, counts.new_connections);
    raise(&row->counts.failed_connections, counts.failed_connections);
}

static void add_locality(struct totals *totals, struct totals_gauges *gauges,
                         const struct totals_row *cluster, locality_stats *stats)
{
    const Envoy__Config__Core__V3__Locality *locality = stats->locality;
    struct totals_row key = *cluster, *row;

    key.kind = TOTALS_LOCALITY;
    key.priority = stats->priority;
    if (locality) {
        key.region = locality->region;
        key.zone = locality->zone;
        key.sub_zone = locality->sub_zone;
    }
    row = row_for(totals, &key);
    count(totals, row,
          (struct totals_counts){
              .issued = stats->total_issued_requests,
              .success = stats->total_successful_requests,
              .error = stats->total_error_requests,
              .new_connections = stats->total_new_connections,
              .failed_connections = stats->total_fail_connections,
          });
    add_gauge(totals, gauges,
              (struct totals_gauge){row, stats->total_requests_in_progress,
                                    stats->total_active_connections});
}

void totals_begin(struct totals *totals, const struct origin *origin, uint64_t message)
{
    again_begin(totals->again, origin, message);
}

void totals_end(struct totals *totals)
{
    again_end(totals->again);
}

void totals_add(struct totals *totals, struct totals_gauges *gauges, const char *node_cluster,
                cluster_stats *stats)
{
    const struct totals_row cluster = {.kind = TOTALS_CLUSTER,
                                       .node_cluster = node_cluster,
                                       .cluster = stats->cluster_name,
                                       .region = "",
                                       .zone = "",
                                       .sub_zone = ""};

    if (stats->total_dropped_requests > 0)
        count(totals, row_for(totals, &cluster),
              (struct totals_counts){.dropped = stats->total_dropped_requests});
    for (size_t i = 0; i < stats->n_upstream_locality_stats; i++)
        add_locality(totals, gauges, &cluster, stats->upstream_locality_stats[i]);
}

/* --- reading ------------------------------------------------------------------------------ */

struct totals_numbers totals_numbers(const struct totals *totals)
{
    return totals->numbers;
}

struct visit {
    totals_row_fn *on_row;
    void *arg;
};

static void visit_row(const void *node, VISIT which, void *closure)
{
    const struct visit *visit = closure;

    if (which == postorder || which == leaf) /* each row once, in order */
        visit->on_row(visit->arg, *(const struct totals_row *const *)node);
}

void totals_each(const struct totals *totals, totals_row_fn *on_row, void *arg)
{
    struct visit visit = {on_row, arg};

    twalk_r(totals->tree, visit_row, &visit);
    if (totals->numbers.overflowed > 0)
        on_row(arg, &totals->overflow);
}
