/* Clusters of peers -> a bootstrap in YAML, with comments; and the same as a table. Pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "command/peer_groups.h"

struct bootstrap_facts {
    const char *node_id;
    const char *cgroup;          /* NULL: the root of the hierarchy */
    const char *management_host; /* an address, or a name */
    uint16_t management_port;
    bool management_given; /* not just the default */
    unsigned seconds;      /* how long was watched */
    bool saw_open;         /* connections that were open before are counted */
    uint64_t missed;       /* connections that are not: too many peers */
};

/* What it writes is a bootstrap that loadtap takes, unless `groups` are empty. */
void bootstrap_text(const struct bootstrap_facts *facts, const struct peer_groups *groups,
                    FILE *out);

/* A line for each endpoint: where, how many connections, what they speak, who dials, which cluster. */
void peer_table(const struct peer_groups *groups, FILE *out);
