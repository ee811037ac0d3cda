/* Reads a LoadStatsResponse: what the management server wants reported, and how often. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A message that is larger is refused; gRPC's own default for a received message. */
#define RESPONSE_SIZE_MAX (4 * 1024 * 1024)

/* Where the interval asked for is not usable. Envoy spins at 0 and aborts below it or above its
 * range; gRPC clients hold 1 s. */
struct response_limits {
    uint64_t min_us, max_us;
    uint64_t unset_us; /* instead of an interval that is unset, zero, negative or malformed */
};

struct response {
    char **clusters; /* distinct, in byte order */
    size_t cluster_count;
    uint64_t interval_us; /* within the limits, whole milliseconds (cut, as Envoy does) */
    bool interval_clamped;
    int64_t asked_seconds; /* what the message said; 0 where unset */
    int32_t asked_nanos;
    bool endpoints; /* report_endpoint_granularity */
    bool send_all;  /* send_all_clusters: `clusters` is then without meaning */
};

/* 0, or -EBADMSG: not a LoadStatsResponse, too large, or no memory for it (protobuf-c does not tell
 * which). Clear what it gave. */
int response_parse(const uint8_t *bytes, size_t length, const struct response_limits *limits,
                   struct response *out);
void response_clear(struct response *response); /* frees what it holds, not the struct */
