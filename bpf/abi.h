/* The contract between the kernel programs and the daemon: keys, values, limits.
 * Both sides include it after <linux/types.h>; it includes nothing itself. */
#pragma once

/* How an upstream's connections are read (cluster setting `protocol`). */
enum protocol {
    PROTOCOL_AUTO = 0, /* decided by each connection's first bytes */
    PROTOCOL_HTTP1 = 1,
    PROTOCOL_HTTP2 = 2,
    PROTOCOL_TCP = 3,    /* a session is one request, as in Envoy's TCP proxy */
    PROTOCOL_OPAQUE = 4, /* TLS: connections only, never a result */
};

/* Key of the endpoint map: the address that a socket dials.
 * IPv4 is kept as IPv4-mapped IPv6 (RFC 4291, 2.5.5.2), so a dual-stack socket finds the same key.
 */
struct endpoint_key {
    __u8 ip[16];
    __u16 port; /* host byte order */
    __u16 zero;
};

/* Value of the endpoint map. */
struct endpoint_value {
    __u32 slot;      /* index into the counters */
    __u16 probe_set; /* 0: none; else index into the health check patterns */
    __u8 protocol;   /* enum protocol */
    __u8 zero;
};

/* The endpoints' bit in a filter that is consulted before the map: of a last address word, in memory
 * order, and a port. */
#define ENDPOINT_BITS 65536

static inline __u32 endpoint_bit(__u32 word, __u16 port)
{
    return ((word ^ port * 0x85ebca6bu) * 0x9e3779b1u) >> 16;
}

/* The counters of one endpoint. 64 bits each, they only grow: every reader subtracts. Only a row that no
 * connection refers to any more is set to zero, before another endpoint gets it. Each is changed by
 * an atomic add, because egress programs nest (a packet of another socket may be sent from a softirq
 * while this one is looked at) and CPUs share the row.
 *
 * Whenever no packet is just being looked at: rq_issued + cx_failed_error
 *   = rq_success + rq_error + rq_unclassified + rq_no_result + requests that await a result.
 *
 * The error bound. What a row counted is exact while these are zero:
 *
 *   rq_unclassified  each is a success, an error or without result, and may still run
 *   gap_bytes        each can have held the beginning of a request that is not counted as issued, or,
 *                    behind a hole, been misread as the result of one that is
 *   cx_opaque        from some point on the requests of each are not counted
 *   cx_untracked     each is missing from all of the other counters
 *   cx_joined        requests of each that began before it could be read are not counted
 *
 * Otherwise the row differs from the truth by no more than that. rq_untracked and overruns say why;
 * what they cost is in rq_unclassified and gap_bytes. cx_sessions are no HTTP, so nothing is missing
 * where requests are what is counted.
 *
 * They are in three maps. A report reads the first two of each endpoint, 64 bytes, and so they have nothing
 * else; two, because what ends is often counted on another CPU than what begins, which would have to wait for
 * a cache line that the first one writes to. Neighbours share lines, as all CPUs that serve one of them serve
 * the others. */
struct begun_counters {
    __u64 cx_established; /* handshake done */
    __u64 cx_failed; /* ended before it was established; here, as nothing is subtracted from it */
    __u64 rq_issued; /* request heads sent; TCP mode: sessions established */
    __u64 doubts;    /* moves before a counter of the error bound does; 0: all of them are */
};

struct ended_counters {
    __u64 cx_closed;   /* established ones that ended; now open: cx_established - cx_closed */
    __u64 rq_success;  /* final status below 500 */
    __u64 rq_error;    /* 5xx, upstream reset, bad framing, and each failed HTTP connect */
    __u64 rq_finished; /* request streams that ended; in progress: rq_issued - rq_finished */
};

struct side_counters {
    __u64 cx_opened;       /* connect() was called */
    __u64 cx_failed_error; /* the part of rq_error that are failed connects, not issued requests */
    __u64 cx_sessions;     /* connections in auto mode that are plain TCP sessions */
    __u64 rq_probes;       /* health checks, left out of all of the others */
    __u64 rq_no_result;    /* ended by the proxy, or after a 1xx, before a result */
    __u64 rq_unclassified; /* result hidden by a gap or a limit: neither success nor error */
    __u64 rq_untracked; /* the part of rq_unclassified for which a table of streams had no room */
    __u64 gap_bytes;    /* bytes that went by unseen inside heads or framing */
    __u64 overruns;     /* packets whose look ran out of its budget; the rest is in gap_bytes */
    __u64 cx_opaque;    /* connections that cannot be read: TLS, broken HTTP */
    __u64 cx_opaque_closed; /* the part of cx_opaque that has ended */
    __u64 cx_untracked;     /* connections for which the kernel gave no state: not counted at all */
    __u64 cx_joined;        /* the part of cx_opened that was open before loadtap saw it */
};

/* HTTP health checks of a cluster that are not requests: exact path, and exact host unless empty, both
 * with their case: a checker sends them as they are configured, and whatever else comes with another
 * is a request. */
#define PROBE_PATH_MAX 128
#define PROBE_HOST_MAX 64
#define PROBES_PER_SET 4
#define PROBE_SETS_MAX 65535

struct probe {
    __u8 path_len; /* 0: unused */
    __u8 host_len; /* 0: any host */
    char path[PROBE_PATH_MAX];
    char host[PROBE_HOST_MAX]; /* NUL behind it */
};

/* The same strings in HPACK's Huffman coding (RFC 7541, 5.2). Length 0: does not fit. */
struct probe_coded {
    __u8 path_len;
    __u8 host_len;
    __u8 path[PROBE_PATH_MAX];
    __u8 host[PROBE_HOST_MAX];
};

struct probe_set {
    struct probe probe[PROBES_PER_SET];
    struct probe_coded coded[PROBES_PER_SET];
    __u8 slash; /* bit per pattern whose path is "/" .. */
    __u8 index; /* .. or "/index.html": HPACK's static table has both */
    __u8 zero[6];
};

/* The one byte of a connection's state that the daemon writes: on a socket of its own, before it
 * connects, so that the kernel leaves it alone. */
#define CONNECTION_LIFE_OFFSET 7
#define CONNECTION_LIFE_IGNORED 5

_Static_assert(sizeof(struct endpoint_key) == 20, "endpoint_key has no padding");
_Static_assert(sizeof(struct endpoint_value) == 8, "endpoint_value has no padding");
_Static_assert(sizeof(struct begun_counters) == 32 && sizeof(struct ended_counters) == 32,
               "a report reads 64 bytes of each endpoint");
