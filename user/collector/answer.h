/* What a node is asked for, and the LoadStatsResponse that says so. [protobuf-c] */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ask {
    uint64_t interval_us;
    char **clusters; /* borrowed; NULL: all */
    size_t cluster_count;
    bool endpoints;
};

/* The range of interval_us. Below it clients spin (Envoy reports without pause under 1 ms). */
#define ASK_INTERVAL_MIN_US 1000ull
#define ASK_INTERVAL_MAX_US (24ull * 3600 * 1000000)

/* The response's bytes with their gRPC prefix; never changed. Streams that are sending it keep it
 * while the settings that made it are replaced. */
struct answer {
    size_t holders;
    size_t length;
    uint8_t bytes[];
};

struct answer *answer_new(const struct ask *ask); /* with one holder; NULL: out of memory */
struct answer *answer_hold(struct answer *answer);
void answer_drop(struct answer *answer); /* the last holder's frees it; NULL is fine */
bool answer_equal(const struct answer *a, const struct answer *b); /* either may be NULL */
