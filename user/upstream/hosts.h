/* Hosts: the resolved addresses of all clusters' endpoints. A host has a slot, the index of its row
 * of counters in the kernel; slots are handed out in order and never used again. Pure. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "config/clusters.h"

struct host {
    uint32_t slot;
    uint32_t cluster; /* index into clusters->items */
    uint32_t group;   /* index into cluster->groups */
    struct address address;
};

struct hosts;

/* Borrows `clusters` for its life. NULL: out of memory. */
struct hosts *hosts_new(const struct clusters *clusters);
void hosts_free(struct hosts *hosts);

/* Adds an address to a group. 0; -EEXIST where the group has it already (nothing changes); -ENOMEM.
 * `*out` is the host that now has the address in its cluster.
 * An address that another host has too belongs to the one whose group stands first in the
 * configuration, whatever the order of adding (a DNS answer may be late): `*other` is then that
 * other host, `*owner` the one whose row counts; else `*other` is NULL and `*owner` is `*out`. */
int hosts_add(struct hosts *hosts, uint32_t cluster, uint32_t group, const struct address *address,
              const struct host **out, const struct host **owner, const struct host **other);

size_t hosts_count(const struct hosts *hosts); /* slots are 0 .. count-1 */
const struct host *hosts_at(const struct hosts *hosts, uint32_t slot);
/* The i-th host of a group in the order of adding; NULL past the end. */
const struct host *hosts_of_group(const struct hosts *hosts, uint32_t cluster, uint32_t group,
                                  size_t i);
