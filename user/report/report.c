#include "report/report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "envoy/config/endpoint/v3/load_report.pb-c.h"

typedef Envoy__Config__Endpoint__V3__ClusterStats cluster_message;
typedef Envoy__Config__Endpoint__V3__UpstreamLocalityStats locality_message;
typedef Envoy__Config__Endpoint__V3__UpstreamEndpointStats endpoint_message;
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
};

struct endpoint_entry {
    endpoint_message message;
    struct metrics metrics;
    Envoy__Config__Core__V3__Address address;
    Envoy__Config__Core__V3__SocketAddress socket;
    char ip[ADDRESS_TEXT_MAX];
};

/* The messages of one cluster while it is packed: an upper bound of each is allocated at once. */
struct scratch {
    const struct locality_endpoints **groups; /* in the order of the entries */
    struct locality_entry *localities;
    locality_message **locality_list;
    struct endpoint_entry *endpoints;
    endpoint_message **endpoint_list;
    size_t endpoint_count;
};

static void scratch_clear(struct scratch *scratch)
{
    free(scratch->groups);
    free(scratch->localities);
    free(scratch->locality_list);
    free(scratch->endpoints);
    free(scratch->endpoint_list);
}

static size_t hosts_in(const struct report *report, uint32_t cluster)
{
    size_t count = 0;

    for (uint32_t group = 0; group < report->clusters->items[cluster].group_count; group++)
        for (size_t i = 0; hosts_of_group(report->hosts, cluster, group, i); i++)
            count++;
    return count;
}

static int scratch_init(struct scratch *scratch, const struct report *report, uint32_t cluster)
{
    size_t groups = report->clusters->items[cluster].group_count + 1;
    size_t hosts = report->endpoints ? hosts_in(report, cluster) + 1 : 1;

    scratch->groups = calloc(groups, sizeof(*scratch->groups));
    scratch->localities = calloc(groups, sizeof(*scratch->localities));
    scratch->locality_list = calloc(groups, sizeof(*scratch->locality_list));
    scratch->endpoints = calloc(hosts, sizeof(*scratch->endpoints));
    scratch->endpoint_list = calloc(hosts, sizeof(*scratch->endpoint_list));
    return scratch->groups && scratch->localities && scratch->locality_list && scratch->endpoints &&
                   scratch->endpoint_list
               ? 0
               : -ENOMEM;
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
    return a->priority == b->priority && !compare_localities(&a->locality, &b->locality);
}

/* --- entries -----------------------------------------------------------------------------------*/

static bool has_requests(const struct window_row *row)
{
    return emission_shows(EMISSION_ENVOY_1_39, row);
}

static bool has_connections(const struct window_row *row)
{
    return row->active_connections || row->load.new_connections || row->load.failed_connections;
}

static bool has_bound(const struct report *report, const struct window_row *row)
{
    return report->error_bound && !bound_is_zero(&row->load.bound);
}

static bool has_numbers(const struct report *report, const struct window_row *row)
{
    return has_requests(row) || (!report->omit_connections && has_connections(row)) ||
           has_bound(report, row);
}

static bool endpoint_is_shown(const struct report *report, const struct window_row *row)
{
    return report->endpoints && emission_has_endpoints(report->emission) &&
           (has_requests(row) || has_bound(report, row));
}

/* The entries of a bound that is not zero; none where it is not wanted. */
static void fill_metrics(struct metrics *metrics, const struct report *report,
                         const struct bound *bound)
{
    metrics->count = 0;
    for (enum bound_kind kind = 0; report->error_bound && kind < BOUND_KINDS; kind++) {
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

static void add_endpoint(struct scratch *scratch, const struct report *report,
                         const struct host *host, const struct window_row *row)
{
    struct endpoint_entry *entry = &scratch->endpoints[scratch->endpoint_count];

    envoy__config__core__v3__socket_address__init(&entry->socket);
    entry->socket.address = (char *)address_ip_text(&host->address, entry->ip);
    entry->socket.port_specifier_case =
        ENVOY__CONFIG__CORE__V3__SOCKET_ADDRESS__PORT_SPECIFIER_PORT_VALUE;
    entry->socket.port_value = host->address.port;
    envoy__config__core__v3__address__init(&entry->address);
    entry->address.address_case = ENVOY__CONFIG__CORE__V3__ADDRESS__ADDRESS_SOCKET_ADDRESS;
    entry->address.socket_address = &entry->socket;

    envoy__config__endpoint__v3__upstream_endpoint_stats__init(&entry->message);
    entry->message.address = &entry->address;
    entry->message.total_issued_requests = row->load.issued;
    entry->message.total_successful_requests = row->load.success;
    entry->message.total_error_requests = row->load.error;
    entry->message.total_requests_in_progress = row->in_progress;
    fill_metrics(&entry->metrics, report, &row->load.bound);
    entry->message.load_metric_stats = entry->metrics.list;
    entry->message.n_load_metric_stats = entry->metrics.count;
    scratch->endpoint_list[scratch->endpoint_count++] = &entry->message;
}

/* Adds one group's hosts to its locality's entry. In LOGICAL_DNS there is but one host, which all that
 * earlier addresses still count belongs to, under the current one. */
static void add_group(struct scratch *scratch, const struct report *report, uint32_t cluster,
                      const struct locality_endpoints *group, struct window_row *sum)
{
    const struct cluster *of = &report->clusters->items[cluster];
    bool is_logical = of->discovery == DISCOVERY_LOGICAL_DNS;
    uint32_t index = (uint32_t)(group - of->groups);
    const struct host *host, *current = NULL;

    for (size_t i = 0; (host = hosts_of_group(report->hosts, cluster, index, i)); i++) {
        struct window_row row;

        window_row(report->window, host->slot, &row);
        window_load_add(&sum->load, &row.load);
        sum->in_progress += row.in_progress;
        sum->active_connections += row.active_connections;
        sum->again |= row.again;
        if (!is_logical && endpoint_is_shown(report, &row))
            add_endpoint(scratch, report, host, &row);
        if (!current || host->names)
            current = host;
    }
    if (is_logical && current && endpoint_is_shown(report, sum))
        add_endpoint(scratch, report, current, sum);
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
        window_hold(report->window, host->slot);
}

/* Makes the entries of a cluster's localities. Returns how many there are. */
static size_t add_localities(struct scratch *scratch, const struct report *report, uint32_t cluster,
                             struct window_load *sum)
{
    const struct cluster *of = &report->clusters->items[cluster];
    size_t count = 0, groups = 0;

    for (size_t i = 0; i < of->group_count; i++)
        if (of->groups[i].presence != PRESENCE_VACANT)
            scratch->groups[groups++] = &of->groups[i];
    qsort_r(scratch->groups, groups, sizeof(*scratch->groups), compare_groups,
            (void *)report->node);
    for (size_t i = 0, next; i < groups; i = next) {
        struct locality_entry *entry = &scratch->localities[count];
        size_t first_endpoint = scratch->endpoint_count;
        struct window_row of_locality = {0};

        for (next = i; next < groups; next++) {
            if (!same_entry(scratch->groups[i], scratch->groups[next]))
                break;
            add_group(scratch, report, cluster, scratch->groups[next], &of_locality);
        }
        if (is_held_back(report, &of_locality)) {
            for (size_t j = i; j < next; j++)
                hold_group(report, cluster, scratch->groups[j]);
            continue;
        }
        window_load_add(sum, &of_locality.load);
        if (!has_numbers(report, &of_locality))
            continue;
        fill_locality(entry, report, scratch->groups[i], &of_locality);
        entry->message.upstream_endpoint_stats = scratch->endpoint_list + first_endpoint;
        entry->message.n_upstream_endpoint_stats = scratch->endpoint_count - first_endpoint;
        scratch->locality_list[count++] = &entry->message;
    }
    return count;
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

static int add_cluster(struct packing *packing, const struct report *report, uint32_t cluster,
                       struct window_load *sum)
{
    struct scratch scratch = {0};
    int error = scratch_init(&scratch, report, cluster);
    size_t localities = error ? 0 : add_localities(&scratch, report, cluster, sum);

    if (!error && !localities && !may_be_idle(report, &report->clusters->items[cluster]))
        window_hold_interval(report->window, cluster);
    else if (!error)
        error = add_entry(packing, report, cluster, &scratch, localities);
    scratch_clear(&scratch);
    return error;
}

/* No more than one cluster is held unpacked. */
int report_encode(const struct report *report, struct packing *out, struct window_load *sum)
{
    struct window_load total = {0};
    struct packing packing;
    int error =
        packing_init(&packing, (Envoy__Config__Core__V3__Node *)report->node, report->message_max);

    for (size_t i = 0; !error && i < report->clusters->count; i++)
        if (window_reports(report->window, (uint32_t)i))
            error = add_cluster(&packing, report, (uint32_t)i, &total);
    if (!error)
        error = packing_end(&packing);
    if (error) {
        packing_clear(&packing);
        return error;
    }
    *out = packing;
    *sum = total;
    return 0;
}
