#include "upstream/hosts.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"

/* Without memory uthash would call exit(); instead it takes the item back and tells us. */
#define HASH_NONFATAL_OOM 1
#define uthash_nonfatal_oom(item) ((item)->added = false)
#include <uthash.h>

struct record {
    struct host host;
    bool added;
    UT_hash_handle hh; /* by cluster, group and address: struct host from `cluster` on */
};

/* Who counts an address. */
struct ownership {
    struct address address;
    const struct host *owner;
    bool added;
    UT_hash_handle hh;
};

struct list {
    struct record **items;
    size_t count, room;
};

struct hosts {
    const struct clusters *clusters;
    struct list all; /* by slot; owns the records */
    struct list *by_group;
    size_t *first_group; /* of each cluster, index into by_group */
    size_t group_count;
    struct record *by_place;
    struct ownership *by_address;
};

#define PLACE_OFFSET offsetof(struct host, cluster)
#define PLACE_SIZE (offsetof(struct host, address) + sizeof(struct address) - PLACE_OFFSET)

/* Both are used as keys byte by byte. */
_Static_assert(sizeof(struct address) == 18, "struct address has no padding");
_Static_assert(offsetof(struct host, address) == PLACE_OFFSET + 2 * sizeof(uint32_t),
               "no padding between the parts of a place");

struct hosts *hosts_new(const struct clusters *clusters)
{
    struct hosts *hosts = calloc(1, sizeof(*hosts));

    if (!hosts)
        return NULL;
    hosts->clusters = clusters;
    hosts->first_group = calloc(clusters->count + 1, sizeof(*hosts->first_group));
    if (!hosts->first_group)
        goto fail;
    for (size_t i = 0; i < clusters->count; i++) {
        hosts->first_group[i] = hosts->group_count;
        hosts->group_count += clusters->items[i].group_count;
    }
    hosts->by_group = calloc(hosts->group_count + 1, sizeof(*hosts->by_group));
    if (!hosts->by_group)
        goto fail;
    return hosts;
fail:
    hosts_free(hosts);
    return NULL;
}

void hosts_free(struct hosts *hosts)
{
    struct ownership *ownership, *next;

    if (!hosts)
        return;
    HASH_CLEAR(hh, hosts->by_place);
    HASH_ITER (hh, hosts->by_address, ownership, next) {
        HASH_DEL(hosts->by_address, ownership);
        free(ownership);
    }
    for (size_t i = 0; i < hosts->all.count; i++)
        free(hosts->all.items[i]);
    for (size_t i = 0; hosts->by_group && i < hosts->group_count; i++)
        free(hosts->by_group[i].items);
    free(hosts->all.items);
    free(hosts->by_group);
    free(hosts->first_group);
    free(hosts);
}

static int list_reserve(struct list *list)
{
    size_t room = list->room ? 2 * list->room : 4;
    struct record **items;

    if (list->count < list->room)
        return 0;
    items = reallocarray(list->items, room, sizeof(struct record *));
    if (!items)
        return -ENOMEM;
    list->items = items;
    list->room = room;
    return 0;
}

static bool stands_before(const struct host *a, const struct host *b)
{
    if (a->cluster != b->cluster)
        return a->cluster < b->cluster;
    return a->group < b->group;
}

/* Finds or makes the ownership of an address. NULL: out of memory. */
static struct ownership *ownership_of(struct hosts *hosts, const struct address *address)
{
    autofree struct ownership *fresh = NULL;
    struct ownership *found;

    HASH_FIND(hh, hosts->by_address, address, sizeof(*address), found);
    if (found)
        return found;
    fresh = calloc(1, sizeof(*fresh));
    if (!fresh)
        return NULL;
    fresh->address = *address;
    fresh->added = true;
    HASH_ADD(hh, hosts->by_address, address, sizeof(fresh->address), fresh);
    return fresh->added ? TAKE(fresh) : NULL;
}

static struct list *group_of(const struct hosts *hosts, uint32_t cluster, uint32_t group)
{
    return &hosts->by_group[hosts->first_group[cluster] + group];
}

int hosts_add(struct hosts *hosts, uint32_t cluster, uint32_t group, const struct address *address,
              const struct host **out, const struct host **owner, const struct host **other)
{
    struct list *of_group = group_of(hosts, cluster, group);
    autofree struct record *record = calloc(1, sizeof(*record));
    struct ownership *ownership;
    struct record *found;

    if (!record)
        return -ENOMEM;
    record->host = (struct host){.slot = (uint32_t)hosts->all.count,
                                 .cluster = cluster,
                                 .group = group,
                                 .address = *address};
    HASH_FIND(hh, hosts->by_place, &record->host.cluster, PLACE_SIZE, found);
    if (found)
        return -EEXIST;
    if (list_reserve(&hosts->all) || list_reserve(of_group))
        return -ENOMEM;
    ownership = ownership_of(hosts, address);
    if (!ownership)
        return -ENOMEM;
    record->added = true;
    HASH_ADD(hh, hosts->by_place, host.cluster, PLACE_SIZE, record);
    if (!record->added)
        return -ENOMEM; /* an ownership without owner may stay: the next host of it takes it */

    *other = ownership->owner;
    if (!ownership->owner || stands_before(&record->host, ownership->owner))
        ownership->owner = &record->host;
    *owner = ownership->owner;
    *out = &record->host;
    of_group->items[of_group->count++] = record;
    hosts->all.items[hosts->all.count++] = TAKE(record);
    return 0;
}

size_t hosts_count(const struct hosts *hosts)
{
    return hosts->all.count;
}

const struct host *hosts_at(const struct hosts *hosts, uint32_t slot)
{
    return &hosts->all.items[slot]->host;
}

const struct host *hosts_of_group(const struct hosts *hosts, uint32_t cluster, uint32_t group,
                                  size_t i)
{
    const struct list *of_group = group_of(hosts, cluster, group);

    return i < of_group->count ? &of_group->items[i]->host : NULL;
}
