/* HTTP/2 framing of one direction (RFC 9113), cut anywhere. Pure.
 *
 * No product code: it proves that the structure of bpf/ (window, steps in global functions, a
 * tally) carries HTTP/2, and is kept compiling, decoding and loading until the HTTP/2 issue
 * replaces it. What it leaves out: a table of open streams, remembered blocks, attaching to an open
 * connection.
 *
 *   OFF -> PREFACE -> HEAD                          a client; a server starts at HEAD
 *   HEAD -> PREFIX -> BLOCK -> SKIP -> HEAD         HEADERS, PUSH_PROMISE, CONTINUATION
 *   HEAD -> VALUES -> SKIP -> HEAD                  SETTINGS, RST_STREAM, GOAWAY
 *   HEAD -> SKIP -> HEAD                            DATA and all else, unread
 *   any -> BROKEN                                   a connection error
 */
#pragma once

#include "structure_hpack.h"

enum http2_type {
    H2_DATA,
    H2_HEADERS,
    H2_PRIORITY,
    H2_RST_STREAM,
    H2_SETTINGS,
    H2_PUSH_PROMISE,
    H2_PING,
    H2_GOAWAY,
    H2_WINDOW_UPDATE,
    H2_CONTINUATION,
};

enum http2_flag {
    H2_END_STREAM = 1,
    H2_ACK = 1,
    H2_END_HEADERS = 4,
    H2_PADDED = 8,
    H2_PRIORITIZED = 0x20
};

enum http2_state {
    H2_OFF, /* not HTTP/2 so far */
    H2_PREFACE,
    H2_HEAD,
    H2_PREFIX, /* pad length, priority, promised stream: what precedes a block */
    H2_BLOCK,
    H2_VALUES, /* SETTINGS, RST_STREAM, GOAWAY: small values to read */
    H2_SKIP,
    H2_BROKEN, /* from here on bytes are passed without reading, without end */
};

enum http2_event {
    H2_NONE,
    H2_FIELDS,        /* a header block is complete: see `hpack`, `stream`, `block_flags` */
    H2_STREAM_ENDED,  /* END_STREAM of a DATA frame; HEADERS say it in `block_flags` */
    H2_RESET,         /* of `stream` */
    H2_LEAVING,       /* GOAWAY: `value` is the last stream that is answered */
    H2_TABLE_SIZE,    /* SETTINGS_HEADER_TABLE_SIZE is `value`: it binds the other direction */
    H2_SETTINGS_DONE, /* the peer acknowledged SETTINGS: its encoder follows them from here on */
    H2_BAD,           /* a connection error (RFC 9113, 5.4.1); nothing after this can be framed */
};

#define H2_FRAME_HEAD 9
#define H2_PREFACE_LENGTH 24

struct http2 {
    __u8 state;       /* enum http2_state */
    __u8 type;        /* of the frame being read */
    __u8 flags;       /* of the frame being read */
    __u8 block_flags; /* of the frame that began the block */
    __u8 have;        /* bytes of head, prefix, value or preface that were read */
    __u8 pad;
    __u8 prefix; /* bytes that precede the block */
    __u8 first;  /* no frame was seen: it has to be SETTINGS (RFC 9113, 3.4) */
    __u32 left;  /* bytes of the frame's payload still to come */
    __u32 stream;
    __u32 block_stream; /* its block goes on in CONTINUATION; 0: none does */
    __u32 value;
    __u64 head; /* bytes of head or value, the newest lowest */
    struct hpack hpack;
};

/* A connection's direction turns out to be HTTP/2, `have` bytes of its preface were read; a
 * server sends none: give H2_PREFACE_LENGTH. */
pure void http2_start(struct http2 *p, __u8 have)
{
    p->have = have;
    p->first = 1;
    p->state = H2_PREFACE;
    if (have >= H2_PREFACE_LENGTH) {
        p->state = H2_HEAD;
        p->have = 0;
    }
}

/* Bytes from here on that need not be read, whatever they are. */
pure __u64 http2_skippable(const struct http2 *p)
{
    if (p->state == H2_BROKEN)
        return ~0ull;
    return p->state == H2_SKIP ? p->left : 0;
}

pure enum http2_event http2_frame_end(struct http2 *p)
{
    p->state = H2_HEAD;
    p->have = 0;
    return p->type == H2_DATA && (p->flags & H2_END_STREAM) ? H2_STREAM_ENDED : H2_NONE;
}

pure enum http2_event http2_rest(struct http2 *p)
{
    p->state = H2_SKIP;
    return p->left ? H2_NONE : http2_frame_end(p);
}

/* Passes `count` bytes, at most http2_skippable(), unread. */
pure enum http2_event http2_skip(struct http2 *p, __u64 count)
{
    if (p->state == H2_BROKEN)
        return H2_NONE;
    p->left -= (__u32)count;
    return p->left ? H2_NONE : http2_frame_end(p);
}

pure enum http2_event http2_bad(struct http2 *p)
{
    p->state = H2_BROKEN;
    return H2_BAD;
}

pure enum http2_event http2_preface(struct http2 *p, __u8 c)
{
    const __u64 first = H1_LITERAL('P', 'R', 'I', ' ', '*', ' ', 'H', 'T');
    const __u64 middle = H1_LITERAL('T', 'P', '/', '2', '.', '0', '\r', '\n');
    const __u64 last = H1_LITERAL('\r', '\n', 'S', 'M', '\r', '\n', '\r', '\n');
    __u32 at = p->have++;

    if (c != h1_literal_byte(at < 8 ? first : at < 16 ? middle : last, at))
        return http2_bad(p);
    if (p->have == H2_PREFACE_LENGTH)
        http2_start(p, H2_PREFACE_LENGTH);
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
    return p->block_flags & 0x80 ? H2_NONE : H2_FIELDS;
}

/* Where the block begins: padding is known, what precedes it was read. */
pure enum http2_event http2_block_start(struct http2 *p)
{
    if (p->pad > p->left)
        return http2_bad(p);
    p->left -= p->pad;
    p->state = H2_BLOCK;
    return p->left ? H2_NONE : http2_fragment_end(p);
}

/* A frame that begins a header block, or goes on with it. Bit 7 of block_flags: a promise. */
pure enum http2_event http2_block_frame(struct http2 *p)
{
    p->pad = 0;
    p->prefix = 0;
    p->have = 0;
    p->head = 0;
    if (p->type == H2_CONTINUATION)
        return http2_block_start(p);
    p->block_flags = (p->flags & 0x7f) | (p->type == H2_PUSH_PROMISE) << 7;
    hpack_block_start(&p->hpack);
    if (p->flags & H2_PADDED)
        p->prefix = 1;
    if (p->type == H2_PUSH_PROMISE)
        p->prefix += 4;
    else if (p->flags & H2_PRIORITIZED)
        p->prefix += 5;
    if (p->prefix > p->left)
        return http2_bad(p);
    p->state = H2_PREFIX;
    return p->prefix ? H2_NONE : http2_block_start(p);
}

pure enum http2_event http2_prefix(struct http2 *p, __u8 c)
{
    if (!p->have++ && (p->flags & H2_PADDED))
        p->pad = c;
    p->left--;
    return p->have == p->prefix ? http2_block_start(p) : H2_NONE;
}

pure enum http2_event http2_values_frame(struct http2 *p)
{
    p->have = 0;
    p->head = 0;
    p->state = H2_VALUES;
    switch (p->type) {
    case H2_RST_STREAM:
        return p->left == 4 ? H2_NONE : http2_bad(p);
    case H2_GOAWAY:
        return p->left >= 8 ? H2_NONE : http2_bad(p);
    }
    if (p->left % 6)
        return http2_bad(p);
    if (!p->left)
        http2_frame_end(p);
    return p->flags & H2_ACK ? H2_SETTINGS_DONE : H2_NONE;
}

pure enum http2_event http2_values(struct http2 *p, __u8 c)
{
    p->head = p->head << 8 | c;
    p->left--;
    if (++p->have < (p->type == H2_SETTINGS ? 6 : 4))
        return H2_NONE;
    p->have = 0;
    p->value = (__u32)p->head;
    if (p->type != H2_SETTINGS) {
        http2_rest(p);
        return p->type == H2_GOAWAY ? H2_LEAVING : H2_RESET;
    }
    if (!p->left)
        http2_frame_end(p);
    return (p->head >> 32 & 0xffff) == 1 ? H2_TABLE_SIZE : H2_NONE;
}

pure enum http2_event http2_frame(struct http2 *p)
{
    if (p->first && p->type != H2_SETTINGS)
        return http2_bad(p);
    p->first = 0;
    if (p->block_stream && (p->type != H2_CONTINUATION || p->stream != p->block_stream))
        return http2_bad(p); /* RFC 9113, 6.10 */
    switch (p->type) {
    case H2_CONTINUATION:
        if (!p->block_stream)
            return http2_bad(p);
        return http2_block_frame(p);
    case H2_HEADERS:
    case H2_PUSH_PROMISE:
        return http2_block_frame(p);
    case H2_SETTINGS:
    case H2_RST_STREAM:
    case H2_GOAWAY:
        return http2_values_frame(p);
    }
    return http2_rest(p);
}

/* Length in 24 bits, type, flags, stream in 31 bits (RFC 9113, 4.1). */
pure enum http2_event http2_head(struct http2 *p, __u8 c)
{
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
    p->stream = (__u32)p->head & 0x7fffffff;
    return http2_frame(p);
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
    case H2_VALUES:
        return http2_values(p, c);
    default:
        return http2_skip(p, 1);
    }
}

/* Reads on in the block's fragment. */
pure enum http2_event http2_block(struct http2 *p, struct window *w)
{
    __u32 from = w->position, limit = w->length - from;

    if (limit > p->left)
        limit = p->left;
    if (hpack_step(&p->hpack, w, limit))
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

/* Reads on in the window until an event, its end, or a bounded number of parts. The caller calls
 * again as long as the window has bytes. */
pure enum http2_event http2_step(struct http2 *p, struct window *w)
{
    for (int i = 0; i < 32; i++) {
        enum http2_event event;

        if (w->position >= w->length)
            return H2_NONE;
        if (p->state == H2_BLOCK)
            event = http2_block(p, w);
        else if (p->state >= H2_SKIP)
            event = http2_pass(p, w);
        else
            event = http2_byte(p, window_byte(w, w->position++));
        if (event != H2_NONE)
            return event;
    }
    return H2_NONE;
}
