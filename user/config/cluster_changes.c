#include "config/cluster_changes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "config/endpoint_difference.h"

/* Where a cluster of the new configuration goes. */
struct cluster_place {
    uint32_t cluster;
    uint32_t *groups;                  /* by group */
    struct locality_endpoints *merged; /* room for the groups of both configurations */
    size_t merged_count;
};

static const struct locality_endpoints no_endpoints;

/* --- what is different in a cluster -------------------------------------------------------------*/

static bool same_checks(const struct cluster *a, const struct cluster *b)
{
    if (a->health_check_count != b->health_check_count)
        return false;
    for (size_t i = 0; i < a->health_check_count; i++)
        if (strcmp(a->health_checks[i].path, b->health_checks[i].path) ||
            strcmp(a->health_checks[i].host, b->health_checks[i].host))
            return false;
    return true;
}

static bool same_refresh(const struct dns_refresh *a, const struct dns_refresh *b)
{
    return a->rate_ms == b->rate_ms && a->failure_base_ms == b->failure_base_ms &&
           a->failure_max_ms == b->failure_max_ms && a->jitter_ms == b->jitter_ms &&
           a->respect_ttl == b->respect_ttl;
}

static uint8_t kinds_of_change(const struct cluster *a, const struct cluster *b)
{
    bool counting = a->protocol != b->protocol || !same_checks(a, b);
    bool resolving = a->discovery != b->discovery || a->dns_family != b->dns_family ||
                     !same_refresh(&a->dns_refresh, &b->dns_refresh);

    return (uint8_t)((counting ? CHANGED_COUNTING : 0) | (resolving ? CHANGED_RESOLVING : 0));
}

static int append(struct endpoint_change **list, size_t *count, const struct endpoint *endpoint,
                  uint32_t cluster, uint32_t group)
{
    bool is_full = !(*count & (*count - 1)); /* at each power of two */
    char *host = strdup(endpoint->host);

    if (host && is_full) {
        struct endpoint_change *more = reallocarray(*list, 2 * *count + 1, sizeof(**list));

        if (!more)
            free(TAKE(host));
        else
            *list = more;
    }
    if (!host)
        return -ENOMEM;
    (*list)[(*count)++] = (struct endpoint_change){cluster, group, host, endpoint->port};
    return 0;
}

/* The endpoints of one group, whose place it is, before and after. */
static int compare_group(struct cluster_changes *changes, uint32_t cluster, uint32_t group,
                         const struct locality_endpoints *from, const struct locality_endpoints *to)
{
    autofree bool *gone = calloc(from->endpoint_count + 1, sizeof(*gone));
    autofree bool *come = calloc(to->endpoint_count + 1, sizeof(*come));
    int failed = gone && come ? endpoint_difference(from, to, gone, come) : -ENOMEM;

    for (size_t i = 0; !failed && i < to->endpoint_count; i++)
        if (come[i])
            failed =
                append(&changes->added, &changes->added_count, &to->endpoints[i], cluster, group);
    for (size_t i = 0; !failed && i < from->endpoint_count; i++)
        if (gone[i])
            failed = append(&changes->dropped, &changes->dropped_count, &from->endpoints[i],
                            cluster, group);
    return failed;
}

/* --- places ------------------------------------------------------------------------------------*/

static bool same_group(const struct locality_endpoints *a, const struct locality_endpoints *b)
{
    return a->presence != PRESENCE_VACANT && a->priority == b->priority &&
           locality_equal(&a->locality, &b->locality);
}

/* The place of a group: its own, or a vacant one, or the next one behind all. It is taken then. */
static uint32_t place_group(const struct cluster *from, const struct locality_endpoints *group,
                            size_t hint, bool *taken, size_t *count)
{
    size_t i = hint;

    if (i >= from->group_count || taken[i] || !same_group(&from->groups[i], group))
        for (i = 0; i < from->group_count; i++)
            if (!taken[i] && same_group(&from->groups[i], group))
                break;
    if (i == from->group_count)
        for (i = 0; i < from->group_count; i++)
            if (!taken[i] && from->groups[i].presence == PRESENCE_VACANT)
                break;
    if (i == from->group_count)
        return (uint32_t)(*count)++;
    taken[i] = true;
    return (uint32_t)i;
}

/* `from` has no groups where the cluster is new. */
static int place_groups(struct cluster_changes *changes, struct cluster_place *place,
                        const struct cluster *from, const struct cluster *to)
{
    autofree bool *taken = calloc(from->group_count + 1, sizeof(*taken));
    int failed = 0;

    place->groups = calloc(to->group_count + 1, sizeof(*place->groups));
    place->merged =
        calloc(from->group_count + to->group_count + 1, sizeof(struct locality_endpoints));
    if (!taken || !place->groups || !place->merged)
        return -ENOMEM;
    place->merged_count = from->group_count;
    for (size_t i = 0; i < to->group_count && !failed; i++) {
        uint32_t at = place_group(from, &to->groups[i], i, taken, &place->merged_count);
        bool is_old = at < from->group_count && from->groups[at].presence != PRESENCE_VACANT;

        place->groups[i] = at;
        failed = compare_group(changes, place->cluster, at,
                               is_old ? &from->groups[at] : &no_endpoints, &to->groups[i]);
    }
    for (size_t i = 0; i < from->group_count && !failed; i++)
        if (!taken[i])
            failed = compare_group(changes, place->cluster, (uint32_t)i, &from->groups[i],
                                   &no_endpoints);
    return failed;
}

/* --- all clusters ------------------------------------------------------------------------------*/

static int compare_names(const void *a, const void *b)
{
    return strcmp((*(const struct cluster *const *)a)->name,
                  (*(const struct cluster *const *)b)->name);
}

/* The clusters that are there, live or leaving, by name. */
struct directory {
    const struct cluster **items; /* room for all places */
    size_t count;
};

static void directory_fill(struct directory *directory, const struct clusters *clusters)
{
    for (size_t i = 0; i < clusters->count; i++)
        if (clusters->items[i].presence != PRESENCE_VACANT)
            directory->items[directory->count++] = &clusters->items[i];
    qsort(directory->items, directory->count, sizeof(const struct cluster *), compare_names);
}

static const struct cluster *directory_find(const struct directory *directory,
                                            const struct cluster *wanted)
{
    const struct cluster **found = bsearch(&wanted, directory->items, directory->count,
                                           sizeof(const struct cluster *), compare_names);

    return found ? *found : NULL;
}

/* The next place that nobody has. */
static uint32_t vacant_place(struct cluster_changes *changes, const struct clusters *from,
                             size_t *next)
{
    while (*next < from->count && from->items[*next].presence != PRESENCE_VACANT)
        ++*next;
    return (uint32_t)(*next < from->count ? (*next)++ : changes->cluster_count++);
}

/* Sets `stays` of those that are in both. */
static int place_clusters(struct cluster_changes *changes, const struct directory *directory,
                          const struct clusters *from, const struct clusters *to, bool *stays)
{
    static const struct cluster nothing;
    size_t next_vacant = 0;
    int failed = 0;

    for (size_t i = 0; i < to->count && !failed; i++) {
        struct cluster_place *place = &changes->places[changes->place_count++];
        const struct cluster *before = directory_find(directory, &to->items[i]);
        bool is_back = before && before->presence == PRESENCE_LEAVING;

        place->cluster =
            before ? (uint32_t)(before - from->items) : vacant_place(changes, from, &next_vacant);
        changes->new_clusters += !before || is_back;
        if (before) {
            stays[place->cluster] = true;
            changes->kinds[place->cluster] = kinds_of_change(before, &to->items[i]);
        }
        failed = place_groups(changes, place, before ? before : &nothing, &to->items[i]);
    }
    return failed;
}

/* All endpoints of those that do not stay. */
static int drop_others(struct cluster_changes *changes, const struct clusters *from,
                       const bool *stays)
{
    int failed = 0;

    for (uint32_t c = 0; c < from->count; c++) {
        const struct cluster *cluster = &from->items[c];

        if (stays[c] || cluster->presence != PRESENCE_LIVE)
            continue;
        changes->lost_clusters++;
        for (uint32_t g = 0; g < cluster->group_count && !failed; g++)
            failed = compare_group(changes, c, g, &cluster->groups[g], &no_endpoints);
    }
    return failed;
}

static int find(struct cluster_changes *changes, const struct clusters *from,
                const struct clusters *to)
{
    autofree const struct cluster **items = calloc(from->count + 1, sizeof(*items));
    autofree bool *stays = calloc(from->count + 1, sizeof(*stays));
    struct directory directory = {.items = items};
    int failed;

    changes->places = calloc(to->count + 1, sizeof(*changes->places));
    changes->kinds = calloc(from->count + to->count + 1, sizeof(*changes->kinds));
    changes->items = calloc(from->count + to->count + 1, sizeof(*changes->items));
    if (!items || !stays || !changes->places || !changes->kinds || !changes->items)
        return -ENOMEM;
    directory_fill(&directory, from);
    changes->cluster_count = from->count;
    failed = place_clusters(changes, &directory, from, to, stays);
    return failed ? failed : drop_others(changes, from, stays);
}

int cluster_changes_find(const struct clusters *from, const struct clusters *to,
                         struct cluster_changes **out)
{
    struct cluster_changes *changes = calloc(1, sizeof(*changes));
    int failed = changes ? find(changes, from, to) : -ENOMEM;

    if (failed)
        cluster_changes_free(changes);
    else
        *out = changes;
    return failed;
}

/* --- the change itself -------------------------------------------------------------------------*/

static void leave_group(struct locality_endpoints *group)
{
    free(TAKE(group->endpoints));
    group->endpoint_count = 0;
    if (group->presence == PRESENCE_LIVE)
        group->presence = PRESENCE_LEAVING;
}

static void leave_cluster(struct cluster *cluster)
{
    for (size_t i = 0; i < cluster->group_count; i++)
        leave_group(&cluster->groups[i]);
    if (cluster->presence == PRESENCE_LIVE)
        cluster->presence = PRESENCE_LEAVING;
}

/* `cluster`, all of which leaves, becomes `to`. */
static void replace_cluster(struct cluster *cluster, struct cluster *to,
                            struct cluster_place *place)
{
    struct locality_endpoints *groups = TAKE(place->merged);
    autofree struct locality_endpoints *taken = TAKE(to->groups);

    if (cluster->group_count)
        memcpy(groups, cluster->groups, cluster->group_count * sizeof(*groups));
    for (size_t i = 0; i < to->group_count; i++) {
        struct locality_endpoints *group = &groups[place->groups[i]];

        locality_endpoints_clear(group);
        *group = taken[i];
    }
    cluster->group_count = 0; /* its groups have moved */
    cluster_clear(cluster);
    *cluster = *to;
    cluster->groups = groups;
    cluster->group_count = place->merged_count;
    *to = (struct cluster){.presence = PRESENCE_VACANT};
}

void cluster_changes_make(struct cluster_changes *changes, struct clusters *clusters,
                          struct clusters *to)
{
    struct cluster *items = TAKE(changes->items);

    for (size_t i = 0; i < clusters->count; i++) {
        items[i] = clusters->items[i];
        leave_cluster(&items[i]);
    }
    free(clusters->items);
    *clusters = (struct clusters){.items = items, .count = changes->cluster_count};
    for (size_t i = 0; i < to->count; i++)
        replace_cluster(&items[changes->places[i].cluster], &to->items[i], &changes->places[i]);
    clusters_clear(to);
}

uint32_t cluster_changes_place(const struct cluster_changes *changes, size_t i)
{
    return changes->places[i].cluster;
}

static void free_list(struct endpoint_change *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(list[i].host);
    free(list);
}

void cluster_changes_free(struct cluster_changes *changes)
{
    if (!changes)
        return;
    free_list(changes->added, changes->added_count);
    free_list(changes->dropped, changes->dropped_count);
    for (size_t i = 0; i < changes->place_count; i++) {
        free(changes->places[i].groups);
        free(changes->places[i].merged);
    }
    free(changes->places);
    free(changes->kinds);
    free(changes->items);
    free(changes);
}
