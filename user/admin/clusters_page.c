#include "admin/clusters_page.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "admin/numbers.h"
#include "base/address.h"
#include "report/bound.h"

const char *discovery_text(enum discovery discovery)
{
    static const char *const texts[] = {
        [DISCOVERY_STATIC] = "STATIC",
        [DISCOVERY_STRICT_DNS] = "STRICT_DNS",
        [DISCOVERY_LOGICAL_DNS] = "LOGICAL_DNS",
        [DISCOVERY_EDS] = "EDS",
        [DISCOVERY_ORIGINAL_DST] = "ORIGINAL_DST",
        [DISCOVERY_OTHER] = "OTHER",
    };

    return texts[discovery];
}

const char *protocol_text(enum protocol protocol)
{
    static const char *const texts[] = {
        [PROTOCOL_AUTO] = "auto", [PROTOCOL_HTTP1] = "http1",   [PROTOCOL_HTTP2] = "http2",
        [PROTOCOL_TCP] = "tcp",   [PROTOCOL_OPAQUE] = "opaque",
    };

    return texts[protocol];
}

/* --- text ------------------------------------------------------------------------------------ */

static void write_host(FILE *out, const struct admin_view *view, const struct host *host)
{
    const struct cluster *cluster = &view->clusters->items[host->cluster];
    const struct locality_endpoints *group = &cluster->groups[host->group];
    char address[ADDRESS_TEXT_MAX];
    struct counters row;

    address_text(&host->address, address);
    view->read(view->arg, host->slot, &row);
    for (size_t i = 0; i < number_count; i++)
        fprintf(out, "%s::%s::%s::%" PRIu64 "\n", cluster->name, address,
                numbers[i].envoy ? numbers[i].envoy : numbers[i].name,
                number_of(&numbers[i], &row));
    fprintf(out, "%s::%s::hostname::%s\n", cluster->name, address,
            view->name(view->arg, host, 0) ? view->name(view->arg, host, 0) : "");
    fprintf(out, "%s::%s::leaving::%s\n", cluster->name, address, host->names ? "false" : "true");
    fprintf(out, "%s::%s::undialled::%s\n", cluster->name, address,
            view->undialled(view->arg, host) ? "true" : "false");
    fprintf(out, "%s::%s::region::%s\n", cluster->name, address, group->locality.region);
    fprintf(out, "%s::%s::zone::%s\n", cluster->name, address, group->locality.zone);
    fprintf(out, "%s::%s::sub_zone::%s\n", cluster->name, address, group->locality.sub_zone);
    fprintf(out, "%s::%s::priority::%" PRIu32 "\n", cluster->name, address, group->priority);
}

char *clusters_text(const struct admin_view *view, size_t *length)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, length);

    if (!out)
        return NULL;
    for (uint32_t c = 0; c < view->clusters->count; c++) {
        const struct cluster *cluster = &view->clusters->items[c];
        const struct host *host;

        if (cluster->presence == PRESENCE_VACANT)
            continue;
        fprintf(out, "%s::discovery::%s\n%s::protocol::%s\n%s::observed::%s\n", cluster->name,
                discovery_text(cluster->discovery), cluster->name, protocol_text(cluster->protocol),
                cluster->name, cluster_observed(cluster) ? "true" : "false");
        for (uint32_t g = 0; g < cluster->group_count; g++)
            for (size_t i = 0; (host = hosts_of_group(view->hosts, c, g, i)); i++)
                write_host(out, view, host);
    }
    if (ferror(out) | fclose(out)) {
        free(text);
        return NULL;
    }
    return text;
}

/* --- JSON ------------------------------------------------------------------------------------ */

static json_t *whole(uint64_t number)
{
    return json_integer((json_int_t)(number > INT64_MAX ? INT64_MAX : number));
}

json_t *locality_json(const struct locality *locality)
{
    return json_pack("{s:s, s:s, s:s}", "region", locality->region, "zone", locality->zone,
                     "sub_zone", locality->sub_zone);
}

static json_t *numbers_json(const struct counters *row, enum metric_kind kind)
{
    json_t *object = json_object();

    for (size_t i = 0; i < number_count; i++)
        if (numbers[i].metric.kind == kind)
            json_object_set_new(object, numbers[i].name, whole(number_of(&numbers[i], row)));
    return object;
}

static json_t *bound_json(const struct counters *row)
{
    const struct point nothing = {0};
    json_t *object = json_object();
    struct bound bound;
    struct point now;

    point_of(row, &now);
    bound_between(&nothing.doubts, &now.doubts, &bound);
    for (enum bound_kind kind = 0; kind < BOUND_KINDS; kind++)
        if (bound.amount[kind])
            json_object_set_new(object, bound_name(kind), whole(bound.amount[kind]));
    return object;
}

static json_t *names_json(const struct admin_view *view, const struct host *host)
{
    json_t *list = json_array();
    const char *name;

    for (size_t i = 0; (name = view->name(view->arg, host, i)); i++)
        json_array_append_new(list, json_string(name));
    return list;
}

json_t *endpoint_json(const struct admin_view *view, const struct host *host)
{
    json_t *bound;
    char address[ADDRESS_TEXT_MAX];
    struct counters row;

    view->read(view->arg, host->slot, &row);
    bound = bound_json(&row);
    return json_pack("{s:s, s:o, s:b, s:b, s:b, s:o, s:o, s:b, s:o}", "address",
                     address_text(&host->address, address), "names", names_json(view, host),
                     "leaving", host->names == 0, "counted",
                     hosts_owner(view->hosts, &host->address) == host, "undialled",
                     view->undialled(view->arg, host), "counters",
                     numbers_json(&row, METRIC_COUNTER), "gauges", numbers_json(&row, METRIC_GAUGE),
                     "exact", json_object_size(bound) == 0, "error_bound", bound);
}

static json_t *group_json(const struct admin_view *view, uint32_t cluster, uint32_t group)
{
    const struct locality_endpoints *from = &view->clusters->items[cluster].groups[group];
    json_t *endpoints = json_array();
    const struct host *host;

    for (size_t i = 0; (host = hosts_of_group(view->hosts, cluster, group, i)); i++)
        json_array_append_new(endpoints, endpoint_json(view, host));
    return json_pack("{s:o, s:I, s:b, s:I, s:o}", "locality", locality_json(&from->locality),
                     "priority", (json_int_t)from->priority, "leaving",
                     from->presence == PRESENCE_LEAVING, "index", (json_int_t)from->rank,
                     "endpoints", endpoints);
}

json_t *cluster_json(const struct admin_view *view, uint32_t index)
{
    const struct cluster *cluster = &view->clusters->items[index];
    json_t *groups = json_array();

    for (uint32_t g = 0; g < cluster->group_count; g++)
        if (cluster->groups[g].presence != PRESENCE_VACANT)
            json_array_append_new(groups, group_json(view, index, g));
    return json_pack("{s:s, s:b, s:s, s:s, s:s, s:b, s:b, s:o}", "name", cluster->name, "leaving",
                     cluster->presence == PRESENCE_LEAVING, "service_name", cluster->service_name,
                     "discovery", discovery_text(cluster->discovery), "protocol",
                     protocol_text(cluster->protocol), "observed", cluster_observed(cluster),
                     "reported", reporter_reports(view->reporter, index), "localities", groups);
}

json_t *clusters_json(const struct admin_view *view)
{
    json_t *list = json_array();

    for (uint32_t c = 0; c < view->clusters->count; c++)
        if (view->clusters->items[c].presence != PRESENCE_VACANT)
            json_array_append_new(list, cluster_json(view, c));
    return json_pack("{s:o}", "clusters", list);
}
