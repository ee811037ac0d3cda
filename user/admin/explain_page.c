#include "admin/explain_page.h"

#include <stdio.h>
#include <string.h>

#include "admin/clusters_page.h"
#include "admin/lrs_page.h"

json_t *explain_cluster(const struct admin_view *view, uint32_t cluster)
{
    const char *name = view->clusters->items[cluster].name;

    return json_pack("{s:o, s:o}", "cluster", cluster_json(view, cluster), "next",
                     lrs_next_json(view, name));
}

/* --- an address ------------------------------------------------------------------------------- */

static bool is_literal(const struct endpoint *endpoint, const struct address *address)
{
    struct address literal;

    return endpoint->host && !address_parse(endpoint->host, endpoint->port, &literal) &&
           address_equal(&literal, address);
}

/* Does a name of the configuration that is written like this resolve to the host's address? */
static bool is_name(const struct admin_view *view, const struct host *host,
                    const struct endpoint *endpoint)
{
    const char *name;

    if (!endpoint->host || endpoint->port != host->address.port)
        return false;
    for (size_t i = 0; (name = view->name(view->arg, host, i)); i++)
        if (!strcmp(name, endpoint->host))
            return true;
    return false;
}

/* The places of the configuration that the host comes from. */
static json_t *places_json(const struct admin_view *view, const struct host *host)
{
    const struct cluster *cluster = &view->clusters->items[host->cluster];
    const struct locality_endpoints *group = &cluster->groups[host->group];
    json_t *list = json_array();

    for (size_t i = 0; i < group->endpoint_count; i++) {
        const struct endpoint *endpoint = &group->endpoints[i];
        bool literal = is_literal(endpoint, &host->address);
        char path[128];

        if (!literal && !is_name(view, host, endpoint))
            continue;
        snprintf(path, sizeof(path),
                 "static_resources.clusters[%u].load_assignment.endpoints[%u].lb_endpoints[%zu]",
                 cluster->rank, group->rank, i);
        json_array_append_new(list,
                              json_pack("{s:s, s:s, s:s}", "path", path, "host", endpoint->host,
                                        "found_by", literal ? "address" : "DNS"));
    }
    return list;
}

static const char *why_text(const struct admin_view *view, const struct host *host)
{
    const struct host *owner = hosts_owner(view->hosts, &host->address);

    if (owner != host)
        return owner->cluster == host->cluster
                   ? "another locality of the cluster has the address too, and stands before it in "
                     "the configuration: traffic counts there"
                   : "another cluster has the address too, and stands before it in the "
                     "configuration: traffic counts there";
    if (!host->names)
        return "no name has the address any more: it counts on until nothing of it can be lost";
    return "traffic to the address counts here";
}

static json_t *host_json(const struct admin_view *view, const struct host *host)
{
    const struct cluster *cluster = &view->clusters->items[host->cluster];
    const struct locality_endpoints *group = &cluster->groups[host->group];

    return json_pack("{s:s, s:o, s:I, s:I, s:s, s:o, s:o}", "cluster", cluster->name, "locality",
                     locality_json(&group->locality), "priority", (json_int_t)group->priority,
                     "index", (json_int_t)group->rank, "why", why_text(view, host), "places",
                     places_json(view, host), "endpoint", endpoint_json(view, host));
}

json_t *explain_address(const struct admin_view *view, const struct address *address)
{
    const struct host *owner = hosts_owner(view->hosts, address);
    char text[ADDRESS_TEXT_MAX];
    json_t *list = json_array();

    for (uint32_t slot = 0; owner && slot < hosts_count(view->hosts); slot++) {
        const struct host *host = hosts_at(view->hosts, slot);

        if (host && address_equal(&host->address, address))
            json_array_append_new(list, host_json(view, host));
    }
    return json_pack("{s:s, s:b, s:o, s:o}", "address", address_text(address, text), "observed",
                     owner != NULL, "hosts", list, "next",
                     owner ? lrs_next_json(view, view->clusters->items[owner->cluster].name)
                           : json_null());
}
