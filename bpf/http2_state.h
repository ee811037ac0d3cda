/* State of HTTP/2 framing in one direction; the chart is in http2_frames.h. Pure. */
#pragma once

#include "hpack_state.h"

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
    H2_PRIORITIZED = 0x20,
};

enum http2_state {
    H2_PREFACE,
    H2_HEAD,
    H2_PREFIX, /* pad length, priority, promised stream: what precedes a block */
    H2_BLOCK,
    H2_VALUE, /* the four bytes that matter of RST_STREAM (code) and GOAWAY (last stream) */
    H2_SETTING,
    H2_SKIP,
    H2_LOST,   /* a gap: passed unread until a segment begins with a frame */
    H2_BROKEN, /* from here on bytes are passed without reading, without end */
};

enum http2_event {
    H2_NONE,
    H2_BLOCK_CUT,     /* a block begins that is not whole in the window: of `stream` */
    H2_FIELDS,        /* a header block is complete: see `hpack.fields`, `stream`, `block_flags` */
    H2_PADDING_ENDED, /* ... and so is the padding behind it */
    H2_DATA_ENDED,    /* END_STREAM of a DATA frame; HEADERS say it in `block_flags` */
    H2_RESET,         /* of `stream` */
    H2_LEAVING,       /* GOAWAY: `value` is the last stream that is answered */
    H2_ACCEPTS,       /* SETTINGS: frames of `value` bytes are taken */
    H2_BAD,           /* a connection error (RFC 9113, 5.4.1); nothing after this can be framed */
};

#define H2_FRAME_HEAD 9
#define H2_FRAME_MAX 16384 /* bytes of payload, unless the receiver takes more (RFC 9113, 6.5.2) */
#define H2_SETTING_FRAME_MAX 5
#define H2_PREFACE_LENGTH 24
#define H2_PROMISE 0x80 /* in block_flags: the block is a promised request's */
#define H2_STREAM_MASK 0x7fffffff
#define H2_PROOF 100 /* frames of known types in a row that other bytes do not have by chance */

/* Bits; 0: the direction was seen from its beginning, or is known as well as if it had been. */
enum h2_joined {
    JOINED_UNREAD = 1, /* its beginning was not seen, and nothing since was read */
    JOINED_UNASKED =
        2, /* its beginning was not seen, and no request since: how far streams had come
                         * is not known */
};

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
    __u32 last;   /* requests: the highest stream that was opened; responses: 1 + GOAWAY's last */
    __u8 recover; /* requests: after a gap, streams up to the next new one were opened unseen */
    __u8 fresh;   /* nothing of the block at hand was read */
    __u8 passed : 1;   /* bytes went by unread since the direction was lost */
    __u8 believed : 7; /* frames still to come until they prove that a segment began with one */
    __u8 joined;       /* enum h2_joined */
    __u64 head;        /* bytes of head or value, the newest lowest */
    struct hpack hpack;
    __u32
        before; /* requests: `last` when a place was believed, which counts again if that was wrong */
};

/* A direction turns out to be HTTP/2, `have` bytes of its preface were read; a server sends none:
 * give H2_PREFACE_LENGTH. */
pure void http2_start(struct http2 *p, __u8 have)
{
    __builtin_memset(p, 0, sizeof(*p));
    p->have = have;
    p->first = 1;
    p->state = H2_PREFACE;
    if (have >= H2_PREFACE_LENGTH) {
        p->state = H2_HEAD;
        p->have = 0;
    }
}

/* A gap, or a connection that was open before: nothing is known of the frame at hand, and of the
 * header table only what is inserted from now on. */
pure void http2_lost(struct http2 *p)
{
    p->state = H2_LOST;
    p->first = 0;
    p->passed = 0;
    p->block_stream = 0;
    p->have = 0;
    hpack_forget(&p->hpack);
}

/* Does a frame's head come next, of whichever kind? */
pure int http2_between(const struct http2 *p)
{
    return p->state == H2_HEAD && !p->have && !p->first && !p->block_stream;
}

/* Bytes from here on that need not be read, whatever they are. */
pure __u64 http2_skippable(const struct http2 *p)
{
    if (p->state >= H2_LOST)
        return ~0ull;
    return p->state == H2_SKIP ? p->left : 0;
}

/* What the end of a frame says whose payload need not be read on. Stacks act on a frame when it is
 * whole. */
pure enum http2_event http2_end_says(const struct http2 *p)
{
    switch (p->type) {
    case H2_DATA:
        return p->flags & H2_END_STREAM ? H2_DATA_ENDED : H2_NONE;
    case H2_HEADERS:
        return p->flags & H2_END_HEADERS ? H2_PADDING_ENDED : H2_NONE;
    case H2_RST_STREAM:
        return H2_RESET;
    case H2_GOAWAY:
        return H2_LEAVING;
    }
    return H2_NONE;
}

pure enum http2_event http2_frame_end(struct http2 *p)
{
    p->state = H2_HEAD;
    p->have = 0;
    return http2_end_says(p);
}

/* The rest of the frame does not matter. */
pure enum http2_event http2_rest(struct http2 *p)
{
    p->state = H2_SKIP;
    return p->left ? H2_NONE : http2_frame_end(p);
}

/* Passes `count` bytes, at most http2_skippable(), unread. */
pure enum http2_event http2_skip(struct http2 *p, __u64 count)
{
    if (p->state >= H2_LOST) {
        p->passed = 1;
        return H2_NONE;
    }
    p->left -= (__u32)count;
    return p->left ? H2_NONE : http2_frame_end(p);
}

pure enum http2_event http2_bad(struct http2 *p)
{
    p->state = H2_BROKEN;
    return H2_BAD;
}
