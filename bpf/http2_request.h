/* The request side of an HTTP/2 connection: what the proxy's frames mean. Pure. */
#pragma once

#include "http2_streams.h"

/* Requests of which nothing is known but that they were issued. */
pure void requests_unclassified(struct tally *t, __u32 count)
{
    t->issued += count;
    t->finished += count;
    t->unclassified += count;
}

/* A health check: Envoy's own, or one that the cluster describes. */
pure int fields_are_probe(const struct hpack_fields *f, const struct probe_set *set)
{
    if (f->flags & FIELDS_AGENT)
        return 1;
    if (!set || !f->paths)
        return 0;
    for (int i = 0; i < PROBES_PER_SET; i++)
        if (f->paths & 1 << i && (!set->probe[i].host_len || f->hosts & 1 << i))
            return 1;
    return 0;
}

pure __u32 fields_kind(const struct hpack_fields *f)
{
    if (f->flags & FIELDS_GRPC)
        return STREAM_GRPC;
    return f->flags & FIELDS_UNKNOWN && !(f->flags & FIELDS_TYPED) ? STREAM_DOUBT : 0;
}

/* A client may end a request with trailers. Of one that began before anybody looked they are no new
 * stream, which nothing but what they lack tells, until a request shows how far streams have come. */
pure int block_is_older(const struct http2 *p, const struct hpack_fields *f)
{
    return p->joined & JOINED_UNASKED && !(f->flags & FIELDS_HEAD);
}

/* Streams of a client are odd and only grow (RFC 9113, 5.1.1). */
pure int stream_is_new(const struct connection *c, __u32 id)
{
    return id & 1 && id > c->out.http2.last;
}

/* A new stream: those that a gap hid before it have ids between. */
pure void stream_count_to(struct connection *c, __u32 id, struct tally *t)
{
    struct http2 *p = &c->out.http2;

    if (p->recover && p->last && id > p->last + 2)
        requests_unclassified(t, (id - p->last) / 2 - 1);
    p->recover = p->joined = 0;
    *(volatile __u32 *)&p->last = id;
}

/* After GOAWAY the upstream answers no stream above its last: as refused as those it found open. */
pure int stream_refused(const struct connection *c, __u32 id)
{
    __u32 limit = *(const volatile __u32 *)&c->in.http2.last;

    return limit && id >= limit;
}

pure void request_new(struct connection *c, __u32 id, __u32 flags, struct tally *t)
{
    stream_count_to(c, id, t);
    if (stream_refused(c, id)) {
        t->issued++;
        t->finished++;
        t->error++;
    } else if (stream_open(c, id, flags)) {
        t->issued++;
        if (stream_refused(c, id)) /* it came meanwhile, and may not have found this one */
            stream_end(c, id, CAUSE_UPSTREAM, t);
    } else {
        requests_unclassified(t, 1);
        t->untracked++;
    }
}

/* A block begins that is not whole. Where its stream finds no room, or is refused, or where it may be
 * older than it seems, that is told once the block shows whether it is a request. */
pure void request_begun(struct connection *c, __u32 id, struct tally *t)
{
    if (c->out.http2.joined || stream_refused(c, id) || !stream_open(c, id, STREAM_IN_HEAD))
        return;
    stream_count_to(c, id, t);
    if (stream_refused(c, id))
        stream_end(c, id, CAUSE_UPSTREAM, t);
}

/* 0: the slot changed meanwhile. */
pure int request_broken_once(struct connection *c, __u32 id)
{
    __u32 *slot = stream_find(c, id), word;

    if (!slot)
        return 1;
    word = slot_read(slot);
    return stream_is(word, id) && (!(word & STREAM_IN_HEAD) || slot_swap(slot, word, 0));
}

/* A block that broke off was no request, unless it was answered before. */
pure void request_broken(struct connection *c, __u32 id)
{
    if (!request_broken_once(c, id))
        request_broken_once(c, id);
}

/* The rest of a block that was cut. An answer or an end may have come before it: then the request
 * was counted by it. */
pure void request_completed(struct connection *c, __u32 id, const struct hpack_fields *f, int probe,
                            struct tally *t)
{
    unrolled for (int i = 0; i < STREAM_TRIES; i++)
    {
        __u32 *slot = stream_find(c, id), word;

        if (!slot)
            return;
        word = slot_read(slot);
        if (!stream_is(word, id))
            continue;
        if (!(word & STREAM_IN_HEAD))
            return; /* trailers, or counted */
        if (!slot_swap(slot, word, probe ? 0 : (word & ~STREAM_IN_HEAD) | fields_kind(f)))
            continue;
        if (probe)
            t->probes++;
        else
            t->issued++;
        return;
    }
}

/* A whole header block was sent on stream `id`. */
verified_once int request_fields(struct connection *c, __u32 id, const struct hpack_fields *f,
                                 const struct probe_set *set, struct tally *t)
{
    int probe;

    if (!c || !f || !t)
        return 0;
    if (block_is_older(&c->out.http2, f))
        return 0;
    probe = fields_are_probe(f, set);

    if (!stream_is_new(c, id)) {
        request_completed(c, id, f, probe, t);
        return 0;
    }
    if (!probe) {
        request_new(c, id, fields_kind(f), t);
        return 0;
    }
    stream_count_to(c, id, t);
    t->probes++;
    return 0;
}

/* SETTINGS of the proxy. What counts is the most that it ever took: from when on less holds only the
 * upstream's acknowledgement would tell. */
pure void request_accepts(struct connection *c, __u32 bytes)
{
    __u32 units = bytes / FRAME_UNIT + 1;

    if (units > 0xffff)
        units = 0xffff;
    if (c->in.longest && units > c->in.longest && bytes > H2_FRAME_MAX)
        *(volatile __u16 *)&c->in.longest = (__u16)units;
}

pure void http2_request_event(struct connection *c, enum http2_event event,
                              const struct probe_set *set, struct tally *t)
{
    struct http2 *p = &c->out.http2;

    switch (event) {
    case H2_BLOCK_CUT:
        if (stream_is_new(c, p->stream))
            request_begun(c, p->stream, t);
        break;
    case H2_FIELDS:
        request_fields(c, p->stream, &p->hpack.fields, set, t);
        break;
    case H2_RESET:
        stream_end(c, p->stream, responses_are_lost(c) ? CAUSE_LOST : CAUSE_PROXY, t);
        break;
    case H2_ACCEPTS:
        request_accepts(c, p->value);
        break;
    case H2_BAD:
        direction_opaque(c, &c->out, t);
        request_broken(c, p->block_stream ? p->block_stream : p->stream);
        break;
    default:
        break;
    }
}
