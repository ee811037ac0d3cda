/* Where a frame begins, after a gap or on a connection that was open before. Pure.
 *
 * Nothing marks a frame's first byte. But stacks begin a segment with a frame whenever they had nothing
 * left to send, and a head is 72 bits of which most are given: a length that fits its type, known
 * flags, the reserved bit, a stream that fits the direction. So a segment is taken to begin with a
 * frame if a chain of such heads leads through it: two at least, or one that ends it exactly. Where
 * frames then turn out to be none, that was wrong, and the direction is lost again. */
#pragma once

#include "http2_streams.h"

#define CHAIN_LENGTH 8
#define CHAIN_STREAMS 16384   /* that the other direction, or a gap, may have hidden */
#define CHAIN_FRAME_MAX 16384 /* bytes; SETTINGS_MAX_FRAME_SIZE unless changed (RFC 9113, 6.5.2) */

/* Flags that a frame of this type can have (RFC 9113, 6). */
pure __u8 frame_flags(__u8 type)
{
    switch (type) {
    case H2_DATA:
        return H2_END_STREAM | H2_PADDED;
    case H2_HEADERS:
        return H2_END_STREAM | H2_END_HEADERS | H2_PADDED | H2_PRIORITIZED;
    case H2_SETTINGS:
    case H2_PING:
        return H2_ACK;
    }
    return 0;
}

pure int frame_length_fits(__u8 type, __u32 length)
{
    switch (type) {
    case H2_PRIORITY:
        return length == 5;
    case H2_RST_STREAM:
    case H2_WINDOW_UPDATE:
        return length == 4;
    case H2_SETTINGS:
        return length % 6 == 0;
    case H2_PING:
        return length == 8;
    case H2_GOAWAY:
        return length >= 8;
    }
    return 1;
}

/* Can a frame begin here that a client or server sends by itself? Promises and the middle of a block
 * are left out. Its length; 0xffffffff: no. A function of its own, because the verifier walks each of
 * its many ways for each frame of a chain. */
verified_once __u32 frame_plausible(const struct window *w, __u32 position, __u32 most)
{
    __u32 length, stream;
    __u8 type, flags;
    __u64 head;

    if (!w)
        return 0xffffffff;
    head = __builtin_bswap64(window_word(w, position));
    length = (__u32)(head >> 40);
    type = (__u8)(head >> 32);
    flags = (__u8)(head >> 24);
    stream = (__u32)head << 8 | window_byte(w, position + 8);
    if (type > H2_WINDOW_UPDATE || type == H2_PUSH_PROMISE || flags & ~frame_flags(type) ||
        length > CHAIN_FRAME_MAX || !frame_length_fits(type, length))
        return 0xffffffff;
    if (type == H2_WINDOW_UPDATE && !stream)
        return length;
    if (type == H2_SETTINGS || type == H2_PING || type == H2_GOAWAY)
        return stream ? 0xffffffff : length;
    return stream & 1 && stream <= most ? length : 0xffffffff;
}

/* Does a segment of `total` bytes, whose first are in the window, begin with a frame? */
verified_once int http2_chain(const struct window *w, __u32 total, __u32 most)
{
    __u32 position = 0;
    int heads = 0; /* but those of empty DATA: they are all too plain */

    if (!w)
        return 0;
    for (int i = 0; i < CHAIN_LENGTH; i++) {
        __u32 length;

        if (position >= total)
            return position == total ? heads > 0 : heads > 1;
        if (position + H2_FRAME_HEAD > w->length)
            return heads > 1;
        length = frame_plausible(w, position, most);
        if (length == 0xffffffff)
            return 0;
        heads += length || window_byte(w, position + 3) != H2_DATA;
        position += H2_FRAME_HEAD + length;
    }
    return heads > 1;
}

/* Finds the way back into a direction that was lost, if this segment begins with a frame. No stream is
 * above `most`. */
pure int http2_resync(struct http2 *p, const struct window *w, __u32 total, __u32 most)
{
    if (!http2_chain(w, total, most))
        return 0;
    p->state = H2_HEAD;
    p->have = 0;
    p->believed = H2_PROOF;
    p->before = p->last;
    p->joined &= ~JOINED_UNREAD;
    return 1;
}
