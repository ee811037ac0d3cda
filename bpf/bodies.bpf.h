/* The greater part of all bytes: packets with nothing but a body. They are passed without scratch and
 * window; of the DATA frames of HTTP/2 in them the heads alone are read. Kernel only. */
#pragma once

#include "connection.h"
#include "http2_bodies.h"
#include "segment.bpf.h"

/* The head of a DATA frame at `at` in the packet; 0: another's, or it is cut. */
static __always_inline __u32 data_head(struct __sk_buff *skb, struct http2 *p, __u32 at, __u32 rest,
                                       __u32 longest)
{
    __u64 bytes[2]; /* nine are read */

    if (!http2_between(p) || rest < H2_FRAME_HEAD ||
        bpf_skb_load_bytes(skb, at, bytes, H2_FRAME_HEAD))
        return 0;
    return http2_data_head(p, bpf_be64_to_cpu(bytes[0]), *(__u8 *)&bytes[1], longest);
}

/* Returns how many of `length` bytes from `at` on were passed: all of them, or those before something
 * that has to be read. */
__noinline int frames_pass(struct __sk_buff *skb, struct http2 *p, __u32 at, __u32 length,
                           __u32 longest)
{
    __u32 passed = 0;

    if (!p)
        return 0;
    for (int i = 0; i < 2 * BODY_FRAMES && passed < length; i++) {
        __u32 rest = length - passed;
        __u32 count = p->state == H2_SKIP ? http2_frame_pass(p, rest)
                                          : data_head(skb, p, at + passed, rest, longest);

        if (!count)
            break;
        passed += count;
    }
    return passed;
}

/* 1: the whole segment was passed. Else the cursor stands where reading has to begin. */
static __always_inline int body_pass(struct __sk_buff *skb, struct direction *d,
                                     const struct segment *segment)
{
    __u32 skip, length, passed = 0;

    if (kept_waits(d) || direction_is_lost(d) || direction_is_believed(d) ||
        cursor_look(d->next, segment->sequence, segment->length, &skip) != CURSOR_NEW)
        return 0;
    length = segment->length - skip;
    if (direction_skippable(d) > length) {
        passed = length;
        if (d->is_http2)
            http2_skip(&d->http2, length);
        else
            http1_skip(&d->http1, length);
    } else if (d->is_http2 && http2_in_body(&d->http2, length)) {
        passed = frames_pass(skb, &d->http2, segment->offset + skip, length, frame_longest(d));
    }
    d->next += passed;
    return passed == length;
}
