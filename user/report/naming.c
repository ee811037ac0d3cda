#include "report/naming.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct naming {
    const struct clusters *clusters;
    uint32_t *by_name; /* places of the clusters, in byte order of their names */
    size_t count;
    bool *wanted; /* by cluster */
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
    if (naming_reserve(naming, clusters->count)) {
        naming_free(naming);
        return NULL;
    }
    naming_refresh(naming);
    return naming;
}

int naming_reserve(struct naming *naming, size_t count)
{
    uint32_t *by_name = reallocarray(naming->by_name, count + 1, sizeof(*by_name));
    bool *wanted;

    if (!by_name)
        return -ENOMEM;
    naming->by_name = by_name;
    wanted = reallocarray(naming->wanted, count + 1, sizeof(*wanted));
    if (!wanted)
        return -ENOMEM;
    naming->wanted = wanted;
    return 0;
}

void naming_refresh(struct naming *naming)
{
    const struct clusters *clusters = naming->clusters;

    naming->count = 0;
    for (size_t i = 0; i < clusters->count; i++) {
        naming->wanted[i] = false;
        if (clusters->items[i].presence != PRESENCE_VACANT)
            naming->by_name[naming->count++] = (uint32_t)i;
    }
    qsort_r(naming->by_name, naming->count, sizeof(*naming->by_name), compare_indices,
            clusters->items);
}

void naming_forget(struct naming *naming, uint32_t cluster)
{
    size_t left = 0;

    for (size_t i = 0; i < naming->count; i++)
        if (naming->by_name[i] != cluster)
            naming->by_name[left++] = naming->by_name[i];
    naming->count = left;
    naming->wanted[cluster] = false;
}

void naming_free(struct naming *naming)
{
    if (!naming)
        return;
    free(naming->by_name);
    free(naming->wanted);
    free(naming);
}

/* In byte order; a NUL may be part of a response's name, but not of a cluster's. */
static int compare(const struct naming *naming, const struct response_name *name, size_t rank)
{
    const char *has = naming->clusters->items[naming->by_name[rank]].name;
    int order = strncmp(name->text, has, name->length);

    if (order)
        return order;
    return has[strnlen(has, name->length)] ? -1 : name->length > strlen(has);
}

/* Sets what a name wants; false: no cluster has it. */
static bool take_name(struct naming *naming, const struct response_name *name)
{
    size_t low = 0, high = naming->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare(naming, name, middle);

        if (order == 0) {
            naming->wanted[naming->by_name[middle]] = true;
            return true;
        }
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return false;
}

size_t naming_apply(struct naming *naming, const struct response *response,
                    naming_unknown_fn *unknown, void *arg)
{
    struct response rest = *response;
    struct response_name name;
    size_t unmatched = 0;

    memset(naming->wanted, response->send_all, naming->clusters->count * sizeof(*naming->wanted));
    while (!response->send_all && response_next_name(&rest, &name)) {
        if (take_name(naming, &name))
            continue;
        unknown(arg, &name);
        unmatched++;
    }
    return unmatched;
}

bool naming_wants(const struct naming *naming, uint32_t cluster)
{
    return naming->wanted[cluster];
}
