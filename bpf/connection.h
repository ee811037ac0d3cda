/* What is kept of one upstream connection, and what its messages mean for the counters. Pure.
 *
 * Who writes what: egress runs under the socket lock and owns `out`, the request side of the
 * exchange and nothing else. Ingress owns `in` and the response side; two CPUs can be in one
 * socket's ingress, so it is claimed first. Either reads the other's numbers; each is one aligned
 * store.
 *
 *   kind:  UNKNOWN --request line--> HTTP1
 *          UNKNOWN --TLS, HTTP/2--> OPAQUE       (also from the start, by the cluster's settings)
 *          UNKNOWN --other bytes--> SESSION      (also from the start: protocol tcp)
 *   life:  CONNECTING -> ESTABLISHED -> REMOTE_CLOSED | LOCAL_CLOSED -> ENDED;  CONNECTING -> ENDED
 */
#pragma once

#include "cursor.h"
#include "http1.h"

enum kind { KIND_UNKNOWN, KIND_HTTP1, KIND_SESSION, KIND_OPAQUE };

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

/* Kinds of a request that its response's framing or counting depends on; four bits are kept. */
enum request_kind { REQUEST_HEAD = 1, REQUEST_CONNECT = 2, REQUEST_PROBE = 4 };

struct exchange {
    /* written by egress */
    __u32 requests; /* heads complete, ever */
    __u32 probes;   /* ... of which are health checks */
    __u8 overflow;  /* more than EXCHANGE_DEPTH at once: responses cannot be paired any more */
    /* written by ingress and, after it, by the end of the connection */
    __u8 answered;    /* the response being read has had its final head */
    __u8 interim;     /* a 1xx came before it */
    __u8 unsolicited; /* it answers nothing */
    __u32 responses;  /* complete, ever */
    __u32 probe_responses;
    __u32 early; /* request number (from 1) that was answered inside its head: already counted */
    __u8 lost;   /* a gap hid response heads: results of this connection are unclassified */
    __u8 tunnel; /* 101, or 2xx to CONNECT */
    __u16 zero;
    __u8 kinds[EXCHANGE_DEPTH / 2]; /* enum request_kind by number; written by egress */
};

struct direction {
    __u32 next;    /* sequence number of the next byte to look at */
    __u32 claimed; /* a CPU is in here (ingress) */
    __u32 missed;  /* bytes that went by while the claim was held elsewhere */
    __u16 store;   /* 1 + index of the reorder store in use */
    __u16 zero;
    struct http1 http1;
};

struct connection {
    __u32 slot;
    __u8 protocol; /* enum protocol, as configured */
    __u8 probe_set;
    __u8 kind; /* enum kind */
    __u8 life; /* enum life */
    struct direction out, in;
    struct exchange exchange;
};

_Static_assert(__builtin_offsetof(struct connection, life) == CONNECTION_LIFE_OFFSET,
               "abi.h says where the daemon writes");

/* What a look at some bytes adds to the endpoint's counters; added up first, stored once. */
struct tally {
    __u32 issued, success, error, finished, unclassified, no_result, probes, opaque, sessions, gap;
};

pure void connection_start(struct connection *c, __u32 slot, __u8 protocol, __u8 probe_set)
{
    __builtin_memset(c, 0, sizeof(*c));
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
    else if (protocol != PROTOCOL_AUTO)
        c->kind = KIND_OPAQUE;
}

pure void connection_opaque(struct connection *c, struct tally *t)
{
    c->kind = KIND_OPAQUE;
    t->opaque++;
}

/* Bytes that are no HTTP where none was seen yet: a TCP session, which counts only if set so. */
pure void connection_session(struct connection *c, struct tally *t)
{
    c->kind = KIND_SESSION;
    t->sessions++;
}

/* --- the request side (egress) --------------------------------------------------- */

pure __u8 exchange_kind(const struct exchange *x, __u32 number)
{
    __u8 pair = x->kinds[(number / 2) & (EXCHANGE_DEPTH / 2 - 1)];

    return number & 1 ? pair >> 4 : pair & 0xf;
}

pure void exchange_set_kind(struct exchange *x, __u32 number, __u8 kind)
{
    __u8 *pair = &x->kinds[(number / 2) & (EXCHANGE_DEPTH / 2 - 1)];

    *pair = number & 1 ? (*pair & 0x0f) | kind << 4 : (*pair & 0xf0) | kind;
}

/* A request whose response cannot be paired: known to be issued, and that is all. */
pure void request_unpaired(struct tally *t)
{
    t->issued++;
    t->finished++;
    t->unclassified++;
}

pure void request_push(struct exchange *x, struct tally *t, __u8 kind)
{
    __u32 number = x->requests;
    __s32 waiting = (__s32)(number - x->responses);

    if (waiting >= EXCHANGE_DEPTH)
        x->overflow = 1;
    if (x->early == number + 1)
        kind &= ~REQUEST_PROBE; /* counted already */
    else if (x->overflow || x->lost) {
        request_unpaired(t);
        return;
    }
    exchange_set_kind(x, number, kind);
    if (kind & REQUEST_PROBE) {
        t->probes++;
        x->probes++;
    } else if (x->early != number + 1) {
        t->issued++;
    }
    *(volatile __u32 *)&x->requests = number + 1;
}

pure enum http1_event request_body(struct http1 *p)
{
    if (p->words == H1_IS_CONNECT) {
        p->state = H1_TUNNEL_WAIT;
        return H1_NONE;
    }
    if (p->flags & H1_CODED) {
        h1_chunk_start(p);
        return p->flags & H1_CHUNKED ? H1_NONE : H1_BAD; /* RFC 9112, 6.3: no end could be told */
    }
    p->state = H1_BODY;
    return p->length ? H1_NONE : H1_END;
}

pure enum http1_event request_head(struct connection *c, const struct probe_set *set,
                                   struct tally *t)
{
    struct http1 *p = &c->out.http1;
    __u8 kind = p->words == H1_IS_HEAD ? REQUEST_HEAD : 0;

    if (p->words == H1_IS_CONNECT)
        kind = REQUEST_CONNECT;
    if (http1_is_probe(p, set))
        kind |= REQUEST_PROBE;
    request_push(&c->exchange, t, kind);
    return request_body(p);
}

pure void request_event(struct connection *c, enum http1_event event, const struct probe_set *set,
                        struct tally *t)
{
    struct http1 *p = &c->out.http1;

    if (event == H1_HEAD)
        event = request_head(c, set, t);
    switch (event) {
    case H1_REQUEST_LINE:
        c->kind = KIND_HTTP1;
        break;
    case H1_END:
        http1_restart(p);
        break;
    case H1_BAD:
        if (c->kind == KIND_UNKNOWN)
            connection_session(c, t);
        else
            t->opaque++; /* requests that went before may still be answered */
        p->state = H1_STOP;
        break;
    case H1_IS_TLS:
    case H1_IS_HTTP2:
        connection_opaque(c, t);
        p->state = H1_STOP;
        break;
    default:
        break;
    }
}

/* After CONNECT: a refusal that was read completely makes the next byte a request again. Where
 * responses cannot be paired, nobody knows whether it was refused. */
pure void request_resume(struct connection *c)
{
    const struct exchange *x = &c->exchange;

    if (c->out.http1.state == H1_TUNNEL_WAIT && !x->tunnel && !x->lost && !x->overflow &&
        x->responses == x->requests)
        http1_restart(&c->out.http1);
}

/* --- the response side (ingress) --------------------------------------------------- */

/* Is a request being answered inside its own head? */
pure int exchange_early(const struct exchange *x)
{
    return x->early == x->responses + 1 && x->requests == x->responses;
}

/* Does the response being read answer a health check? An early one counts as a request. */
pure int response_of_probe(const struct exchange *x)
{
    return x->early != x->responses + 1 && exchange_kind(x, x->responses) & REQUEST_PROBE;
}

/* The response being read is over; the stream of its request has ended. */
pure void response_done(struct connection *c, struct tally *t)
{
    struct exchange *x = &c->exchange;

    if (x->unsolicited) {
        x->unsolicited = 0;
    } else {
        if (response_of_probe(x))
            x->probe_responses++;
        else
            t->finished++;
        x->responses++;
    }
    x->answered = 0;
    x->interim = 0;
}

/* Which kind of request the head just read answers; -1: none. An answer may come while the
 * request's own head is still being sent (431, 408): that request then counts as issued here. */
pure int response_pair(struct connection *c, struct tally *t)
{
    struct exchange *x = &c->exchange;
    __s32 waiting = (__s32)(*(volatile __u32 *)&x->requests - x->responses);

    if (waiting > 0)
        return exchange_kind(x, x->responses);
    if (waiting < 0 || x->overflow || x->lost || !http1_in_head(&c->out.http1))
        return -1;
    if (x->early != x->responses + 1)
        t->issued++;
    x->early = x->responses + 1;
    return 0;
}

pure void response_result(struct connection *c, int kind, struct tally *t)
{
    struct http1 *p = &c->in.http1;

    c->exchange.answered = 1;
    if (kind & REQUEST_PROBE)
        return;
    if (p->status == 101 && (p->flags & H1_H2C))
        t->unclassified++; /* the result comes as HTTP/2 */
    else if (p->status >= 500 && p->status < 600)
        t->error++;
    else
        t->success++;
}

/* How the body after a final head ends (RFC 9112, 6.3). */
pure enum http1_event response_body(struct connection *c, int kind)
{
    struct http1 *p = &c->in.http1;

    if (p->status == 101 || ((kind & REQUEST_CONNECT) && p->status / 100 == 2)) {
        c->exchange.tunnel = 1;
        p->state = H1_STOP;
        return H1_NONE;
    }
    if ((kind & REQUEST_HEAD) || p->status == 204 || p->status == 304)
        return H1_END;
    if (p->flags & H1_CHUNKED) {
        h1_chunk_start(p);
        return H1_NONE;
    }
    if ((p->flags & H1_CODED) || !(p->flags & H1_HAS_LENGTH)) {
        p->state = H1_UNTIL_CLOSE;
        return H1_NONE;
    }
    p->state = H1_BODY;
    return p->length ? H1_NONE : H1_END;
}

pure enum http1_event response_head(struct connection *c, struct tally *t)
{
    struct exchange *x = &c->exchange;
    __u16 status = c->in.http1.status;
    int kind = response_pair(c, t);

    if (kind < 0) {
        x->unsolicited = 1;
        kind = 0;
    } else if (status / 100 == 1 && status != 101) {
        x->interim = 1;
    } else {
        response_result(c, kind, t);
        if (status == 101 && (c->in.http1.flags & H1_H2C))
            connection_opaque(c, t);
    }
    if (status / 100 == 1 && status != 101) {
        x->unsolicited = 0;
        http1_restart(&c->in.http1);
        return H1_NONE;
    }
    return response_body(c, kind);
}

/* Not HTTP where a response was due: what Envoy turns into a 502 (error), unless the result stood.
 */
pure void response_bad(struct connection *c, struct tally *t)
{
    struct exchange *x = &c->exchange;

    c->in.http1.state = H1_STOP;
    x->lost = 1;
    if (x->unsolicited || ((__s32)(x->requests - x->responses) <= 0 && !exchange_early(x)))
        return;
    if (!x->answered && !response_of_probe(x))
        t->error++;
    response_done(c, t);
}

pure void response_event(struct connection *c, enum http1_event event, struct tally *t)
{
    if (event == H1_HEAD)
        event = response_head(c, t);
    switch (event) {
    case H1_END:
        response_done(c, t);
        http1_restart(&c->in.http1);
        break;
    case H1_BAD:
        if (c->kind == KIND_UNKNOWN)
            connection_session(c, t);
        else
            response_bad(c, t);
        c->in.http1.state = H1_STOP;
        break;
    case H1_IS_HTTP2:
        connection_opaque(c, t);
        c->in.http1.state = H1_STOP;
        break;
    default:
        break;
    }
}

/* --- the end of requests that get no response --------------------------------------- */

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

/* One whose answer was cut in the body has its result; one that had only a 1xx gets none (as Envoy
 * counts it). */
pure void settle_front(const struct exchange *x, enum cause cause, struct tally *t)
{
    if (!x->answered)
        settle_result(t, 1, x->interim && cause == CAUSE_UPSTREAM ? CAUSE_PROXY : cause);
}

/* Ends every request that still waits. A tunnel's request has its result. */
pure void connection_settle(struct connection *c, enum cause cause, struct tally *t)
{
    struct exchange *x = &c->exchange;
    __s32 waiting = (__s32)(x->requests - x->responses);
    __s32 probes = (__s32)(x->probes - x->probe_responses);
    int early = exchange_early(x);

    if (x->lost)
        cause = CAUSE_LOST;
    if (waiting < 0 || (!waiting && !early))
        return;
    if (!response_of_probe(x)) {
        settle_front(x, cause, t);
        t->finished++;
        waiting -= !early;
    }
    t->finished += waiting - probes;
    settle_result(t, waiting - probes, cause);
    x->responses = x->requests + early;
    x->probe_responses = x->probes;
    x->answered = x->interim = 0;
}

/* A request cut inside its own head was attached to this connection all the same, and Envoy counts
 * it from there. Called once, at the end, after connection_settle(). */
pure void connection_settle_head(struct connection *c, enum cause cause, struct tally *t)
{
    if (c->kind != KIND_HTTP1 || !http1_in_head(&c->out.http1))
        return;
    if (c->exchange.early == c->exchange.requests + 1)
        return; /* counted, and ended, when it was answered */
    t->issued++;
    t->finished++;
    settle_result(t, 1, c->exchange.lost ? CAUSE_LOST : cause);
}

/* A hole that will not be filled hid heads or framing of this direction. */
pure void connection_lost(struct connection *c, struct direction *d, __u32 bytes, struct tally *t)
{
    t->gap += bytes;
    d->http1.state = H1_STOP;
    if (d == &c->in) {
        c->exchange.lost = 1;
        connection_settle(c, CAUSE_LOST, t);
        return;
    }
    t->opaque++; /* requests from here on go unseen */
}

/* The upstream's FIN: it ends a body without length, and every request that still waits. */
pure void connection_remote_closed(struct connection *c, struct tally *t)
{
    if (c->in.http1.state == H1_UNTIL_CLOSE)
        response_event(c, H1_END, t);
    if (c->exchange.tunnel)
        return;
    connection_settle(c, c->in.store || c->in.missed ? CAUSE_LOST : CAUSE_UPSTREAM, t);
}

/* --- reading -------------------------------------------------------------------------- */

/* Passes the part of the window that need not be read. */
pure enum http1_event window_pass(struct window *w, struct http1 *p)
{
    __u64 count = http1_skippable(p);
    __u32 rest = w->length - w->position;

    if (count > rest)
        count = rest;
    w->position += (__u32)count;
    return http1_skip(p, count);
}

/* Reads on in the window; to be called again while it has bytes. */
pure void request_read(struct connection *c, struct window *w, const struct probe_set *set,
                       struct tally *t)
{
    struct http1 *p = &c->out.http1;
    enum http1_event event = http1_skippable(p) ? window_pass(w, p) : http1_step(p, w, set);

    if (event != H1_NONE)
        request_event(c, event, set, t);
}

pure void response_read(struct connection *c, struct window *w, struct tally *t)
{
    struct http1 *p = &c->in.http1;
    enum http1_event event = http1_skippable(p) ? window_pass(w, p) : http1_step(p, w, (void *)0);

    if (event != H1_NONE)
        response_event(c, event, t);
}
