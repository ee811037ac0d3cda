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
    struct record *same; /* the next one with the same address */
    bool added;
    UT_hash_handle hh; /* by cluster, group and address: struct host from `cluster` on */
};

/* The hosts that have an address, and which of them counts it. */
struct ownership {
    struct address address;
    struct record *first;
    const struct host *owner;
    bool added;
    UT_hash_handle hh;
};

struct list {
    struct record **items;
    size_t count, room;
};

/* The lists of a cluster's groups. */
struct groups {
    struct list *items;
    size_t count;
};

struct hosts {
    const struct clusters *clusters;
    struct list all;      /* by slot, NULL where it is free; owns the records */
    uint32_t *free_slots; /* room for all of them */
    size_t free_count, limit;
    uint32_t born; /* of the last host added */
    struct groups *by_cluster;
    size_t cluster_count;
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
    hosts->limit = UINT32_MAX;
    return hosts;
}

static void free_groups(struct groups *groups)
{
    for (size_t i = 0; i < groups->count; i++)
        free(groups->items[i].items);
    free(groups->items);
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
    for (size_t i = 0; i < hosts->cluster_count; i++)
        free_groups(&hosts->by_cluster[i]);
    free(hosts->all.items);
    free(hosts->free_slots);
    free(hosts->by_cluster);
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

/* With room for each slot to be freed. */
static int reserve_slot(struct hosts *hosts)
{
    size_t had = hosts->all.room;
    uint32_t *slots;
    int result = list_reserve(&hosts->all);

    if (result || hosts->all.room == had)
        return result;
    slots = reallocarray(hosts->free_slots, hosts->all.room, sizeof(*slots));
    if (!slots) {
        hosts->all.room = had; /* it has more, and is asked again next time */
        return -ENOMEM;
    }
    hosts->free_slots = slots;
    return 0;
}

/* Where two are not told apart by their ranks, they leave. */
static bool counts_before(const struct clusters *clusters, const struct host *a,
                          const struct host *b)
{
    const struct cluster *of_a = &clusters->items[a->cluster], *of_b = &clusters->items[b->cluster];

    if (!a->names != !b->names)
        return a->names;
    if (of_a->rank != of_b->rank)
        return of_a->rank < of_b->rank;
    if (a->cluster != b->cluster)
        return a->cluster < b->cluster;
    if (of_a->groups[a->group].rank != of_a->groups[b->group].rank)
        return of_a->groups[a->group].rank < of_a->groups[b->group].rank;
    return a->group < b->group;
}

static void choose_owner(const struct hosts *hosts, struct ownership *ownership)
{
    ownership->owner = ownership->first ? &ownership->first->host : NULL;
    for (const struct record *at = ownership->first; at; at = at->same)
        if (counts_before(hosts->clusters, &at->host, ownership->owner))
            ownership->owner = &at->host;
}

void hosts_choose_owners(struct hosts *hosts, hosts_moved_fn *moved, void *arg)
{
    for (struct ownership *at = hosts->by_address; at; at = at->hh.next) {
        const struct host *before = at->owner;

        choose_owner(hosts, at);
        if (at->owner != before)
            moved(arg, before, at->owner);
    }
}

static struct ownership *find_ownership(const struct hosts *hosts, const struct address *address)
{
    struct ownership *found;

    HASH_FIND(hh, hosts->by_address, address, sizeof(*address), found);
    return found;
}

/* Finds or makes the ownership of an address. NULL: out of memory. */
static struct ownership *ownership_of(struct hosts *hosts, const struct address *address)
{
    struct ownership *found = find_ownership(hosts, address);
    autofree struct ownership *fresh = found ? NULL : calloc(1, sizeof(*fresh));

    if (!fresh)
        return found;
    fresh->address = *address;
    fresh->added = true;
    HASH_ADD(hh, hosts->by_address, address, sizeof(fresh->address), fresh);
    return fresh->added ? TAKE(fresh) : NULL;
}

/* Room for a group's list, and so for those of all of its cluster. */
static int reserve_group(struct hosts *hosts, uint32_t cluster)
{
    size_t clusters = hosts->clusters->count;
    size_t groups = hosts->clusters->items[cluster].group_count;
    struct groups *of;

    if (cluster >= hosts->cluster_count) {
        of = reallocarray(hosts->by_cluster, clusters, sizeof(*of));
        if (!of)
            return -ENOMEM;
        memset(of + hosts->cluster_count, 0, (clusters - hosts->cluster_count) * sizeof(*of));
        hosts->by_cluster = of;
        hosts->cluster_count = clusters;
    }
    of = &hosts->by_cluster[cluster];
    if (of->count < groups) {
        struct list *items = reallocarray(of->items, groups, sizeof(*items));

        if (!items)
            return -ENOMEM;
        memset(items + of->count, 0, (groups - of->count) * sizeof(*items));
        of->items = items;
        of->count = groups;
    }
    return 0;
}

static struct list *group_of(const struct hosts *hosts, uint32_t cluster, uint32_t group)
{
    return &hosts->by_cluster[cluster].items[group];
}

void hosts_limit(struct hosts *hosts, uint32_t slots)
{
    hosts->limit = slots;
}

static struct record *find_record(const struct hosts *hosts, const struct host *place)
{
    struct record *found;

    HASH_FIND(hh, hosts->by_place, &place->cluster, PLACE_SIZE, found);
    return found;
}

/* Puts the record where it belongs: cannot fail. */
static void enter(struct hosts *hosts, struct record *record, struct ownership *ownership)
{
    struct host *host = &record->host;
    struct list *of_group = group_of(hosts, host->cluster, host->group);

    host->slot =
        hosts->free_count ? hosts->free_slots[--hosts->free_count] : (uint32_t)hosts->all.count++;
    host->born = ++hosts->born ? hosts->born : ++hosts->born;
    hosts->all.items[host->slot] = record;
    of_group->items[of_group->count++] = record;
    record->same = ownership->first;
    ownership->first = record;
    choose_owner(hosts, ownership);
}

int hosts_add(struct hosts *hosts, uint32_t cluster, uint32_t group, const struct address *address,
              const struct host **out, const struct host **owner, const struct host **other)
{
    autofree struct record *record = calloc(1, sizeof(*record));
    struct ownership *ownership;

    if (!record)
        return -ENOMEM;
    record->host =
        (struct host){.cluster = cluster, .group = group, .address = *address, .names = 1};
    if (find_record(hosts, &record->host))
        return -EEXIST;
    if (!hosts->free_count && hosts->all.count >= hosts->limit)
        return -ENOSPC;
    if (reserve_slot(hosts) || reserve_group(hosts, cluster) ||
        list_reserve(group_of(hosts, cluster, group)))
        return -ENOMEM;
    ownership = ownership_of(hosts, address);
    if (!ownership)
        return -ENOMEM;
    record->added = true;
    HASH_ADD(hh, hosts->by_place, host.cluster, PLACE_SIZE, record);
    if (!record->added)
        return -ENOMEM; /* an ownership without owner may stay: the next host of it takes it */

    *other = ownership->owner;
    *out = &record->host;
    enter(hosts, TAKE(record), ownership);
    *owner = ownership->owner;
    return 0;
}

static void change_names(struct hosts *hosts, uint32_t slot, int change)
{
    struct host *host = &hosts->all.items[slot]->host;

    host->names += (uint32_t)change;
    choose_owner(hosts, find_ownership(hosts, &host->address));
}

void hosts_hold(struct hosts *hosts, uint32_t slot)
{
    change_names(hosts, slot, 1);
}

void hosts_release(struct hosts *hosts, uint32_t slot)
{
    change_names(hosts, slot, -1);
}

static void leave_group(struct hosts *hosts, const struct record *record)
{
    struct list *of_group = group_of(hosts, record->host.cluster, record->host.group);
    size_t i = 0;

    while (of_group->items[i] != record)
        i++;
    of_group->count--;
    memmove(of_group->items + i, of_group->items + i + 1,
            (of_group->count - i) * sizeof(struct record *));
}

static void leave_address(struct hosts *hosts, const struct record *record)
{
    struct ownership *ownership = find_ownership(hosts, &record->host.address);
    struct record **at = &ownership->first;

    while (*at != record)
        at = &(*at)->same;
    *at = record->same;
    choose_owner(hosts, ownership);
    if (ownership->first)
        return;
    HASH_DEL(hosts->by_address, ownership);
    free(ownership);
}

void hosts_remove(struct hosts *hosts, uint32_t slot)
{
    autofree struct record *record = TAKE(hosts->all.items[slot]);

    leave_group(hosts, record);
    leave_address(hosts, record);
    HASH_DEL(hosts->by_place, record);
    hosts->free_slots[hosts->free_count++] = slot;
}

const struct host *hosts_find(const struct hosts *hosts, uint32_t cluster, uint32_t group,
                              const struct address *address)
{
    const struct host place = {.cluster = cluster, .group = group, .address = *address};
    const struct record *found = find_record(hosts, &place);

    return found ? &found->host : NULL;
}

const struct host *hosts_owner(const struct hosts *hosts, const struct address *address)
{
    const struct ownership *found = find_ownership(hosts, address);

    return found ? found->owner : NULL;
}

bool hosts_is_shared(const struct hosts *hosts, uint32_t slot)
{
    return find_ownership(hosts, &hosts_at(hosts, slot)->address)->first->same != NULL;
}

size_t hosts_room(const struct hosts *hosts)
{
    return hosts->limit - hosts->all.count + hosts->free_count;
}

size_t hosts_count(const struct hosts *hosts)
{
    return hosts->all.count;
}

const struct host *hosts_at(const struct hosts *hosts, uint32_t slot)
{
    const struct record *record = hosts->all.items[slot];

    return record ? &record->host : NULL;
}

const struct host *hosts_of_group(const struct hosts *hosts, uint32_t cluster, uint32_t group,
                                  size_t i)
{
    const struct list *of_group;

    if (cluster >= hosts->cluster_count || group >= hosts->by_cluster[cluster].count)
        return NULL;
    of_group = group_of(hosts, cluster, group);
    return i < of_group->count ? &of_group->items[i]->host : NULL;
}
