/* What is kept of one upstream connection, and what its messages mean for the counters. Pure.
 *
 * Who writes what: egress runs under the socket lock and owns `out`, the request side of the exchange
 * and nothing else. Ingress owns `in` and the response side; two CPUs can be in one socket's ingress,
 * so it is claimed first; the end of the connection is left to whoever holds the claim. Either reads
 * the other's numbers, each one aligned store; what both may count is claimed by number.
 *
 *   kind:  UNKNOWN --request line--> HTTP1
 *          UNKNOWN --preface--> HTTP2
 *          UNKNOWN --TLS--> OPAQUE               (also from the start, by the cluster's settings)
 *          UNKNOWN --other bytes--> SESSION      (also from the start: protocol tcp)
 *          HTTP1 --101 to h2c--> HTTP2
 *          HTTP1 --TLS where http1 was set--> OPAQUE
 *
 * Each direction goes over to HTTP/2 by itself, at its own next byte: the memory of its parser is
 * written by its owner only.
 *   life:  CONNECTING -> ESTABLISHED -> REMOTE_CLOSED | LOCAL_CLOSED -> ENDED;  CONNECTING -> ENDED
 */
#pragma once

#include "annex.h"
#include "cursor.h"
#include "http1.h"
#include "http2_frames.h"

enum kind { KIND_UNKNOWN, KIND_HTTP1, KIND_HTTP2, KIND_SESSION, KIND_OPAQUE };

enum life {
    LIFE_CONNECTING,
    LIFE_ESTABLISHED,
    LIFE_LOCAL_CLOSED,  /* the proxy sent its FIN first */
    LIFE_REMOTE_CLOSED, /* the upstream's FIN came first */
    LIFE_ENDED,
    LIFE_IGNORED = CONNECTION_LIFE_IGNORED, /* a socket of the daemon itself */
};

/* Requests that await their response on one connection; beyond, results are unclassified. */
#define EXCHANGE_DEPTH 256
/* Open HTTP/2 streams of which the connection itself has room; the annex has more. */
#define STREAM_SLOTS 64

/* Kinds of a request that its response's framing or counting depends on; four bits are kept. */
enum request_kind { REQUEST_HEAD = 1, REQUEST_CONNECT = 2, REQUEST_PROBE = 4 };

struct exchange {
    __u32 issued; /* request numbers that were counted as issued; either side claims the next */
    __u32 answered_to; /* acknowledged by what came last while responses were adrift */
    /* written by egress; both counts at once, for who settles needs them as of one moment */
    union {
        struct {
            __u32 requests; /* heads complete, ever */
            __u32 probes;   /* ... of which are health checks */
        };
        __u64 pushed;
    };
    __u8 overflow; /* more than EXCHANGE_DEPTH at once: responses cannot be paired any more */
    /* written by ingress and, after it, by the end of the connection */
    __u8 answered;    /* the response being read has had its final head */
    __u8 interim;     /* a 1xx came before it */
    __u8 unsolicited; /* it answers nothing */
    __u32 responses;  /* complete, ever */
    __u32 probe_responses;
    __u32 early;   /* request number (from 1) that was answered inside its head: already counted */
    __u8 lost;     /* a gap hid response heads: results of this connection are unclassified */
    __u8 tunnel;   /* 101, or 2xx to CONNECT */
    __u8 unproven; /* at a place that was found; a response still has to confirm it (place.h) */
    __u8 tries;    /* places that turned out wrong, or TRIES_NONE; written by egress */
    union {
        __u8 kinds[EXCHANGE_DEPTH / 2]; /* enum request_kind by number; written by egress */
        __u32 streams[STREAM_SLOTS];    /* HTTP/2: http2_streams.h */
    };
    union {
        __u32 unseen;  /* HTTP/1: bytes sent before the place was found */
        __u32 lost_to; /* HTTP/2: up to this stream the proxy may have given up unseen; by egress */
    };
};

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "pushed: requests come first");

pure void exchange_push(struct exchange *x, __u32 requests, __u32 probes)
{
    *(volatile __u64 *)&x->pushed = (__u64)probes << 32 | requests;
}

/* Of what was pushed, the number that is not answered; `probes` of them are health checks. */
pure __s32 exchange_waiting(const struct exchange *x, __u64 pushed, __s32 *probes)
{
    *probes = (__s32)((__u32)(pushed >> 32) - x->probe_responses);
    return (__s32)((__u32)pushed - x->responses);
}

/* Nothing of what was pushed waits any more. */
pure void exchange_answered(struct exchange *x, __u64 pushed)
{
    x->responses = (__u32)pushed;
    x->probe_responses = (__u32)(pushed >> 32);
}

#define KEPT_MAX 32

#define FRAME_UNIT 256

struct direction {
    __u32 next;    /* sequence number of the next byte to look at */
    __u32 claimed; /* a CPU is in here (ingress) */
    __u32 missed;  /* bytes for which the store had no room, since the last hole was settled */
    __u8 is_http2; /* which parser's state is below */
    __u8 opaque;   /* 1: the connection became opaque here; written by the direction's owner */
    /* HTTP/2, `in` alone: the longest frame that the proxy takes, in FRAME_UNITs; 0: that is not known.
     * Written by egress. */
    __u16 longest;
    /* Berths with segments that came before an earlier one; `any` reads them all at once. */
    union {
        __u8 kept[KEPT_MAX];
        __u64 any[KEPT_MAX / 8];
    };
    /* Working memory of kept_next() and others: here the verifier does not follow each value it can have. */
    __u32 first;
    __s32 first_ahead;
    union {
        struct http1 http1;
        struct http2 http2;
    };
};

/* Segments of ingress that met another CPU there. As many as there are berths: whoever holds the
 * direction may be away for long, where its CPU is a virtual one. */
struct inbox {
    __u64 posted; /* a bit for each berth that stands here; who clears it owns the berth */
    __u32 mails;  /* berths that were posted and not yet taken, also while one is being added to */
    __u32 newest; /* the name of the last one */
    __u64 behind; /* those that the direction's holder found to lie behind a hole */
};

/* Did any come since the holder found that it can look at none? The others wait for the hole's bytes. */
pure int mail_is_new(const struct inbox *box)
{
    return (*(const volatile __u64 *)&box->posted & ~box->behind) != 0;
}

/* Are there bytes that passed, but were not looked at? */
pure int mail_waits(const struct inbox *box)
{
    return *(const volatile __u32 *)&box->mails != 0;
}

pure int kept_waits(const struct direction *d)
{
    return (d->any[0] | d->any[1] | d->any[2] | d->any[3]) != 0;
}

#define ENDING_LOCAL 0xff /* what the proxy's close() ends before the connection ends */

struct connection {
    __u32 slot;
    __u16 probe_set;
    __u8 kind; /* enum kind */
    __u8 life; /* enum life */
    __u32
        ending; /* the end, left to whoever holds `in`: 1 + enum cause, or ENDING_LOCAL; 0: none */
    __u32 protocol; /* enum protocol, as configured */
    __u32 annex;    /* 1 + the index of its annex; 0: none */
    __u32 joined;   /* it was open before it was seen; whoever sets it counts it */
    __u64 id;       /* of this connection among all: its socket's cookie */
    struct inbox inbox;
    /* From here on in this order because the two directions are often looked at on different CPUs. What
     * both need for each message is on one cache line, where `exchange` begins (56 bytes from the
     * connection's start: the kernel has 8 before it); what one writes with each packet shares none
     * with what the other reads. */
    struct exchange exchange;
    struct direction out, in;
};

_Static_assert(__builtin_offsetof(struct connection, exchange) % 64 == 56, "begins a cache line");
_Static_assert(__builtin_offsetof(struct connection, in) % 64 == 56, "begins a cache line");

/* The kernel takes a socket storage from its caches by powers of two, with a head of less than 96
 * bytes: one KiB a connection. */
_Static_assert(sizeof(struct connection) <= 1024 - 96, "a connection fits one KiB");

/* Bytes of a frame's payload that this direction can have; 0: that is not known. */
pure __u32 frame_longest(const struct direction *d)
{
    return *(const volatile __u16 *)&d->longest * FRAME_UNIT;
}

/* Are there bytes of ingress that passed, but were not looked at? */
pure int incoming_waits(const struct connection *c)
{
    return kept_waits(&c->in) || c->in.missed || mail_waits(&c->inbox);
}

/* Is this direction lost, so that each segment's start has to be looked at for a way back? */
pure int direction_is_lost(const struct direction *d)
{
    return d->is_http2 && d->http2.state == H2_LOST;
}

/* Is it read on in where only the look of a frame says that one began? What is one in truth may pass as
 * its payload: until enough came to prove it, all that passes counts as a gap. */
pure int direction_is_believed(const struct direction *d)
{
    return d->is_http2 && d->http2.believed;
}

/* Are further bytes of this direction nobody's? */
pure int direction_is_stopped(const struct direction *d)
{
    return d->is_http2 ? d->http2.state == H2_BROKEN : d->http1.state == H1_STOP;
}

/* Bytes from here on that need not be read, whatever they are. */
pure __u64 direction_skippable(const struct direction *d)
{
    return d->is_http2 ? http2_skippable(&d->http2) : http1_skippable(&d->http1);
}

_Static_assert(__builtin_offsetof(struct connection, life) == CONNECTION_LIFE_OFFSET,
               "abi.h says where the daemon writes");

/* What a look at some bytes adds to the endpoint's counters; added up first, stored once. */
struct tally {
    __u32 issued, success, error, finished, unclassified, no_result, probes, opaque, sessions, gap;
    __u32 untracked, overruns, opaque_closed;
};

enum cause {
    CAUSE_UPSTREAM, /* the upstream closed or reset, or the network failed: an error */
    CAUSE_PROXY,    /* the proxy closed or reset: no result */
    CAUSE_LOST,     /* a gap hid it: unclassified */
};

pure void settle_result(struct tally *t, __u32 count, enum cause cause)
{
    if (cause == CAUSE_UPSTREAM)
        t->error += count;
    else if (cause == CAUSE_PROXY)
        t->no_result += count;
    else
        t->unclassified += count;
}

/* Sets up a state that is zero. */
pure void connection_set_up(struct connection *c, __u32 slot, __u8 protocol, __u16 probe_set)
{
    c->slot = slot;
    c->protocol = protocol;
    c->probe_set = probe_set;
    c->out.http1.flags = H1_FIRST;
    c->in.http1.flags = H1_FIRST | H1_RESPONSE;
    c->out.http1.field = c->in.http1.field = H1_OTHER;
    if (protocol == PROTOCOL_HTTP1)
        c->kind = KIND_HTTP1;
    else if (protocol == PROTOCOL_TCP)
        c->kind = KIND_SESSION;
    else if (protocol == PROTOCOL_OPAQUE)
        c->kind = KIND_OPAQUE;
}

pure void connection_start(struct connection *c, __u32 slot, __u8 protocol, __u16 probe_set)
{
    __builtin_memset(c, 0, sizeof(*c));
    connection_set_up(c, slot, protocol, probe_set);
}

/* From here on requests go unseen, as `d` cannot be read any more; those that went before may still be
 * answered. */
pure void direction_opaque(struct connection *c, struct direction *d, struct tally *t)
{
    if (c->in.opaque || c->out.opaque)
        return;
    d->opaque = 1;
    t->opaque++;
}

/* The same of a connection that never was HTTP, as its bytes in `d` show. */
pure void connection_opaque(struct connection *c, struct direction *d, struct tally *t)
{
    c->kind = KIND_OPAQUE;
    direction_opaque(c, d, t);
}

/* Bytes in `d` that are no HTTP where none was seen yet: a TCP session, which counts only if set so.
 * What a hole hid before them may have been HTTP. */
pure void connection_session(struct connection *c, struct direction *d, struct tally *t)
{
    if (!c->joined && !c->out.is_http2 && c->out.http1.state == H1_ADRIFT) {
        connection_opaque(c, d, t);
        return;
    }
    c->kind = KIND_SESSION;
    t->sessions++;
}

pure __u8 exchange_kind(const struct exchange *x, __u32 number)
{
    __u8 pair = x->kinds[(number / 2) & (EXCHANGE_DEPTH / 2 - 1)];

    return number & 1 ? pair >> 4 : pair & 0xf;
}

pure void exchange_set_kind(struct exchange *x, __u32 number, __u8 kind)
{
    __u8 *pair = &x->kinds[(number / 2) & (EXCHANGE_DEPTH / 2 - 1)];

    if (exchange_kind(x, number) !=
        kind) /* most are 0, and their cache line stays with both CPUs */
        *pair = number & 1 ? (*pair & 0x0f) | kind << 4 : (*pair & 0xf0) | kind;
}
