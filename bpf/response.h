/* The response side of a connection: which request is answered, and with what result
 * (Envoy's rules: status below 500 is a success, at the head). Pure. */
#pragma once

#include "http1_quick.h"
#ifdef EARLY
#include "http2_unread.h"
#else
#include "http2.h"
#endif
#include "place.h"

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
    if (waiting < 0 || x->overflow || x->lost || x->unproven || !http1_in_head(&c->out.http1))
        return -1;
    if (number_claim(&x->issued, x->responses)) {
        t->issued++;
        x->early = x->responses + 1;
    }
    return 0;
}

pure void response_result(struct connection *c, int kind, struct tally *t)
{
    struct http1 *p = &c->in.http1;

    c->exchange.answered = 1;
    if (kind & REQUEST_PROBE)
        return;
    if (p->status >= 500 && p->status < 600)
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

    if (kind < 0 && x->unproven) {
        response_unfound(c, t);
        return H1_NONE;
    }
    response_found(c, t);
    if (kind >= 0 && response_upgrades(c)) {
        connection_upgrade(c, kind & REQUEST_PROBE);
        return H1_NONE;
    }
    if (kind < 0 && status == 101 && c->in.http1.flags & H1_H2C)
        direction_opaque(c, &c->in, t); /* it goes on as HTTP/2, and a hole hid the request */
    if (kind < 0) {
        x->unsolicited = 1;
        kind = 0;
    } else if (status / 100 == 1 && status != 101) {
        x->interim = 1;
    } else {
        response_result(c, kind, t);
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
        if (c->exchange.unproven) {
            response_unfound(c, t);
            break;
        }
        if (c->kind == KIND_UNKNOWN)
            connection_session(c, &c->in, t);
        else
            response_bad(c, t);
        c->in.http1.state = H1_STOP;
        break;
    default:
        break;
    }
}

/* Reads whole lines, and what lies in the window of a body behind them. 0: there are none. */
pure int response_quick(struct connection *c, struct window *w, struct tally *t)
{
    struct http1 *p = &c->in.http1;
    __u32 begin = w->position;

    if (c->kind == KIND_HTTP2 || c->in.is_http2)
        return 0;
    if (p->state == H1_START && !quick_status_line(p, w))
        return 0;
    if (quick_lines(p, w) == H1_HEAD)
        response_event(c, H1_HEAD, t);
    if (!c->in.is_http2 && p->state == H1_BODY && window_pass(w, p) == H1_END)
        response_event(c, H1_END, t);
    return w->position != begin;
}

/* Reads on in the window; to be called again while it has bytes. */
pure void response_read(struct connection *c, struct window *w, struct tally *t)
{
    enum http1_event event = http1_read(&c->in.http1, w, (void *)0);

    if (event != H1_NONE)
        response_event(c, event, t);
}
