/* Peers that were dialled -> endpoints in clusters. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "kernel/peers.h"

/* What the first bytes of a cluster's connections agreed on. */
enum peer_speech { SPEECH_UNKNOWN, SPEECH_HTTP, SPEECH_TLS, SPEECH_SESSION };

struct peer_endpoint {
    struct address address;
    uint64_t connections;
    char *processes; /* "nginx", "nginx, curl": by connections, "" where none is known */
};

/* Endpoints of one port that the same process dials most. */
struct peer_cluster {
    char *name;          /* "nginx-8080", "port-8080"; differs from all others */
    const char *process; /* "": unknown. Lies in the peers that were given */
    uint16_t port;
    enum peer_speech speech;
    uint64_t connections;
    uint64_t open; /* of these: open before, so that nothing is known of their first bytes */
    struct peer_endpoint *endpoints; /* by address */
    size_t count;
};

struct peer_groups {
    struct peer_cluster *clusters; /* by process and port */
    size_t count;
    uint64_t
        elsewhere; /* connections to loopback addresses of other network namespaces: in no cluster */
};

/* Sorts `peers`, which have to outlive the groups. `management` (NULL: none), and what loadtap
 * itself dials, are in no cluster. 0 or -ENOMEM. */
int peer_groups_make(struct peer *peers, size_t count, const struct address *management,
                     struct peer_groups *out);
void peer_groups_clear(struct peer_groups *groups);
