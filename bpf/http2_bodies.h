/* Bodies of HTTP/2: DATA frames that are passed by their heads alone, without a window. Pure. */
#pragma once

#include "http2_state.h"

#define BODY_FRAMES 16    /* of one segment; most have 16 KiB */
#define BODY_SEGMENT 2048 /* bytes of a segment that may begin with one of many */

/* May bytes of a body be next, `length` of them with what follows? */
pure int http2_in_body(const struct http2 *p, __u32 length)
{
    return p->state == H2_SKIP ||
           (p->type == H2_DATA && http2_between(p) && length >= BODY_SEGMENT);
}

/* Passes what is left of a frame, `rest` bytes at most. Returns how many; 0: its end says something. */
pure __u32 http2_frame_pass(struct http2 *p, __u32 rest)
{
    __u32 count = p->left;

    if (count > rest)
        count = rest;
    else if (http2_end_says(p))
        return 0;
    http2_skip(p, count);
    return count;
}

/* A frame's head, as eight bytes in host order and one: takes that of a DATA frame, of no more than
 * `longest` bytes if that is known. Returns how many bytes the head has; 0: it is another's. */
pure __u32 http2_data_head(struct http2 *p, __u64 head, __u8 last, __u32 longest)
{
    __u32 stream = ((__u32)head << 8 | last) & H2_STREAM_MASK;

    if ((__u8)(head >> 32) != H2_DATA || !stream || !(head >> 40) ||
        (longest && head >> 40 > longest))
        return 0;
    p->type = H2_DATA;
    p->flags = (__u8)(head >> 24);
    p->stream = stream;
    p->left = (__u32)(head >> 40);
    p->state = H2_SKIP;
    return H2_FRAME_HEAD;
}
