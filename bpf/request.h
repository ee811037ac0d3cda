/* The request side of a connection: what egress bytes mean. Pure. */
#pragma once

#include "http1_quick.h"
#ifdef EARLY
#include "http2_unread.h"
#else
#include "http2.h"
#endif
#include "place.h"

/* A request whose response cannot be paired: known to be issued, and that is all. */
pure void request_unpaired(struct tally *t, __u8 kind)
{
    if (kind & REQUEST_PROBE) {
        t->probes++;
        return;
    }
    t->issued++;
    t->finished++;
    t->unclassified++;
}

pure void request_push(struct exchange *x, struct tally *t, __u8 kind)
{
    __u32 number = x->requests, probes = x->probes;
    __s32 waiting = (__s32)(number - x->responses);

    if (waiting >= EXCHANGE_DEPTH)
        x->overflow = 1;
    if ((x->overflow || x->lost) && x->issued == number) {
        request_unpaired(t, kind);
        return;
    }
    if (!number_claim(&x->issued, number)) {
        kind &= ~REQUEST_PROBE; /* answered early, and counted then */
    } else if (kind & REQUEST_PROBE) {
        t->probes++;
        probes++;
    } else {
        t->issued++;
    }
    exchange_set_kind(x, number, kind);
    exchange_push(x, number + 1, probes);
}

/* Is the CONNECT that was sent last refused, and the refusal read completely? Where responses cannot
 * be paired, nobody knows. */
pure int connect_refused(const struct exchange *x)
{
    return !x->tunnel && !x->lost && !x->overflow && x->responses == x->requests;
}

pure enum http1_event request_body(struct connection *c)
{
    struct http1 *p = &c->out.http1;

    if (p->words == H1_IS_CONNECT) {
        p->state = H1_TUNNEL_WAIT;
        return connect_refused(&c->exchange) ? H1_END : H1_NONE; /* refused inside its own head */
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
    struct exchange *x = &c->exchange;
    __u8 kind = p->words == H1_IS_HEAD ? REQUEST_HEAD : 0;

    if (x->unproven && x->lost) { /* answered before this */
        request_unfound(c, t);
        return H1_NONE;
    }
    if (c->kind == KIND_HTTP2)
        return H1_BAD; /* sent behind a request that was upgraded meanwhile */

    if (p->words == H1_IS_CONNECT)
        kind = REQUEST_CONNECT;
    if (http1_is_probe(p, set))
        kind |= REQUEST_PROBE;
    if (x->requests != x->responses && !incoming_waits(c))
        x->tries = TRIES_NONE;
    request_push(x, t, kind);
    return request_body(c);
}

/* What breaks behind a method and a target may be HTTP of a lax kind, with a blank in its target say:
 * then its requests are missing, which a session would not tell. */
pure int first_line_may_be_http(const struct http1 *p)
{
    return p->state == H1_VERSION || p->state == H1_VERSION_END;
}

pure void request_event(struct connection *c, enum http1_event event, const struct probe_set *set,
                        struct tally *t)
{
    struct http1 *p = &c->out.http1;

    if (event == H1_HEAD)
        event = request_head(c, set, t);
    switch (event) {
    case H1_REQUEST_LINE:
        if (c->kind == KIND_UNKNOWN)
            c->kind = KIND_HTTP1;
        break;
    case H1_END:
        http1_restart(p);
        break;
    case H1_BAD:
        if (request_unfound(c, t))
            break;
        if (c->kind != KIND_UNKNOWN)
            direction_opaque(c, &c->out, t);
        else if (first_line_may_be_http(p))
            connection_opaque(c, &c->out, t);
        else
            connection_session(c, &c->out, t);
        p->state = H1_STOP;
        break;
    case H1_IS_TLS:
        connection_opaque(c, &c->out, t);
        p->state = H1_STOP;
        break;
    case H1_IS_HTTP2:
        request_turn(c, H2_PREFACE_READ);
        break;
    default:
        break;
    }
}

/* Was a CONNECT sent, and no 2xx seen yet? */
pure int request_awaits_tunnel(const struct connection *c)
{
    __u8 state = c->out.http1.state;

    return !c->out.is_http2 && (state == H1_TUNNEL_WAIT || state == H1_TUNNEL_TRUST);
}

/* After CONNECT: a refusal that was read completely makes the next byte a request again, unless bytes
 * were sent before it. Returns whether it has to be given up for that: then it is opaque. */
pure int request_resume(struct connection *c)
{
    if (!request_awaits_tunnel(c) || !connect_refused(&c->exchange))
        return 0;
    if (c->out.http1.state == H1_TUNNEL_WAIT) {
        http1_restart(&c->out.http1);
        return 0;
    }
    c->out.http1.state = H1_STOP;
    return 1;
}

/* Reads whole lines, and what lies in the window of a body behind them. 0: there are none. */
pure int request_quick(struct connection *c, struct window *w, const struct probe_set *set,
                       struct tally *t)
{
    struct http1 *p = &c->out.http1;
    __u32 begin = w->position;

    if (c->kind == KIND_HTTP2 || c->out.is_http2)
        return 0;
    if (p->state == H1_START) {
        if (!quick_request_line(p, w, set))
            return 0;
        request_event(c, H1_REQUEST_LINE, NULL, t);
    }
    if (quick_lines(p, w) == H1_HEAD)
        request_event(c, H1_HEAD, NULL, t); /* no pattern of the set can match */
    if (p->state == H1_BODY && window_pass(w, p) == H1_END)
        http1_restart(p);
    return w->position != begin;
}

/* Reads on in the window; to be called again while it has bytes. */
pure void request_read(struct connection *c, struct window *w, const struct probe_set *set,
                       struct tally *t)
{
    enum http1_event event = http1_read(&c->out.http1, w, set);

    if (event != H1_NONE)
        request_event(c, event, set, t);
}
