/* The response side of an HTTP/2 connection: what the upstream's frames mean (Envoy's rules). Pure.
 */
#pragma once

#include "http2_streams.h"

enum result { RESULT_NONE, RESULT_SUCCESS, RESULT_ERROR, RESULT_UNKNOWN };

/* What a frame of the upstream makes of a stream. */
struct verdict {
    __u32 flags; /* the stream's from now on */
    enum result result;
};

/* Trailers decide a gRPC call. STREAM_DOUBT beside STREAM_GRPC: whether the HTTP status was a 5xx was
 * not seen; alone: whether it is gRPC. */
pure enum result trailers_result(__u32 flags, const struct hpack_fields *f)
{
    if (f->grpc_status == GRPC_NONE && f->flags & FIELDS_UNKNOWN)
        return RESULT_UNKNOWN;
    if (!(flags & STREAM_DOUBT))
        return f->grpc_status == GRPC_SUCCESS ? RESULT_SUCCESS : RESULT_ERROR;
    if (flags & STREAM_GRPC)
        return f->grpc_status == GRPC_SUCCESS ? RESULT_UNKNOWN : RESULT_ERROR;
    return f->grpc_status == GRPC_SUCCESS ? RESULT_SUCCESS : RESULT_UNKNOWN;
}

/* A head whose :status could not be told. */
pure enum result unknown_head_result(__u32 *flags, const struct hpack_fields *f, int end)
{
    if (!(*flags & STREAM_GRPC))
        return RESULT_UNKNOWN;
    *flags |= STREAM_DOUBT;
    return end ? trailers_result(*flags, f) : RESULT_NONE;
}

pure enum result head_result(__u32 *flags, const struct hpack_fields *f, int end)
{
    switch (f->status) {
    case STATUS_NONE:
        return f->flags & FIELDS_UNKNOWN ? unknown_head_result(flags, f, end) : RESULT_ERROR;
    case STATUS_BELOW_500:
        break;
    default:
        return RESULT_ERROR; /* 5xx, or what no peer accepts as a response */
    }
    if (!(*flags & (STREAM_GRPC | STREAM_DOUBT)))
        return RESULT_SUCCESS;
    return end ? trailers_result(*flags, f) : RESULT_NONE;
}

/* A header block on a stream: a 1xx, the final head, or trailers. */
pure struct verdict block_verdict(__u32 flags, const struct hpack_fields *f, int end)
{
    struct verdict v = {flags, RESULT_NONE};

    if (!(flags & STREAM_ANSWERED) && f->status == STATUS_INTERIM && !end) {
        v.flags |= STREAM_INTERIM;
        return v;
    }
    if (!(flags & STREAM_ANSWERED)) {
        v.result = head_result(&v.flags, f, end);
        v.flags = (v.flags | STREAM_ANSWERED) & ~STREAM_INTERIM;
    } else if (!(flags & STREAM_DECIDED) && end) {
        v.result = trailers_result(flags, f);
    }
    if (v.result != RESULT_NONE)
        v.flags |= STREAM_DECIDED;
    return v;
}

/* END_STREAM without a header block. */
pure struct verdict data_verdict(__u32 flags)
{
    struct verdict v = {flags, RESULT_NONE};

    if (flags & STREAM_DECIDED)
        return v;
    /* Not gRPC, and not decided: a body without a head. gRPC: no trailers. */
    v.result = flags & STREAM_ANSWERED && !(flags & STREAM_GRPC) ? RESULT_UNKNOWN : RESULT_ERROR;
    return v;
}

pure void verdict_count(enum result result, struct tally *t)
{
    if (result == RESULT_SUCCESS)
        t->success++;
    else if (result == RESULT_ERROR)
        t->error++;
    else if (result == RESULT_UNKNOWN)
        t->unclassified++;
}

/* 0: the slot changed meanwhile. */
verified_once int response_frame_once(struct connection *c, __u32 id, const struct hpack_fields *f,
                                      int end, struct tally *t)
{
    __u32 *slot, word, flags;
    struct verdict v;

    if (!c || !t)
        return 1;
    slot = stream_find(c, id);
    if (!slot)
        return 1;
    word = slot_read(slot);
    if (!stream_is(word, id))
        return 0;
    flags = word & ~STREAM_KEY_MASK;
    if (flags & STREAM_IN_HEAD) /* answered inside its own head: what it is, nobody knows */
        flags = (flags & ~STREAM_IN_HEAD) | STREAM_DOUBT;
    v = f ? block_verdict(flags, f, end) : data_verdict(flags);
    if (!slot_swap(slot, word, end ? 0 : (word & STREAM_KEY_MASK) | v.flags))
        return 0;
    t->issued += !!(word & STREAM_IN_HEAD);
    t->finished += !!end;
    verdict_count(v.result, t);
    return 1;
}

/* A frame that decides: a header block (`f`), or the end of the data (NULL). Frames of streams that
 * are not open mean nothing: they ended before, are health checks, or the server's own. */
verified_once int response_frame(struct connection *c, __u32 id, const struct hpack_fields *f,
                                 int end, struct tally *t)
{
    if (!c || !t)
        return 0;
    unrolled for (int i = 0; i < STREAM_TRIES; i++)
    {
        if (response_frame_once(c, id, f, end, t))
            break;
    }
    return 0;
}

/* GOAWAY: streams above `last` are refused, those to come too. The limit is stored with a full barrier:
 * who opens a stream meanwhile sees it after, or the stream is found here. */
pure void response_leaving(struct connection *c, __u32 last, struct tally *t)
{
    __u32 *limit = &c->in.http2.last;

    if (!*limit || last + 1 < *limit)
        __sync_lock_test_and_set(limit, last + 1);
    streams_settle(c, last, CAUSE_UPSTREAM, t);
}

pure void http2_response_event(struct connection *c, enum http2_event event, struct tally *t)
{
    struct http2 *p = &c->in.http2;

    switch (event) {
    case H2_FIELDS:
        if (p->left) /* its padding is to come */
            break;
        __attribute__((fallthrough));
    case H2_PADDING_ENDED:
        response_frame(c, p->stream, &p->hpack.fields, p->block_flags & H2_END_STREAM, t);
        break;
    case H2_DATA_ENDED:
        response_frame(c, p->stream, NULL, 1, t);
        break;
    case H2_RESET:
        stream_end(c, p->stream, CAUSE_UPSTREAM, t);
        break;
    case H2_LEAVING:
        response_leaving(c, p->value, t);
        break;
    case H2_BAD: /* Envoy answers 502 for each: an error */
        direction_opaque(c, &c->in, t);
        streams_settle(c, 0, CAUSE_UPSTREAM, t);
        break;
    default:
        break;
    }
}
