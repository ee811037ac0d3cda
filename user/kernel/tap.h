/* The kernel side: loads the programs, attaches them to a cgroup, tells them the endpoints, reads
 * the counters. The only user of libbpf. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/counters.h"
#include "config/clusters.h"

struct tap;

struct tap_options {
    const char *cgroup; /* path of a cgroup v2 directory; NULL: as own_pod says */
    bool own_pod;       /* the cgroup of the own Kubernetes pod, else the root of the hierarchy */
    uint32_t slots;     /* rows of counters to provide */
    uint32_t checked;   /* different lists of health checks to provide for */
    bool early;         /* what older kernels get, whatever this one has: for tests */
};

#define TAP_ERROR_MAX 1024

/* Loads and attaches. 0 and `*out`; or -errno with a sentence in `error` (TAP_ERROR_MAX bytes). */
int tap_open(const struct tap_options *options, struct tap **out, char *error);
/* Detaches. Traffic and its sockets are not touched. NULL is fine. */
void tap_close(struct tap *tap);

/* From now on connections to `address` count in row `slot`, by the cluster's protocol and health checks.
 * Replaces what was said of the address before; connections that are open stay with that. 0; -ENOSPC:
 * more slots, or more lists of health checks, than was said at opening; -errno. */
int tap_observe(struct tap *tap, const struct address *address, uint32_t slot,
                const struct cluster *cluster);

/* From now on connections to `address` are not counted; open ones stay with their row. 0 or -errno.
 * Addresses are not to be observed before the next tap_settle(): until then a program may work with
 * what it found, and the kernel uses the entry's memory again at once. */
int tap_forget(struct tap *tap, const struct address *address);
/* Returns when no program works any more with what it found before the call. 0 or -errno. */
int tap_settle(void);
/* Sets a row to zero that no connection refers to; packets of the address that it was for are looked at
 * no further, unless it is observed. 0 or -errno. */
int tap_clear(struct tap *tap, uint32_t slot, const struct address *address);

/* Looks for connections that are open already, to addresses observed so far, in the daemon's network
 * namespace; those elsewhere are found at their next packet. To be called after tap_observe(). No
 * effect where the kernel lacks what it needs. 0 or -errno. */
int tap_join(struct tap *tap);

/* Whether the process may still use what is loaded: change the maps, look for open connections. Changes
 * nothing. 0 or -errno. */
int tap_try(const struct tap *tap);

/* Bytes that the maps take, and that each connection takes more. */
uint64_t tap_memory(const struct tap *tap);
size_t tap_connection_memory(const struct tap *tap);

/* How many of the cluster's health checks can be told from requests: those that fit the limits of
 * abi.h, from the first on. */
size_t tap_recognised_checks(const struct cluster *cluster);

/* How many lists of health checks more there is room for. */
uint32_t tap_checks_room(const struct tap *tap);

/* A socket of our own, not yet connected: never counted. 0 or -errno. */
int tap_ignore_socket(struct tap *tap, int fd);

/* One row, read without stopping anything. What ends things is read before what begins them, so no
 * difference comes out negative. A slot beyond the rows reads as zero. */
void tap_read(const struct tap *tap, uint32_t slot, struct counters *out);
/* The same of `count` slots from `first` on, but only what a report is made of (rows.h); the rest of `out` is
 * anything. */
void tap_read_rows(const struct tap *tap, uint32_t first, size_t count, struct counters *out);

uint32_t tap_slots(const struct tap *tap); /* rows of counters */
/* What the programs have cost while the kernel measured it: by the sysctl kernel.bpf_stats_enabled, or
 * because somebody asked for it (BPF_ENABLE_STATS). False: it never did, or they cannot be asked. */
bool tap_cost(const struct tap *tap, uint64_t *run_ns, uint64_t *runs);

/* What this kernel allows: HTTP/2, connections that were open before, and loopback addresses of other
 * network namespaces told from the daemon's. */
bool tap_reads_http2(const struct tap *tap);
bool tap_joins(const struct tap *tap);
bool tap_knows_namespaces(const struct tap *tap);

/* What the programs are attached to and which optional kernel features they use. Owned by `tap`. */
const char *tap_description(const struct tap *tap);
/* What this kernel does not allow, where that is a part of what loadtap is for; NULL: nothing. Owned by
 * `tap`. */
const char *tap_limits(const struct tap *tap);
