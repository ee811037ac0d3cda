/* Makes hosts of the configuration's endpoints: addresses at once, names through DNS, again and again.
 * Each host is told to the kernel side. It logs. */
#pragma once

#include "config/cluster_changes.h"
#include "config/clusters.h"
#include "kernel/tap.h"
#include "upstream/hosts.h"

struct event_base;
struct upstreams;

struct upstreams_options { /* all borrowed, for its life */
    struct event_base *base;
    const struct clusters *clusters;
    struct hosts *hosts;
    struct tap *tap;
    /* Called once, from the event loop, when each name has been looked up once, with whatever
     * outcome: Envoy begins to report after its clusters are initialised. */
    void (*ready)(void *arg);
    /* Has a host counted something that was not delivered? */
    bool (*owes)(void *arg, uint32_t slot);
    uint64_t (*now_us)(void);
    uint64_t removed_idle_us; /* so long unused, a host that no name has any more is forgotten */
    void *arg;
};

/* 0, -ENOMEM, or -errno of the kernel side. */
int upstreams_start(const struct upstreams_options *options, struct upstreams **out);

/* Follows the clusters, which have changed. What cannot be observed for lack of room or memory is logged
 * and tried again. */
void upstreams_change(struct upstreams *upstreams, const struct cluster_changes *changes);
/* How many hosts it would add, but for those of names: they come with the answers. An address that stands
 * twice in a locality is one host. 0, -ENOMEM. */
int upstreams_new_hosts(const struct upstreams *upstreams, const struct cluster_changes *changes,
                        size_t *out);
/* removed_endpoint_idle_time is another. */
void upstreams_set_idle(struct upstreams *upstreams, uint64_t idle_us);

/* As names_of. */
const struct endpoint *upstreams_name(const struct upstreams *upstreams, const struct host *host,
                                      size_t i);
void upstreams_free(struct upstreams *upstreams); /* NULL is fine */
