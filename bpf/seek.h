/* A connection takes the place that place.h proves. Pure. */
#pragma once

#include "connection.h"

/* Nothing is under way: the next request and the next response belong together. */
pure void exchange_restart(struct exchange *x)
{
    x->requests = x->responses = x->issued;
    x->probe_responses = x->probes;
    x->overflow = x->answered = x->interim = x->unsolicited = x->lost = 0;
}

pure void http1_begin(struct http1 *p, int fresh)
{
    http1_restart(p);
    p->flags = (p->flags & H1_RESPONSE) | (fresh ? H1_FIRST : 0);
}

/* An outgoing segment is about to be looked at, in a connection that is adrift. Whoever calls holds
 * both directions. */
pure void connection_seek(struct connection *c, const struct place *p, struct tally *t)
{
    struct direction *out = &c->out;

    if (c->kind > KIND_HTTP1)
        return;
    if (c->exchange.tries == TRIES_NONE || c->life != LIFE_ESTABLISHED || !place_is_settled(p))
        return;
    if (direction_is_adrift(&c->in))
        request_unfound(c, t); /* answered before its end */
    if (c->kind >= KIND_SESSION)
        return;
    if (direction_is_adrift(out)) {
        http1_begin(&out->http1, p->fresh);
        out->next = p->sequence;
    } else if (out->http1.state != H1_START || out->next != p->sequence) {
        return;
    }
    connection_settle(c, CAUSE_LOST, t);
    exchange_restart(&c->exchange);
    http1_begin(&c->in.http1, p->fresh);
    c->in.next = p->heard;
    c->in.missed = 0;
    c->exchange.unproven = !p->fresh;
}
