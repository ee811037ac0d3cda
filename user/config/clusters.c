#include "config/clusters.h"

#include <stdlib.h>
#include <string.h>

bool locality_equal(const struct locality *a, const struct locality *b)
{
    return !strcmp(a->region, b->region) && !strcmp(a->zone, b->zone) &&
           !strcmp(a->sub_zone, b->sub_zone);
}

const struct cluster *clusters_find(const struct clusters *clusters, const char *name)
{
    for (size_t i = 0; i < clusters->count; i++)
        if (clusters->items[i].presence == PRESENCE_LIVE &&
            strcmp(clusters->items[i].name, name) == 0)
            return &clusters->items[i];
    return NULL;
}

size_t clusters_live(const struct clusters *clusters)
{
    size_t count = 0;

    for (size_t i = 0; i < clusters->count; i++)
        count += clusters->items[i].presence == PRESENCE_LIVE;
    return count;
}

void locality_endpoints_clear(struct locality_endpoints *group)
{
    free(group->endpoints);
    free(group->locality.region);
    free(group->locality.zone);
    free(group->locality.sub_zone);
    *group = (struct locality_endpoints){.presence = PRESENCE_VACANT};
}

void cluster_clear(struct cluster *cluster)
{
    for (size_t i = 0; i < cluster->group_count; i++)
        locality_endpoints_clear(&cluster->groups[i]);
    for (size_t i = 0; i < cluster->health_check_count; i++) {
        free(cluster->health_checks[i].path);
        free(cluster->health_checks[i].host);
    }
    free(cluster->groups);
    free(cluster->health_checks);
    free(cluster->name);
    free(cluster->service_name);
    *cluster = (struct cluster){.presence = PRESENCE_VACANT};
}

void clusters_clear(struct clusters *clusters)
{
    for (size_t i = 0; i < clusters->count; i++)
        cluster_clear(&clusters->items[i]);
    free(clusters->items);
    *clusters = (struct clusters){.items = NULL};
}

bool cluster_has_names(const struct cluster *cluster)
{
    return cluster->discovery == DISCOVERY_STRICT_DNS ||
           cluster->discovery == DISCOVERY_LOGICAL_DNS;
}

bool cluster_observed(const struct cluster *cluster)
{
    bool has_groups = false, any = false;

    if (cluster->presence != PRESENCE_LIVE)
        return false;
    for (size_t g = 0; g < cluster->group_count; g++)
        has_groups |= cluster->groups[g].presence == PRESENCE_LIVE;
    if (cluster->discovery == DISCOVERY_EDS || cluster->discovery == DISCOVERY_OTHER)
        return has_groups;
    for (size_t g = 0; g < cluster->group_count; g++)
        for (size_t e = 0; e < cluster->groups[g].endpoint_count; e++) {
            if (cluster->groups[g].endpoints[e].host)
                return true;
            any = true;
        }
    return !any;
}
