/* HTTP/1 framing of one direction (RFC 9112), a byte at a time, cut anywhere. Pure.
 *
 * The machine reads what decides where a message ends and what it was: method, version, status,
 * Content-Length, Transfer-Encoding, and what marks a health check. All else is skipped.
 *
 *   request    START -> METHOD -> TARGET -> VERSION -> VERSION_END -> LINE      event REQUEST_LINE
 *   response   START -> VERSION -> STATUS -> SKIP_LINE -> LINE
 *   fields     LINE -> NAME -> VALUE -> VALUE_LF -> LINE | NAME or VALUE -> SKIP_LINE -> LINE
 *   their end  LINE -> HEAD_LF                                                  event HEAD
 *   The owner then chooses the body: BODY, CHUNK_SIZE, UNTIL_CLOSE, START (none),
 *   TUNNEL_WAIT (a CONNECT was sent; TUNNEL_TRUST once bytes follow it), STOP (a tunnel).
 *   body       BODY                                                             event END
 *   chunks     CHUNK_SIZE -> CHUNK_EXTENSION or CHUNK_LF -> CHUNK_DATA -> CHUNK_END -> CHUNK_SIZE
 *   last one   CHUNK_SIZE -> ... -> TRAILER -> TRAILER_LINE -> TRAILER -> TRAILER_LF   event END
 *
 *   Instead of a connection's first request:
 *   PROXY      START -> PROXY1 -> START | START -> PROXY2_MAGIC -> PROXY2_HEAD -> PROXY2_BODY -> START
 *   TLS        START -> TLS                                                     event IS_TLS
 *   HTTP/2     VERSION                                                          event IS_HTTP2
 *
 * A CR may be missing before any LF. After event BAD the owner sets STOP, after a hole ADRIFT.
 */
#pragma once

#include "http1_chunks.h"
#include "http1_fields.h"
#include "http1_first_line.h"

pure enum http1_event h1_end_of_line(struct http1 *p, __u8 c, __u8 next, enum http1_event event)
{
    p->state = next;
    return c == '\n' ? event : H1_BAD;
}

pure enum http1_event h1_body_byte(struct http1 *p, __u8 c)
{
    switch (p->state) {
    case H1_CHUNK_SIZE:
        return h1_chunk_size(p, c);
    case H1_CHUNK_EXTENSION:
        return c == '\n' ? h1_chunk_line_end(p) : H1_NONE;
    case H1_CHUNK_LF:
        return c == '\n' ? h1_chunk_line_end(p) : H1_BAD;
    case H1_CHUNK_END:
        return h1_chunk_end(p, c);
    case H1_TRAILER:
        return h1_trailer(p, c);
    case H1_TRAILER_LF:
        return c == '\n' ? H1_END : H1_BAD;
    case H1_PROXY1:
        if (c == '\n')
            http1_restart(p);
        return H1_NONE;
    case H1_PROXY2_MAGIC:
        return h1_proxy2_magic(p, c);
    case H1_PROXY2_HEAD:
        return h1_proxy2_head(p, c);
    case H1_TLS:
        return c == 3 ? H1_IS_TLS : H1_BAD;
    default:
        return http1_skip(p, 1);
    }
}

pure enum http1_event h1_head_byte(struct http1 *p, const struct probe_set *set, __u8 c)
{
    switch (p->state) {
    case H1_START:
        return p->flags & H1_RESPONSE ? h1_response_start(p, c) : h1_request_start(p, c);
    case H1_METHOD:
        return h1_method(p, c);
    case H1_TARGET:
        return h1_target(p, set, c);
    case H1_VERSION:
        return h1_version(p, c);
    case H1_VERSION_END:
        return h1_version_end(p, c);
    case H1_STATUS:
        return h1_status(p, c);
    case H1_LINE:
        return h1_line(p, c);
    case H1_NAME:
        return h1_name(p, c);
    case H1_VALUE:
        return h1_value(p, set, c);
    case H1_VALUE_LF:
        return h1_end_of_line(p, c, H1_LINE, H1_NONE);
    default:
        return h1_end_of_line(p, c, H1_HEAD_LF, H1_HEAD);
    }
}

/* A function of its own in the kernel: the verifier then looks at it once, alone. */
verified_once enum http1_event http1_byte(struct http1 *p, const struct probe_set *set, __u8 c)
{
    if (!p)
        return H1_NONE;
    return p->state < H1_BODY ? h1_head_byte(p, set, c) : h1_body_byte(p, c);
}

#ifdef EARLY
#define H1_STEP_BYTES 8 /* http1_byte() is no function of its own there */
#else
#define H1_STEP_BYTES 32
#endif

/* Reads on in the window until an event, its end, or a bounded number of bytes. The caller calls
 * again as long as the window has bytes. */
pure enum http1_event http1_step(struct http1 *p, struct window *w, const struct probe_set *set)
{
    for (int i = 0; i < H1_STEP_BYTES; i++) {
        enum http1_event event;

        if (w->position >= w->length)
            return H1_NONE;
        if (p->state == H1_SKIP_LINE || p->state == H1_TRAILER_LINE) {
            if (window_skip_line(w))
                p->state = p->state == H1_SKIP_LINE ? H1_LINE : H1_TRAILER;
            continue;
        }
        event = http1_byte(p, set, window_byte(w, w->position++));
        if (event != H1_NONE)
            return event;
    }
    return H1_NONE;
}

/* Passes the part of the window that need not be read. */
pure enum http1_event window_pass(struct window *w, struct http1 *p)
{
    __u64 count = http1_skippable(p);
    __u32 rest = w->length - w->position;

    if (count > rest)
        count = rest;
    w->position += (__u32)count;
    return http1_skip(p, count);
}
