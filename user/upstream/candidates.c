#include "upstream/candidates.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct list {
    struct address *items;
    size_t count;
};

static size_t position(const struct list *list, const struct address *address)
{
    size_t i = 0;

    while (i < list->count && !address_equal(&list->items[i], address))
        i++;
    return i;
}

static void add_group(struct list *list, const struct hosts *hosts, uint32_t cluster,
                      uint32_t group)
{
    const struct host *host;

    for (size_t i = 0; (host = hosts_of_group(hosts, cluster, group, i)); i++)
        if (host->names && position(list, &host->address) == list->count)
            list->items[list->count++] = host->address;
}

static size_t count_hosts(const struct hosts *hosts, const struct cluster *of, uint32_t cluster)
{
    size_t count = 0;

    for (uint32_t group = 0; group < of->group_count; group++)
        for (size_t i = 0; hosts_of_group(hosts, cluster, group, i); i++)
            count++;
    return count;
}

/* The least priority above `*priority`, which is below all at first. False: there is none. */
static bool next_priority(const struct cluster *cluster, int64_t *priority)
{
    int64_t next = INT64_MAX;

    for (size_t group = 0; group < cluster->group_count; group++)
        if (cluster->groups[group].priority > *priority && cluster->groups[group].priority < next)
            next = cluster->groups[group].priority;
    *priority = next;
    return next != INT64_MAX;
}

int candidates_rotate(struct address *items, size_t count, const struct address *behind)
{
    const struct list list = {.items = items, .count = count};
    size_t last = behind ? position(&list, behind) : count;

    if (last == count)
        return 0;
    size_t first = last + 1, rest = count - first;
    autofree struct address *head = malloc(first * sizeof(*head));

    if (!head)
        return -ENOMEM;
    memcpy(head, items, first * sizeof(*head));
    memmove(items, items + first, rest * sizeof(*head));
    memcpy(items + rest, head, first * sizeof(*head));
    return 0;
}

int candidates_list(const struct hosts *hosts, const struct clusters *clusters, uint32_t cluster,
                    const struct address *behind, struct address **out, size_t *count)
{
    const struct cluster *of = &clusters->items[cluster];
    autofree struct address *items = calloc(count_hosts(hosts, of, cluster) + 1, sizeof(*items));
    struct list list = {.items = items};
    int64_t priority = -1;

    if (!items)
        return -ENOMEM;
    while (next_priority(of, &priority))
        for (uint32_t group = 0; group < of->group_count; group++)
            if (of->groups[group].priority == priority)
                add_group(&list, hosts, cluster, group);
    if (candidates_rotate(items, list.count, behind))
        return -ENOMEM;
    *count = list.count;
    *out = TAKE(items);
    return 0;
}
