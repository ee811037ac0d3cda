#include "upstream/hosts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "upstream/address_index.h"

/* There may be 100,000 of them: what links them is slots, and no host has memory of its own. */
#define BLOCK 1024 /* hosts, whose place in memory stays */
#define NONE ADDRESS_INDEX_NONE

struct record {
    struct host host; /* born 0: the slot is free */
    uint32_t next;    /* of those with the same address, or of the free ones; NONE */
};

struct list {
    uint32_t *slots;
    size_t count, room;
};

/* The lists of a cluster's groups. */
struct groups {
    struct list *items;
    size_t count;
};

struct hosts {
    const struct clusters *clusters;
    struct record **blocks;
    size_t block_count;
    size_t count; /* slots that were ever used */
    uint32_t free_first;
    size_t limit, used;
    uint32_t born; /* of the last host added */
    uint64_t changes;
    struct groups *by_cluster;
    size_t cluster_count;
    struct address_index owners; /* of those with an address the first: which counts it */
};

static struct record *record_at(const struct hosts *hosts, uint32_t slot)
{
    return &hosts->blocks[slot / BLOCK][slot % BLOCK];
}

static const struct address *address_of(const void *arg, uint32_t slot)
{
    return &record_at(arg, slot)->host.address;
}

struct hosts *hosts_new(const struct clusters *clusters)
{
    struct hosts *hosts = calloc(1, sizeof(*hosts));

    if (!hosts)
        return NULL;
    hosts->clusters = clusters;
    hosts->limit = UINT32_MAX;
    hosts->free_first = NONE;
    address_index_init(&hosts->owners, address_of, hosts);
    return hosts;
}

static void free_groups(struct groups *groups)
{
    for (size_t i = 0; i < groups->count; i++)
        free(groups->items[i].slots);
    free(groups->items);
}

void hosts_free(struct hosts *hosts)
{
    if (!hosts)
        return;
    address_index_clear(&hosts->owners);
    for (size_t i = 0; i < hosts->block_count; i++)
        free(hosts->blocks[i]);
    for (size_t i = 0; i < hosts->cluster_count; i++)
        free_groups(&hosts->by_cluster[i]);
    free(hosts->blocks);
    free(hosts->by_cluster);
    free(hosts);
}

void hosts_limit(struct hosts *hosts, uint32_t slots)
{
    hosts->limit = slots;
}

/* --- room --------------------------------------------------------------------------------------*/

static int list_reserve(struct list *list)
{
    size_t room = list->room ? 2 * list->room : 4;
    uint32_t *slots;

    if (list->count < list->room)
        return 0;
    slots = reallocarray(list->slots, room, sizeof(*slots));
    if (!slots)
        return -ENOMEM;
    list->slots = slots;
    list->room = room;
    return 0;
}

static int reserve_slot(struct hosts *hosts)
{
    size_t count = hosts->block_count;
    struct record **blocks;

    if (hosts->free_first != NONE || hosts->count < count * BLOCK)
        return 0;
    blocks = reallocarray(hosts->blocks, count + 1, sizeof(struct record *));
    if (!blocks)
        return -ENOMEM;
    hosts->blocks = blocks;
    blocks[count] = malloc(BLOCK * sizeof(struct record));
    if (!blocks[count])
        return -ENOMEM;
    hosts->block_count++;
    return 0;
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

/* --- those with the same address ---------------------------------------------------------------*/

/* Of two that are live, or one. */
static bool counts_before(const struct clusters *clusters, const struct host *a,
                          const struct host *b)
{
    const struct cluster *of_a = &clusters->items[a->cluster], *of_b = &clusters->items[b->cluster];

    if (!a->names || !b->names)
        return a->names;
    if (of_a->rank != of_b->rank)
        return of_a->rank < of_b->rank;
    if (a->cluster != b->cluster)
        return a->cluster < b->cluster;
    if (of_a->groups[a->group].rank != of_a->groups[b->group].rank)
        return of_a->groups[a->group].rank < of_a->groups[b->group].rank;
    return a->group < b->group;
}

/* Into a list that is in the order of counting: the first one is the owner. `last`: behind all others that
 * are leaving, too. */
static void insert(struct hosts *hosts, uint32_t *first, uint32_t slot, bool last)
{
    struct record *record = record_at(hosts, slot);
    uint32_t *at = first;

    while (*at != NONE) {
        const struct host *other = &record_at(hosts, *at)->host;
        bool both_leave = !other->names && !record->host.names;

        if (both_leave ? !last : !counts_before(hosts->clusters, other, &record->host))
            break;
        at = &record_at(hosts, *at)->next;
    }
    record->next = *at;
    *at = slot;
}

/* Of those that are leaving, the last one to do so comes first. */
static void join_address(struct hosts *hosts, uint32_t slot)
{
    uint32_t first = address_index_find(&hosts->owners, &record_at(hosts, slot)->host.address);

    insert(hosts, &first, slot, false);
    address_index_put(&hosts->owners, first);
}

/* Those with the address of `slot`, which was the first, in the order of now. Returns the first. */
static uint32_t sort_address(struct hosts *hosts, uint32_t slot)
{
    uint32_t first = NONE;

    for (uint32_t next; slot != NONE; slot = next) {
        next = record_at(hosts, slot)->next;
        insert(hosts, &first, slot, true);
    }
    address_index_put(&hosts->owners, first);
    return first;
}

void hosts_choose_owners(struct hosts *hosts, hosts_moved_fn *moved, void *arg)
{
    for (uint32_t slot = 0; slot < hosts->count; slot++) {
        const struct host *host = hosts_at(hosts, slot);
        uint32_t first;

        if (!host || hosts_owner(hosts, &host->address) != host)
            continue;
        first = sort_address(hosts, slot);
        if (first == slot)
            continue;
        hosts->changes++;
        moved(arg, host, &record_at(hosts, first)->host);
    }
}

static void leave_address(struct hosts *hosts, uint32_t slot)
{
    const struct record *record = record_at(hosts, slot);
    uint32_t first = address_index_find(&hosts->owners, &record->host.address), *at = &first;

    while (*at != slot)
        at = &record_at(hosts, *at)->next;
    *at = record->next;
    if (first != NONE)
        address_index_put(&hosts->owners, first);
    else
        address_index_remove(&hosts->owners, slot);
}

const struct host *hosts_owner(const struct hosts *hosts, const struct address *address)
{
    uint32_t first = address_index_find(&hosts->owners, address);

    return first == NONE ? NULL : &record_at(hosts, first)->host;
}

const struct host *hosts_find(const struct hosts *hosts, uint32_t cluster, uint32_t group,
                              const struct address *address)
{
    uint32_t slot = address_index_find(&hosts->owners, address);

    for (; slot != NONE; slot = record_at(hosts, slot)->next) {
        const struct host *host = &record_at(hosts, slot)->host;

        if (host->cluster == cluster && host->group == group)
            return host;
    }
    return NULL;
}

bool hosts_is_shared(const struct hosts *hosts, uint32_t slot)
{
    const struct host *owner = hosts_owner(hosts, &hosts_at(hosts, slot)->address);

    return record_at(hosts, owner->slot)->next != NONE;
}

/* --- coming and going --------------------------------------------------------------------------*/

static uint32_t take_slot(struct hosts *hosts)
{
    uint32_t slot = hosts->free_first;

    if (slot == NONE)
        return (uint32_t)hosts->count++;
    hosts->free_first = record_at(hosts, slot)->next;
    return slot;
}

/* Puts the host where it belongs: cannot fail. */
static struct host *enter(struct hosts *hosts, uint32_t cluster, uint32_t group,
                          const struct address *address)
{
    struct list *of_group = group_of(hosts, cluster, group);
    uint32_t slot = take_slot(hosts);
    struct host *host = &record_at(hosts, slot)->host;

    hosts->born += hosts->born == UINT32_MAX ? 2 : 1; /* never 0 */
    hosts->changes++;
    hosts->used++;
    *host = (struct host){.slot = slot,
                          .cluster = cluster,
                          .group = group,
                          .address = *address,
                          .names = 1,
                          .born = hosts->born};
    of_group->slots[of_group->count++] = slot;
    join_address(hosts, slot);
    return host;
}

int hosts_add(struct hosts *hosts, uint32_t cluster, uint32_t group, const struct address *address,
              const struct host **out, const struct host **owner, const struct host **other)
{
    if (hosts_find(hosts, cluster, group, address))
        return -EEXIST;
    if (hosts->free_first == NONE && hosts->count >= hosts->limit)
        return -ENOSPC;
    if (reserve_slot(hosts) || reserve_group(hosts, cluster) ||
        list_reserve(group_of(hosts, cluster, group)) || address_index_reserve(&hosts->owners))
        return -ENOMEM;
    *other = hosts_owner(hosts, address);
    *out = enter(hosts, cluster, group, address);
    *owner = hosts_owner(hosts, address);
    return 0;
}

/* It may count before others now, or behind them. */
static void change_names(struct hosts *hosts, uint32_t slot, int change)
{
    leave_address(hosts, slot);
    record_at(hosts, slot)->host.names += (uint32_t)change;
    join_address(hosts, slot);
    hosts->changes++;
}

void hosts_hold(struct hosts *hosts, uint32_t slot)
{
    change_names(hosts, slot, 1);
}

void hosts_release(struct hosts *hosts, uint32_t slot)
{
    change_names(hosts, slot, -1);
}

static void leave_group(struct hosts *hosts, const struct host *host)
{
    struct list *of_group = group_of(hosts, host->cluster, host->group);
    size_t i = 0;

    while (of_group->slots[i] != host->slot)
        i++;
    of_group->count--;
    memmove(of_group->slots + i, of_group->slots + i + 1,
            (of_group->count - i) * sizeof(*of_group->slots));
}

void hosts_remove(struct hosts *hosts, uint32_t slot)
{
    struct record *record = record_at(hosts, slot);

    leave_group(hosts, &record->host);
    leave_address(hosts, slot);
    *record = (struct record){.next = hosts->free_first};
    hosts->free_first = slot;
    hosts->changes++;
    hosts->used--;
}

/* --- all of them -------------------------------------------------------------------------------*/

size_t hosts_room(const struct hosts *hosts)
{
    return hosts->limit - hosts->used;
}

size_t hosts_count(const struct hosts *hosts)
{
    return hosts->count;
}

uint64_t hosts_changes(const struct hosts *hosts)
{
    return hosts->changes;
}

const struct host *hosts_at(const struct hosts *hosts, uint32_t slot)
{
    const struct host *host = &record_at(hosts, slot)->host;

    return host->born ? host : NULL;
}

const uint32_t *hosts_slots(const struct hosts *hosts, uint32_t cluster, uint32_t group,
                            size_t *count)
{
    const struct list *of_group;

    *count = 0;
    if (cluster >= hosts->cluster_count || group >= hosts->by_cluster[cluster].count)
        return NULL;
    of_group = group_of(hosts, cluster, group);
    *count = of_group->count;
    return of_group->slots;
}

const struct host *hosts_of_group(const struct hosts *hosts, uint32_t cluster, uint32_t group,
                                  size_t i)
{
    size_t count;
    const uint32_t *slots = hosts_slots(hosts, cluster, group, &count);

    return i < count ? hosts_at(hosts, slots[i]) : NULL;
}
