/* Keeps what the kernel side observes equal to the registry of hosts. It logs. */
#pragma once

#include "config/clusters.h"
#include "daemon/departures.h"
#include "kernel/tap.h"
#include "upstream/hosts.h"

struct event_base;
struct observed;

struct observed_options { /* all borrowed, for its life */
    struct event_base *base;
    const struct clusters *clusters;
    struct hosts *hosts;
    struct tap *tap;
    struct departures_options departures;
};

/* NULL: no memory. */
struct observed *observed_new(const struct observed_options *options);
void observed_free(struct observed *observed); /* NULL is fine */

enum observed_by { OBSERVED_BY_ADDRESS, OBSERVED_BY_NAME };

/* An endpoint of the configuration has this address from now on: its connections count, and those
 * that are open join from the event loop, one walk for all added meanwhile. 0; -ENOSPC: there is no
 * slot, or names have brought the group its share of them; -ENOMEM; -errno of the kernel side. A failure
 * is logged, but not more than one an hour. */
int observed_add(struct observed *observed, uint32_t cluster, uint32_t group,
                 const struct address *address, enum observed_by by);
/* It has it no longer; no effect where it could not be added. Where no other has it either, the host leaves:
 * it goes on counting until it has been idle for the time. */
void observed_drop(struct observed *observed, uint32_t cluster, uint32_t group,
                   const struct address *address);

/* The clusters have changed: the configuration's order may give an address to another, and those of a
 * cluster whose `kinds` (by place) say CHANGED_COUNTING are read as it says now, connections that are
 * opened from now on. */
void observed_clusters_changed(struct observed *observed, const uint8_t *kinds);
/* removed_endpoint_idle_time is another. */
void observed_set_idle(struct observed *observed, uint64_t idle_us);
