/* Hosts: the resolved addresses of all clusters' endpoints. A host has a slot, the index of its row
 * of counters in the kernel. Pure.
 *
 *   hosts_add --> live --hosts_release, no name left--> leaving --hosts_remove--> its slot is free
 *                  ^------------- hosts_hold ------------+
 *
 * A leaving host goes on counting like any other. A free slot is given to a new host before one that
 * was never used: whoever keeps something by slot keeps `born` with it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "config/clusters.h"

struct host {
    uint32_t slot;
    uint32_t cluster; /* index into clusters->items */
    uint32_t group;   /* index into cluster->groups */
    struct address address;
    uint32_t names; /* of the configuration that have the address; 0: it is leaving */
    uint32_t born;  /* never 0; another one for each host that has had the slot */
};

struct hosts;

/* Borrows `clusters` for its life, which may change as cluster_changes.h says. NULL: out of memory. */
struct hosts *hosts_new(const struct clusters *clusters);
void hosts_free(struct hosts *hosts);

/* How many slots there are; without a call, no end of them. */
void hosts_limit(struct hosts *hosts, uint32_t slots);

/* Adds an address to a group, for one name. 0; -EEXIST where the group has it already (nothing
 * changes); -ENOSPC: no slot is free; -ENOMEM. `*out` is the host that now has the address in its
 * cluster.
 * An address that another host has too belongs to the one whose group stands first in the
 * configuration (`rank`), whatever the order of adding (a DNS answer may be late), and to a live one before
 * any that is leaving, of which the last to leave has it: `*other` is then the one that had it, `*owner` the
 * one whose row counts; else `*other` is NULL and `*owner` is `*out`. */
int hosts_add(struct hosts *hosts, uint32_t cluster, uint32_t group, const struct address *address,
              const struct host **out, const struct host **owner, const struct host **other);
/* One name more, or less, has the host's address. Either may change the owner. */
void hosts_hold(struct hosts *hosts, uint32_t slot);
void hosts_release(struct hosts *hosts, uint32_t slot);
/* Forgets a host, and frees its slot. May change the owner. */
void hosts_remove(struct hosts *hosts, uint32_t slot);

/* The host that has the address in a group, and the one whose row counts it; NULL: none. */
const struct host *hosts_find(const struct hosts *hosts, uint32_t cluster, uint32_t group,
                              const struct address *address);
const struct host *hosts_owner(const struct hosts *hosts, const struct address *address);

/* The order of the configuration is another one: who counts an address is decided anew. Called for each
 * that moves. */
typedef void hosts_moved_fn(void *arg, const struct host *from, const struct host *to);
void hosts_choose_owners(struct hosts *hosts, hosts_moved_fn *moved, void *arg);

/* Does another host have the same address? */
bool hosts_is_shared(const struct hosts *hosts, uint32_t slot);

/* How many hosts can be added, but for memory. */
size_t hosts_room(const struct hosts *hosts);
size_t hosts_count(const struct hosts *hosts); /* slots are 0 .. count-1 */
/* How often a host came or went, or the owner of an address may have changed. */
uint64_t hosts_changes(const struct hosts *hosts);
/* NULL: the slot is free. */
const struct host *hosts_at(const struct hosts *hosts, uint32_t slot);
/* The slots of a group's hosts in the order of adding, until one comes or goes. */
const uint32_t *hosts_slots(const struct hosts *hosts, uint32_t cluster, uint32_t group,
                            size_t *count);
/* The i-th of them; NULL past the end. */
const struct host *hosts_of_group(const struct hosts *hosts, uint32_t cluster, uint32_t group,
                                  size_t i);
