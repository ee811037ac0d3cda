#include "collector/parts.h"

#include <stdlib.h>
#include <string.h>

#include "base/contract.h"

static bool is_named(const char *name, const char *cluster)
{
    return name && !strcmp(name, cluster);
}

static bool goes_on(const struct parts *parts, const char *first, size_t length)
{
    if (parts->is_open)
        return true;
    return parts->length + length > PACKING_MAX && !is_named(parts->message_begins, first) &&
           !is_named(parts->report_begins, first);
}

static void replace(char **name, const char *by)
{
    free(*name);
    *name = strdup(by);
}

bool parts_go_on(struct parts *parts,
                 const Envoy__Service__LoadStats__V3__LoadStatsRequest *message, size_t length)
{
    size_t count = message->n_cluster_stats;
    bool more = count > 0 && goes_on(parts, message->cluster_stats[0]->cluster_name, length);

    if (count > 0 && !more)
        replace(&parts->report_begins, message->cluster_stats[0]->cluster_name);
    if (count > 0)
        replace(&parts->message_begins, message->cluster_stats[0]->cluster_name);
    parts->length = length;
    parts->is_open = count > 0 && !message->cluster_stats[count - 1]->load_report_interval;
    return more;
}

void parts_clear(struct parts *parts)
{
    free(parts->report_begins);
    free(parts->message_begins);
    *parts = (struct parts){0};
}
