/* An upstream connection: requests out, responses in, and the end of requests that get none. Pure.
 */
#pragma once

#include "request.h"
#include "response.h"

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
    waiting -= probes;
    if (waiting > 0) { /* egress may just be adding a health check */
        t->finished += waiting;
        settle_result(t, waiting, cause);
    }
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
    if (c->out.http1.flags & H1_PROBE_AGENT)
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
    connection_settle(c, direction_waits(&c->in) ? CAUSE_LOST : CAUSE_UPSTREAM, t);
    c->in.http1.state = H1_STOP; /* bytes beyond a FIN are no response, whoever sends them */
}
