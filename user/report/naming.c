#include "report/naming.h"

#include <stdlib.h>
#include <string.h>

struct naming {
    const struct clusters *clusters;
    uint32_t *by_name; /* indices of the clusters in byte order of their names */
    bool *wanted;      /* by cluster */
};

static int compare_indices(const void *a, const void *b, void *clusters)
{
    const struct cluster *items = clusters;

    return strcmp(items[*(const uint32_t *)a].name, items[*(const uint32_t *)b].name);
}

struct naming *naming_new(const struct clusters *clusters)
{
    struct naming *naming = calloc(1, sizeof(*naming));

    if (!naming)
        return NULL;
    naming->clusters = clusters;
    naming->by_name = calloc(clusters->count + 1, sizeof(*naming->by_name));
    naming->wanted = calloc(clusters->count + 1, sizeof(*naming->wanted));
    if (!naming->by_name || !naming->wanted) {
        naming_free(naming);
        return NULL;
    }
    for (size_t i = 0; i < clusters->count; i++)
        naming->by_name[i] = (uint32_t)i;
    qsort_r(naming->by_name, clusters->count, sizeof(*naming->by_name), compare_indices,
            clusters->items);
    return naming;
}

void naming_free(struct naming *naming)
{
    if (!naming)
        return;
    free(naming->by_name);
    free(naming->wanted);
    free(naming);
}

static const char *name_at(const struct naming *naming, size_t rank)
{
    return naming->clusters->items[naming->by_name[rank]].name;
}

/* Both sides are in byte order, so one pass compares them. */
size_t naming_apply(struct naming *naming, const struct response *response, const char **unknown)
{
    size_t count = naming->clusters->count, rank = 0, unmatched = 0;

    memset(naming->wanted, response->send_all, count * sizeof(*naming->wanted));
    if (response->send_all)
        return 0;
    for (size_t i = 0; i < response->cluster_count; i++) {
        const char *name = response->clusters[i];

        while (rank < count && strcmp(name_at(naming, rank), name) < 0)
            rank++;
        if (rank < count && !strcmp(name_at(naming, rank), name)) {
            naming->wanted[naming->by_name[rank]] = true;
            continue;
        }
        *unknown = name;
        unmatched++;
    }
    return unmatched;
}

bool naming_wants(const struct naming *naming, uint32_t cluster)
{
    return naming->wanted[cluster];
}
