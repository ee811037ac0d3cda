/* In the place of http2.h, for kernels that cannot read HTTP/2: there its connections are opaque. Pure.
 *
 * What is HTTP/2 says so by its kind; the owner then makes it KIND_OPAQUE, and counts it. */
#pragma once

#include "http2_turn.h"

#define H2_PREFACE_READ 12

pure void request_turn(struct connection *c, __u8 have)
{
    (void)have;
    c->kind = KIND_HTTP2;
    c->out.http1.state = H1_STOP;
}

pure void response_turn(struct connection *c)
{
    c->kind = KIND_HTTP2;
    c->in.http1.state = H1_STOP;
}

/* The upgraded request's result would come as HTTP/2: it is unclassified at the end. */
pure void connection_upgrade(struct connection *c, int probe)
{
    (void)probe;
    c->exchange.lost = 1;
    response_turn(c);
}

pure int request_turns(const struct connection *c)
{
    (void)c;
    return 0;
}

pure int responses_are_lost(const struct connection *c)
{
    (void)c;
    return 0;
}

pure void streams_end(struct connection *c, enum cause cause, struct tally *t)
{
    (void)c, (void)cause, (void)t;
}

pure void http2_direction_lost(struct connection *c, struct direction *d, struct tally *t)
{
    (void)c, (void)d, (void)t;
}

pure void http2_event(struct connection *c, enum http2_event event, const struct probe_set *set,
                      struct tally *t, __u32 outgoing)
{
    (void)c, (void)event, (void)set, (void)t, (void)outgoing;
}
