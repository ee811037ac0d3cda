/* Lets go of hosts that the configuration or DNS no longer has, once nothing of theirs can be lost
 * (upstream/leaving.h): their addresses are taken from the kernel side, their slots are free for others. It
 * logs. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "config/clusters.h"
#include "kernel/tap.h"
#include "upstream/hosts.h"

struct event_base;
struct departures;

struct departures_options { /* all borrowed, for its life */
    struct event_base *base;
    const struct clusters *clusters;
    struct hosts *hosts;
    struct tap *tap;
    uint64_t idle_us;                       /* a host must have been unused for so long .. */
    bool (*owes)(void *arg, uint32_t slot); /* .. and must not owe a report anything */
    uint64_t (*now_us)(void);
    void *arg;
};

/* NULL: no memory. */
struct departures *departures_new(const struct departures_options *options);
void departures_free(struct departures *departures); /* NULL is fine */

/* How long a host must have been unused, also one that leaves already. */
void departures_set_idle(struct departures *departures, uint64_t idle_us);

/* The host of a slot leaves. Without memory it stays until there is some again. */
void departures_add(struct departures *departures, uint32_t slot);
/* It is live again. */
void departures_remove(struct departures *departures, uint32_t slot);
/* Slots are wanted: lets go of some hosts that leave and have never counted anything. Returns whether
 * there were any. */
bool departures_make_room(struct departures *departures);
