#include "collector/sums.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct sums {
    void *tree; /* of struct sums_row; balanced, so chosen names cannot make it slow */
    size_t rows, max_rows;
    size_t text, max_text;
    struct sums_row rest;
};

static int compare(const void *left, const void *right)
{
    const struct sums_row *a = left, *b = right;
    int order = strcmp(a->node_id, b->node_id);

    if (order == 0)
        order = strcmp(a->node_cluster, b->node_cluster);
    return order ? order : strcmp(a->cluster, b->cluster);
}

struct sums *sums_new(size_t max_rows, size_t max_text)
{
    struct sums *sums = calloc(1, sizeof(*sums));

    if (!sums)
        return NULL;
    sums->max_rows = max_rows;
    sums->max_text = max_text;
    sums->rest = (struct sums_row){.rest = true, .node_id = "", .node_cluster = "", .cluster = ""};
    return sums;
}

void sums_free(struct sums *sums)
{
    if (!sums)
        return;
    tdestroy(sums->tree, free);
    free(sums);
}

/* A row and its three names in one allocation. */
static struct sums_row *row_new(const struct sums_row *key, size_t text)
{
    struct sums_row *row = calloc(1, sizeof(*row) + text);
    char *at;

    if (!row)
        return NULL;
    at = (char *)(row + 1);
    row->node_id = strcpy(at, key->node_id);
    at += strlen(at) + 1;
    row->node_cluster = strcpy(at, key->node_cluster);
    at += strlen(at) + 1;
    row->cluster = strcpy(at, key->cluster);
    return row;
}

static struct sums_row *row_for(struct sums *sums, const struct sums_row *key)
{
    struct sums_row **found = tfind(key, &sums->tree, compare);
    size_t text = strlen(key->node_id) + strlen(key->node_cluster) + strlen(key->cluster) + 3;
    autofree struct sums_row *row = NULL;

    if (found)
        return *found;
    if (sums->rows >= sums->max_rows || text > sums->max_text - sums->text)
        return &sums->rest;
    row = row_new(key, text);
    if (!row)
        return &sums->rest;
    found = tsearch(row, &sums->tree, compare);
    if (!found)
        return &sums->rest;
    sums->rows++;
    sums->text += text;
    return TAKE(row);
}

static void raise(uint64_t *sum, uint64_t by)
{
    if (__builtin_add_overflow(*sum, by, sum))
        *sum = UINT64_MAX;
}

bool sums_add(struct sums *sums, const char *node_id, const char *node_cluster,
              const Envoy__Config__Endpoint__V3__ClusterStats *stats)
{
    const struct sums_row key = {
        .node_id = node_id, .node_cluster = node_cluster, .cluster = stats->cluster_name};
    struct sums_row *row = row_for(sums, &key);

    raise(&row->reports, 1);
    raise(&row->dropped, stats->total_dropped_requests);
    row->in_progress = 0;
    row->active_connections = 0;
    for (size_t i = 0; i < stats->n_upstream_locality_stats; i++) {
        const Envoy__Config__Endpoint__V3__UpstreamLocalityStats *locality =
            stats->upstream_locality_stats[i];

        raise(&row->issued, locality->total_issued_requests);
        raise(&row->success, locality->total_successful_requests);
        raise(&row->error, locality->total_error_requests);
        raise(&row->new_connections, locality->total_new_connections);
        raise(&row->failed_connections, locality->total_fail_connections);
        raise(&row->in_progress, locality->total_requests_in_progress);
        raise(&row->active_connections, locality->total_active_connections);
    }
    return row->rest;
}

struct visit {
    sums_row_fn *on_row;
    void *arg;
};

static void visit_row(const void *node, VISIT which, void *closure)
{
    const struct visit *visit = closure;

    if (which == postorder || which == leaf) /* each row once, in order */
        visit->on_row(visit->arg, *(const struct sums_row *const *)node);
}

void sums_each(const struct sums *sums, sums_row_fn *on_row, void *arg)
{
    struct visit visit = {on_row, arg};

    twalk_r(sums->tree, visit_row, &visit);
    if (sums->rest.reports > 0)
        on_row(arg, &sums->rest);
}
