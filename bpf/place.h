/* Where HTTP/1 finds its place in a connection of which bytes went by unseen: one that was open
 * before (join.bpf.h), or behind a hole that was given up. Pure.
 *
 * The rule: an outgoing segment S begins a request, and the next byte of the upstream begins its
 * response, if, when S is sent,
 *   1. S is new, and all before it is acknowledged: the upstream has received it;
 *   2. the upstream has sent bytes with or after the acknowledgement of our last ones, ...
 *   3. ... and the proxy has read all of them;
 *   4. S begins with a whole, valid request head (it may go on in later segments);
 *   5. before a hole, no request was sent while another awaited its response.
 * 1 to 3 come from TCP's own numbers, so they hold for what passed before anybody looked. Proof: by
 * 2 and 3 the proxy has what the upstream said after our last byte, so that byte ended a request, or
 * the upstream spoke inside one (1xx, a response before the request's end, a tunnel). In the first
 * case the proxy speaks again, with a request (4): then, as it does not pipeline (RFC 9112, 9.3.2
 * allows it; proxies do not do it towards upstreams, and 5 holds against one that was seen to), the
 * response before was complete, and S begins the next exchange. In the second case S is a part of a
 * body or a tunnel, and 4 holds only if that part is itself a request head, to the letter.
 *
 * What then comes from the upstream has to begin with a status line. Otherwise the connection is
 * opaque, and the results of what was counted since S are unclassified. A request head that does not
 * come to its end was none, and nothing was counted; nor is it when it is answered before its end.
 *
 *   direction:  H1_ADRIFT --a request found--> H1_START, unproven
 *               unproven --status line--> proven
 *               unproven --no request head--> H1_ADRIFT
 *               any state --hole given up--> H1_ADRIFT */
#pragma once

#include "connection_state.h"

/* Places that looked like the start of a request, and were none, until a connection is believed to
 * be no HTTP. */
#define TRIES_MAX 16
#define TRIES_NONE 0xff /* requests are pipelined: no place can be found */

/* TCP's numbers while an outgoing segment passes, before it counts as sent. */
struct place {
    __u32 sequence;     /* of the segment */
    __u32 sent;         /* next to be sent for the first time: snd_nxt */
    __u32 acknowledged; /* snd_una */
    __u32 heard;        /* rcv_nxt */
    __u32 consumed;     /* what the proxy has read of it: copied_seq */
    __u32 heard_before; /* before the segment that acknowledged last: snd_wl1, if not later */
    __u32 answered; /* what an incoming segment with payload acknowledged, as far as one was seen */
    __u32 fresh;    /* no byte was ever sent or received */
};

/* 1 to 3 of the rule. */
pure int place_is_settled(const struct place *p)
{
    if (p->sequence != p->sent || p->acknowledged != p->sent || p->consumed != p->heard)
        return 0;
    return (__s32)(p->heard - p->heard_before) > 0 || p->answered == p->sequence;
}

/* HTTP/1, or nobody knows; HTTP/2 finds its frames by itself. */
pure int direction_is_adrift(const struct direction *d)
{
    return !d->is_http2 && *(const volatile __u8 *)&d->http1.state == H1_ADRIFT;
}

/* Is a place looked for? Responses alone are adrift only where one was lost: asked first, because the
 * state of `in` is in another CPU's cache. */
pure int connection_is_adrift(const struct connection *c)
{
    return c->kind <= KIND_HTTP1 &&
           (direction_is_adrift(&c->out) || (c->exchange.lost && direction_is_adrift(&c->in)));
}

/* Are responses not to be read, because nobody knows which they would be? */
pure int responses_are_adrift(const struct connection *c)
{
    return direction_is_adrift(&c->in) || (c->exchange.unproven && direction_is_adrift(&c->out));
}

/* Nothing is known of either direction's place. */
pure void connection_set_adrift(struct connection *c)
{
    c->out.http1.state = c->in.http1.state = H1_ADRIFT;
}

/* Bytes were sent, and nobody could tell what. They are a gap; of a connection that was open before,
 * once a place was found. */
pure void request_unseen(struct connection *c, __u32 bytes, struct tally *t)
{
    if (c->kind == KIND_HTTP1 || !c->joined)
        t->gap += bytes;
    else
        c->exchange.unseen += bytes;
}

/* What is read at a place that was found does not come to a request's end. It may be one all the same,
 * answered or given up before: a gap of one byte. Before the first request of a connection that was
 * open before, that it joined says so. */
pure void request_doubted(struct connection *c, struct tally *t)
{
    if (!c->joined || c->exchange.issued)
        t->gap++;
}

/* What was read as a request at a place that was found is none. 0: no such place was being tried. */
pure int request_unfound(struct connection *c, struct tally *t)
{
    struct exchange *x = &c->exchange;
    int is_tls;

    if (!x->unproven || x->requests != x->responses)
        return 0;
    is_tls = c->out.http1.state == H1_TLS;
    c->out.http1.state = H1_ADRIFT;
    request_doubted(c, t);
    if (c->protocol == PROTOCOL_AUTO && c->joined && !x->issued && c->kind == KIND_HTTP1)
        c->kind = KIND_UNKNOWN;
    if (++x->tries < TRIES_MAX && !is_tls)
        return 1;
    if (c->kind == KIND_UNKNOWN && !is_tls)
        connection_session(c, &c->out, t);
    else
        connection_opaque(c, &c->out, t);
    return 1;
}

/* A response's head where one had to be: the place is right. */
pure void response_found(struct connection *c, struct tally *t)
{
    if (!c->exchange.unproven)
        return;
    c->exchange.unproven = 0;
    t->gap += c->exchange.unseen;
    c->exchange.unseen = 0;
}

/* What came is no response to the request that was found. Before that one's end, it was none or is
 * answered early: either way another place is needed. */
pure void response_unfound(struct connection *c, struct tally *t)
{
    struct exchange *x = &c->exchange;
    __u64 pushed = *(const volatile __u64 *)&x->pushed; /* egress may go on */
    __s32 probes, waiting = exchange_waiting(x, pushed, &probes), counted = waiting - probes;

    x->lost = 1;
    c->in.http1.state = waiting > 0 ? H1_STOP : H1_ADRIFT;
    if (waiting <= 0)
        return;
    connection_opaque(c, &c->in, t);
    if (counted > 0) {
        t->finished += counted;
        t->unclassified += counted;
    }
    exchange_answered(x, pushed);
}
