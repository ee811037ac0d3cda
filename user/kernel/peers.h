/* Which peers the processes of a cgroup dial. Beside the daemon's programs, with an object of its own
 * (bpf/loadtap_peers.bpf.c). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"

struct peer {
    struct address address;
    char process[16]; /* who dials; "": unknown */
    bool elsewhere;   /* a loopback address, but of another network namespace */
    /* Connections: all; those that were open before; and those of which the first bytes were seen, by what
     * these are. */
    uint64_t connections, open, http, tls, session;
};

struct peers;

#define PEERS_ERROR_MAX 1024

/* Watches from here on: what is open already, every connect(), however short. `cgroup`: path of a cgroup v2
 * directory; NULL: the root of the hierarchy. 0 and `*out`; or -errno with a sentence in `error`
 * (PEERS_ERROR_MAX bytes). */
int peers_open(const char *cgroup, struct peers **out, char *error);
/* NULL is fine. */
void peers_close(struct peers *peers);

/* Whether connections that were open before are among them: not on kernels that cannot show them. */
bool peers_sees_open(const struct peers *peers);
/* Connections that are missing, as there were too many peers. */
uint64_t peers_missed(const struct peers *peers);

/* One entry for each peer, process and `elsewhere`, in no order. 0 and `*out` (to be freed) of `*count`
 * entries; or -errno. */
int peers_read(const struct peers *peers, struct peer **out, size_t *count);
