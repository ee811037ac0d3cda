/* An upstream connection: requests out, responses in, and the end of requests that get none. Pure.
 */
#pragma once

#include "request.h"
#include "response.h"

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
    __u64 pushed = *(const volatile __u64 *)&x->pushed; /* egress may go on */
    __s32 probes, waiting = exchange_waiting(x, pushed, &probes);
    int early = !waiting && exchange_early(x);

    if (x->lost || responses_are_lost(c))
        cause = CAUSE_LOST;
    if (c->kind == KIND_HTTP2) {
        streams_end(c, cause, t);
        return;
    }
    if (waiting < 0 || (!waiting && !early))
        return;
    if (!response_of_probe(x)) {
        settle_front(x, cause, t);
        t->finished++;
        waiting -= !early;
    }
    waiting -= probes;
    if (waiting > 0) {
        t->finished += waiting;
        settle_result(t, waiting, cause);
    }
    exchange_answered(x, pushed);
    x->responses += early;
    x->answered = x->interim = 0;
}

/* A request cut inside its own head was attached to this connection all the same, and Envoy counts
 * it from there. Called once, at the end, after connection_settle(). */
pure void connection_settle_head(struct connection *c, enum cause cause, struct tally *t)
{
    if (c->kind != KIND_HTTP1 || !http1_in_head(&c->out.http1))
        return;
    if (c->exchange.unproven) {
        request_doubted(c, t);
        return;
    }
    if (c->out.http1.flags & H1_PROBE_AGENT)
        return;
    if (c->exchange.early == c->exchange.requests + 1)
        return; /* counted, and ended, when it was answered */
    t->issued++;
    t->finished++;
    settle_result(t, 1, c->exchange.lost ? CAUSE_LOST : cause);
}

/* Called once, at the end. One that is opaque by its cluster's settings is not meant. */
pure void connection_settle_opaque(const struct connection *c, struct tally *t)
{
    t->opaque_closed += c->in.opaque + c->out.opaque;
}

/* Called once, at the end: what was sent and still waits for a hole to be filled, or had no room. */
pure void connection_settle_unseen(const struct connection *c, __u32 kept, struct tally *t)
{
    if (c->kind < KIND_SESSION)
        t->gap += kept + c->out.missed;
}

/* Whatever comes in this direction is not read any more. */
pure void direction_stop(struct direction *d)
{
    if (d->is_http2)
        d->http2.state = H2_BROKEN;
    else
        d->http1.state = H1_STOP;
}

pure void direction_turn(struct connection *c, struct direction *d)
{
    if (d->is_http2)
        return;
    if (d == &c->out)
        request_turn(c, 0);
    else
        response_turn(c);
}

/* A hole that will not be filled hid heads or framing of this direction; one of HTTP/1 is adrift from
 * here on (place.h). */
pure void connection_lost(struct connection *c, struct direction *d, __u32 bytes, struct tally *t)
{
    t->gap += bytes;
    if (c->kind == KIND_HTTP2 && d->http1.state == H1_START) /* the hole is where it goes over */
        direction_turn(c, d);
    if (d == &c->in && responses_are_foreign(c))
        d->is_http2 = 0;
    if (d->is_http2) {
        http2_direction_lost(c, d, t);
        return;
    }
    d->http1.state = H1_ADRIFT;
    if (d == &c->in) {
        c->exchange.lost = 1;
        connection_settle(c, CAUSE_LOST, t);
    }
}

/* The upstream's FIN: it ends a body without length, and every request that still waits. `unread`: some
 * of what came before was not looked at. */
pure void connection_remote_closed(struct connection *c, int unread, struct tally *t)
{
    if (!c->in.is_http2 && c->in.http1.state == H1_UNTIL_CLOSE)
        response_event(c, H1_END, t);
    if (c->exchange.tunnel)
        return;
    connection_settle(c, unread ? CAUSE_LOST : CAUSE_UPSTREAM, t);
    direction_stop(&c->in); /* bytes beyond a FIN are no response, whoever sends them */
}

/* The proxy's close(). An answer that still comes is read by nobody: what waits has no result, as in
 * Envoy, which has reset it by then.
 *
 * A half close, shutdown(SHUT_WR), is none. Envoy never does that with streams open; who does (as some
 * clients of HTTP/1) reads on, so its requests keep their answers. `unread`: some of what TCP gave to
 * the proxy was not looked at; bytes that wait behind a hole are none of those. */
pure void connection_local_closed(struct connection *c, int unread, struct tally *t)
{
    if (c->exchange.tunnel)
        return;
    connection_settle(c, unread ? CAUSE_LOST : CAUSE_PROXY, t);
    direction_stop(&c->in);
    c->in.missed = 0;
}

/* Bytes of a direction that need not be read are passed. */
pure void connection_skip(struct connection *c, __u32 count, __u32 outgoing, struct tally *t)
{
    struct direction *d = outgoing ? &c->out : &c->in;

    if ((direction_is_lost(d) && !(d->http2.joined & JOINED_UNREAD)) || direction_is_believed(d))
        t->gap += count; /* frames may be in there, behind the hole */
    if (outgoing && direction_is_adrift(d))
        request_unseen(c, count, t);
    if (d->is_http2)
        http2_event(c, http2_skip(&d->http2, count), NULL, t, outgoing);
    else if (outgoing)
        request_event(c, http1_skip(&d->http1, count), NULL, t);
    else
        response_event(c, http1_skip(&d->http1, count), t);
}

/* At the start of a window: does this direction go over to HTTP/2, or is it none of HTTP/1's? */
pure void connection_turn(struct connection *c, const struct window *w, __u32 outgoing,
                          struct tally *t)
{
    if (outgoing && request_turns(c)) {
        request_turn(c, 0);
    } else if (!outgoing && response_turns(c, w)) {
        response_turn(c);
    } else if (!outgoing && responses_are_foreign(c)) {
        c->in.is_http2 = 0;
        response_event(c, H1_BAD, t);
    }
}
