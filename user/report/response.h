/* Reads a LoadStatsResponse: what the management server wants reported, and how often. Pure.
 *
 * The message is looked at where it lies and nothing is allocated for it, so that what a server can make
 * the daemon hold is the message itself: unpacked, 4 MiB of empty names would take 150 MB. */
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
    uint64_t interval_us; /* within the limits, whole milliseconds (cut, as Envoy does) */
    bool interval_clamped;
    int64_t asked_seconds; /* what the message said; 0 where unset */
    int32_t asked_nanos;
    bool endpoints;             /* report_endpoint_granularity */
    bool send_all;              /* send_all_clusters: the names are then without meaning */
    const uint8_t *names, *end; /* what response_next_name() has still to look at; borrowed */
};

/* 0, or -EBADMSG: not a LoadStatsResponse, or too large; `*out` is then as it was. As in protobuf, unknown
 * fields are passed over, and of a field that stands several times the last counts; but one of another
 * wire type than its own, or a group, is refused. Names borrow `bytes`. */
int response_parse(const uint8_t *bytes, size_t length, const struct response_limits *limits,
                   struct response *out);

struct response_name {
    const char *text; /* without a NUL behind it */
    size_t length;
};

/* The next name of `clusters`, in the message's order and as often as it is there. False: that was all. */
bool response_next_name(struct response *response, struct response_name *out);
