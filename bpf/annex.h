/* What a connection needs beyond the state in its socket: header tables larger than the default,
 * and more open streams than its own slots hold. Pure.
 *
 * There is a bounded number of annexes for all connections. The owner of the memory (maps.bpf.h; a
 * test) defines the two functions that are only declared here. */
#pragma once

#include "hpack_state.h"

#define ANNEX_WAYS 4
#define ANNEX_SETS 1024 /* a power of two */

struct annex {
    __u32 taken;
    __u32 zero;
    struct hpack_ring rings[2];            /* of what is received, of what is sent */
    __u32 streams[ANNEX_WAYS][ANNEX_SETS]; /* as http2_streams.h has them */
};

struct connection;

/* The connection's annex, or NULL. Behind the question which of them, opaque_value() is needed: clang 22
 * would reckon with the pointer before asking. */
static __attribute__((unused)) struct annex *annex_of(const struct connection *c);
/* The same, taking one if the connection has none; NULL: all are in use. */
static __attribute__((unused)) struct annex *annex_claim(struct connection *c);
