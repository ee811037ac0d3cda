/* The kernel side: loads the programs, attaches them to a cgroup, tells them the endpoints, reads
 * the counters. The only user of libbpf. */
#pragma once

#include <stdint.h>

#include "base/address.h"
#include "config/clusters.h"

struct tap;

struct tap_options {
    const char *cgroup; /* path of a cgroup v2 directory; NULL: the root found in /proc/mounts */
    uint32_t slots;     /* rows of counters to provide */
};

/* Loads and attaches. 0 and `*out`, or -errno with a sentence in `error` (at least 512 bytes). */
int tap_open(const struct tap_options *options, struct tap **out, char *error, size_t error_size);
/* Detaches. Traffic and its sockets are not touched. */
void tap_close(struct tap *tap);

/* From now on connections to `address` count in row `slot`. Replaces an earlier owner of the
 * address. 0, -ENOSPC (more slots than at opening), -errno. */
int tap_observe(struct tap *tap, const struct address *address, uint32_t slot,
                const struct cluster *cluster);

/* A socket of our own, not yet connected: never counted. */
int tap_ignore_socket(struct tap *tap, int fd);

/* One row, read without stopping anything: completions first, so that no difference is negative. */
void tap_read(const struct tap *tap, uint32_t slot, struct counters *out);

/* What the programs hook into and which optional kernel features they use, for the log. Static or
 * owned by `tap`. */
const char *tap_description(const struct tap *tap);
