/* Frames that are whole in the window, and mean what most of them mean: read in place, many in a row.
 * Pure.
 *
 * A load is mostly made of blocks that were read before and of data. What is anything else is left to
 * the machine of http2_frames.h, and what it means to http2_request.h and http2_response.h: this is
 * the same, with nothing kept between two frames. Neither knows which of them read a frame. */
#pragma once

#include "http2.h"

#define QUICK_FRAMES 4  /* in one call */
#define QUICK_FIELDS 32 /* of a block */

enum quick {
    QUICK_STOP, /* the next frame is not whole, or none of the usual kind */
    QUICK_CUT,  /* it is whole in the window that begins with it */
    QUICK_PASSED,
    QUICK_BLOCK,
    QUICK_DATA,
    QUICK_MORE = QUICK_PASSED, /* of a call: there may be more */
};

struct frame {
    __u32 length; /* of the payload */
    __u32 type;
    __u32 flags;
    __u32 stream;
};

/* The frame at `at`. 0: it is not whole in the window. */
pure int quick_frame(const struct window *w, __u32 at, struct frame *f)
{
    __u64 head;

    if (at + H2_FRAME_HEAD > w->length)
        return 0;
    head = __builtin_bswap64(window_word(w, at));
    f->length = (__u32)(head >> 40);
    f->type = (head >> 32) & 0xff;
    f->flags = (head >> 24) & 0xff;
    f->stream = ((__u32)head << 8 | window_byte(w, at + 8)) & H2_STREAM_MASK;
    return at + H2_FRAME_HEAD + f->length <= w->length;
}

/* Frames without a meaning for the counts, whatever their payload is; settings have one if they are the
 * proxy's. */
pure int quick_passes(const struct frame *f, int outgoing)
{
    if (f->type == H2_WINDOW_UPDATE)
        return 1;
    if (f->stream)
        return f->type == H2_DATA || f->type == H2_PRIORITY;
    return f->type == H2_PING || (f->type == H2_SETTINGS && !outgoing);
}

/* A frame with a whole block in it. */
pure int quick_is_block(const struct frame *f)
{
    return f->type == H2_HEADERS && f->stream && (f->flags & ~H2_END_STREAM) == H2_END_HEADERS;
}

/* Reads the block that is next in the window; if it is short, remembers what it said. 0: the machine has
 * to read on in it. */
verified_once int quick_block(struct http2 *p, struct scratch *s, const struct probe_set *set,
                              __u32 length)
{
    struct window *w;
    __u32 end;

    if (!p || !s)
        return 0;
    w = &s->window;
    end = w->position + length;
    hpack_block_start(&p->hpack);
    quick_fields(&p->hpack, NULL, w, set, end, QUICK_FIELDS);
    p->left = end - w->position;
    if (p->left)
        return 0;
    if (length <= MEMO_BYTES)
        memo_note(&s->memos, &p->hpack);
    return 1;
}

/* What a block says that was not read before, or is longer. NULL: the machine goes on in it. */
pure const struct hpack_fields *quick_read(struct http2 *p, struct scratch *s,
                                           const struct probe_set *set, const struct frame *f)
{
    p->type = H2_HEADERS;
    p->flags = p->block_flags = (__u8)f->flags;
    p->stream = f->stream;
    p->pad = p->fresh = 0;
    if (quick_block(p, s, set, f->length))
        return &p->hpack.fields;
    p->state = H2_BLOCK;
    return NULL;
}

/* Reads a block at once; NULL: it is the machine's, whose place is where the window now stands. */
pure const struct hpack_fields *quick_block_said(struct http2 *p, struct scratch *s,
                                                 const struct probe_set *set, const struct frame *f,
                                                 __u64 owner)
{
    const struct hpack_fields *said = NULL;
    __u32 from = s->window.position;

    s->window.position = from + H2_FRAME_HEAD;
    if (f->length <= MEMO_BYTES)
        said = memo_said(&s->memos, &p->hpack, &s->window, f->length, owner);
    if (said) {
        s->window.position = from + H2_FRAME_HEAD + f->length;
        return said;
    }
    if (f->length && p->hpack.big != HPACK_BIG_WANTED && p->hpack.big != HPACK_BIG_USED)
        return quick_read(p, s, set, f);
    s->window.position = from;
    return NULL;
}

/* Reads the window's next frame; of a block, what it says. */
pure enum quick quick_frame_read(struct connection *c, struct scratch *s,
                                 const struct probe_set *set, int outgoing, struct frame *f,
                                 const struct hpack_fields **said)
{
    struct http2 *p = outgoing ? &c->out.http2 : &c->in.http2;
    struct window *w = &s->window;

    if (!quick_frame(w, w->position, f))
        return w->position && w->more ? QUICK_CUT : QUICK_STOP;
    if (quick_is_block(f)) {
        *said = quick_block_said(p, s, set, f, c->id << 1 | outgoing);
        return *said ? QUICK_BLOCK : QUICK_STOP;
    }
    if (!quick_passes(f, outgoing))
        return QUICK_STOP;
    w->position += H2_FRAME_HEAD + f->length;
    return f->type == H2_DATA ? QUICK_DATA : QUICK_PASSED;
}

/* A request's head, known by what its block said. */
pure void quick_request(struct connection *c, struct annex *a, __u32 id,
                        const struct hpack_fields *said, const struct probe_set *set,
                        struct tally *t)
{
    struct http2 *p = &c->out.http2;
    __u32 *slot = stream_slot(c, id);

    if (a && slot_read(slot))
        slot = annex_slot(a, 0, id);
    if (said->flags & FIELDS_AGENT || said->paths || id <= p->last || !(id & 1) ||
        (p->recover | p->joined) || c->in.http2.last || slot_read(slot)) {
        request_fields(c, id, said, set, t);
        return;
    }
    /* An empty slot is filled by egress only. */
    *(volatile __u32 *)slot = STREAM_KEY(id) | STREAM_OPEN | fields_kind(said);
    *(volatile __u32 *)&p->last = id;
    t->issued++;
}

/* A GOAWAY may have come while streams were opened here, and not have found them; neither did they find
 * its limit. The exchange is a full barrier, as is that of response_leaving(): one of both sees the
 * other's store. */
pure void quick_requests_refused(struct connection *c, struct tally *t)
{
    struct http2 *p = &c->out.http2;
    __u32 limit;

    __sync_lock_test_and_set(&p->last, p->last);
    limit = *(volatile __u32 *)&c->in.http2.last;
    if (limit && p->last >= limit)
        streams_settle(c, limit - 1, CAUSE_UPSTREAM, t);
}

pure enum quick quick_requests(struct connection *c, struct scratch *s, const struct probe_set *set)
{
    struct annex *a = c->annex ? annex_of(c) : NULL;

    for (int i = 0; i < QUICK_FRAMES; i++) {
        const struct hpack_fields *said;
        enum quick quick;
        struct frame f;

        quick = quick_frame_read(c, s, set, 1, &f, &said);
        if (quick < QUICK_PASSED)
            return quick;
        if (quick == QUICK_BLOCK)
            quick_request(c, a, f.stream, said, set, &s->tally);
    }
    return QUICK_MORE;
}

/* Is a frame next that may be read in place? Not where each still has to be counted as a proof. */
pure int http2_quick_may(const struct http2 *p)
{
    return http2_between(p) && !p->believed;
}

/* Reads request frames from the window, as many as there are of the usual kind. */
verified_once enum quick http2_quick_requests(struct connection *c, struct scratch *s,
                                              const struct probe_set *set)
{
    enum quick quick;
    __u32 last;

    if (!c || !s || !http2_quick_may(&c->out.http2))
        return QUICK_STOP;
    last = c->out.http2.last;
    quick = quick_requests(c, s, set);
    if (c->out.http2.last != last)
        quick_requests_refused(c, &s->tally);
    return quick;
}

/* What a header block makes of a stream in the usual cases: a final head below 500, or trailers that
 * decide a gRPC call; 0: anything else. */
pure __u32 quick_verdict(__u32 word, const struct hpack_fields *said, __u32 end)
{
    __u32 grpc = word & STREAM_GRPC;

    if (word & (STREAM_DOUBT | STREAM_IN_HEAD | STREAM_DECIDED))
        return 0;
    if (!(word & STREAM_ANSWERED)) {
        if (said->status != STATUS_BELOW_500 || (grpc && end))
            return 0;
        return (word & ~STREAM_INTERIM) | STREAM_ANSWERED | (grpc ? 0 : STREAM_DECIDED);
    }
    return end && said->grpc_status == GRPC_SUCCESS ? word | STREAM_DECIDED : 0;
}

/* A response's head, trailers (`said`), or the end of its data (NULL). */
pure void quick_response(struct connection *c, struct annex *a, __u32 id,
                         const struct hpack_fields *said, __u32 end, struct tally *t)
{
    __u32 *slot = stream_slot(c, id), word = slot_read(slot), next = 0;

    if (a && !stream_is(word, id)) {
        slot = annex_slot(a, 0, id);
        word = slot_read(slot);
    }
    if (stream_is(word, id) && id & 1)
        next = said ? quick_verdict(word, said, end) : word & STREAM_DECIDED ? word : 0;
    if (!next || !slot_swap(slot, word, end ? 0 : next)) {
        response_frame(c, id, said, end, t);
        return;
    }
    t->success += said && next & STREAM_DECIDED;
    t->finished += end;
}

/* Reads response frames from the window, as many as there are of the usual kind. */
verified_once enum quick http2_quick_responses(struct connection *c, struct scratch *s)
{
    struct annex *a;

    if (!c || !s || c->kind != KIND_HTTP2 || !http2_quick_may(&c->in.http2))
        return QUICK_STOP;
    a = c->annex ? annex_of(c) : NULL;
    for (int i = 0; i < QUICK_FRAMES; i++) {
        const struct hpack_fields *said = NULL;
        enum quick quick;
        struct frame f;
        __u32 end;

        opaque_value(c); /* else clang keeps sums of it on the stack */
        quick = quick_frame_read(c, s, NULL, 0, &f, &said);
        if (quick < QUICK_PASSED)
            return quick;
        end = f.flags & H2_END_STREAM;
        if (quick == QUICK_BLOCK || (quick == QUICK_DATA && end))
            quick_response(c, a, f.stream, said, end, &s->tally);
    }
    return QUICK_MORE;
}
