/* How the response side tells that a connection is HTTP/2. Pure. */
#pragma once

#include "connection_state.h"

/* A server's first byte can be 0 in HTTP/2 only, and may come before the client's first. */
pure int response_turns(const struct connection *c, const struct window *w)
{
    const struct http1 *p = &c->in.http1;

    if (c->in.is_http2 || p->state != H1_START)
        return 0;
    return c->kind == KIND_HTTP2 ||
           (p->flags & H1_FIRST && c->kind == KIND_UNKNOWN && window_byte(w, w->position) == 0);
}

/* A server spoke HTTP/2 first, to a client that then turned out to speak HTTP/1: what it sends are no
 * responses. */
pure int responses_are_foreign(const struct connection *c)
{
    return c->in.is_http2 && c->kind == KIND_HTTP1;
}

/* HTTP/1 with one request under way, and 101 to h2c as its answer: it goes on as stream 1. */
pure int response_upgrades(const struct connection *c)
{
    return c->in.http1.status == 101 && c->in.http1.flags & H1_H2C && c->kind == KIND_HTTP1 &&
           c->exchange.requests == 1 && !c->exchange.responses;
}
