/* An HTTP/2 connection: how its directions begin, go on and are lost. Pure. */
#pragma once

#include "http2_request.h"
#include "http2_response.h"
#include "http2_resync.h"
#include "http2_turn.h"
#include "place.h"
#include "scratch.h"

/* The preface's first 12 bytes were sent, "PRI * HTTP/2". */
#define H2_PREFACE_READ 12

/* Egress: the request side goes over to HTTP/2; `have` bytes of its preface were read. After an
 * upgrade the HTTP/1 request is stream 1 (RFC 7540, 3.2). */
pure void request_turn(struct connection *c, __u8 have)
{
    c->out.is_http2 = 1;
    c->exchange.lost_to = 0;
    http2_start(&c->out.http2, have);
    c->out.http2.last = c->exchange.requests;
    if (!c->exchange.requests) /* an upgrade has settings in a field that is not read */
        c->in.longest = H2_FRAME_MAX / FRAME_UNIT;
    c->kind = KIND_HTTP2;
}

pure void response_turn(struct connection *c)
{
    c->in.is_http2 = 1;
    http2_start(&c->in.http2, H2_PREFACE_LENGTH);
}

/* Does the other direction's state, or this one's next byte, say that it goes over now? */
pure int request_turns(const struct connection *c)
{
    return c->kind == KIND_HTTP2 && !c->out.is_http2 && c->out.http1.state == H1_START;
}

pure void connection_upgrade(struct connection *c, int probe)
{
    for (int i = 0; i < STREAM_SLOTS; i++)
        c->exchange.streams[i] = 0;
    if (!probe)
        c->exchange.streams[0] = STREAM_KEY(1) | STREAM_OPEN;
    response_turn(c);
    *(volatile __u8 *)&c->kind = KIND_HTTP2;
}

/* A connection that is known to be HTTP/2, but whose beginning was not seen. */
pure void connection_join_http2(struct connection *c)
{
    c->kind = KIND_HTTP2;
    c->out.is_http2 = c->in.is_http2 = 1;
    c->exchange.lost_to = 0;
    __builtin_memset(&c->out.http2, 0, sizeof(c->out.http2));
    __builtin_memset(&c->in.http2, 0, sizeof(c->in.http2));
    c->out.http2.joined = JOINED_UNREAD | JOINED_UNASKED;
    c->in.http2.joined = JOINED_UNREAD;
    http2_lost(&c->out.http2);
    http2_lost(&c->in.http2);
}

/* An outgoing segment, of which the window has the beginning, in a connection of which nothing is
 * known: is it HTTP/2? Whoever calls holds both directions. */
pure void connection_find_http2(struct connection *c, const struct place *p, const struct window *w,
                                __u32 total)
{
    if (c->kind != KIND_UNKNOWN || !c->joined || p->fresh)
        return;
    if (c->protocol != PROTOCOL_HTTP2 && !http2_chain(w, total, H2_STREAM_MASK))
        return;
    connection_join_http2(c);
    c->out.next = p->sequence;
    c->in.next = p->heard;
}

/* A hole hid frames of one direction. */
pure void http2_direction_lost(struct connection *c, struct direction *d, struct tally *t)
{
    http2_lost(&d->http2);
    if (d == &c->in) {
        streams_settle(c, 0, CAUSE_LOST, t);
        return;
    }
    c->out.http2.recover = 1;
    c->in.longest = 0; /* it may have hidden settings */
    *(volatile __u32 *)&c->exchange.lost_to = c->out.http2.last;
}

/* Streams that other bytes seemed to open say nothing of how far streams have come. */
pure void requests_unbelieved(struct http2 *p)
{
    *(volatile __u32 *)&p->last = p->before;
    if (!p->before)
        p->joined |= JOINED_UNASKED;
}

/* What cannot be framed may never have been frames. 0: it was, as many before it prove. */
verified_once int http2_misread(struct connection *c, __u32 outgoing, struct tally *t)
{
    struct direction *d;
    struct http2 *p;

    if (!c || !t)
        return 0;
    d = outgoing ? &c->out : &c->in;
    p = &d->http2;
    if (!d->is_http2 || !p->believed)
        return 0;
    if (outgoing)
        request_broken(c, p->block_stream ? p->block_stream : p->stream);
    t->gap += H2_FRAME_HEAD;
    http2_direction_lost(c, d, t);
    if (outgoing)
        requests_unbelieved(p);
    return 1;
}

/* No stream above this one is to be expected. */
pure __u32 stream_most(const struct connection *c)
{
    __u32 last = *(const volatile __u32 *)&c->out.http2.last;

    if (c->out.http2.joined & JOINED_UNASKED)
        return H2_STREAM_MASK;
    return (last + CHAIN_STREAMS) & H2_STREAM_MASK;
}

/* A segment of a direction that was lost, the first of its bytes in the window. Streams that wait may
 * have been answered in what went by unread. */
pure void http2_direction_resync(struct connection *c, struct direction *d, const struct window *w,
                                 __u32 total, struct tally *t)
{
    if (!responses_are_foreign(c) && http2_resync(&d->http2, w, total, stream_most(c)) &&
        d == &c->in && d->http2.passed)
        streams_settle(c, 0, CAUSE_LOST, t);
}

/* The larger ring of a direction that has or wants one. */
pure struct hpack_ring *http2_ring(struct connection *c, struct hpack *p, __u32 outgoing)
{
    struct annex *a;
    struct hpack_ring *big;

    if (p->big != HPACK_BIG_USED && p->big != HPACK_BIG_WANTED)
        return NULL;
    a = annex_claim(c);
    if (!a) {
        p->big = HPACK_BIG_DENIED;
        return NULL;
    }
    opaque_value(a);
    big = &a->rings[outgoing & 1];
    if (p->big == HPACK_BIG_WANTED)
        hpack_grow(p, big);
    return big;
}

/* A frame is longer than the proxy said it would take: a connection error (RFC 9113, 4.2), which
 * Envoy's codecs, that take 16,384 bytes, find at its head; http2_step() stops there. What is sent is not
 * measured: who breaks that limit is told by the upstream. */
pure int frame_too_long(const struct direction *d)
{
    __u32 longest = frame_longest(d);

    return longest && d->http2.state < H2_LOST && d->http2.left > longest;
}

/* Reads on to the next event, or a part of the window. */
verified_once enum http2_event http2_parse(struct connection *c, struct scratch *s,
                                           const struct probe_set *set, __u32 outgoing)
{
    enum http2_event event;
    struct http2 *p;

    if (!c || !s)
        return H2_NONE;
    p = outgoing ? &c->out.http2 : &c->in.http2;
    event = http2_step(p, http2_ring(c, &p->hpack, outgoing), &s->window, outgoing ? set : NULL,
                       &s->memos, c->id << 1 | outgoing);
    return !outgoing && frame_too_long(&c->in) ? http2_bad(p) : event;
}

pure void http2_event(struct connection *c, enum http2_event event, const struct probe_set *set,
                      struct tally *t, __u32 outgoing)
{
    if (event == H2_BAD && http2_misread(c, outgoing, t))
        return;
    if (outgoing)
        http2_request_event(c, event, set, t);
    else if (event == H2_BAD && c->kind == KIND_UNKNOWN) /* it spoke first, and not HTTP/2 */
        connection_session(c, &c->in, t);
    else if (c->kind <= KIND_HTTP2) /* a GOAWAY may come first */
        http2_response_event(c, event, t);
}
