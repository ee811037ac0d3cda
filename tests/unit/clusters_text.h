/* Clusters that tests write as a text. */
#pragma once

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "config/clusters.h"

/* A configuration as a text: clusters in their order, each "NAME[:PROTOCOL][!DISCOVERY][/CHECK]", then its
 * groups, each "REGION.PRIORITY", with their endpoints behind a "=", of which "|" is a pipe, and any other
 * one's port as large as its name is long:
 *   "a:3 east.0=h1,h2 west.1=h1;b" */
static inline void read_group(struct locality_endpoints *group, char *text)
{
    char *rest = text, *name = strsep(&rest, "="), *region = strsep(&name, ".");
    char *host;

    group->locality = (struct locality){strdup(region), strdup(""), strdup("")};
    group->priority = (uint32_t)atoi(name);
    group->endpoints = calloc(1, 16 * sizeof(*group->endpoints) + (rest ? strlen(rest) + 1 : 0));
    if (rest) /* the hosts' texts lie behind their endpoints */
        rest = strcpy((char *)&group->endpoints[16], rest);
    while (rest && (host = strsep(&rest, ",")))
        group->endpoints[group->endpoint_count++] =
            (struct endpoint){.host = *host == '|' ? NULL : host, .port = (uint16_t)strlen(host)};
}

static inline void read_cluster(struct cluster *cluster, char *text)
{
    char *rest = text, *name = strsep(&rest, " "), *group;
    const char *check = strchr(name, '/'), *dns = strchr(name, '!'), *protocol = strchr(name, ':');

    *cluster = (struct cluster){.name = strndup(name, strcspn(name, ":!/")),
                                .service_name = strdup(""),
                                .protocol = protocol ? (enum protocol)atoi(protocol + 1) : 0,
                                .discovery = dns ? (enum discovery)atoi(dns + 1) : 0,
                                .groups = calloc(16, sizeof(*cluster->groups))};
    if (check) {
        cluster->health_checks = calloc(1, sizeof(*cluster->health_checks));
        cluster->health_checks[cluster->health_check_count++] =
            (struct health_check){strdup(check), strdup("")};
    }
    while (rest && (group = strsep(&rest, " "))) {
        cluster->groups[cluster->group_count].rank = (uint32_t)cluster->group_count;
        read_group(&cluster->groups[cluster->group_count++], group);
    }
}

static inline struct clusters configuration(const char *text)
{
    struct clusters out = {.items = calloc(16, sizeof(*out.items))};
    autofree char *copy = strdup(text);
    char *rest = copy, *cluster;

    while (*text && (cluster = strsep(&rest, ";"))) {
        read_cluster(&out.items[out.count], cluster);
        out.items[out.count].rank = (uint32_t)out.count;
        out.count++;
    }
    return out;
}
