/* HTTP/2 framing of one direction (RFC 9113), cut anywhere. Pure.
 *
 *   PREFACE -> HEAD                                 a client; a server starts at HEAD
 *   HEAD -> PREFIX -> BLOCK -> SKIP -> HEAD         HEADERS, PUSH_PROMISE, CONTINUATION
 *   HEAD -> VALUE -> SKIP -> HEAD                   RST_STREAM, GOAWAY
 *   HEAD -> SETTING -> HEAD                         SETTINGS
 *   HEAD -> SKIP -> HEAD                            DATA and all else, unread
 *   any -> LOST -> HEAD                             a gap; http2_resync.h finds the way back
 *   any -> BROKEN                                   a connection error
 */
#pragma once

#include "hpack.h"
#include "hpack_quick.h"
#include "http2_memo.h"
#include "http2_state.h"

pure enum http2_event http2_preface(struct http2 *p, __u8 c)
{
    const __u64 first = H1_LITERAL('P', 'R', 'I', ' ', '*', ' ', 'H', 'T');
    const __u64 middle = H1_LITERAL('T', 'P', '/', '2', '.', '0', '\r', '\n');
    const __u64 last = H1_LITERAL('\r', '\n', 'S', 'M', '\r', '\n', '\r', '\n');
    __u32 at = p->have++;

    if (c != h1_literal_byte(at < 8 ? first : at < 16 ? middle : last, at))
        return http2_bad(p);
    if (p->have == H2_PREFACE_LENGTH) {
        p->state = H2_HEAD;
        p->have = 0;
    }
    return H2_NONE;
}

/* The block's fragment in this frame is over. */
pure enum http2_event http2_fragment_end(struct http2 *p)
{
    p->left = p->pad;
    if (!(p->flags & H2_END_HEADERS)) {
        p->block_stream = p->stream;
        http2_rest(p);
        return H2_NONE;
    }
    p->block_stream = 0;
    if (p->hpack.state != HPACK_AT_FIELD || p->hpack.more)
        return http2_bad(p); /* cut inside a field */
    http2_rest(p);
    return p->block_flags & H2_PROMISE ? H2_NONE : H2_FIELDS;
}

/* Where the block begins: padding is known, what precedes it was read. */
pure enum http2_event http2_block_start(struct http2 *p)
{
    if (p->pad > p->left)
        return http2_bad(p);
    p->left -= p->pad;
    p->fresh = p->type != H2_CONTINUATION;
    p->state = H2_BLOCK;
    return p->left ? H2_NONE : http2_fragment_end(p);
}

/* Bytes between the frame's head and its block. */
pure __u8 http2_prefix_length(__u8 type, __u8 flags)
{
    __u8 length = flags & H2_PADDED ? 1 : 0;

    if (type == H2_PUSH_PROMISE)
        return length + 4;
    return flags & H2_PRIORITIZED ? length + 5 : length;
}

/* A frame that begins a header block, or goes on with it. */
pure enum http2_event http2_block_frame(struct http2 *p)
{
    p->pad = 0;
    p->prefix = 0;
    p->have = 0;
    if (p->type == H2_CONTINUATION) {
        p->flags &= H2_END_HEADERS;
        return http2_block_start(p);
    }
    p->block_flags = (p->flags & 0x7f) | (p->type == H2_PUSH_PROMISE ? H2_PROMISE : 0);
    hpack_block_start(&p->hpack);
    p->prefix = http2_prefix_length(p->type, p->flags);
    if (p->prefix > p->left)
        return http2_bad(p);
    p->state = H2_PREFIX;
    if (p->prefix)
        return H2_NONE;
    return http2_block_start(p);
}

pure enum http2_event http2_prefix(struct http2 *p, __u8 c)
{
    if (!p->have++ && (p->flags & H2_PADDED))
        p->pad = c;
    p->left--;
    return p->have == p->prefix ? http2_block_start(p) : H2_NONE;
}

pure enum http2_event http2_value_frame(struct http2 *p)
{
    p->have = 0;
    p->head = 0;
    p->state = H2_VALUE;
    if (p->type == H2_RST_STREAM)
        return p->left == 4 ? H2_NONE : http2_bad(p);
    return p->left >= 8 ? H2_NONE : http2_bad(p);
}

pure enum http2_event http2_value(struct http2 *p, __u8 c)
{
    p->head = p->head << 8 | c;
    p->left--;
    if (++p->have < 4)
        return H2_NONE;
    p->value = (__u32)p->head & H2_STREAM_MASK;
    return http2_rest(p);
}

/* SETTINGS are entries of a name in two bytes and a value in four. */
pure enum http2_event http2_setting(struct http2 *p, __u8 c)
{
    int whole = ++p->have == 6;

    p->head = p->head << 8 | c;
    p->value = (__u32)p->head;
    if (whole)
        p->have = 0;
    if (!--p->left)
        http2_frame_end(p);
    return whole && (__u16)(p->head >> 32) == H2_SETTING_FRAME_MAX ? H2_ACCEPTS : H2_NONE;
}

pure enum http2_event http2_settings_frame(struct http2 *p)
{
    if (p->flags & H2_ACK || !p->left)
        return http2_rest(p);
    p->have = 0;
    p->state = H2_SETTING;
    return H2_NONE;
}

/* Frames of a stream need one, frames of the connection must have none (RFC 9113, 6). */
pure int http2_stream_fits(__u8 type, __u32 stream)
{
    if (type == H2_SETTINGS || type == H2_PING || type == H2_GOAWAY)
        return !stream;
    return stream || type >= H2_WINDOW_UPDATE;
}

/* What may not come now (RFC 9113, 3.4, 6.10). */
pure int http2_out_of_place(const struct http2 *p)
{
    if (p->first && p->type != H2_SETTINGS)
        return 1;
    if (p->block_stream)
        return p->type != H2_CONTINUATION || p->stream != p->block_stream;
    return p->type == H2_CONTINUATION || !http2_stream_fits(p->type, p->stream);
}

/* A frame's head is complete. */
pure enum http2_event http2_frame(struct http2 *p)
{
    if (http2_out_of_place(p))
        return http2_bad(p);
    p->first = 0;
    if (p->believed && p->type <= H2_CONTINUATION)
        p->believed--;
    switch (p->type) {
    case H2_CONTINUATION:
    case H2_HEADERS:
    case H2_PUSH_PROMISE:
        return http2_block_frame(p);
    case H2_RST_STREAM:
    case H2_GOAWAY:
        return http2_value_frame(p);
    case H2_SETTINGS:
        return http2_settings_frame(p);
    }
    return http2_rest(p);
}

/* Length in 24 bits, type, flags, stream in 31 bits (RFC 9113, 4.1). */
pure enum http2_event http2_head(struct http2 *p, __u8 c)
{
    enum http2_event event;

    switch (p->have++) {
    case 0:
        p->head = 0;
        break;
    case 3:
        p->left = (__u32)p->head;
        p->type = c;
        return H2_NONE;
    case 4:
        p->flags = c;
        p->head = 0;
        return H2_NONE;
    }
    p->head = p->head << 8 | c;
    if (p->have < H2_FRAME_HEAD)
        return H2_NONE;
    p->stream = (__u32)p->head & H2_STREAM_MASK;
    event = http2_frame(p);
    if (event == H2_NONE && p->type == H2_HEADERS)
        return H2_BLOCK_CUT;
    return event;
}

verified_once enum http2_event http2_byte(struct http2 *p, __u8 c)
{
    if (!p)
        return H2_NONE;
    switch (p->state) {
    case H2_PREFACE:
        return http2_preface(p, c);
    case H2_HEAD:
        return http2_head(p, c);
    case H2_PREFIX:
        return http2_prefix(p, c);
    case H2_VALUE:
        return http2_value(p, c);
    case H2_SETTING:
        return http2_setting(p, c);
    default:
        return http2_skip(p, 1);
    }
}

/* --- whole parts at once ------------------------------------------------------------------ */

/* A frame's head that is whole in the window, and what precedes its block, if that is too. */
pure enum http2_event http2_head_whole(struct http2 *p, struct window *w)
{
    __u64 head = __builtin_bswap64(window_word(w, w->position));
    enum http2_event event;

    p->left = (__u32)(head >> 40);
    p->type = (__u8)(head >> 32);
    p->flags = (__u8)(head >> 24);
    p->stream = ((__u32)head << 8 | window_byte(w, w->position + 8)) & H2_STREAM_MASK;
    w->position += H2_FRAME_HEAD;
    event = http2_frame(p);
    if (event != H2_NONE || p->type != H2_HEADERS)
        return event;
    return p->flags & H2_END_HEADERS && p->left <= w->length - w->position ? H2_NONE : H2_BLOCK_CUT;
}

pure enum http2_event http2_prefix_whole(struct http2 *p, struct window *w)
{
    if (p->flags & H2_PADDED)
        p->pad = window_byte(w, w->position);
    w->position += p->prefix;
    p->left -= p->prefix;
    return http2_block_start(p);
}

/* A head, prefix or value, as far as the window has it. */
pure enum http2_event http2_part(struct http2 *p, struct window *w)
{
    __u32 rest = w->length - w->position;

    if (!p->have && p->state == H2_HEAD && rest >= H2_FRAME_HEAD)
        return http2_head_whole(p, w);
    if (!p->have && p->state == H2_PREFIX && rest >= p->prefix)
        return http2_prefix_whole(p, w);
    return http2_byte(p, window_byte(w, w->position++));
}

/* Reads on in the block's fragment. */
pure enum http2_event http2_block(struct http2 *p, struct hpack_ring *big, struct window *w,
                                  const struct probe_set *set)
{
    __u32 from = w->position, limit = w->length - from;

    if (limit > p->left)
        limit = p->left;
    if (hpack_quick(&p->hpack, big, w, set, limit) == 0 &&
        hpack_step(&p->hpack, big, w, set, limit))
        return http2_bad(p);
    p->left -= w->position - from;
    return p->left ? H2_NONE : http2_fragment_end(p);
}

pure enum http2_event http2_pass(struct http2 *p, struct window *w)
{
    __u64 count = http2_skippable(p);
    __u32 rest = w->length - w->position;

    if (count > rest)
        count = rest;
    w->position += (__u32)count;
    return http2_skip(p, count);
}

/* Reads a whole block of a few bytes, or remembers what it said. */
pure enum http2_event http2_small_block(struct http2 *p, struct hpack_ring *big, struct window *w,
                                        const struct probe_set *set, struct memos *memos,
                                        __u64 owner)
{
    const struct hpack_fields *said = memo_said(memos, &p->hpack, w, p->left, owner);
    enum http2_event event;

    if (said) {
        p->hpack.fields = *said;
        w->position += p->left;
        return http2_fragment_end(p);
    }
    event = http2_block(p, big, w, set);
    if (event == H2_FIELDS)
        memo_note(memos, &p->hpack);
    return event;
}

pure enum http2_event http2_block_part(struct http2 *p, struct hpack_ring *big, struct window *w,
                                       const struct probe_set *set, struct memos *memos,
                                       __u64 owner)
{
    int whole = p->fresh && p->flags & H2_END_HEADERS && p->left <= w->length - w->position;

    p->fresh = 0;
    if (whole && p->left <= MEMO_BYTES)
        return http2_small_block(p, big, w, set, memos, owner);
    return http2_block(p, big, w, set);
}

/* Reads on in the window until an event, its end, or a bounded number of parts; a larger ring that a
 * block asks for ends it too. The caller calls again as long as the window has bytes. `owner` tells
 * this direction of this connection from all others. */
pure enum http2_event http2_step(struct http2 *p, struct hpack_ring *big, struct window *w,
                                 const struct probe_set *set, struct memos *memos, __u64 owner)
{
    for (int i = 0; i < 2; i++) {
        enum http2_event event;

        if (w->position >= w->length || p->hpack.big == HPACK_BIG_WANTED)
            return H2_NONE;
        if (p->state == H2_BLOCK)
            event = http2_block_part(p, big, w, set, memos, owner);
        else if (p->state >= H2_SKIP)
            event = http2_pass(p, w);
        else
            event = http2_part(p, w);
        if (event != H2_NONE || p->left > H2_FRAME_MAX) /* which may be too long: http2_parse() */
            return event;
    }
    return H2_NONE;
}
