#include "upstream/vacate.h"

/* Returns whether any group has a host. */
static bool vacate_groups(struct cluster *cluster, uint32_t index, const struct hosts *hosts)
{
    bool any = false;

    for (uint32_t g = 0; g < cluster->group_count; g++) {
        struct locality_endpoints *group = &cluster->groups[g];

        if (hosts_of_group(hosts, index, g, 0))
            any = true;
        else if (group->presence == PRESENCE_LEAVING)
            locality_endpoints_clear(group);
    }
    return any;
}

void vacate(struct clusters *clusters, const struct hosts *hosts, vacate_forget_fn *forget,
            void *arg)
{
    for (uint32_t c = 0; c < clusters->count; c++) {
        struct cluster *cluster = &clusters->items[c];

        if (cluster->presence == PRESENCE_VACANT || vacate_groups(cluster, c, hosts) ||
            cluster->presence == PRESENCE_LIVE)
            continue;
        forget(arg, c);
        cluster_clear(cluster);
    }
}
