#include "report/report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "envoy/config/endpoint/v3/load_report.pb-c.h"
#include "report/endpoint_list.h"
#include "report/packing.h"

typedef Envoy__Config__Endpoint__V3__ClusterStats cluster_message;
typedef Envoy__Config__Endpoint__V3__UpstreamLocalityStats locality_message;
typedef Envoy__Config__Endpoint__V3__EndpointLoadMetricStats metric_message;

struct metrics {
    metric_message items[BOUND_KINDS];
    metric_message *list[BOUND_KINDS];
    size_t count;
};

struct locality_entry {
    locality_message message;
    struct metrics metrics;
    Envoy__Config__Core__V3__Locality locality;
    ProtobufCMessageUnknownField endpoints;
    size_t begin, end; /* of its endpoints in the list */
};

/* The messages of one cluster while it is packed, for the largest one. */
struct scratch {
    const struct locality_endpoints **groups; /* in the order of the entries */
    struct locality_entry *localities;
    locality_message **locality_list;
    struct endpoint_list endpoints;
};

static void scratch_clear(struct scratch *scratch)
{
    free(scratch->groups);
    free(scratch->localities);
    free(scratch->locality_list);
    endpoint_list_clear(&scratch->endpoints);
}

static int scratch_init(struct scratch *scratch, const struct clusters *clusters)
{
    size_t groups = 1;

    for (size_t i = 0; i < clusters->count; i++)
        if (groups < clusters->items[i].group_count)
            groups = clusters->items[i].group_count;
    scratch->groups = calloc(groups, sizeof(*scratch->groups));
    scratch->localities = calloc(groups, sizeof(*scratch->localities));
    scratch->locality_list = calloc(groups, sizeof(*scratch->locality_list));
    return scratch->groups && scratch->localities && scratch->locality_list ? 0 : -ENOMEM;
}

/* --- order -------------------------------------------------------------------------------------*/

static int compare_localities(const struct locality *a, const struct locality *b)
{
    int order = strcmp(a->region, b->region);

    if (!order)
        order = strcmp(a->zone, b->zone);
    if (!order)
        order = strcmp(a->sub_zone, b->sub_zone);
    return order;
}

static bool is_own(const struct locality *locality, const Envoy__Config__Core__V3__Node *node)
{
    const Envoy__Config__Core__V3__Locality *own = node->locality;

    return own && !strcmp(locality->region, own->region) && !strcmp(locality->zone, own->zone) &&
           !strcmp(locality->sub_zone, own->sub_zone);
}

static int compare_groups(const void *left, const void *right, void *node)
{
    const struct locality_endpoints *a = *(const struct locality_endpoints *const *)left;
    const struct locality_endpoints *b = *(const struct locality_endpoints *const *)right;
    int order = (a->priority > b->priority) - (a->priority < b->priority);

    if (!order)
        order = is_own(&b->locality, node) - is_own(&a->locality, node);
    if (!order)
        order = compare_localities(&a->locality, &b->locality);
    if (!order)
        order = (a->rank > b->rank) - (a->rank < b->rank); /* as configured */
    if (!order)
        order = (a > b) - (a < b);
    return order;
}

static bool same_entry(const struct locality_endpoints *a, const struct locality_endpoints *b)
{
    return a->priority == b->priority && locality_equal(&a->locality, &b->locality);
}

/* --- entries -----------------------------------------------------------------------------------*/

static bool has_connections(const struct window_row *row)
{
    return row->active_connections || row->load.new_connections || row->load.failed_connections;
}

static bool has_bound(const struct report *report, const struct window_row *row)
{
    return report->error_bound && row->load.bound.is_off;
}

static bool has_numbers(const struct report *report, const struct window_row *row)
{
    return window_row_has_requests(row) || (!report->omit_connections && has_connections(row)) ||
           has_bound(report, row);
}

static bool shows_endpoints(const struct report *report)
{
    return report->endpoints && emission_has_endpoints(report->emission);
}

/* Where any is. */
static bool endpoint_is_shown(const struct report *report, const struct window_row *row)
{
    return window_row_has_requests(row) || has_bound(report, row);
}

/* The entries of a bound that is not zero; none where it is not wanted. */
static void fill_metrics(struct metrics *metrics, const struct report *report,
                         const struct bound *bound)
{
    metrics->count = 0;
    if (!report->error_bound || !bound->is_off)
        return;
    for (enum bound_kind kind = 0; kind < BOUND_KINDS; kind++) {
        metric_message *metric = &metrics->items[metrics->count];
        uint64_t amount = bound->amount[kind];

        if (!amount)
            continue;
        envoy__config__endpoint__v3__endpoint_load_metric_stats__init(metric);
        metric->metric_name = (char *)bound_metric(kind);
        metric->num_requests_finished_with_metric = bound_is_requests(kind) ? amount : 0;
        metric->total_metric_value = (double)amount;
        metrics->list[metrics->count++] = metric;
    }
}

static int add_endpoint(struct scratch *scratch, const struct report *report,
                        const struct host *host, const struct window_row *row)
{
    struct metrics metrics;

    fill_metrics(&metrics, report, &row->load.bound);
    return endpoint_list_add(&scratch->endpoints, &host->address, row, metrics.list, metrics.count);
}

static int add_endpoints(struct scratch *scratch, const struct report *report,
                         const uint32_t *slots, const struct window_row *rows, size_t count)
{
    int error = 0;

    for (size_t i = 0; !error && i < count; i++)
        if (endpoint_is_shown(report, &rows[i]))
            error = add_endpoint(scratch, report, hosts_at(report->hosts, slots[i]), &rows[i]);
    return error;
}

/* In LOGICAL_DNS there is but one host, which all that earlier addresses still count belongs to, under the
 * current one: the last that a name has. */
static int add_logical_endpoint(struct scratch *scratch, const struct report *report,
                                const uint32_t *slots, size_t count, const struct window_row *sum)
{
    const struct host *current = NULL;

    for (size_t i = 0; i < count; i++) {
        const struct host *host = hosts_at(report->hosts, slots[i]);

        if (!current || host->names)
            current = host;
    }
    return current && endpoint_is_shown(report, sum) ? add_endpoint(scratch, report, current, sum)
                                                     : 0;
}

static void add_row(struct window_row *sum, const struct window_row *row)
{
    window_load_add(&sum->load, &row->load);
    sum->in_progress += row->in_progress;
    sum->active_connections += row->active_connections;
    sum->again |= row->again;
}

/* Adds one group's hosts to its locality's entry. */
static int add_group(struct scratch *scratch, const struct report *report, uint32_t cluster,
                     const struct locality_endpoints *group, struct window_row *sum)
{
    const struct cluster *of = &report->clusters->items[cluster];
    bool shows = shows_endpoints(report), is_logical = of->discovery == DISCOVERY_LOGICAL_DNS;
    struct window_row rows[WINDOW_ROWS_MAX];
    size_t count;
    const uint32_t *slots =
        hosts_slots(report->hosts, cluster, (uint32_t)(group - of->groups), &count);
    int error = 0;

    for (size_t first = 0, next; !error && first < count; first = next) {
        next = count - first < WINDOW_ROWS_MAX ? count : first + WINDOW_ROWS_MAX;
        window_rows(report->window, cluster, slots + first, next - first, rows);
        for (size_t i = 0; i < next - first; i++)
            add_row(sum, &rows[i]);
        if (shows && !is_logical)
            error = add_endpoints(scratch, report, slots + first, rows, next - first);
    }
    if (shows && is_logical)
        error = add_logical_endpoint(scratch, report, slots, count, sum);
    return error;
}

static void fill_locality(struct locality_entry *entry, const struct report *report,
                          const struct locality_endpoints *group, const struct window_row *sum)
{
    locality_message *message = &entry->message;

    envoy__config__endpoint__v3__upstream_locality_stats__init(message);
    envoy__config__core__v3__locality__init(&entry->locality);
    entry->locality.region = group->locality.region;
    entry->locality.zone = group->locality.zone;
    entry->locality.sub_zone = group->locality.sub_zone;
    message->locality = &entry->locality;
    message->priority = group->priority;
    message->total_issued_requests = sum->load.issued;
    message->total_successful_requests = sum->load.success;
    message->total_error_requests = sum->load.error;
    message->total_requests_in_progress = sum->in_progress;
    fill_metrics(&entry->metrics, report, &sum->load.bound);
    message->load_metric_stats = entry->metrics.list;
    message->n_load_metric_stats = entry->metrics.count;
    if (report->omit_connections)
        return;
    message->total_active_connections = sum->active_connections;
    message->total_new_connections = sum->load.new_connections;
    message->total_fail_connections = sum->load.failed_connections;
}

/* Is it for an older rule alone that the locality is not shown? Never one of which some was sent before:
 * a receiver drops that for this report. */
static bool is_held_back(const struct report *report, const struct window_row *row)
{
    return !row->again && !report->is_last && report->emission != EMISSION_ENVOY_1_39 &&
           has_numbers(report, row) && !emission_shows(report->emission, row);
}

/* All its hosts wait for a later report. */
static void hold_group(const struct report *report, uint32_t cluster,
                       const struct locality_endpoints *group)
{
    uint32_t index = (uint32_t)(group - report->clusters->items[cluster].groups);
    const struct host *host;

    for (size_t i = 0; (host = hosts_of_group(report->hosts, cluster, index, i)); i++)
        window_hold(report->window, host);
}

/* Of the groups from `first` on those that make one entry. Returns the first of the next entry. */
static size_t entry_end(const struct scratch *scratch, size_t first, size_t count)
{
    size_t next = first + 1;

    while (next < count && same_entry(scratch->groups[first], scratch->groups[next]))
        next++;
    return next;
}

/* The endpoints are all there: the list moves no more. */
static void attach_endpoints(struct scratch *scratch, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct locality_entry *entry = &scratch->localities[i];

        if (entry->begin == entry->end)
            continue;
        entry->endpoints = endpoint_list_field(&scratch->endpoints, entry->begin, entry->end);
        entry->message.base.unknown_fields = &entry->endpoints;
        entry->message.base.n_unknown_fields = 1;
    }
}

/* Makes the entry of the groups from `first` to `next`. Returns whether there is one; -ENOMEM. */
static int add_locality(struct scratch *scratch, const struct report *report, uint32_t cluster,
                        size_t first, size_t next, struct locality_entry *entry,
                        struct window_load *sum)
{
    struct window_row of_locality = {0};

    entry->begin = scratch->endpoints.length;
    for (size_t i = first; i < next; i++)
        if (add_group(scratch, report, cluster, scratch->groups[i], &of_locality))
            return -ENOMEM;
    entry->end = scratch->endpoints.length;
    if (is_held_back(report, &of_locality)) {
        for (size_t i = first; i < next; i++)
            hold_group(report, cluster, scratch->groups[i]);
        return 0;
    }
    window_load_add(sum, &of_locality.load);
    if (!has_numbers(report, &of_locality))
        return 0;
    fill_locality(entry, report, scratch->groups[first], &of_locality);
    return 1;
}

/* Makes the entries of a cluster's localities. 0 with how many there are; -ENOMEM. */
static int add_localities(struct scratch *scratch, const struct report *report, uint32_t cluster,
                          size_t *count, struct window_load *sum)
{
    const struct cluster *of = &report->clusters->items[cluster];
    size_t groups = 0;

    *count = 0;
    scratch->endpoints.length = 0;
    for (size_t i = 0; i < of->group_count; i++)
        if (of->groups[i].presence != PRESENCE_VACANT)
            scratch->groups[groups++] = &of->groups[i];
    qsort_r(scratch->groups, groups, sizeof(*scratch->groups), compare_groups,
            (void *)report->node);
    for (size_t i = 0, next; i < groups; i = next) {
        struct locality_entry *entry = &scratch->localities[*count];
        int added;

        next = entry_end(scratch, i, groups);
        added = add_locality(scratch, report, cluster, i, next, entry, sum);
        if (added < 0)
            return added;
        scratch->locality_list[*count] = &entry->message;
        *count += (size_t)added;
    }
    attach_endpoints(scratch, *count);
    return 0;
}

/* --- the whole ---------------------------------------------------------------------------------*/

/* An empty entry would say that the cluster is idle. That is not so where no socket shows its load, and
 * where it has left the configuration: Envoy has no entry of such a one at all. */
static bool may_be_idle(const struct report *report, const struct cluster *cluster)
{
    if (cluster->protocol == PROTOCOL_OPAQUE && report->omit_connections && !report->error_bound)
        return false;
    return cluster_observed(cluster);
}

static int add_entry(struct packing *packing, const struct report *report, uint32_t cluster,
                     struct scratch *scratch, size_t localities)
{
    const struct cluster *of = &report->clusters->items[cluster];
    uint64_t elapsed_us =
        window_end(report->window, cluster, report->now_us) - window_start(report->window, cluster);
    Google__Protobuf__Duration interval = GOOGLE__PROTOBUF__DURATION__INIT;
    cluster_message message = ENVOY__CONFIG__ENDPOINT__V3__CLUSTER_STATS__INIT;

    interval.seconds = (int64_t)(elapsed_us / 1000000);
    interval.nanos = (int32_t)(elapsed_us % 1000000 * 1000);
    message.cluster_name = of->name;
    message.cluster_service_name = of->service_name;
    message.load_report_interval = &interval;
    message.n_upstream_locality_stats = localities;
    message.upstream_locality_stats = scratch->locality_list;
    return packing_add(packing, &message);
}

static int add_cluster(struct packing *packing, struct scratch *scratch,
                       const struct report *report, uint32_t cluster, struct window_load *sum)
{
    size_t localities;

    if (add_localities(scratch, report, cluster, &localities, sum))
        return -ENOMEM;
    if (localities || may_be_idle(report, &report->clusters->items[cluster]))
        return add_entry(packing, report, cluster, scratch, localities);
    window_hold_interval(report->window, cluster);
    return 0;
}

static int add_clusters(struct packing *packing, const struct report *report,
                        struct window_load *sum)
{
    struct scratch scratch = {0};
    int error = scratch_init(&scratch, report->clusters);

    for (size_t i = 0; !error && i < report->clusters->count; i++)
        if (window_reports(report->window, (uint32_t)i))
            error = add_cluster(packing, &scratch, report, (uint32_t)i, sum);
    scratch_clear(&scratch);
    return error;
}

int report_encode(const struct report *report, struct grpc_messages *out, struct window_load *sum)
{
    struct window_load total = {0};
    struct packing packing;
    int error = packing_init(&packing, (Envoy__Config__Core__V3__Node *)report->node,
                             report->message_max, report->expected);

    if (!error)
        error = add_clusters(&packing, report, &total);
    if (!error)
        error = packing_end(&packing);
    if (error) {
        packing_clear(&packing);
        return error;
    }
    *out = packing.messages;
    *sum = total;
    return 0;
}
